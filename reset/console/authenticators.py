"""Authenticators in the console: what staff change there, the person hears of at every address held before."""

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.admin.authenticators import AuthenticatorAdmin
from accounts.executors import NoExecutor
from accounts.methods import AuthenticatorType, kind_of
from accounts.models import User
from notifications.outbox import enqueue
from reset import change_notices
from reset.addresses import addresses_of


class ConsoleAuthenticatorAdmin(AuthenticatorAdmin):
    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        told = addresses_of(obj.user)
        super().save_model(request, obj, form, change)
        if form.cleaned_data.get("value"):
            announce(request, obj.user, obj.type, told)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        told = addresses_of(obj.user)
        super().delete_model(request, obj)
        announce(request, obj.user, obj.type, told)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        gone = [(row.user, row.type, addresses_of(row.user)) for row in queryset.select_related("user__tenant")]
        super().delete_queryset(request, queryset)
        for user, type_, told in gone:
            announce(request, user, type_, told)


def announce(request: HttpRequest, user: User, type_: str, told: list[str]) -> None:
    """Tell these addresses; where no worker could read the messages, tell the administrator that nobody was told."""
    language = user.tenant.language if user.tenant else "en"
    try:
        enqueue(change_notices.drafts(user, language, [kind_of(AuthenticatorType(type_))], told, timezone.now()))
    except NoExecutor:
        messages.warning(
            request, _("This person could not be told of the change: no worker is running. Tell them yourself.")
        )
