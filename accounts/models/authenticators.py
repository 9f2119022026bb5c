"""What a person can prove themselves with: one table for every type."""

import json
import logging
from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from django_otp.models import Device

from accounts import secrets
from accounts.masks import mask_of
from accounts.methods import METHODS_OF, AuthenticatorType, Method, available_methods
from accounts.models.scoped import TenantManager
from accounts.models.tenants import Tenant, TenantOwned
from accounts.models.users import User

logger = logging.getLogger(__name__)

CHANGE_COUNTS_AFTER = timedelta(hours=72)
PASS_STANDS_ALONE_AFTER = timedelta(hours=1)


class Authenticator(Device):
    """One registered e-mail address, phone, app or set of questions. Its data is sealed; a keyed digest finds it.

    It is a django-otp device for its identity (`user.otp_device`); attempts are counted by `policy.throttle` alone.
    """

    class Source(models.TextChoices):
        USER = "user", _("Registered by the person")
        IMPORT = "import", _("Imported")
        STAFF = "staff", _("Typed by staff")

    # No constraint of its own: the person's holds it, and an import would check each tenant twice.
    tenant = models.ForeignKey(
        Tenant,
        null=True,
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
        db_constraint=False,
        verbose_name=_("tenant"),
    )
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="authenticators", verbose_name=_("user"))
    type = models.CharField(_("type"), max_length=20, choices=AuthenticatorType.choices)
    sealed = models.BinaryField(blank=True, default=b"")
    digest = models.CharField(max_length=200, blank=True, editable=False)
    source = models.CharField(_("origin"), max_length=10, choices=Source.choices, default=Source.STAFF)
    registered_at = models.DateTimeField(_("registered"), default=timezone.now)
    changed_at = models.DateTimeField(_("changed"), default=timezone.now)
    replaces_another = models.BooleanField(_("took the place of another value"), default=False, editable=False)
    confirmed_at = models.DateTimeField(_("confirmed"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)
    is_first = models.BooleanField(_("used first"), default=False, db_default=False, editable=False)
    # Kept by `accounts.own_addresses`: nobody can register such an address, the organisation's domain came later.
    in_own_domain = models.BooleanField(
        _("in a domain of the organisation"), default=False, db_default=False, editable=False
    )
    last_step = models.BigIntegerField(default=-1, editable=False)

    objects = TenantManager()  # type: ignore[misc, assignment]

    class Meta:
        verbose_name = _("authenticator")
        verbose_name_plural = _("authenticators")
        constraints = [
            models.UniqueConstraint(
                fields=["user", "type", "digest"],
                condition=~models.Q(digest=""),
                name="authenticator_value_once",
                violation_error_message=_("This person has that already."),
            ),
            models.UniqueConstraint(
                fields=["user", "type"],
                condition=models.Q(type__in=["questions", "office_phone", "recovery_codes", "access_pass"]),
                name="authenticator_type_once",
                violation_error_message=_("This person has one of these already."),
            ),
            models.UniqueConstraint(
                fields=["user"], condition=models.Q(is_first=True), name="authenticator_first_once"
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "type"], name="authenticator_by_type"),
            models.Index(fields=["user"], condition=models.Q(in_own_domain=True), name="authenticator_in_own_domain"),
        ]

    def __str__(self) -> str:
        return f"{self.get_type_display()} · {self.user_id}"

    @property
    def place(self) -> str:
        """What the sealed data is bound to: moved to another person's row it does not open."""
        return f"authenticator|{self.tenant_id}|{self.user_id}|{self.type}"

    @property
    def secret_value(self) -> str:
        """The address, the number in E.164, or the app's key in base32; empty for questions."""
        value: str = json.loads(secrets.open_sealed(bytes(self.sealed), self.place))["value"] if self.sealed else ""
        return value

    @cached_property
    def readable_value(self) -> str | None:
        """Its value; None where it can't be opened: damaged, or sealed with a key that is not held any more."""
        try:
            return self.secret_value
        except (secrets.Damaged, secrets.UnknownKey, ValueError, KeyError):
            return None

    @property
    def is_readable(self) -> bool:
        return self.readable_value is not None

    def note_unreadable(self) -> None:
        """Tell the operator which row it is, and nothing of what is in it. Whoever comes upon one calls it once."""
        logger.warning("Authenticator %s can't be read: it was damaged, or its key in SEALING_KEYS is gone.", self.pk)

    def set_value(self, value: str, now: Any = None) -> None:
        """Seal a new value and note that it changed. Saves nothing. Nobody may give one in an own domain."""
        self.__dict__.pop("readable_value", None)
        self.sealed = secrets.seal(json.dumps({"value": value}).encode(), self.place)
        self.digest = secrets.digest(self.digest_purpose, value)
        self.changed_at = now or timezone.now()
        self.in_own_domain = False

    @property
    def digest_purpose(self) -> str:
        return f"authenticator|{self.tenant_id}|{self.type}"

    @property
    def mask(self) -> str:
        """What strangers may see of it: two digits, or one letter; empty where it can't be read."""
        value = self.readable_value
        return "" if value is None else mask_of(AuthenticatorType(self.type), value)

    def methods(self) -> tuple[Method, ...]:
        """What it can be used for in this installation."""
        usable = available_methods()
        return tuple(method for method in METHODS_OF[AuthenticatorType(self.type)] if method in usable)

    def proves(self, imported_counts: bool, now: Any) -> bool:
        """Whether it may be used as a proof now: confirmed by the person, or allowed as imported and old enough.

        Source: ground rule that a proof is the person's own; a change by anybody else counts after 72 hours.
        """
        if self.confirmed_at is not None:
            return True
        if self.source == self.Source.USER:
            return False
        settled = not self.replaces_another or self.changed_at + CHANGE_COUNTS_AFTER <= now
        return imported_counts and settled

    @classmethod
    def proving(cls, imported_counts: bool, now: datetime) -> models.Q:
        """`proves` as a condition of a query."""
        confirmed = models.Q(confirmed_at__isnull=False)
        if not imported_counts:
            return confirmed
        settled = models.Q(replaces_another=False) | models.Q(changed_at__lte=now - CHANGE_COUNTS_AFTER)
        return confirmed | (~models.Q(source=cls.Source.USER) & settled)


