"""How many wrong passwords an account was tried with: one row per account, known or not."""

from django.db import models


class SignInLockout(models.Model):
    """Misses at one account. The key is a keyed digest, so are the last wrong passwords: no secret is here."""

    key = models.CharField(max_length=120, primary_key=True)
    misses = models.PositiveIntegerField(default=0)
    locked_until = models.DateTimeField(null=True)
    last_wrong = models.JSONField(default=list, help_text="Keyed digests of the last three wrong passwords.")
    tried_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.key[:12]}… {self.misses}"
