"""What happened: events that are only ever added, each with a MAC of its own."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.identifiers import new_id
from accounts.models.scoped import TenantManager
from accounts.models.tenants import Tenant


class AuditEvent(models.Model):
    """One event. Written by `accounts.audit.record`, read in the console, changed by nobody.

    What names a person (actor, target, address, client) enters the MAC as a salted digest: erasing a person removes the
    values and the salt, and the MAC still verifies.
    """

    class Result(models.TextChoices):
        SUCCESS = "success", _("Success")
        FAILURE = "failure", _("Failure")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(_("time"))
    tenant = models.ForeignKey(
        Tenant, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+", verbose_name=_("tenant")
    )
    activity = models.CharField(_("activity"), max_length=60)
    result = models.CharField(_("result"), max_length=10, choices=Result.choices)
    reason = models.CharField(_("reason"), max_length=80, blank=True)
    correlation_id = models.UUIDField(_("correlation id"), null=True)
    actor_id = models.BigIntegerField(_("actor id"), null=True)
    target_id = models.BigIntegerField(_("target id"), null=True)
    actor_name = models.CharField(_("actor"), max_length=254, blank=True)
    target_name = models.CharField(_("target"), max_length=254, blank=True)
    client_address = models.CharField(_("client address"), max_length=45, blank=True)
    user_agent = models.CharField(_("client"), max_length=300, blank=True)
    details = models.JSONField(_("details"), default=dict, blank=True)
    salt = models.BinaryField(null=True, editable=False)
    personal_digest = models.CharField(max_length=64, editable=False)
    mac = models.CharField(max_length=120, editable=False)

    objects = TenantManager()

    class Meta:
        verbose_name = _("audit event")
        verbose_name_plural = _("audit events")
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="audit_newest"),
            models.Index(fields=["tenant", "correlation_id"], name="audit_journey"),
            models.Index(fields=["tenant", "target_id", "-created_at"], name="audit_of_user"),
            models.Index(fields=["tenant", "activity", "-created_at"], name="audit_of_activity"),
        ]

    def __str__(self) -> str:
        return f"{self.created_at:%Y-%m-%d %H:%M:%S} {self.activity}"
