"""Public keys of the processes that may open sealed messages and jobs."""

from django.db import models


class ExecutorKey(models.Model):
    """One executor's public key, as `accounts/executors.py` announces it."""

    key_id = models.CharField(max_length=16, unique=True)
    public_key = models.BinaryField()
    mac = models.CharField(
        max_length=200, help_text="Keyed digest of the public key; a row without a right one is not used."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    last_seen_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.key_id
