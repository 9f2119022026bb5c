"""Agents: processes in an organisation's network that carry out jobs there and only dial out."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.tenants import TenantOwned
from writeback.models.connectors import Connector

# An agent asks at least this often: its long poll ends by then.
SEEN_WITHIN = timedelta(seconds=60)


class Agent(TenantOwned):
    """One agent, from the invitation by a one-time code to its end.

    `mac` covers what it is and whom it serves, so that a writer to the database can neither add a reader nor approve one.
    """

    class Status(models.TextChoices):
        INVITED = "invited", _("Invited: the code was not used yet")
        PENDING = "pending", _("Enrolled: waits for approval")
        APPROVED = "approved", _("Approved")
        REVOKED = "revoked", _("Revoked")

    connector = models.ForeignKey(
        Connector, on_delete=models.CASCADE, related_name="agents", verbose_name=_("directory")
    )
    name = models.CharField(_("name"), max_length=100)
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.INVITED)
    code_digest = models.CharField(max_length=120, blank=True, editable=False)
    code_expires_at = models.DateTimeField(null=True, editable=False)
    public_key = models.BinaryField(blank=True, default=b"", editable=False)
    signing_key = models.BinaryField(blank=True, default=b"", editable=False)
    mac = models.CharField(max_length=200, blank=True, editable=False)
    fingerprint = models.CharField(_("fingerprint"), max_length=100, blank=True, editable=False)
    version = models.CharField(_("version"), max_length=20, blank=True, editable=False)
    seen_at = models.DateTimeField(_("last heard from"), null=True, editable=False)
    is_reaching = models.BooleanField(_("reaches the directory"), default=False, editable=False)
    report = models.JSONField(default=dict, editable=False)
    created_at = models.DateTimeField(_("invited"), auto_now_add=True)
    keys_made_at = models.DateTimeField(_("keys made"), null=True, editable=False)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    approved_at = models.DateTimeField(_("approved"), null=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked"), null=True, editable=False)

    class Meta:
        verbose_name = _("agent")
        verbose_name_plural = _("agents")
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["connector", "name"], name="agent_name_once")]
        indexes = [
            models.Index(fields=["code_digest"], name="agent_by_code", condition=~models.Q(code_digest="")),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def mac_content(self) -> str:
        """What the MAC is made of."""
        keys = f"{bytes(self.public_key).hex()}|{bytes(self.signing_key).hex()}"
        return f"{self.pk}|{self.tenant_id}|{self.connector_id}|{self.status}|{keys}"

    def is_heard(self, now: datetime) -> bool:
        """Whether it was heard from lately."""
        return self.seen_at is not None and self.seen_at + SEEN_WITHIN > now
