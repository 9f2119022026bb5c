"""What a new password has to be, and how it is hashed.

The page that lists the rules and the check that applies them use the same list. No rule of composition and no expiry:
NIST SP 800-63B-4 section 3.1.1.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.utils.translation import gettext as _

from accounts.models import Tenant, User
from policy import hashing

MIN_LENGTH = 8
MAX_LENGTH = 256
MIN_PERSONAL_LENGTH = 4
WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Rule:
    """One sentence about a good password. `met` is None before anything was typed."""

    id: str
    text: str
    met: bool | None = None


def normalise(password: str) -> str:
    """The form that is checked and hashed: NFKC (NIST SP 800-63B-4), so that every keyboard means the same characters.

    What is far too long stays as it is; it is refused for its length anyway.
    """
    return unicodedata.normalize("NFKC", password) if len(password) <= 4 * MAX_LENGTH else password


def rules(tenant: Tenant | None) -> list[Rule]:
    """What to show before anything is typed: the same for everybody of a tenant."""
    return [
        Rule("short", _("At least %(count)d characters") % {"count": MIN_LENGTH}),
        Rule("common", _("Not a password that many people use")),
        Rule("repeated", _("Not one character over and over")),
        Rule("personal", _personal_text(tenant)),
    ]


def check(password: str, *, user: User | None, tenant: Tenant | None) -> list[Rule]:
    """Every rule with whether `password` meets it. Rules that people rarely break are listed only when broken."""
    password = normalise(password)
    met = {
        "short": len(password) >= MIN_LENGTH,
        "common": not is_common(password),
        "repeated": len(set(password.casefold())) != 1,
        "personal": not _contains_any(password, personal_words(user, tenant)),
    }
    found = [Rule(rule.id, rule.text, met[rule.id]) for rule in rules(tenant)]
    if len(password) > MAX_LENGTH:
        found.append(Rule("long", _("At most %(count)d characters") % {"count": MAX_LENGTH}, False))
    if has_control_characters(password):
        found.append(Rule("control", _("No tabs, line breaks or other invisible control characters"), False))
    return found


def validate(password: str, *, user: User | None, tenant: Tenant | None) -> list[Rule]:
    """The rules that `password` does not meet; empty when it may be used."""
    return [rule for rule in check(password, user=user, tenant=tenant) if not rule.met]


def is_common(password: str) -> bool:
    """Whether it is one of the 20,000 most common passwords that Django ships."""
    return password.strip().lower() in _common_passwords()


@cache
def _common_passwords() -> frozenset[str]:
    return frozenset(CommonPasswordValidator().passwords)


def has_control_characters(password: str) -> bool:
    """Control characters can't be typed again reliably, end strings early in other systems, or can't be stored."""
    return any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in password)


def personal_words(user: User | None, tenant: Tenant | None) -> set[str]:
    """What must not be inside a password, case-folded: names, parts before @, the organisation; from 4 letters on."""
    words = {tenant.name, tenant.slug} if tenant else set()
    if user:
        for name in (user.principal_name, user.mail):
            local_part = name.partition("@")[0]
            words |= {local_part, *WORD.findall(local_part)}
        for name in (user.given_name, user.family_name, user.display_name):
            words |= {name, *WORD.findall(name)}
    folded = {unicodedata.normalize("NFKC", word).casefold().strip() for word in words}
    return {word for word in folded if len(word) >= MIN_PERSONAL_LENGTH}


def _contains_any(password: str, words: set[str]) -> bool:
    folded = password.casefold()
    return any(word in folded for word in words)


def _personal_text(tenant: Tenant | None) -> str:
    if tenant is None:
        return _("Doesn't contain your name")
    return _("Doesn't contain your name or “%(organisation)s”") % {"organisation": tenant.name}


def hash_password(password: str) -> str:
    """The hash to store for a password that was validated. Never inside a transaction. Raises hashing.Busy."""
    return hashing.run(lambda: make_password(normalise(password)))


def verify(password: str, encoded: str) -> bool:
    """Whether a typed password is the stored one. Never inside a transaction. Raises hashing.Busy.

    An unusable or empty `encoded` costs one hash too, and is never right: nobody learns from the time it takes.
    """
    password = normalise(password)
    right = hashing.run(lambda: check_password(password[:MAX_LENGTH], encoded))
    return right and 0 < len(password) <= MAX_LENGTH


def burn() -> None:
    """Do the work of one hash for nobody. Raises hashing.Busy."""
    hashing.run(lambda: make_password("nobody"))
