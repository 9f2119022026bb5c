"""Console pages of authenticators: values are typed and stored sealed, and only their masks are shown."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import secrets, totp
from accounts.admin import ranks, trail
from accounts.admin.base import ReadOnlyInline, ScopedAdmin, ScopedForm, person_of
from accounts.admin.groups import HIGHER_PERSON
from accounts.admin.qr import picture_of
from accounts.admin.values import read_value
from accounts.audit import Activity
from accounts.methods import AuthenticatorType
from accounts.models import AuditEvent, Authenticator, User
from accounts.models.authenticators import CHANGE_COUNTS_AFTER

TYPED = (AuthenticatorType.EMAIL, AuthenticatorType.MOBILE_PHONE, AuthenticatorType.OFFICE_PHONE)
CHOICES = [(kind.value, kind.label) for kind in (*TYPED, AuthenticatorType.APP)]


def took_a_place(person: User, now: datetime) -> bool:
    """Whether a value that staff add stands beside or after another one of any type: it then counts 72 hours later only.

    Otherwise deleting a number and adding another, or an app beside a number, would be a way around the wait: the person
    is told meanwhile.
    """
    if Authenticator.objects.filter(user=person).exists():
        return True
    deleted = AuditEvent.objects.filter(
        trail.of_tenant(person.tenant_id),
        target_id=person.pk,
        activity=Activity.OBJECT_DELETED,
        created_at__gt=now - CHANGE_COUNTS_AFTER,
        details__model=Authenticator._meta.label_lower,
    )
    return deleted.exists()


def told_mask(row: Authenticator) -> str:
    """What the console shows of a value."""
    if not row.is_readable:
        row.note_unreadable()
        return str(_("can't be read"))
    return row.mask or "–"


class AuthenticatorForm(ScopedForm):
    type = forms.ChoiceField(label=_("Type"), choices=CHOICES)
    value = forms.CharField(
        label=_("Value"),
        required=False,
        max_length=254,
        strip=True,
        widget=forms.TextInput(attrs={"class": "vTextField", "autocomplete": "off"}),
        help_text=_(
            "An address, or a number as +49 151 23456789. It is stored sealed and shown masked from then on. "
            "Leave it empty for an authenticator app: its key is made here and shown once."
        ),
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        person = data.get("user") or (self.instance.user if self.instance.user_id else None)
        kind = data.get("type") or self.instance.type
        if person is None or not kind:
            return data
        if not ranks.may_change(self.actor, person):
            self.add_error(None, HIGHER_PERSON)
            return data
        self.instance.user, self.instance.type = person, kind
        try:
            data["value"] = self._read(person, AuthenticatorType(kind), data.get("value", ""))
        except ValidationError as error:
            self.add_error("value", error)
        return data

    def _read(self, person: User, kind: AuthenticatorType, typed: str) -> str:
        """What is to be stored; empty where nothing changes. Raises ValidationError."""
        adding = self.instance.pk is None
        if kind == AuthenticatorType.APP:
            if typed:
                raise ValidationError(
                    _("Leave this empty: the app's key is made here. To replace an app, delete it and add a new one.")
                )
            return totp.new_secret() if adding else ""
        if not typed and not adding:
            return ""
        if not typed:
            raise ValidationError(_("Type the address or the number."), code="required")
        value = read_value(kind, typed, person.tenant)
        held = Authenticator.objects.filter(user=person, type=kind).exclude(pk=self.instance.pk)
        if held.filter(digest__in=secrets.digests(self.instance.digest_purpose, value)).exists():
            raise ValidationError(_("This person has that already."), code="unique")
        if kind == AuthenticatorType.OFFICE_PHONE and held.exists():
            raise ValidationError(_("This person has one of these already."), code="unique")
        return value


class AuthenticatorAdmin(ScopedAdmin):
    form = AuthenticatorForm
    list_display = ("user", "type", "mask", "source", "confirmed_at", "last_used_at")
    list_filter = ("type", "source", ("confirmed_at", admin.EmptyFieldListFilter))
    list_select_related = ("user",)
    search_fields = ("user__principal_key__startswith",)
    ordering = ("-id",)
    lookups = frozenset({"user"})
    autocomplete_fields = ("user",)
    tenant_from = ("user",)
    unsaid = frozenset({"value"})
    readonly_fields = ("mask", "source", "registered_at", "changed_at", "confirmed_at", "last_used_at")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ((None, {"fields": ("user", "type", "value")}),)
        first = (
            ("user", "type", "mask", "value")
            if obj.type in TYPED and self._may_type(request, obj)
            else ("user", "type", "mask")
        )
        history = ("source", "registered_at", "changed_at", "confirmed_at", "last_used_at")
        return ((None, {"fields": first}), (_("How it came here"), {"fields": history}))

    def _may_type(self, request: HttpRequest, obj: Any) -> bool:
        return self.has_change_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return fields if obj is None else (*fields, "user", "type")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and _may(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and _may(request, obj)

    @admin.display(description=_("value"))
    def mask(self, row: Authenticator) -> str:
        return told_mask(row)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """What staff type was proved by nobody: it loses every confirmation, and waits if it took another's place."""
        value = form.cleaned_data.get("value")
        if value:
            now = timezone.now()
            obj.replaces_another = change or took_a_place(obj.user, now)
            obj.source, obj.confirmed_at, obj.last_step = Authenticator.Source.STAFF, None, -1
            obj.set_value(value, now)
        super().save_model(request, obj, form, change)

    def record_deletion(self, request: HttpRequest, obj: Any) -> None:
        values = {"type": obj.type, "value": obj.mask, "source": obj.source}
        trail.record(request, obj, self.activities[2], {"action": "deleted", "values": values})

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        """An app's key is shown in this one answer, and can be seen nowhere afterwards."""
        if obj.type != AuthenticatorType.APP:
            return super().response_add(request, obj, post_url_continue)
        key = obj.secret_value
        issuer = obj.tenant.name if obj.tenant else "Rekey"
        context = {
            **self.admin_site.each_context(request),
            "title": _("Set up the authenticator app now"),
            "key": key,
            "picture": picture_of(totp.address_for_apps(key, obj.user.principal_name, issuer)),
            "object": obj,
            "opts": self.opts,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/app_key_once.html", context)


class AuthenticatorInline(ReadOnlyInline):
    """A list on the user's page; each is changed on a page of its own."""

    model = Authenticator
    fields = ("type", "mask", "source", "registered_at", "confirmed_at", "last_used_at")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).order_by("registered_at", "id")

    @admin.display(description=_("value"))
    def mask(self, row: Authenticator) -> str:
        return told_mask(row)


def _may(request: HttpRequest, obj: Any) -> bool:
    return obj is None or ranks.may_change(person_of(request), obj.user)
