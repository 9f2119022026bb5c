"""Organisations, their domains, and where their people's passwords are mastered."""

import re
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator, RegexValidator, URLValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.scoped import TenantManager
from accounts.names import domain_of

if TYPE_CHECKING:
    from accounts.models.users import User

HOST_NAME = re.compile(r"^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$")


def validate_domain_name(value: str) -> None:
    if not HOST_NAME.match(value):
        raise ValidationError(_("Write the domain in lower case without @, for example acme.example."), code="domain")


class TenantOwned(models.Model):
    """Belongs to one tenant. A query outside an opened scope raises (django-scopes)."""

    tenant = models.ForeignKey("accounts.Tenant", on_delete=models.CASCADE, related_name="+", verbose_name=_("tenant"))

    objects = TenantManager()

    class Meta:
        abstract = True


class Tenant(models.Model):
    """An organisation, and the choices that hold for everybody in it whatever policy governs them."""

    class Kind(models.TextChoices):
        WORKFORCE = "workforce", _("Workforce: names end in one of the organisation's domains")
        CUSTOMERS = (
            "customers",
            _("Customers: an e-mail address or a user name, at the organisation's own address only"),
        )

    class Disclosure(models.TextChoices):
        PRIVATE = "private", _("Private: strangers learn nothing about anybody")
        HELPFUL = "helpful", _("Helpful: says why somebody can't reset, with a code")

    class AdministratorNotice(models.TextChoices):
        GLOBAL = "global", _("All other global administrators")
        ALL = "all", _("All other administrators")

    class Contact(models.TextChoices):
        FORM = "form", _("A form that mails the administrators")
        MAIL = "mail", _("An e-mail address")
        URL = "url", _("A web address")
        OFF = "off", _("Off; the text says whom to ask")

    slug = models.SlugField(
        _("short name"), max_length=40, unique=True, help_text=_("Part of the address, as in /t/acme/.")
    )
    name = models.CharField(_("name"), max_length=120, help_text=_("Shown on pages, in mails and text messages."))
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices, default=Kind.WORKFORCE)
    is_active = models.BooleanField(_("active"), default=True)
    language = models.CharField(
        _("language"), max_length=10, default="en", help_text=_("Where a person has chosen none.")
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    find_by_mail = models.BooleanField(
        _("find people by mail"),
        default=False,
        help_text=_("People may type their e-mail address instead of their user name."),
    )
    disclosure = models.CharField(
        _("disclosure"), max_length=10, choices=Disclosure.choices, default=Disclosure.PRIVATE
    )
    administrators_may_reset = models.BooleanField(
        _("administrators may reset by self-service"),
        default=True,
        help_text=_("They always need two kinds out of e-mail, phone and app, whatever the policies say."),
    )
    calls_by_hash_alone = models.BooleanField(
        _("calls are confirmed by the hash key alone"),
        default=False,
        help_text=_(
            "As Entra does it. Without this, whoever takes the call also presses two digits that only the page shows: a "
            "call that somebody else started can't be confirmed by habit."
        ),
    )
    imported_methods_count = models.BooleanField(
        _("imported methods count"),
        default=False,
        help_text=_(
            "Phone numbers and addresses that were imported or typed by staff prove who somebody is, although the person "
            "never confirmed them. A change by anybody but the person counts after 72 hours."
        ),
    )
    administrator_notice = models.CharField(
        _("who hears of an administrator's reset"),
        max_length=10,
        choices=AdministratorNotice.choices,
        default=AdministratorNotice.GLOBAL,
    )
    contact = models.CharField(
        _("contact your administrator"), max_length=10, choices=Contact.choices, default=Contact.FORM
    )
    contact_target = models.CharField(
        _("contact address"), max_length=200, blank=True, help_text=_("The e-mail or web address, where one is used.")
    )
    contact_text = models.TextField(
        _("contact text"), blank=True, validators=[MaxLengthValidator(500)], help_text=_("Says whom to ask, and when.")
    )

    may_connect_directly = models.BooleanField(
        _("may let this server reach its directories"),
        default=False,
        help_text=_("For platform operators to allow. Without it, agents in the organisation's network do."),
    )
    domains_looked_for = models.CharField(max_length=64, blank=True, default="", db_default="", editable=False)

    users: "models.Manager[User]"

    class Meta:
        verbose_name = _("tenant")
        verbose_name_plural = _("tenants")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        if self.contact == self.Contact.URL:
            _validate_contact(
                URLValidator(schemes=["https"]), self.contact_target, _("Write a whole address with https://.")
            )
        if self.contact == self.Contact.MAIL:
            _validate_contact(models.EmailField().run_validators, self.contact_target, _("Write an e-mail address."))
        if self.contact == self.Contact.OFF and not self.contact_text.strip():
            raise ValidationError({"contact_text": _("Say whom people should ask instead.")})


def _validate_contact(validate, target: str, message) -> None:  # type: ignore[no-untyped-def]
    try:
        if not target:
            raise ValidationError(message)
        validate(target)
    except ValidationError:
        raise ValidationError({"contact_target": message}) from None


class Branding(TenantOwned):
    """What makes a page the organisation's own: its logo and one accent colour."""

    tenant = models.OneToOneField(Tenant, on_delete=models.CASCADE, related_name="branding", verbose_name=_("tenant"))
    accent = models.CharField(
        _("accent colour"),
        max_length=7,
        blank=True,
        validators=[RegexValidator(r"^#[0-9a-fA-F]{6}$", _("Write a colour as #2f5bd8."))],
        help_text=_("For buttons and links, as #2f5bd8. Text on it turns dark or light by itself."),
    )
    logo = models.BinaryField(blank=True, default=b"", help_text="A PNG, re-encoded here.")
    logo_version = models.CharField(max_length=16, blank=True, default="", editable=False)

    class Meta:
        verbose_name = _("branding")
        verbose_name_plural = _("branding")

    def __str__(self) -> str:
        return f"{self.tenant}"


class Directory(TenantOwned):
    """A source of authority outside Rekey. How to reach it is for `writeback` to know."""

    class Kind(models.TextChoices):
        ACTIVE_DIRECTORY = "active_directory", "Active Directory"
        OPENLDAP = "openldap", "OpenLDAP"
        DS389 = "ds389", "389 Directory Server"

    name = models.CharField(_("name"), max_length=120)
    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices)

    class Meta:
        verbose_name = _("directory")
        verbose_name_plural = _("directories")
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="directory_name_once_per_tenant")]

    def __str__(self) -> str:
        return self.name


