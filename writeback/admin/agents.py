"""Console pages of agents: who they are, whether they are heard, and letting them in or cutting them off."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.admin.base import ReadOnlyAdmin, person_of
from accounts.admin.routing import RoutingAdmin
from writeback import agents
from writeback.models import Agent
from writeback.status import is_old, is_too_old

MAY = "accounts.change_directory"


class ApprovalForm(forms.Form):
    last_group = forms.CharField(
        label=gettext_lazy("The last group as the agent shows it"),
        max_length=20,
        widget=forms.TextInput(attrs={"class": "vTextField", "autocomplete": "off", "spellcheck": "false"}),
    )


class AgentAdmin(ReadOnlyAdmin, RoutingAdmin):
    """Nothing is typed over here; inviting is on the directory's page."""

    list_display = ("name", "directory", "status", "version_told", "seen_at", "is_reaching", "fingerprint")
    list_filter = ("status",)
    list_select_related = ("connector__directory", "approved_by")
    search_fields = ("name__startswith",)
    ordering = ("name", "pk")
    sortable_by = ()
    change_form_template = "admin/agent_form.html"
    fieldsets = (
        (None, {"fields": ("name", "directory", "status", "fingerprint")}),
        (
            gettext_lazy("How it is doing"),
            {"fields": ("seen_at", "is_reaching", "answer", "version_told", "keys_made_at")},
        ),
        (gettext_lazy("How it came here"), {"fields": ("created_at", "approved_at", "approved_by", "revoked_at")}),
    )
    readonly_fields = ("directory", "answer", "version_told")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request).select_related("tenant", *self.list_select_related)
        return rows.defer("public_key", "signing_key")

    def get_urls(self) -> list[URLPattern]:
        return [
            path("<int:pk>/approve/", self.admin_site.admin_view(self.approve_view), name="agent-approve"),
            path("<int:pk>/revoke/", self.admin_site.admin_view(self.revoke_view), name="agent-revoke"),
            *super().get_urls(),
        ]

    @admin.display(description=gettext_lazy("directory"))
    def directory(self, agent: Agent) -> str:
        return str(agent.connector.directory)

    @admin.display(description=gettext_lazy("its directory's answer"))
    def answer(self, agent: Agent) -> str:
        return str(agent.report.get("answer", "")) or "–"

    @admin.display(description=gettext_lazy("version"))
    def version_told(self, agent: Agent) -> str:
        return told_version(agent)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        agent: Agent | None = kwargs.get("obj")
        if agent is not None and person_of(request).has_perm(MAY):
            context["may_approve"] = agent.status == Agent.Status.PENDING
            context["may_revoke"] = agent.status != Agent.Status.REVOKED
        return super().render_change_form(request, context, *args, **kwargs)

    # --- letting in, cutting off --------------------------------------------------------------------------------

    def approve_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Whoever approves types the end of the fingerprint from the agent's own screen: that is the comparison."""
        agent = self._agent(request, pk)
        if self.proof_missing(request):
            return self.to_proof(request)
        if agent.status != Agent.Status.PENDING:
            messages.error(request, _("Only an agent that has enrolled and waits can be approved."))
            return self._back(agent)
        form = ApprovalForm(request.POST if request.method == "POST" else None)
        if form.is_valid() and self._approved(request, agent, form):
            return self._back(agent)
        *shown, last = agent.fingerprint.split()
        return self._page(
            request,
            agent,
            "admin/agent_approve.html",
            _("Approve %(agent)s") % {"agent": agent},
            form=form,
            shown=shown,
            dots="·" * len(last),
        )

    def _approved(self, request: HttpRequest, agent: Agent, form: ApprovalForm) -> bool:
        groups = agent.fingerprint.split()
        typed = " ".join([*groups[:-1], form.cleaned_data["last_group"]])
        try:
            agents.approve(agent, typed, person_of(request), timezone.now())
        except agents.WrongFingerprint:
            form.add_error(
                "last_group",
                _("That is not the end of this agent's fingerprint. If the agent shows another one, revoke this one."),
            )
            return False
        except agents.NotPossible:
            form.add_error(None, _("This agent changed meanwhile, or its row was tampered with. Look at it again."))
            return False
        self.tell_others(
            request,
            agent,
            lambda: _("An agent was approved: it receives passwords from now on."),
            lambda: self._lines(agent),
        )
        messages.success(request, _("Approved. It takes jobs from now on."))
        return True

    def revoke_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        agent = self._agent(request, pk)
        if self.proof_missing(request):
            return self.to_proof(request)
        if request.method != "POST":
            return self._page(request, agent, "admin/agent_revoke.html", _("Cut %(agent)s off") % {"agent": agent})
        if agents.revoke(agent, person_of(request), timezone.now()):
            self.tell_others(request, agent, lambda: _("An agent was cut off."), lambda: self._lines(agent))
            messages.success(request, _("Cut off. Nothing more goes to it."))
        return self._back(agent)

    def _lines(self, agent: Agent) -> list[str]:
        return [
            _("Agent: %(name)s") % {"name": agent.name},
            _("Directory: %(name)s") % {"name": agent.connector.directory},
            _("Fingerprint: %(text)s") % {"text": agent.fingerprint or "–"},
        ]

    def _agent(self, request: HttpRequest, pk: int) -> Agent:
        found: Agent | None = self.get_queryset(request).filter(pk=pk).first()
        if found is None:
            raise Http404
        if not person_of(request).has_perm(MAY):
            raise PermissionDenied
        return found

    def _page(self, request: HttpRequest, agent: Agent, template: str, title: str, **context: Any) -> HttpResponse:
        request.current_app = self.admin_site.name
        shared = {**self.admin_site.each_context(request), "opts": self.opts, "title": title, "agent": agent}
        return TemplateResponse(request, template, {**shared, **context})

    def _back(self, agent: Agent) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:writeback_agent_change", args=[agent.pk]))


def told_version(agent: Agent) -> str:
    """Its version, and whether that is out of date."""
    if not agent.version:
        return "–"
    if is_too_old(agent.version):
        return format_html('{} <span class="tone bad">{}</span>', agent.version, _("too old"))
    if is_old(agent.version):
        return format_html('{} <span class="tone warn">{}</span>', agent.version, _("out of date"))
    return agent.version
