"""Recovery codes: how they are made and written, and how a typed one is compared."""

import secrets as random

from django.db.models.functions import Now

from accounts import secrets
from accounts.models import Authenticator, RecoveryCode

HOW_MANY = 10
GROUPS, GROUP_LENGTH = 3, 5
# Crockford's base 32: no letter that looks like a digit. 15 of them are 75 bits; 64 are enough for a code that needs no
# slow hash (NIST SP 800-63B-4 section 3.1.2).
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LOOK_ALIKES = str.maketrans("OIL", "011")


def new_code() -> str:
    """As it is printed: three groups of five."""
    groups = ["".join(random.choice(ALPHABET) for _ in range(GROUP_LENGTH)) for _ in range(GROUPS)]
    return "-".join(groups)


def normalise(typed: str) -> str:
    """What of a typed code is compared; empty where it can't be one."""
    letters = "".join(typed.split()).replace("-", "").upper().translate(LOOK_ALIKES)
    is_code = len(letters) == GROUPS * GROUP_LENGTH and set(letters) <= set(ALPHABET)
    return letters if is_code else ""


def purpose_of(authenticator: Authenticator) -> str:
    """A code is good for its own set only."""
    return f"recovery-code|{authenticator.tenant_id}|{authenticator.user_id}|{authenticator.digest}"


def digest_of(authenticator: Authenticator, code: str) -> str:
    return secrets.digest(purpose_of(authenticator), normalise(code))


def find(authenticator: Authenticator | None, typed: str) -> int | None:
    """The key of the unused code that was typed. One indexed statement, whoever asks and whatever was typed."""
    purpose = purpose_of(authenticator) if authenticator else "recovery-code|nobody"
    rows = RecoveryCode.objects.filter(
        authenticator_id=authenticator.pk if authenticator else 0,
        digest__in=secrets.digests(purpose, normalise(typed)),
        used_at=None,
    )
    found: int | None = rows.values_list("pk", flat=True).first()
    return found


def use_up(code_id: int) -> bool:
    """Take a code. False: somebody was faster."""
    taken: int = RecoveryCode.objects.filter(pk=code_id, used_at=None).update(used_at=Now())
    return taken == 1


def left(authenticator: Authenticator) -> int:
    return RecoveryCode.objects.filter(authenticator=authenticator, used_at=None).count()
