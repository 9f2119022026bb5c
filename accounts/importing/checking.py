"""One line of the file as a person, or the reason why not. Reasons name columns, never the values in them."""

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from django.utils.translation import gettext as _

from accounts import phones, secrets
from accounts.importing.reading import NAME_COLUMN, REFUSAL_COLUMNS, Line
from accounts.methods import AuthenticatorType
from accounts.names import MAX_LENGTH, domain_of, is_plain, is_within, key_of

T = TypeVar("T")

GROUP_SEPARATOR = ";"
MAX_GROUP_NAME = 200
MAX_LOCAL_PART = 64
TEXT_LENGTHS = {"given_name": 100, "family_name": 100, "display_name": 200}
ENABLED = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
# As RFC 5322 without quoted parts and comments, in characters that stand for themselves.
LOCAL_PART = re.compile(r"^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*\Z", re.IGNORECASE | re.ASCII)
HOST = re.compile(r"^(?=.{1,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}\Z", re.ASCII)
# ASCII that can be printed stands for itself: no need to ask Unicode, which takes longer than all the rest of a name.
PRINTABLE = re.compile(r"^[ -~]+\Z")
INVISIBLE = frozenset({"Cc", "Cs", "Co", "Zl", "Zp"})


class RefusedRow(Exception):
    """Why a row is not imported, as a sentence for people."""


class Proof(NamedTuple):
    """A phone or an address that may prove who the person is."""

    type: AuthenticatorType
    value: str
    digest: str

    def __repr__(self) -> str:
        return f"Proof({self.type})"


class Person(NamedTuple):
    """A row that may be imported. None (the column is missing or the cell empty) leaves what is there."""

    line: int
    name: str
    key: str
    mail: str | None
    given_name: str | None
    family_name: str | None
    display_name: str | None
    language: str | None
    enabled: bool | None
    groups: tuple[str, ...]
    proofs: tuple[Proof, ...]


@dataclass(frozen=True)
class Rules:
    """What rows are checked against."""

    columns: tuple[str, ...]
    own_domains: frozenset[str]
    languages: frozenset[str]
    names_need_domain: bool
    digest_purposes: Mapping[AuthenticatorType, str]

    def is_own(self, domain: str) -> bool:
        """Whether a domain, or one it lies under, belongs to the organisation."""
        return is_within(domain, self.own_domains)


def check(line: Line, rules: Rules) -> Person:
    """Read one line as a person. Raises RefusedRow."""
    cells = _cells(line, rules)
    name = _name(cells[NAME_COLUMN], rules)
    return Person(
        line=line.number,
        name=name,
        key=key_of(name),
        mail=_read(cells, "mail", mail_address),
        given_name=_read(cells, "given_name", lambda text: shown_text(text, "given_name")),
        family_name=_read(cells, "family_name", lambda text: shown_text(text, "family_name")),
        display_name=_read(cells, "display_name", lambda text: shown_text(text, "display_name")),
        language=_read(cells, "language", lambda text: language_code(text, rules.languages)),
        enabled=_read(cells, "enabled", _enabled),
        groups=_read(cells, "groups", _groups) or (),
        proofs=_proofs(cells, rules),
    )


def mail_address(text: str) -> str:
    """An address with its domain in lower case and in ASCII (RFC 5891). Raises ValueError with a sentence."""
    local, separator, domain = text.rpartition("@")
    if not separator or len(text) > MAX_LENGTH or len(local) > MAX_LOCAL_PART or not LOCAL_PART.match(local):
        raise ValueError(_("this is not an e-mail address"))
    domain = domain.lower()
    return f"{local}@{domain if HOST.match(domain) else _ascii_domain(domain)}"


def _ascii_domain(domain: str) -> str:
    try:
        written = domain.encode("idna").decode("ascii") if is_plain(domain) else ""
    except UnicodeError:
        written = ""
    if not HOST.match(written):
        raise ValueError(_("this is not an e-mail address"))
    return written


