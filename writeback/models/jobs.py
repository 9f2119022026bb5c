"""A job: one thing to do to one account in a directory, sealed to those who may do it, and what became of it.

    QUEUED ──claimed (lease)──▶ CLAIMED ──▶ APPLIED │ REJECTED │ FAILED │ UNCONFIRMED
       │  ◀──lease lost, time left──┘ └─lease lost, time over──▶ UNCONFIRMED
       ├── a newer job of the same account ──▶ SUPERSEDED
       └── deadline ──▶ EXPIRED

`writeback/jobs.py` and `writeback/execution.py` move it by guarded updates and nothing else writes `status`.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.identifiers import new_id
from accounts.models import User
from accounts.models.tenants import TenantOwned
from writeback.connectors.orders import Operation
from writeback.models.agents import Agent
from writeback.models.connectors import Connector


class WritebackJob(TenantOwned):
    """`user` null: nobody has the typed name; the job is carried out alike and finds nobody.

    `sealed` holds one box per executor and is erased when the job ends. `first_mark` is the directory's version mark
    before anything was written, kept by the first attempt.
    """

    class Status(models.TextChoices):
        QUEUED = "queued", _("Accepted")
        CLAIMED = "claimed", _("Picked up")
        APPLIED = "applied", _("Applied")
        REJECTED = "rejected", _("Rejected by the directory")
        FAILED = "failed", _("Failed")
        EXPIRED = "expired", _("Too late")
        SUPERSEDED = "superseded", _("A newer one came")
        UNCONFIRMED = "unconfirmed", _("Not known")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    connector = models.ForeignKey(Connector, on_delete=models.CASCADE, related_name="jobs", verbose_name=_("directory"))
    user = models.ForeignKey(
        User, null=True, on_delete=models.CASCADE, related_name="writeback_jobs", verbose_name=_("user")
    )
    anchor = models.CharField(max_length=100)
    operation = models.CharField(_("operation"), max_length=10, choices=[(one, one) for one in Operation])
    unlock = models.BooleanField(default=False)
    must_change = models.BooleanField(default=False)
    by_administrator = models.BooleanField(default=False)
    origin = models.UUIDField(null=True, help_text="The reset request, or the sign-in, that waits for it.")
    client_address = models.CharField(_("client address"), max_length=45, blank=True)
    user_agent = models.CharField(_("client"), max_length=300, blank=True)
    sealed = models.BinaryField(blank=True, default=b"")
    signature = models.BinaryField(blank=True, default=b"")
    status = models.CharField(_("status"), max_length=12, choices=Status.choices, default=Status.QUEUED)
    created_at = models.DateTimeField(_("accepted"))
    deadline = models.DateTimeField(_("valid until"))
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    claimed_at = models.DateTimeField(_("picked up"), null=True)
    lease_until = models.DateTimeField(null=True)
    agent = models.ForeignKey(
        Agent, null=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("picked up by")
    )
    first_mark = models.CharField(max_length=200, null=True)
    steps = models.JSONField(_("steps"), default=dict)
    reason = models.CharField(_("reason"), max_length=30, blank=True)
    code = models.CharField(_("the directory's answer"), max_length=300, blank=True)
    finished_at = models.DateTimeField(_("ended"), null=True)

    class Meta:
        verbose_name = _("writeback job")
        verbose_name_plural = _("writeback jobs")
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["connector", "anchor"],
                condition=models.Q(status="claimed"),
                name="one_claimed_job_per_account",
            )
        ]
        indexes = [
            models.Index(fields=["tenant", "-created_at"], name="job_newest"),
            models.Index(fields=["origin"], name="job_of_origin"),
            models.Index(fields=["user", "-created_at"], name="job_of_user"),
            models.Index(
                fields=["connector", "created_at"],
                name="job_open",
                condition=models.Q(status__in=["queued", "claimed"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.operation} {self.id}"

    @property
    def info(self) -> str:
        """What the sealed password is bound to: it opens for this tenant, account, job, operation and deadline only."""
        parts = (self.tenant_id, self.connector_id, self.anchor, self.pk, self.operation, self.deadline.isoformat())
        return "|".join(map(str, parts))

    @property
    def signed(self) -> str:
        """What the server's signature covers."""
        return f"{self.info}|{self.unlock:d}{self.must_change:d}{self.by_administrator:d}"
