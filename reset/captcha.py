"""The captcha of the first page (django-simple-captcha): one picture, one try, one visit.

The library lets an answer pass several times in parallel; here the row's guarded delete decides, right or wrong.
"""

import hmac
import secrets as random
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from captcha.models import CaptchaStore
from django.conf import settings
from django.db import connection
from django.urls import reverse

from accounts import secrets

# Letters that look like others (I, L, O, Q) are left out: people type what they see.
LETTERS = "ABCDEFGHJKMNPRSTUVWXYZ"


def random_letters() -> tuple[str, str]:
    """CAPTCHA_CHALLENGE_FUNCT: what is drawn, and the answer."""
    drawn = "".join(random.choice(LETTERS) for _ in range(settings.CAPTCHA_LENGTH))
    return drawn, drawn.lower()


@dataclass(frozen=True)
class Captcha:
    """A fresh picture for one visit. `binding` goes back with the answer."""

    key: str
    binding: str

    @property
    def image_url(self) -> str:
        return reverse("captcha-image", args=[self.key])

    @property
    def audio_url(self) -> str:
        """Where it is spoken; empty where the machine has no speech program."""
        return reverse("captcha-audio", args=[self.key]) if Path(settings.CAPTCHA_FLITE_PATH).exists() else ""


def issue(visit: str) -> Captcha:
    key = CaptchaStore.generate_key()
    return Captcha(key, _binding(visit, key))


def consume(visit: str, key: str, binding: str, answer: str, now: datetime) -> bool:
    """Whether the answer is right. Whatever it was, this picture is used up."""
    if not visit or not hmac.compare_digest(binding.encode(), _binding(visit, key).encode()):
        return False
    stored = _take(key, now)
    return stored is not None and hmac.compare_digest(answer.strip().lower().encode(), stored.encode())


def _take(key: str, now: datetime) -> str | None:
    """Delete a picture's row and return its answer, in one statement: of several at a time one gets it, if any."""
    sql = f"DELETE FROM {CaptchaStore._meta.db_table} WHERE hashkey = %s RETURNING response, expiration > %s"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(sql, [key, connection.ops.adapt_datetimefield_value(now)])
        row = cursor.fetchone()
    return str(row[0]) if row is not None and row[1] else None


def _binding(visit: str, key: str) -> str:
    return secrets.pseudo_random("captcha", f"{visit}|{key}").hex()
