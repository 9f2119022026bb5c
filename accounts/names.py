"""Which name means which person. Two names that look alike are two people, or nobody.

Sources: CVE-2019-19844 (case folding in a reset), Unicode Technical Report 36 (confusables).
"""

import unicodedata
from collections.abc import Container

MAX_LENGTH = 254


def key_of(name: str) -> str:
    """The form under which a name is unique in its tenant: casefold of NFKC."""
    return unicodedata.normalize("NFKC", name.strip()).casefold()


def is_plain(name: str) -> bool:
    """Whether a name is made of characters that stand for themselves.

    Full-width letters, ligatures and the Kelvin sign become other characters under NFKC: such a name never finds anybody.
    A decomposed accent (as some keyboards send it) is the same character written in two, and is fine.
    """
    compatible = unicodedata.normalize("NFKC", name)
    written_the_same = name in (compatible, unicodedata.normalize("NFD", compatible))
    visible = not any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") for char in name)
    return written_the_same and visible and 0 < len(name) <= MAX_LENGTH


def is_same_name(typed: str, stored: str) -> bool:
    """Whether a typed name is the stored one but for upper and lower case. `ß` is not `ss`, `ı` is not `i`."""
    return spelling_of(typed) == spelling_of(stored)


def spelling_of(name: str) -> str:
    """What names of one spelling share. A look-alike has another one, although `key_of` may be the same.

    Whatever a stranger can see of a name that leads to nobody hangs on this: a look-alike never finds anybody, so what it
    shows or counts must tell nothing of the name it looks like.
    """
    return unicodedata.normalize("NFC", name.strip()).lower()


def domain_of(name: str) -> str:
    """What stands after the last @, in lower case; empty when there is none."""
    _, separator, domain = name.strip().rpartition("@")
    return domain.lower() if separator else ""


def is_within(domain: str, domains: Container[str]) -> bool:
    """Whether a domain is one of these, or lies under one."""
    parts = domain.split(".")
    return any(".".join(parts[start:]) in domains for start in range(len(parts)))
