"""What tests of directory users share: the domain north.example, whose passwords a directory keeps, and Nora in it."""

from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from django_scopes import scopes_disabled

from accounts import secrets
from accounts.methods import AuthenticatorType
from accounts.models import Directory, Domain, Tenant, User
from tests.conftest import make_authenticator, make_user
from tests.directories.in_memory import Account, InMemoryDirectory
from writeback import execution
from writeback.models import Connector, WritebackJob

NORA, ANCHOR = "nora@north.example", "6f9619ff-8b86-4011-b42d-00c04fc964ff"
OLD = "old-password-3"


@dataclass
class North:
    """The directory as tests see it, and the rows that lead to it."""

    connector: Connector
    domain: Domain
    nora: User
    memory: InMemoryDirectory

    @property
    def account(self) -> Account:
        return self.memory.accounts[ANCHOR]

    def set(self, **values: Any) -> None:
        with scopes_disabled():
            Connector.objects.filter(pk=self.connector.pk).update(**values)


def make_north(tenant: Tenant, monkeypatch: Any) -> North:
    """Connected directly, writeback on, looked at just now."""
    tenant.may_connect_directly = True
    tenant.save()
    now = timezone.now()
    with scopes_disabled():
        directory = Directory.objects.create(tenant=tenant, name="North", kind=Directory.Kind.OPENLDAP)
        connector = Connector(
            tenant=tenant,
            directory=directory,
            is_on=True,
            way=Connector.Way.DIRECT,
            servers="ldaps://127.0.0.1",
            base_dn="dc=north",
            account="cn=rekey,dc=north",
            looked_at=now,
            reached_at=now,
        )
        connector.sealed_password = secrets.seal(b"service", connector.place)
        connector.save()
        domain = Domain.objects.create(
            tenant=tenant, name="north.example", verified_at=now, authority="directory", directory=directory
        )
    nora = make_user(tenant, NORA, directory=directory, anchor=ANCHOR, given_name="Nora")
    make_authenticator(nora, AuthenticatorType.EMAIL, "nora@home.example")
    memory = InMemoryDirectory({ANCHOR: Account(OLD)})
    monkeypatch.setattr(execution, "connector_for", memory.connector_for)
    return North(connector, domain, nora, memory)


def jobs() -> list[WritebackJob]:
    with scopes_disabled():
        return list(WritebackJob.objects.order_by("created_at"))


def work() -> WritebackJob | None:
    """What the worker does with the newest job."""
    return execution.execute(jobs()[-1].pk)
