"""Console pages of the organisation itself: its settings, its look, its domains."""

import base64
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet, URLField
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from accounts.admin import colours, logos
from accounts.admin.base import ScopedAdmin, ScopedForm, person_of
from accounts.admin.routing import RoutingAdmin, RoutingForm
from accounts.models import Branding, Domain
from accounts.tenants import all_opened

# The short name is in people's bookmarks, an inactive tenant locks its own administrators out, and where this server's
# connections go is for whoever runs it to say.
FOR_OPERATORS = ("slug", "kind", "is_active", "may_connect_directly")


class TenantForm(ScopedForm):
    language = forms.ChoiceField(
        label=_("Language"), choices=settings.LANGUAGES, help_text=_("Where a person has chosen none.")
    )


class TenantAdmin(ScopedAdmin):
    """Administrators see and change their own organisation only. None is deleted here: it is made inactive."""

    form = TenantForm
    list_display = ("name", "slug", "kind", "is_active")
    list_filter = ("kind", "is_active")
    search_fields = ("name", "slug")
    ordering = ("name",)
    fieldsets = (
        (None, {"fields": ("name", "slug", "kind", "is_active", "language", "created_at")}),
        (
            _("Self-service"),
            {
                "fields": (
                    "find_by_mail",
                    "disclosure",
                    "administrators_may_reset",
                    "imported_methods_count",
                    "calls_by_hash_alone",
                    "administrator_notice",
                    "may_connect_directly",
                )
            },
        ),
        (_("Whom people ask when they are stuck"), {"fields": ("contact", "contact_target", "contact_text")}),
    )
    readonly_fields = ("created_at",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        person = person_of(request)
        rows = super().get_queryset(request)
        return rows if person.is_platform_operator else rows.filter(pk=person.tenant_id)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return fields if person_of(request).is_platform_operator else (*fields, *FOR_OPERATORS)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return person_of(request).is_platform_operator

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class BrandingForm(ScopedForm):
    upload = forms.FileField(
        label=_("New logo"),
        required=False,
        help_text=_("PNG, JPEG or WebP, at most 256 kB. It is scaled down to 256 pixels."),
        widget=forms.FileInput(attrs={"accept": "image/png,image/jpeg,image/webp"}),
    )
    remove = forms.BooleanField(label=_("Remove the logo"), required=False)

    def clean_upload(self) -> bytes | None:
        file = self.cleaned_data.get("upload")
        return logos.reencode(file.read(logos.LARGEST_FILE + 1)) if file else None

    def save(self, commit: bool = True) -> Any:
        picture = b"" if self.cleaned_data.get("remove") else self.cleaned_data.get("upload")
        if picture is not None:
            self.instance.logo, self.instance.logo_version = picture, logos.version_of(picture)
        return super().save(commit)


class BrandingAdmin(ScopedAdmin):
    form = BrandingForm
    list_display = ("tenant", "accent", "has_logo")
    list_select_related = ("tenant",)
    fieldsets = ((None, {"fields": ("accent", "contrast", "logo_now", "upload", "remove")}),)
    readonly_fields = ("contrast", "logo_now")
    unsaid = frozenset({"upload"})

    def get_list_display(self, request: HttpRequest) -> Any:
        return self.list_display

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("logo").order_by("tenant__name")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """One for each organisation."""
        person = person_of(request)
        missing = person.is_platform_operator or not Branding.objects.filter(tenant=person.tenant).exists()
        return super().has_add_permission(request) and missing

    @admin.display(description=_("logo"), boolean=True)
    def has_logo(self, row: Branding) -> bool:
        return bool(row.logo_version)

    @admin.display(description=_("logo now"))
    def logo_now(self, row: Branding) -> str:
        if not row.logo:
            return "–"
        encoded = base64.b64encode(bytes(row.logo)).decode()
        return format_html(
            '<img src="data:image/png;base64,{}" alt="{}" class="logo-now">', encoded, _("The logo as pages show it")
        )

    @admin.display(description=_("how it reads"))
    def contrast(self, row: Branding) -> str:
        return _contrast_note(row.accent) if row.accent else "–"

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if obj.accent and not colours.judge(obj.accent).links_read_well:
            messages.warning(request, _contrast_note(obj.accent))


def _contrast_note(accent: str) -> str:
    judged = colours.judge(accent)
    values = {"text": f"{judged.of_text_on_it:.1f}", "links": f"{judged.of_links_on_white:.1f}"}
    if judged.links_read_well:
        return _("Reads well: contrast %(links)s to 1 as a link on white, %(text)s to 1 for text on it.") % values
    return (
        _(
            "Links in this colour are hard to read on white: contrast %(links)s to 1, where 4.5 is needed. "
            "Choose a darker one."
        )
        % values
    )


class DomainForm(RoutingForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "copies_minutes" in self.fields:
            self.fields["copies_minutes"].required = False

    def clean_copies_minutes(self) -> int:
        return self.cleaned_data["copies_minutes"] or 0

    def clean_name(self) -> str:
        """Domains are unique over all organisations, which the opened scope does not show."""
        name = str(self.cleaned_data["name"]).lower()
        with all_opened():
            if Domain.objects.filter(name=name).exclude(pk=self.instance.pk).exists():
                raise forms.ValidationError(_("This domain is in use already."), code="unique")
        return name


class DomainAdmin(RoutingAdmin):
    """Whether a domain is really the organisation's own is for the platform operator to say."""

    form = DomainForm
    formfield_overrides = {URLField: {"assume_scheme": "https"}}
    list_display = ("name", "authority", "directory", "verified_at")
    list_filter = ("authority", ("verified_at", admin.EmptyFieldListFilter))
    list_select_related = ("directory",)
    search_fields = ("name",)
    autocomplete_fields = ("directory",)
    radio_fields = {"authority": admin.VERTICAL}
    fieldsets = (
        (None, {"fields": ("name", "verified_at")}),
        (
            _("Where passwords are kept"),
            {"fields": ("authority", "directory", "home_name", "home_url", "copies_minutes")},
        ),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        if person_of(request).is_platform_operator:
            return fields
        return (*fields, "verified_at", "name") if obj else (*fields, "verified_at")
