"""A directory and the way to it, on one form. The service account's password goes in and never comes out."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib.admin import widgets
from django.forms.models import fields_for_model, model_to_dict
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import secrets
from accounts.admin.routing import RoutingForm
from accounts.models import Directory, Tenant
from writeback.access import problems_of_servers
from writeback.admin import checks
from writeback.models import Connector

WAY = ("way", "servers", "base_dn", "account", "ca_pem", "denied")
WRITING = ("is_on", "patience", "says_where_it_holds")
SYNC = ("sync_is_on", "sync_minutes", "people_filter", "groups_filter", "most_disabled_percent")
OF_CONNECTOR = (*WAY, *WRITING, *SYNC)
TEXTS = ("servers", "ca_pem", "denied")
LINES = {"rows": 3, "cols": 80, "spellcheck": "false", "class": "vLargeTextField lines"}
RADIOS = widgets.AdminRadioSelect(attrs={"class": "radiolist"})
LIMITED: dict[str, Any] = {
    field.name: field
    for field in Connector._meta.concrete_fields
    if field.name in ("sync_minutes", "most_disabled_percent")
}
WIDGETS: dict[str, Any] = {
    "way": RADIOS,
    "patience": RADIOS,
    **{name: forms.Textarea(attrs=LINES) for name in TEXTS},
    **{
        name: widgets.AdminTextInputWidget(attrs={"spellcheck": "false", "class": "vTextField long"})
        for name in ("base_dn", "account", "people_filter", "groups_filter")
    },
    **dict.fromkeys(("sync_minutes", "most_disabled_percent"), widgets.AdminIntegerFieldWidget),
}
LABELS: dict[str, Any] = {"is_on": _("Write passwords into this directory")}
NOT_ALLOWED = _(
    "This server may not reach the directory itself: whoever operates it has not allowed that for this organisation. "
    "Agents in the organisation's network do it."
)
MISSING = _("Needed where this server reaches the directory.")


class LinesField(forms.CharField):
    """Lines without blank ones and spaces around, so that a space makes no other host, and a browser's line ends no change."""

    def to_python(self, value: Any) -> str:
        return "\n".join(filter(None, map(str.strip, str(super().to_python(value)).splitlines())))


