"""Filters of the list of people by what the policies make of each. They ask one tenant's policies, so one has to be chosen."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.admin.base import person_of
from accounts.models import Tenant
from policy.selecting import Condition, Selection, select

CHOOSE_FIRST = _("Choose one organisation first: each has policies of its own.")
TENANT = "tenant__id__exact"


class PolicyFilter(admin.SimpleListFilter):
    """Yes or no. `condition` names the one of `Selection` that is meant."""

    condition: str

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: Any) -> None:
        self.tenant = _tenant_of(request)
        super().__init__(request, params, model, model_admin)

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Yes")), ("no", _("No"))]

    def choices(self, changelist: Any) -> Iterator[Any]:
        if self.tenant is None:
            yield {"selected": True, "query_string": "?", "display": CHOOSE_FIRST}
            return
        yield from super().choices(changelist)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in ("yes", "no"):
            return queryset
        if self.tenant is None:
            messages.warning(request, str(CHOOSE_FIRST))
            return queryset.none()
        meant: Condition = getattr(_selection_of(request, self.tenant), self.condition)
        return queryset.filter(Q(meant) if self.value() == "yes" else ~Q(meant), tenant=self.tenant)


class IsRegistered(PolicyFilter):
    title, parameter_name, condition = _("registered"), "registered", "is_registered"


class MayReset(PolicyFilter):
    title, parameter_name, condition = _("may reset"), "may_reset", "is_enabled"


class CanReset(PolicyFilter):
    title, parameter_name, condition = _("can reset"), "can_reset", "is_capable"


class HangsOnItself(PolicyFilter):
    title, parameter_name, condition = _("codes only go to own mailboxes"), "own_mailboxes", "hangs_on_itself"


POLICY_FILTERS = (IsRegistered, MayReset, CanReset, HangsOnItself)


def _tenant_of(request: HttpRequest) -> Tenant | None:
    """The administrator's own; for a platform operator the one that the list is narrowed to."""
    person, chosen = person_of(request), request.GET.get(TENANT, "")
    if person.tenant is not None:
        return person.tenant
    is_key = chosen.isascii() and chosen.isdecimal() and len(chosen) < 18
    return Tenant.objects.filter(pk=int(chosen)).first() if is_key else None


def _selection_of(request: HttpRequest, tenant: Tenant) -> Selection:
    """Read once, however many filters of a page ask."""
    known: Selection | None = getattr(request, "_selection", None)
    if known is None:
        known = select(tenant, timezone.now())
        request._selection = known  # type: ignore[attr-defined]
    return known