class Domain(TenantOwned):
    """A part after the @ that belongs to one tenant, and where the passwords of its people are checked."""

    class Authority(models.TextChoices):
        CLOUD = "cloud", _("Here")
        DIRECTORY = "directory", _("In a directory of the organisation, which checks them")
        FEDERATED = "federated", _("In a directory; people sign in at the organisation's identity provider")
        EXTERNAL = "external", _("At another organisation")

    IN_DIRECTORY = (Authority.DIRECTORY, Authority.FEDERATED)

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="domains", verbose_name=_("tenant"))
    name = models.CharField(_("domain"), max_length=253, unique=True, validators=[validate_domain_name])
    verified_at = models.DateTimeField(_("verified"), null=True, blank=True)
    authority = models.CharField(
        _("passwords are kept"), max_length=10, choices=Authority.choices, default=Authority.CLOUD
    )
    directory = models.ForeignKey(
        Directory, null=True, blank=True, on_delete=models.PROTECT, related_name="domains", verbose_name=_("directory")
    )
    home_name = models.CharField(_("home organisation"), max_length=120, blank=True)
    home_url = models.URLField(
        _("its address"),
        blank=True,
        validators=[URLValidator(schemes=["https"])],
        help_text=_("Where another organisation's people reset their passwords, or where federated people sign in."),
    )
    copies_minutes = models.PositiveSmallIntegerField(
        _("copies follow within (minutes)"),
        default=0,
        help_text=_("Where other places keep copies of these passwords: how long they may take. 0: there are none."),
    )

    class Meta:
        verbose_name = _("domain")
        verbose_name_plural = _("domains")
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(directory__isnull=False) | ~models.Q(authority__in=["directory", "federated"]),
                name="domain_names_its_directory",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def is_own(cls, tenant: "Tenant | None", address: str) -> bool:
        """Whether an address lies in one of the tenant's own domains or below one: it needs the password it would reset."""
        parts = domain_of(address).split(".")
        suffixes = [".".join(parts[start:]) for start in range(len(parts))]
        return bool(cls.objects.filter(tenant=tenant, name__in=suffixes).exists())

    @classmethod
    def copies_follow_within(cls, tenant: "Tenant", user: "User | None") -> int:
        """Minutes until all copies of this person's password are new; 0 where there are none."""
        name = domain_of(user.principal_name) if user else ""
        return cls.objects.filter(tenant=tenant, name=name).values_list("copies_minutes", flat=True).first() or 0

    def clean(self) -> None:
        if self.authority in self.IN_DIRECTORY and self.directory_id is None:
            raise ValidationError({"directory": _("Choose the directory that keeps these passwords.")})
        if self.authority == self.Authority.FEDERATED and not self.home_url:
            raise ValidationError({"home_url": _("Write the address where these people sign in.")})
        if self.authority == self.Authority.EXTERNAL and not (self.home_name and self.home_url):
            raise ValidationError(
                {"home_name": _("Name the home organisation and where its people reset their passwords.")}
            )
