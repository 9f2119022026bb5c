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
    stored = CaptchaStore.objects.filter(hashkey=key, expiration__gt=now).values_list("response", flat=True).first()
    deleted, _ = CaptchaStore.objects.filter(hashkey=key).delete()
    typed = answer.strip().lower()
    return deleted == 1 and bool(stored) and hmac.compare_digest(typed.encode(), str(stored).encode())


def _binding(visit: str, key: str) -> str:
    return secrets.pseudo_random("captcha", f"{visit}|{key}").hex()
