"""The demo organisation: people, groups and policies with which everything can be tried. Embedded profile only.

Passwords, the app's key and the answers are random, made anew for each installation, and kept in one file that only its
owner reads.
"""

import secrets
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import transaction

from accounts import totp
from accounts.keyfiles import write_private
from accounts.methods import LASTING_METHODS, QUESTIONS_REGISTERED, AuthenticatorType, Method
from accounts.models import (
    Authenticator,
    Branding,
    Domain,
    Group,
    GroupMembership,
    GroupNesting,
    RoleAssignment,
    SecurityAnswer,
    Tenant,
    User,
)
from accounts.roles import Role
from accounts.tenants import all_opened
from policy.models import ResetPolicy
from reset import questions

ACME, GLOBEX = "acme", "globex"
RECORDS, REGISTRAR = "Staff with access to records", "Registrar's office"
FILE_NAME = "demo.txt"
Source = Authenticator.Source


class NotHere(Exception):
    """The demo organisation is loaded in the embedded profile only."""


@dataclass(frozen=True)
class Person:
    """One of the demo people. Proofs that are not confirmed were imported and count by the tenant's choice."""

    name: str
    given: str
    family: str
    shows: str
    mail: str = ""
    phone: str = ""
    confirmed: bool = True
    has_app: bool = False
    has_questions: bool = False
    group: str = ""
    role: str = ""
    enabled: bool = True
    language: str = ""


ACME_PEOPLE = (
    Person(
        "alice@acme.example", "Alice", "Moreau", "one gate: a code by e-mail or text message, or a call",
        mail="alice@home.example", phone="+14255550101",
    ),
    Person(
        "bob@acme.example", "Bob", "Okafor", "two gates: e-mail, authenticator app, security questions, or what you register",
        mail="bob@home.example", has_app=True, has_questions=True, group=RECORDS,
    ),
    Person(
        "carol@acme.example", "Carol", "Lindqvist", "the console at /admin/ (global administrator)",
        mail="carol@home.example", phone="+14255550103", role=Role.GLOBAL_ADMINISTRATOR,
    ),
    Person(
        "dave@acme.example", "Dave", "Schneider", "proofs that were only imported; pages in German",
        mail="dave@home.example", phone="+14255550104", confirmed=False, language="de",
    ),
    Person(
        "erin@acme.example", "Erin", "Haddad", "a disabled account: as good as unknown",
        mail="erin@home.example", enabled=False,
    ),
    Person(
        "frank@acme.example", "Frank", "Sato", "two gates by a group inside the group, but only one proof",
        mail="frank@home.example", group=REGISTRAR,
    ),
    Person("mallory@acme.example", "Mallory", "Reyes", "nothing registered: as good as unknown"),
)  # fmt: skip
GLOBEX_PEOPLE = (
    Person("frida", "Frida", "Berg", "a user name without @, at /t/globex/ only", mail="frida@home.example"),
    Person("karl@home.example", "Karl", "Novak", "an e-mail address as user name", mail="karl@home.example"),
)


@dataclass
class Sheet:
    """What somebody who tries the demo has to know."""

    lines: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        return "Sheet()"

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"


def file_path() -> Path:
    return Path(settings.VAR_DIR) / FILE_NAME


def load(now: datetime) -> Sheet | None:
    """Load the demo once; None when it is there already. Raises NotHere outside of the embedded profile."""
    if not settings.EMBEDDED:
        raise NotHere
    with all_opened(), transaction.atomic():
        if Tenant.objects.filter(slug__in=[ACME, GLOBEX]).exists():
            return None
        sheet = Sheet(["Demo people of this installation. Delete this file when you are done.", ""])
        _load_acme(sheet, now)
        _load_globex(sheet, now)
        _keep(sheet)
    return sheet


def _keep(sheet: Sheet) -> None:
    """Passwords of a database that is gone are of no use: an older file is replaced."""
    path = file_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    write_private(path, sheet.text)


