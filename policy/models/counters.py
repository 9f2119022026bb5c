"""How often something happened: one row per throttle and key."""

from django.db import models


class Counter(models.Model):
    """A fixed window that starts with the first event. The key is a keyed digest: the row tells nobody's name or address."""

    key = models.CharField(max_length=120, primary_key=True)
    count = models.IntegerField(default=0)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.key[:12]}… {self.count}"
