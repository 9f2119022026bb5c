"""Messages to people, and each attempt to deliver one."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.identifiers import new_id
from accounts.models import Tenant
from accounts.models.scoped import TenantManager


class Channel(models.TextChoices):
    EMAIL = "email", _("E-mail")
    SMS = "sms", _("Text message")
    VOICE = "voice", _("Call")


class Message(models.Model):
    """Something to tell somebody: committed first, delivered by a worker, erased of its content when that is over.

    A stranger's message is the same row in status `withheld`: nobody gets it, and nobody can tell.
    """

    class Status(models.TextChoices):
        QUEUED = "queued", _("Queued")
        SENDING = "sending", _("Being sent")
        SENT = "sent", _("Sent")
        FAILED = "failed", _("Failed")
        EXPIRED = "expired", _("Too late")
        WITHHELD = "withheld", _("Withheld")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(_("created"))
    tenant = models.ForeignKey(
        Tenant, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+", verbose_name=_("tenant")
    )
    kind = models.CharField(_("kind"), max_length=40)
    channel = models.CharField(_("channel"), max_length=10, choices=Channel.choices)
    language = models.CharField(_("language"), max_length=10)
    sealed = models.BinaryField(blank=True, default=b"", help_text="Recipient and content, readable by workers only.")
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.QUEUED)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    due_at = models.DateTimeField(_("due"), default=timezone.now)
    expires_at = models.DateTimeField(_("of use until"))
    correlation_id = models.UUIDField(_("correlation id"), null=True)
    user_id = models.BigIntegerField(_("user id"), null=True)

    objects = TenantManager()

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["due_at"], name="message_due", condition=models.Q(status__in=["queued", "sending"])),
            models.Index(
                fields=["expires_at"],
                name="message_withheld",
                condition=models.Q(status="withheld") & ~models.Q(sealed=b""),
            ),
            models.Index(fields=["tenant", "-created_at", "-id"], name="message_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"

    @property
    def place(self) -> str:
        """What its sealed content is bound to."""
        return f"message|{self.tenant_id or ''}|{self.id}"


class Delivery(models.Model):
    """One attempt to deliver a message."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(_("finished"))
    tenant = models.ForeignKey(Tenant, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    message = models.ForeignKey(
        Message, on_delete=models.DO_NOTHING, db_constraint=False, related_name="deliveries", verbose_name=_("message")
    )
    started_at = models.DateTimeField(_("started"))
    accepted = models.BooleanField(_("accepted"))
    permanent = models.BooleanField(_("final"), default=False)
    answer = models.CharField(_("provider's answer"), max_length=200, blank=True)

    objects = TenantManager()

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.message_id} {self.created_at:%H:%M:%S}"


class CapturedMessage(models.Model):
    """What the development channels caught instead of sending; shown at /dev/outbox/ in the embedded profile only."""

    channel = models.CharField(max_length=10, choices=Channel.choices)
    recipient = models.CharField(max_length=254)
    subject = models.CharField(max_length=300, blank=True)
    text = models.TextField()
    html = models.TextField(blank=True)
    answer_url = models.CharField(max_length=300, blank=True, help_text="Where the keys pressed in a call are sent.")
    captured_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.channel} → {self.recipient}"
