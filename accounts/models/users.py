"""People, found by a name whose look-alikes never find them."""

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.contrib.auth import get_backends
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from accounts.models.scoped import TenantManager
from accounts.models.tenants import Directory, Tenant
from accounts.names import is_plain, key_of

INVITATION_LIFETIME = timedelta(hours=24)


def new_epoch() -> str:
    return secrets.token_hex(16)


def validate_plain_name(value: str) -> None:
    if not is_plain(value):
        raise ValidationError(
            _("Use plain characters only: no full-width letters, ligatures, look-alike signs or invisible characters."),
            code="name",
        )


class User(AbstractBaseUser):
    """A person of a tenant, or (without tenant) a platform operator. An administrator is a user with a role."""

    tenant = models.ForeignKey(
        Tenant,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="users",
        db_index=False,  # other indexes lead with it
        verbose_name=_("tenant"),
    )
    principal_name = models.CharField(_("user name"), max_length=254, validators=[validate_plain_name])
    principal_key = models.CharField(max_length=254, editable=False)
    mail = models.EmailField(_("e-mail"), blank=True)
    mail_key = models.CharField(max_length=254, blank=True, editable=False)
    given_name = models.CharField(_("given name"), max_length=100, blank=True)
    family_name = models.CharField(_("family name"), max_length=100, blank=True)
    display_name = models.CharField(_("display name"), max_length=200, blank=True)
    language = models.CharField(_("language"), max_length=10, blank=True)
    directory = models.ForeignKey(
        Directory, null=True, blank=True, on_delete=models.PROTECT, related_name="users", verbose_name=_("directory")
    )
    anchor = models.CharField(_("anchor in the directory"), max_length=100, null=True, blank=True)
    is_enabled = models.BooleanField(_("enabled"), default=True)
    is_protected = models.BooleanField(
        _("protected"), default=False, help_text=_("Self-service never touches this account.")
    )
    # Kept apart from what an administrator chose: a directory that stops saying so takes nothing of that away.
    is_protected_in_directory = models.BooleanField(
        _("protected by the directory"),
        default=False,
        db_default=False,
        editable=False,
        help_text=_("The directory counts this account among the privileged ones."),
    )
    cannot_change_password = models.BooleanField(
        _("may not change the password"),
        default=False,
        db_default=False,
        help_text=_("The directory says so: only an administrator sets it."),
    )
    is_external = models.BooleanField(
        _("external"), default=False, help_text=_("The home organisation keeps the password.")
    )
    self_service_paused = models.BooleanField(
        _("self-service paused"), default=False, help_text=_("Set when the person said that a reset was not theirs.")
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    password_changed_at = models.DateTimeField(_("password changed"), null=True, blank=True, editable=False)
    must_change_password = models.BooleanField(_("must change password"), default=False)
    methods_confirmed_at = models.DateTimeField(_("methods confirmed"), null=True, blank=True, editable=False)
    registration_asked_at = models.DateTimeField(_("first asked to register"), null=True, blank=True, editable=False)
    one_more_offered_at = models.DateTimeField(_("offered one more method"), null=True, blank=True, editable=False)
    # What counts failures hangs on this one: only who passed every gate of a reset renews it.
    failures_epoch = models.CharField(max_length=32, default="", db_default="", blank=True, editable=False)
    credentials_epoch = models.CharField(max_length=32, default=new_epoch, editable=False)

    objects = TenantManager()

    USERNAME_FIELD = "principal_name"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "principal_key"],
                name="principal_once_per_tenant",
                violation_error_message=_(
                    "Somebody here has this user name already, or one that differs only in its letters' form."
                ),
            ),
            models.UniqueConstraint(
                fields=["principal_key"], condition=models.Q(tenant=None), name="operator_principal_once"
            ),
            models.UniqueConstraint(
                fields=["directory", "anchor"],
                condition=models.Q(anchor__isnull=False),
                name="anchor_once_per_directory",
            ),
        ]
        indexes = [models.Index(fields=["tenant", "mail_key"], name="user_by_mail")]

    def __str__(self) -> str:
        return self.principal_name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.principal_key = key_of(self.principal_name)
        self.mail_key = key_of(self.mail)
        self.anchor = self.anchor or None
        super().save(*args, **kwargs)

    @property
    def is_active(self) -> bool:  # type: ignore[override]
        return self.is_enabled

    @property
    def is_superuser(self) -> bool:
        return self.is_platform_operator

    @property
    def is_platform_operator(self) -> bool:
        return self.tenant_id is None

    @property
    def is_staff(self) -> bool:
        """Whether the console opens at all: for platform operators and for everybody who has a role."""
        return self.is_platform_operator or bool(self.get_all_permissions())

    @property
    def shown_name(self) -> str:
        return self.display_name or f"{self.given_name} {self.family_name}".strip() or self.principal_name

    def get_full_name(self) -> str:
        return self.shown_name

    def get_session_auth_hash(self) -> str:
        """Sessions hang on the epoch, not on the password: directory users' sessions end too."""
        return salted_hmac("accounts.User.credentials_epoch", self.credentials_epoch, algorithm="sha256").hexdigest()

    def get_session_auth_fallback_hash(self) -> Any:
        return iter(())

    def get_all_permissions(self, obj: Any = None) -> set[str]:
        """What the roles allow, asked of the authentication backends."""
        return {permission for backend in get_backends() for permission in backend.get_all_permissions(self, obj)}

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        return self.is_enabled and (self.is_platform_operator or perm in self.get_all_permissions(obj))

    def has_perms(self, perm_list: Any, obj: Any = None) -> bool:
        return all(self.has_perm(perm, obj) for perm in perm_list)

    def has_module_perms(self, app_label: str) -> bool:
        held = self.get_all_permissions()
        return self.is_enabled and (self.is_platform_operator or any(name.startswith(f"{app_label}.") for name in held))


class Invitation(models.Model):
    """A one-time link with which a new administrator sets a password and an app code."""

    tenant = models.ForeignKey(Tenant, null=True, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="invitations")
    digest = models.CharField(max_length=200, unique=True)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    objects = TenantManager()

    def __str__(self) -> str:
        return f"{self.user}"

    @classmethod
    def withdraw(cls, user_ids: Iterable[int], now: datetime) -> None:
        """Let no older link set these accounts' passwords."""
        cls.objects.filter(user__in=list(user_ids), used_at=None).update(used_at=now)