class SecurityAnswer(TenantOwned):
    """One answered question of a person. The answer is hashed slowly and can be read by nobody."""

    authenticator = models.ForeignKey(Authenticator, on_delete=models.CASCADE, related_name="answers")
    question = models.CharField(_("question"), max_length=40)
    answer_hash = models.CharField(max_length=200)

    class Meta:
        verbose_name = _("security answer")
        verbose_name_plural = _("security answers")
        constraints = [models.UniqueConstraint(fields=["authenticator", "question"], name="question_answered_once")]

    def __str__(self) -> str:
        return self.question


class RecoveryCode(TenantOwned):
    """One of the codes that a person printed. Its digest is keyed and bound to its set; it works once."""

    authenticator = models.ForeignKey(Authenticator, on_delete=models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=120)
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["authenticator", "digest"], name="recovery_code_once")]

    def __str__(self) -> str:
        return f"recovery code {self.pk}"


class AccessPass(TenantOwned):
    """What a temporary access pass is beside its authenticator: until when it works, who made it, and who approved it.

    It dies with the credentials' epoch it was made in: when the password is set, or all sessions are ended. Keys of people
    are plain numbers: whoever made a pass is known after their own account is gone.
    """

    authenticator = models.OneToOneField(Authenticator, on_delete=models.CASCADE, related_name="access_pass")
    digest = models.CharField(max_length=120)
    epoch = models.CharField(max_length=32)
    issuer_id = models.BigIntegerField()
    issuer_network = models.CharField(max_length=50)
    approver_id = models.BigIntegerField(null=True)
    approved_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"temporary access pass {self.pk}"

    @property
    def digest_purpose(self) -> str:
        """A pass is good for its own person and its own row only."""
        row = self.authenticator
        return f"access-pass|{row.tenant_id}|{row.user_id}|{row.digest}"

    def is_live(self, now: Any) -> bool:
        return self.used_at is None and now < self.expires_at

    @property
    def stands_alone_at(self) -> Any:
        """From when on it needs no second proof beside it; None while nobody has approved it."""
        return self.approved_at and self.approved_at + PASS_STANDS_ALONE_AFTER

    def stands_alone(self, now: Any) -> bool:
        return self.stands_alone_at is not None and self.stands_alone_at <= now
