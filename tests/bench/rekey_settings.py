"""Production's settings, but for the password hasher where BENCH_HASHER says `trivial`. No product code reads this."""

import os

from config.settings import *  # noqa: F403

if os.environ.get("BENCH_HASHER") == "trivial":
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
