"""How Rekey stores a password it is itself the authority for."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class OwaspArgon2PasswordHasher(Argon2PasswordHasher):
    """Argon2id with the minimum that OWASP's Password Storage Cheat Sheet lists: 19 MiB, 2 passes, 1 lane (about 20 ms)."""

    time_cost = 2
    memory_cost = 19_456
    parallelism = 1