def _load_acme(sheet: Sheet, now: datetime) -> None:
    acme = Tenant.objects.create(slug=ACME, name="Acme University", imported_methods_count=True)
    Branding.objects.create(tenant=acme, accent="#2f5bd8")
    Domain.objects.create(tenant=acme, name="acme.example", verified_at=now)
    groups = {name: Group.objects.create(tenant=acme, name=name) for name in (RECORDS, REGISTRAR)}
    GroupNesting.objects.create(tenant=acme, parent=groups[RECORDS], child=groups[REGISTRAR])
    strict = ResetPolicy.objects.create(
        tenant=acme,
        name=RECORDS,
        priority=10,
        audience=ResetPolicy.Audience.GROUPS,
        methods_required=2,
        methods=[method for method in Method if method in LASTING_METHODS],
    )
    strict.groups.add(groups[RECORDS])
    _everybody(acme, [Method.EMAIL, Method.SMS, Method.CALL])
    sheet.lines += [acme.name, ""]
    for person in ACME_PEOPLE:
        user = _add_person(acme, person, sheet, now)
        if person.group:
            GroupMembership.objects.create(tenant=acme, user=user, group=groups[person.group])


def _load_globex(sheet: Sheet, now: datetime) -> None:
    globex = Tenant.objects.create(slug=GLOBEX, name="Globex", kind=Tenant.Kind.CUSTOMERS)
    Domain.objects.create(tenant=globex, name="globex.example", verified_at=now)
    _everybody(globex, [Method.EMAIL])
    sheet.lines += [f"{globex.name} (customers)", ""]
    for person in GLOBEX_PEOPLE:
        _add_person(globex, person, sheet, now)


def _everybody(tenant: Tenant, methods: list[Method]) -> None:
    ResetPolicy.objects.create(
        tenant=tenant, name="Everybody", priority=20, audience=ResetPolicy.Audience.EVERYBODY, methods=methods
    )


def _add_person(tenant: Tenant, person: Person, sheet: Sheet, now: datetime) -> User:
    password = secrets.token_urlsafe(12)
    user = User(
        tenant=tenant,
        principal_name=person.name,
        given_name=person.given,
        family_name=person.family,
        mail=person.name if "@" in person.name else person.mail,
        language=person.language,
        is_enabled=person.enabled,
        password_changed_at=now,
    )
    user.set_password(password)
    user.save()
    if person.role:
        RoleAssignment.objects.create(tenant=tenant, user=user, role=person.role)
    sheet.lines += [f"{person.name}: {person.shows}", f"  password {password}"]
    _add_proofs(tenant, user, person, sheet, now)
    sheet.lines.append("")
    return user


def _add_proofs(tenant: Tenant, user: User, person: Person, sheet: Sheet, now: datetime) -> None:
    confirmed_at = now if person.confirmed else None
    for kind, value in ((AuthenticatorType.EMAIL, person.mail), (AuthenticatorType.MOBILE_PHONE, person.phone)):
        if value:
            _add(user, kind, value, Source.IMPORT, confirmed_at, now)
            sheet.lines.append(f"  {kind.label} {value}")
    if person.has_app:
        key = totp.new_secret()
        _add(user, AuthenticatorType.APP, key, Source.USER, now, now)
        sheet.lines.append(f"  {AuthenticatorType.APP.label}, key {key}")
        sheet.lines.append(f"  {totp.address_for_apps(key, person.name, 'Rekey')}")
    if person.has_questions:
        held = _add(user, AuthenticatorType.QUESTIONS, "", Source.USER, now, now)
        for question in list(questions.PREDEFINED)[:QUESTIONS_REGISTERED]:
            answer = secrets.token_hex(3)
            hashed = questions.hash_answer(answer)
            SecurityAnswer.objects.create(tenant=tenant, authenticator=held, question=question, answer_hash=hashed)
            sheet.lines.append(f"  {questions.PREDEFINED[question]} {answer}")


def _add(
    user: User, kind: AuthenticatorType, value: str, source: str, confirmed_at: datetime | None, now: datetime
) -> Authenticator:
    row = Authenticator(
        tenant=user.tenant, user=user, type=kind, name="", source=source, registered_at=now, confirmed_at=confirmed_at
    )
    if value:
        row.set_value(value, now)
    row.save()
    return row
