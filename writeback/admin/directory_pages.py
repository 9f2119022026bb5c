"""What is done from a directory's page: test the connection, ask for a synchronisation, invite an agent.

Nothing here speaks to a directory: workers and agents do, and these pages show what they found.
"""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.admin import trail
from accounts.admin.base import person_of
from accounts.audit import Activity
from accounts.models import Directory
from writeback import agents
from writeback.admin.directory_status import ask_for_look, ask_for_sync, connector_of, look_of
from writeback.models import Connector

# As docs/operating.md has them.
COMMANDS = {
    "commands": "\n".join(
        (
            "apt install python3 python3-venv gcc python3-dev libldap-dev libsasl2-dev",
            "git clone YOUR-COPY /opt/rekey && cd /opt/rekey",
            "deploy/prepare requirements-agent.lock",
            "adduser --system --group --no-create-home rekey-agent",
            "install -d -o root -g rekey-agent -m 0750 /etc/rekey-agent",
            "install -d -o rekey-agent -g rekey-agent -m 0700 /var/lib/rekey-agent",
            "cp deploy/agent.toml.example /etc/rekey-agent/agent.toml",
        )
    ),
    "enrol": "runuser -u rekey-agent -- .venv/bin/python -m writeback.agent enrol",
    "start": "cp deploy/rekey-agent.service /etc/systemd/system/ && systemctl enable --now rekey-agent",
}


class InvitationForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("Its name"),
        max_length=100,
        help_text=gettext_lazy("For you to tell agents apart, like the name of its machine."),
        widget=forms.TextInput(attrs={"class": "vTextField", "autocomplete": "off"}),
    )


def status(request: HttpRequest, pk: int, page: Any) -> HttpResponse:
    """The part of the page that says how it is doing, for a page that waits."""
    directory = _directory(request, pk, page, changing=False)
    look = look_of(directory, request.GET.get("tested", ""), timezone.now())
    context = {"look": look, "may_change": page.has_change_permission(request, directory)}
    return TemplateResponse(request, "admin/parts/directory_status.html", context)


def test(request: HttpRequest, pk: int, page: Any) -> HttpResponse:
    """Let a worker look now, and wait for it on the directory's page."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    directory = _directory(request, pk, page)
    connector = _connector(directory)
    if connector.way != Connector.Way.DIRECT:
        messages.info(request, _("Agents report by themselves; below is what they reported last."))
        return _back(directory)
    ask_for_look(connector)
    return _back(directory, f"?tested={int(timezone.now().timestamp())}")


def synchronise(request: HttpRequest, pk: int, page: Any) -> HttpResponse:
    """Ask for a run. It is a worker's or an agent's to do."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    directory = _directory(request, pk, page)
    connector = _connector(directory)
    if not connector.sync_is_on:
        messages.error(request, _("Bringing people and groups in is switched off for this directory."))
        return _back(directory)
    ask_for_sync(connector)
    trail.record(request, directory, Activity.OBJECT_CHANGED, {"action": "synchronisation_asked_for"})
    messages.success(request, _("A synchronisation was asked for. It begins within a minute or so."))
    return _back(directory)


def invite(request: HttpRequest, pk: int, page: Any) -> HttpResponse:
    """Name an agent; then its code and the commands for its machine are shown this one time."""
    directory = _directory(request, pk, page)
    connector = _connector(directory)
    if page.proof_missing(request):
        proof: HttpResponse = page.to_proof(request)
        return proof
    form = InvitationForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        answer = _invited(request, page, directory, connector, form)
        if answer is not None:
            return answer
    return _page(request, page, "admin/agent_invite.html", directory, _("Invite an agent"), form=form)


def _invited(
    request: HttpRequest, page: Any, directory: Directory, connector: Connector, form: InvitationForm
) -> HttpResponse | None:
    name = form.cleaned_data["name"]
    try:
        agent, code = agents.invite(connector, name, person_of(request), timezone.now())
    except agents.NameTaken:
        form.add_error("name", _("This directory has, or had, an agent of that name. Choose another one."))
        return None
    page.tell_others(
        request,
        directory,
        lambda: _("An agent was invited for %(what)s.") % {"what": page.named(directory)},
        lambda: [_("Agent: %(name)s") % {"name": agent.name}],
    )
    shown = {"agent": agent, "code": code, "server": settings.AGENTS_URL, **COMMANDS}
    return _page(request, page, "admin/agent_code_once.html", directory, _("Set the agent up now"), **shown)


def _page(
    request: HttpRequest, page: Any, template: str, directory: Directory, title: str, **context: Any
) -> HttpResponse:
    request.current_app = page.admin_site.name
    shared = {**page.admin_site.each_context(request), "opts": page.opts, "title": title, "directory": directory}
    return TemplateResponse(request, template, {**shared, **context})


def _directory(request: HttpRequest, pk: int, page: Any, changing: bool = True) -> Directory:
    """One of the administrator's own; of others it is not even said that they exist."""
    found: Directory | None = page.get_queryset(request).filter(pk=pk).first()
    if found is None:
        raise Http404
    allowed = page.has_change_permission if changing else page.has_view_permission
    if not allowed(request, found):
        raise PermissionDenied
    return found


def _connector(directory: Directory) -> Connector:
    """What the page offers needs one; before that it says so."""
    connector = connector_of(directory)
    if connector is None:
        raise Http404
    return connector


def _back(directory: Directory, query: str = "") -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:accounts_directory_change", args=[directory.pk]) + query)
