"""Authenticators in the console: what staff change there, the person hears of at every other address."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts.admin.authenticators import AuthenticatorAdmin
from accounts.methods import AuthenticatorType, kind_of
from accounts.models import Authenticator
from notifications import messages
from notifications.outbox import enqueue
from reset.addresses import addresses_of


class ConsoleAuthenticatorAdmin(AuthenticatorAdmin):
    """Ground for the announcement: NIST SP 800-63B-4 section 4.6, told to the addresses held before the change."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        told = addresses_of(obj.user)
        super().save_model(request, obj, form, change)
        if form.cleaned_data.get("value"):
            announce(request, obj, told)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        told = addresses_of(obj.user)
        super().delete_model(request, obj)
        announce(request, obj, told)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        rows = [(row, addresses_of(row.user)) for row in queryset.select_related("user")]
        super().delete_queryset(request, queryset)
        for row, told in rows:
            announce(request, row, told)


def announce(request: HttpRequest, authenticator: Authenticator, told: list[str]) -> None:
    """Tell the addresses held before the change. A platform operator's authenticators have no organisation to speak for."""
    user = authenticator.user
    changed = authenticator.secret_value if authenticator.type == AuthenticatorType.EMAIL else ""
    enqueue(
        [
            messages.authenticator_was_changed(
                tenant_id=user.tenant_id,
                language=user.language or (user.tenant.language if user.tenant else "en"),
                recipient=address,
                kind=kind_of(AuthenticatorType(authenticator.type)),
                principal_name=user.principal_name,
                at=timezone.now(),
                address="",
                client="",
                user_id=user.pk,
            )
            for address in told
            if authenticator.pk is None or address != changed
        ]
    )