class DirectoryForm(RoutingForm):
    """`store` writes the connector once the directory has its key. `lost_password` then says whether one was thrown away."""

    # Declared here, because Django looks for a form's fields in its own model only.
    locals().update(
        fields_for_model(
            Connector, OF_CONNECTOR, widgets=WIDGETS, labels=LABELS, field_classes=dict.fromkeys(TEXTS, LinesField)
        )
    )

    password = forms.CharField(
        label=_("Its password"),
        required=False,
        strip=False,
        max_length=256,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "class": "vTextField"}),
    )
    attribute_lines = LinesField(
        label=_("Attributes"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs=LINES),
        help_text=_(
            "Where an attribute differs from the usual one: a line for each field, like mail = proxyMail. Fields: "
            "principal_name, mail, given_name, family_name, display_name, language, office_phone, mobile_phone."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        directory: Directory = self.instance
        found = Connector.objects.filter(directory=directory).first() if directory.pk else None
        self.connector: Connector = found or Connector()
        self.lost_password = False
        self.initial = {
            **model_to_dict(self.connector, OF_CONNECTOR),
            "attribute_lines": checks.written_attributes(self.connector.attributes),
            **self.initial,
        }
        if "way" in self.fields:
            self._offer_ways()
            self.fields["password"].help_text = _password_note(self.connector)

    def _offer_ways(self) -> None:
        """The direct way only where the operator allows it. Of a tenant that is chosen on this form, `clean` asks again."""
        tenant: Tenant | None = self.instance.tenant if self.instance.tenant_id else self.actor.tenant
        way: Any = self.fields["way"]
        if tenant is not None and not tenant.may_connect_directly and self.connector.way != Connector.Way.DIRECT:
            way.choices = [choice for choice in way.choices if choice[0] != Connector.Way.DIRECT]
            way.help_text = NOT_ALLOWED

    # --- what is wrong ------------------------------------------------------------------------------------------

    def clean_servers(self) -> str:
        typed = str(self.cleaned_data["servers"])
        return self._without(problems_of_servers(typed), typed) if typed else ""

    def clean_base_dn(self) -> str:
        return self._dn("base_dn")

    def clean_account(self) -> str:
        return self._dn("account")

    def _dn(self, name: str) -> str:
        typed = str(self.cleaned_data[name]).strip()
        return self._without([checks.problem_of_dn(typed)], typed) if typed else ""

    def clean_denied(self) -> str:
        typed = str(self.cleaned_data["denied"])
        return self._without(checks.problems_of_dns(typed), typed)

    def clean_ca_pem(self) -> str:
        typed = str(self.cleaned_data["ca_pem"])
        return self._without(checks.problems_of_certificates(typed, timezone.now()), typed) if typed else ""

    def clean_people_filter(self) -> str:
        return self._filter("people_filter")

    def clean_groups_filter(self) -> str:
        return self._filter("groups_filter")

    def _filter(self, name: str) -> str:
        typed = str(self.cleaned_data[name]).strip()
        return self._without([checks.problem_of_filter(typed)], typed) if typed else ""

    def clean_attribute_lines(self) -> str:
        attributes, problems = checks.read_attributes(self.cleaned_data["attribute_lines"])
        return self._without(problems, checks.written_attributes(attributes))

    def _without(self, problems: Iterable[str], value: str) -> str:
        found = [problem for problem in problems if problem]
        if found:
            raise forms.ValidationError([forms.ValidationError(problem, code="wrong") for problem in found])
        return value

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        self._check_numbers(data)
        if data.get("way") != Connector.Way.DIRECT:
            return data
        tenant: Tenant | None = self.instance.tenant if self.instance.tenant_id else data.get("tenant")
        if tenant is not None and not tenant.may_connect_directly:
            self.add_error("way", NOT_ALLOWED)
        for name in ("servers", "base_dn", "account"):
            if not data.get(name) and name not in self.errors:
                self.add_error(name, MISSING)
        return data

    def _check_numbers(self, data: dict[str, Any]) -> None:
        """The model's own limits: forms of another model don't know them."""
        for name, field in LIMITED.items():
            if name in data:
                try:
                    field.run_validators(data[name])
                except forms.ValidationError as error:
                    self.add_error(name, error)

    # --- keeping it ---------------------------------------------------------------------------------------------

    def store(self) -> Connector:
        """Write the connector. Another host, account or authority never gets the password that was typed for the old one."""
        connector, data = self.connector, self.cleaned_data
        connector.tenant, connector.directory = self.instance.tenant, self.instance
        place = connector.place
        for name in OF_CONNECTOR:
            setattr(connector, name, data[name])
        connector.attributes = checks.read_attributes(data["attribute_lines"])[0]
        if data["password"]:
            connector.sealed_password = secrets.seal(data["password"].encode(), connector.place)
        elif connector.place != place and connector.sealed_password:
            connector.sealed_password, self.lost_password = b"", True
        gone = self._out_of_date()
        for name, value in gone.items():
            setattr(connector, name, value)
        # Its own columns only: a run or a look may be writing the others at this moment.
        written = [*OF_CONNECTOR, "attributes", "sealed_password", *gone]
        connector.save(update_fields=written if connector.pk else None)
        return connector

    def _out_of_date(self) -> dict[str, Any]:
        """What was found over another way says nothing about this one. A worker looks again at once."""
        changed = set(self.changed_data)
        gone: dict[str, Any] = {"looked_at": None}
        if changed & {*WAY, "password"}:
            gone |= {"reached_at": None, "answer": "", "seen": {}}
        if changed & {"way", "servers", "base_dn", "people_filter", "groups_filter", "attribute_lines"}:
            # Without a mark the next run is a full one: an incremental one leaves people as the old settings read them.
            gone |= {"sync_mark": ""}
        return gone


def _password_note(connector: Connector) -> Any:
    if connector.sealed_password:
        return _(
            "One is stored. Leave this empty to keep it. Another server, account or certificate needs it typed again: the "
            "stored one is thrown away then."
        )
    return _("None is stored. It is kept sealed, and never shown.")
