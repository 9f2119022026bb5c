"""A person as a directory gives them, checked by the rules of the import: what may be written, and what is skipped."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from django.conf import settings

from accounts import phones, secrets
from accounts.importing.checking import Proof, is_plain_name, language_code, mail_address, shown_text
from accounts.importing.planning import digest_purposes
from accounts.methods import AuthenticatorType
from accounts.models import Domain, Tenant
from accounts.names import MAX_LENGTH, domain_of, key_of
from writeback.connectors.dn_keys import dn_key
from writeback.connectors.reading import Person
from writeback.models import SyncConflict

PHONES: dict[AuthenticatorType, tuple[str, Callable[[str], str]]] = {
    AuthenticatorType.MOBILE_PHONE: ("mobile_phone", phones.mobile),
    AuthenticatorType.OFFICE_PHONE: ("office_phone", phones.office),
}
Reason = SyncConflict.Reason


@dataclass(frozen=True)
class Rules:
    """What is asked of the people of one tenant."""

    verified_domains: frozenset[str]
    languages: frozenset[str]
    names_need_domain: bool
    purposes: dict[AuthenticatorType, str]


def rules_of(tenant: Tenant) -> Rules:
    verified = Domain.objects.filter(tenant=tenant, verified_at__isnull=False)
    return Rules(
        verified_domains=frozenset(verified.values_list("name", flat=True)),
        languages=frozenset(code for code, _ in settings.LANGUAGES),
        names_need_domain=tenant.kind == Tenant.Kind.WORKFORCE,
        purposes=digest_purposes(tenant),
    )


class Texts(NamedTuple):
    """None leaves what is there: the directory says nothing, or nothing that can be used."""

    mail: str | None
    given_name: str | None
    family_name: str | None
    display_name: str | None
    language: str | None


class Wanted(NamedTuple):
    """A person as they shall be. `problem`: why the name can't be had (a reason of SyncConflict).

    `absent` are the phones that the directory has no value for; `skipped` pairs of field and reason.
    """

    anchor: str
    dn_key: str
    name: str
    key: str
    problem: str
    texts: Texts
    is_enabled: bool
    is_protected: bool
    cannot_change: bool
    proofs: tuple[Proof, ...]
    absent: tuple[AuthenticatorType, ...]
    skipped: tuple[tuple[str, str], ...]


def check(person: Person, rules: Rules) -> Wanted:
    name = person.fields.get("principal_name", "").strip()
    skipped: list[tuple[str, str]] = []
    values = {field: text for field, value in person.fields.items() if (text := value.strip())}
    texts = _texts(values, rules, skipped)
    proofs = _proofs(values, rules, skipped)
    return Wanted(
        anchor=person.anchor,
        dn_key=dn_key(person.dn),
        name=name,
        key=key_of(name),
        problem=name_problem(name, rules),
        texts=texts,
        is_enabled=person.is_enabled,
        is_protected=bool(person.protected),
        cannot_change=person.cannot_change,
        proofs=proofs,
        absent=tuple(kind for kind, (field, _) in PHONES.items() if field not in values),
        skipped=tuple(skipped),
    )


def name_problem(name: str, rules: Rules) -> str:
    """Why nobody can be named so here; nothing where they can."""
    if not name:
        return Reason.NAME_MISSING
    if max(len(name), len(key_of(name))) > MAX_LENGTH:
        return Reason.NAME_TOO_LONG
    if not is_plain_name(name):
        return Reason.NAME_NOT_PLAIN
    if rules.names_need_domain and domain_of(name) not in rules.verified_domains:
        return Reason.DOMAIN_NOT_VERIFIED
    return ""


def _texts(values: dict[str, str], rules: Rules, skipped: list[tuple[str, str]]) -> Texts:
    """What the directory has no value for is empty here too; but the language, which people also choose themselves."""

    def read(field: str, reading: Callable[[str], str], missing: str | None = "") -> str | None:
        if field not in values:
            return missing
        return _read(field, values[field], reading, skipped)

    def language(text: str) -> str:
        return language_code(text.partition(",")[0].partition(";")[0].strip(), rules.languages)

    return Texts(
        mail=read("mail", mail_address),
        given_name=read("given_name", lambda text: shown_text(text, "given_name")),
        family_name=read("family_name", lambda text: shown_text(text, "family_name")),
        display_name=read("display_name", lambda text: shown_text(text, "display_name")),
        language=read("language", language, None),
    )


def _proofs(values: dict[str, str], rules: Rules, skipped: list[tuple[str, str]]) -> tuple[Proof, ...]:
    found = []
    for kind, (field, reading) in PHONES.items():
        value = _read(field, values[field], reading, skipped) if field in values else None
        if value is not None:
            found.append(Proof(kind, value, secrets.digest(rules.purposes[kind], value)))
    return tuple(found)


def _read(field: str, text: str, reading: Callable[[str], str], skipped: list[tuple[str, str]]) -> str | None:
    try:
        return reading(text)
    except ValueError as error:
        skipped.append((field, str(error)))
        return None
