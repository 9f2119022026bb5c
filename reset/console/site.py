"""The console's site: which pages there are, who gets in, and where signing in and out happens."""

from functools import update_wrapper
from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, URLResolver
from django.utils.translation import gettext_lazy as _

from accounts import models as accounts
from accounts.admin import events, groups, tenants
from notifications import admin as notifications_admin
from notifications import models as notifications
from policy import admin as policy_admin
from policy import models as policy
from policy.admin_spending import SpendGuardAdmin
from reset import models as reset
from reset.console import access, routing
from reset.console.authenticators import ConsoleAuthenticatorAdmin
from reset.console.requests import ResetRequestAdmin
from reset.console.users import ConsoleUserAdmin
from writeback import models as writeback
from writeback.admin.jobs import WritebackJobAdmin
from writeback.admin.syncs import SyncConflictAdmin, SyncRunAdmin

ACCOUNT, SIGN_OUT = "/account/", "/signout/"

# Everything the console shows. Counters and invitations are left out on purpose: nobody has business with them.
PAGES: dict[Any, Any] = {
    accounts.Tenant: tenants.TenantAdmin,
    accounts.Branding: tenants.BrandingAdmin,
    accounts.Domain: routing.ConsoleDomainAdmin,
    accounts.Directory: routing.ConsoleDirectoryAdmin,
    accounts.User: ConsoleUserAdmin,
    accounts.Group: groups.GroupAdmin,
    accounts.GroupMembership: groups.GroupMembershipAdmin,
    accounts.GroupNesting: groups.GroupNestingAdmin,
    accounts.RoleAssignment: groups.RoleAssignmentAdmin,
    accounts.Authenticator: ConsoleAuthenticatorAdmin,
    accounts.AuditEvent: events.AuditEventAdmin,
    policy.ResetPolicy: policy_admin.ResetPolicyAdmin,
    policy.SignInRule: policy_admin.SignInRuleAdmin,
    policy.QuestionText: policy_admin.QuestionTextAdmin,
    policy.SpendGuard: SpendGuardAdmin,
    notifications.Message: notifications_admin.MessageAdmin,
    notifications.Delivery: notifications_admin.DeliveryAdmin,
    reset.ResetRequest: ResetRequestAdmin,
    writeback.Agent: routing.ConsoleAgentAdmin,
    writeback.WritebackJob: WritebackJobAdmin,
    writeback.SyncRun: SyncRunAdmin,
    writeback.SyncConflict: SyncConflictAdmin,
}


class ConsoleSite(AdminSite):
    site_title = _("Rekey console")
    site_header = _("Rekey console")
    index_title = _("Console")
    site_url = "/"

    def has_permission(self, request: HttpRequest) -> bool:
        return access.may_enter(request)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        inner: Any = super().admin_view(view, cacheable)

        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            answer: HttpResponse = (
                inner(request, *args, **kwargs) if self.has_permission(request) else access.turn_away(request)
            )
            return answer

        return update_wrapper(guarded, view)

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Without the redirect to any object's public page: it tells which ids there are, whosever they are."""
        return [url for url in super().get_urls() if getattr(url, "name", None) != "view_on_site"]

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Signing in is the product's own page; old links to Django's are sent on."""
        return HttpResponseRedirect(f"{access.SIGN_IN}?next=/admin/")

    def logout(self, request: HttpRequest, extra_context: Any = None) -> Any:
        return HttpResponseRedirect(SIGN_OUT)

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> Any:
        return HttpResponseRedirect(ACCOUNT)

    def password_change_done(self, request: HttpRequest, extra_context: Any = None) -> Any:
        return HttpResponseRedirect(ACCOUNT)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        tenant = getattr(request.user, "tenant", None)
        return {**super().each_context(request), "console_tenant": tenant, "sign_out": SIGN_OUT, "account": ACCOUNT}


site = ConsoleSite(name="admin")
for model, page in PAGES.items():
    site.register(model, page)