def _cells(line: Line, rules: Rules) -> dict[str, str]:
    if line.problem:
        raise RefusedRow(line.problem)
    if len(line.cells) != len(rules.columns):
        numbers = {"found": len(line.cells), "expected": len(rules.columns)}
        raise RefusedRow(_("there are %(found)s cells where %(expected)s are expected") % numbers)
    cells = zip(rules.columns, line.cells, strict=True)
    return {name: cell.strip() for name, cell in cells if name not in REFUSAL_COLUMNS}


def _read(cells: Mapping[str, str], column: str, read: Callable[[str], T]) -> T | None:
    """Read a cell that may be missing or empty. What it raises as ValueError becomes the reason, with the column."""
    text = cells.get(column)
    if not text:
        return None
    try:
        return read(text)
    except ValueError as error:
        raise RefusedRow(f"{column}: {error}") from None


def is_plain_name(name: str) -> bool:
    return (PRINTABLE.match(name) is not None and len(name) <= MAX_LENGTH) or is_plain(name)


def _name(name: str, rules: Rules) -> str:
    if not name:
        raise RefusedRow(_("%(column)s is empty") % {"column": NAME_COLUMN})
    if max(len(name), len(key_of(name))) > MAX_LENGTH:
        limit = {"column": NAME_COLUMN, "most": MAX_LENGTH}
        raise RefusedRow(_("%(column)s is longer than %(most)s characters") % limit)
    if not is_plain_name(name):
        raise RefusedRow(
            _("%(column)s has full-width letters, ligatures, look-alike signs or invisible characters")
            % {"column": NAME_COLUMN}
        )
    if rules.names_need_domain and domain_of(name) not in rules.own_domains:
        raise RefusedRow(_("%(column)s does not end in a domain of this organisation") % {"column": NAME_COLUMN})
    return name


def shown_text(text: str, column: str) -> str:
    if len(text) > TEXT_LENGTHS[column]:
        raise ValueError(_("longer than %(most)s characters") % {"most": TEXT_LENGTHS[column]})
    if not text.isprintable() and any(unicodedata.category(char) in INVISIBLE for char in text):
        raise ValueError(_("there are characters that can't be shown"))
    return text


def language_code(text: str, known: Collection[str]) -> str:
    language = text.replace("_", "-").partition("-")[0].lower()
    if language not in known:
        raise ValueError(_("this is none of: %(languages)s") % {"languages": ", ".join(sorted(known))})
    return language


def _enabled(text: str) -> bool:
    if text.lower() not in ENABLED:
        raise ValueError(_("write true or false"))
    return ENABLED[text.lower()]


def _groups(text: str) -> tuple[str, ...]:
    names = dict.fromkeys(name.strip() for name in text.split(GROUP_SEPARATOR) if name.strip())
    if any(len(name) > MAX_GROUP_NAME for name in names):
        raise ValueError(_("a group's name is longer than %(most)s characters") % {"most": MAX_GROUP_NAME})
    if not all(is_plain_name(name) for name in names):
        raise ValueError(_("a group's name has full-width letters, ligatures or other look-alike or invisible signs"))
    return tuple(names)


def _proofs(cells: Mapping[str, str], rules: Rules) -> tuple[Proof, ...]:
    found: dict[AuthenticatorType, str | None] = {
        AuthenticatorType.MOBILE_PHONE: _read(cells, "mobile_phone", phones.mobile),
        AuthenticatorType.OFFICE_PHONE: _read(cells, "office_phone", phones.office),
        AuthenticatorType.EMAIL: _read(cells, "authentication_email", lambda text: _outside_address(text, rules)),
    }
    return tuple(
        Proof(kind, value, secrets.digest(rules.digest_purposes[kind], value))
        for kind, value in found.items()
        if value is not None
    )


def _outside_address(text: str, rules: Rules) -> str:
    """An address that can be read without the password it is to reset: none of the tenant's own (Entra's rule too)."""
    address = mail_address(text)
    if rules.is_own(domain_of(address)):
        raise ValueError(_("this address is in one of the organisation's own domains; use one outside of it"))
    return address
