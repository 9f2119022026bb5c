"""The user page where it reaches into self-service: what is blocked there, and letting a caller try again."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.admin import ranks
from accounts.admin.base import person_of
from accounts.admin.users import UserAdmin, tell, tell_left_out
from accounts.models import User
from reset import unblocking


class ConsoleUserAdmin(UserAdmin):
    actions = ("unblock", "sign_out_everywhere")

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
