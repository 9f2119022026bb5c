"""The console's guard of settings that decide where passwords go: a proof of the last ten minutes, and no silence."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.html import format_html
from django.utils.translation import gettext as _

from accounts.admin.base import person_of
from accounts.admin.routing import Lines
from accounts.admin.tenants import DomainAdmin
from accounts.executors import NoExecutor
from accounts.models import Tenant, User
from accounts.roles import Role
from notifications.messages import routing_was_changed
from notifications.outbox import enqueue
from reset import administrators, proving
from reset.views.members import SIGNED_IN_AT, has_fresh_proof
from reset.views.requesting import visitor_of, with_next
from writeback.admin.agents import AgentAdmin
from writeback.admin.directories import DirectoryAdmin


class Guarded:
    """Goes before a `RoutingAdmin`. Platform operators prove it by signing in: they have no page to prove it on."""

    def proof_missing(self, request: HttpRequest) -> str:
        if _is_proved(request):
            return ""
        if person_of(request).tenant is None:
            return _("Your sign-in is older than ten minutes. To save changes, sign out and in again.")
        address = with_next(reverse("prove"), request.get_full_path())
        if request.method == "POST":
            return format_html(
                '{} <a href="{}" target="_blank" rel="noopener">{}</a>. {}',
                _("Nothing was saved yet: your last proof is older than ten minutes."),
                address,
                _("Prove in a new tab that it's you"),
                _("Then come back and save. What you typed is still here, except passwords."),
            )
        return format_html(
            '{} <a href="{}">{}</a>',
            _("Changes here are saved only within ten minutes of a proof that it's you."),
            address,
            _("Prove it now"),
        )

    def to_proof(self, request: HttpRequest) -> HttpResponse:
        if person_of(request).tenant is None:
            messages.error(request, self.proof_missing(request))
            return HttpResponseRedirect(reverse("admin:index"))
        return HttpResponseRedirect(with_next(reverse("prove"), request.get_full_path()))

    def tell_others(self, request: HttpRequest, row: Any, sentence: Callable[[], str], lines: Lines) -> None:
        """A row of another organisation than the actor's own is told to that organisation."""
        tenant: Tenant = row.tenant
        told = [
            other
            for other in administrators.holders(tenant, [Role.GLOBAL_ADMINISTRATOR])
            if other.pk != person_of(request).pk
        ]
        drafts = [_draft(request, tenant, other, sentence, lines) for other in told[: administrators.MOST_RECIPIENTS]]
        try:
            enqueue(drafts)
        except NoExecutor:
            messages.warning(
                request, _("The other administrators could not be told: no worker is running. Tell them yourself.")
            )


class ConsoleDomainAdmin(Guarded, DomainAdmin):
    """Which directory a domain's people belong to decides where their passwords go."""


class ConsoleDirectoryAdmin(Guarded, DirectoryAdmin):
    """How a directory is reached."""


class ConsoleAgentAdmin(Guarded, AgentAdmin):
    """Who receives passwords in an organisation's network."""


def _is_proved(request: HttpRequest) -> bool:
    person = person_of(request)
    if person.tenant is not None:
        return has_fresh_proof(request)
    signed_in_at = str(request.session.get(SIGNED_IN_AT, ""))
    return proving.is_fresh(signed_in_at, person.credentials_epoch, person, timezone.now())


def _draft(request: HttpRequest, tenant: Tenant, reader: User, sentence: Callable[[], str], lines: Lines) -> Any:
    language, visitor = reader.language or tenant.language, visitor_of(request)
    with translation.override(language):
        what, told = sentence(), "\n".join(lines())
    return routing_was_changed(
        what=what,
        lines=told,
        tenant_id=tenant.pk,
        language=language,
        recipient=administrators.address_of(reader),
        principal_name=person_of(request).principal_name,
        at=timezone.now(),
        address=visitor.address,
        client=visitor.client,
        user_id=reader.pk,
    )
