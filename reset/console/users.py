"""The user page where it reaches into self-service: what is blocked there, and letting a caller try again."""

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts import facts
from accounts.admin import ranks
from accounts.admin.base import person_of
from accounts.admin.users import UserAdmin, tell, tell_left_out
from accounts.models import Tenant, User
from policy import rules
from policy.registration import decide_registration
from reset import unblocking
from reset.console.filters import POLICY_FILTERS
from writeback.admin.jobs import SECRETS, told_outcome
from writeback.models import WritebackJob
from writeback.wording import OPERATIONS, reason_of

JOBS_SHOWN = 5


class UsersPage(ChangeList):
    """A page of people with what the policies make of each, in a fixed number of statements for each tenant on it."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        now = timezone.now()
        by_tenant: dict[Tenant, list[User]] = {}
        for person in self.result_list:
            if person.tenant is not None:
                by_tenant.setdefault(person.tenant, []).append(person)
        for tenant, people in by_tenant.items():
            known = facts.load(people, tenant.imported_methods_count, now)
            policies, about = rules.load(tenant), rules.tenant_facts(tenant)
            for person in people:
                person.registration = decide_registration(known[person.pk], policies, about)  # type: ignore[attr-defined]


class ConsoleUserAdmin(UserAdmin):
    """Three separate facts, as Entra reports them: registered, enabled, and (both together) capable."""

    actions = ("unblock", "sign_out_everywhere")
    list_display = (*UserAdmin.list_display, "is_registered", "is_enabled_to_reset", "is_capable")

    list_filter = (*POLICY_FILTERS, *UserAdmin.list_filter)
    readonly_fields: ClassVar[tuple[str, ...]] = (*UserAdmin.readonly_fields, "last_jobs")
    fieldsets: ClassVar[tuple[Any, ...]] = (
        *UserAdmin.fieldsets,
        (_("Written to the directory"), {"fields": ("last_jobs",)}),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Of people whose password is kept here nothing is written elsewhere."""
        fieldsets = super().get_fieldsets(request, obj)
        return fieldsets if obj is not None and obj.directory_id is not None else fieldsets[:-1]

    @admin.display(description=_("last jobs"))
    def last_jobs(self, person: User) -> str:
        jobs = WritebackJob.objects.filter(user=person).defer(*SECRETS).order_by("-created_at")[:JOBS_SHOWN]
        return format_html_join("", '<div><a href="{}">{}</a> {} {} {}</div>', map(_told_job, jobs)) or "–"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return UsersPage

    @admin.display(description=_("registered"), boolean=True)
    def is_registered(self, person: User) -> bool:
        return _registration_of(person, "is_registered")

    @admin.display(description=_("may reset"), boolean=True)
    def is_enabled_to_reset(self, person: User) -> bool:
        return _registration_of(person, "is_enabled")

    @admin.display(description=_("can reset"), boolean=True)
    def is_capable(self, person: User) -> bool:
        return _registration_of(person, "is_capable")

    def has_unblock_permission(self, request: HttpRequest) -> bool:
        return person_of(request).has_perm("reset.unblock_user")

    @admin.action(description=_("Unblock self-service and sign-in"), permissions=["unblock"])
    def unblock(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        people = list(queryset.select_related("tenant"))
        touched = [person for person in people if person.tenant and ranks.may_change(person_of(request), person)]
        for person in touched:
            unblocking.unblock(person, actor=person_of(request), visitor=request.visitor)  # type: ignore[attr-defined]
        tell(
            request,
            len(touched),
            ngettext("%d person may try again now.", "%d people may try again now.", len(touched)),
        )
        tell_left_out(request, len(people) - len(touched))


def _told_job(job: WritebackJob) -> tuple[str, str, str, str, str]:
    """Where it is, when it was, what it was, what came of it and why."""
    address = reverse("admin:writeback_writebackjob_change", args=[job.pk])
    moment = date_format(timezone.localtime(job.created_at), "SHORT_DATETIME_FORMAT")
    return address, moment, str(OPERATIONS.get(job.operation, job.operation)), told_outcome(job), reason_of(job)


def _registration_of(person: User, name: str) -> bool:
    """Platform operators have no tenant, and no policy that could cover them."""
    return bool(getattr(getattr(person, "registration", None), name, False))
