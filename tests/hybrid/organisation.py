"""The demo's organisation in Rekey, made once, as its administrator would make it in the console.

`python -m tests.hybrid.organisation prepare|approve|people` answers with JSON.
"""

import json
import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from config.embedded import prepare_environment

prepare_environment()

import django  # noqa: E402

django.setup()

from django.conf import settings  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts.methods import AuthenticatorType  # noqa: E402
from accounts.models import Authenticator, Directory, Domain, RoleAssignment, Tenant, User  # noqa: E402
from accounts.roles import Role  # noqa: E402
from accounts.tenants import all_opened  # noqa: E402
from policy.models import ResetPolicy  # noqa: E402
from writeback import agents  # noqa: E402
from writeback.models import Agent, Connector  # noqa: E402

SLUG, AGENT = "corp", "head-office"
ADMINISTRATOR = "administrator.txt"


def prepare(domain: str) -> dict[str, Any]:
    """Returns a one-time code for the agent, or none where it is approved already."""
    tenant, _made = Tenant.objects.get_or_create(slug=SLUG, defaults={"name": "Corp Hospital"})
    directory, _made = Directory.objects.get_or_create(
        tenant=tenant, name="Corp", defaults={"kind": Directory.Kind.ACTIVE_DIRECTORY}
    )
    connector, _made = Connector.objects.get_or_create(
        tenant=tenant, directory=directory, defaults={"is_on": True, "way": Connector.Way.AGENTS}
    )
    Domain.objects.get_or_create(
        tenant=tenant,
        name=domain,
        defaults={"verified_at": timezone.now(), "authority": Domain.Authority.DIRECTORY, "directory": directory},
    )
    ResetPolicy.objects.get_or_create(
        tenant=tenant,
        name="Everybody",
        defaults={
            "audience": "everybody",
            "methods": ["email", "sms"],
            "priority": 10,
            "unlock_without_reset": True,
            "registration_required": False,
        },
    )
    _administrator(tenant, domain)
    if Agent.objects.filter(connector=connector, status=Agent.Status.APPROVED).exists():
        return {"code": ""}
    Agent.objects.filter(connector=connector).delete()
    connector = Connector.objects.select_related("tenant", "directory").get(pk=connector.pk)
    return {"code": agents.invite(connector, AGENT, None, timezone.now())[1]}


def _administrator(tenant: Tenant, domain: str) -> None:
    """Somebody for the console, whose password is kept here: there has to be one while the directory is away."""
    name, kept = f"grace@{domain}", Path(settings.VAR_DIR) / ADMINISTRATOR
    if kept.exists():
        return
    password = secrets.token_urlsafe(12)
    user = User(tenant=tenant, principal_name=name, given_name="Grace", family_name="Olsen")
    user.set_password(password)
    user.save()
    RoleAssignment.objects.create(tenant=tenant, user=user, role=Role.GLOBAL_ADMINISTRATOR)
    kept.touch(mode=0o600)
    kept.write_text(f"{name}  {password}")


def approve(fingerprint: str) -> dict[str, Any]:
    agent = Agent.objects.select_related("connector__tenant", "tenant").get(name=AGENT)
    agents.approve(agent, fingerprint, None, timezone.now())
    return {}


def people() -> dict[str, Any]:
    """Who has come in; each gets a private mailbox, so that codes can be read in the development outbox."""
    found = User.objects.filter(tenant__slug=SLUG, directory__isnull=False).select_related("tenant")
    for user in found:
        if not Authenticator.objects.filter(user=user, type=AuthenticatorType.EMAIL).exists():
            mailbox = Authenticator(
                tenant=user.tenant,
                user=user,
                type=AuthenticatorType.EMAIL,
                confirmed_at=timezone.now(),
                source=Authenticator.Source.USER,
            )
            mailbox.set_value(f"{user.principal_name.partition('@')[0]}@home.example")
            mailbox.save()
    return {"names": sorted(user.principal_name for user in found)}


COMMANDS: dict[str, Callable[..., dict[str, Any]]] = {"prepare": prepare, "approve": approve, "people": people}

if __name__ == "__main__":
    with all_opened():
        sys.stdout.write(json.dumps(COMMANDS[sys.argv[1]](*sys.argv[2:])))
