"""A reset is a row with a state; each running attempt at a gate is a row too.

    VERIFYING ──all gates passed──▶ VERIFIED ──password set / lock cleared here──▶ COMPLETED
        │                             │  ▲
        │                   to the    │  │ the directory wants another password
        │                  directory  ▼  │
        │                             WRITING ──the directory confirmed──▶ COMPLETED
        │                              │  ├── it did nothing ───────────▶ FAILED
        │                              │  └── nobody knows ─────────────▶ UNCONFIRMED
        ├── cancelled by the person ───┼──▶ CANCELLED   (not from WRITING)
        ├── too many failures ─────────┼──▶ BLOCKED     (not from WRITING)
        ├── 15 minutes over ───────────┼──▶ EXPIRED     (WRITING: by the job's deadline only)
        └── account changed meanwhile ─┴──▶ FAILED

TRANSITIONS is the same as a table; `reset/flow.py` moves by guarded updates along it and nothing else writes `state`.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.identifiers import new_id
from accounts.methods import Kind, Method
from accounts.models import User
from accounts.models.tenants import TenantOwned
from writeback.models import WritebackJob


class State(models.TextChoices):
    VERIFYING = "verifying", _("Proving identity")
    VERIFIED = "verified", _("Identity proved")
    WRITING = "writing", _("On its way to the directory")
    COMPLETED = "completed", _("Completed")
    UNCONFIRMED = "unconfirmed", _("Not known whether the directory took it")
    FAILED = "failed", _("Stopped")
    BLOCKED = "blocked", _("Blocked: too many failures")
    EXPIRED = "expired", _("Time was over")
    CANCELLED = "cancelled", _("Cancelled")


TRANSITIONS: dict[State, frozenset[State]] = {
    State.VERIFYING: frozenset({State.VERIFIED, State.FAILED, State.BLOCKED, State.EXPIRED, State.CANCELLED}),
    State.VERIFIED: frozenset(
        {State.WRITING, State.COMPLETED, State.FAILED, State.BLOCKED, State.EXPIRED, State.CANCELLED}
    ),
    State.WRITING: frozenset({State.VERIFIED, State.COMPLETED, State.UNCONFIRMED, State.FAILED, State.EXPIRED}),
}
# The person, or the clock, can still end these.
RUNNING = frozenset({State.VERIFYING, State.VERIFIED})
ENDS = frozenset(State) - frozenset(TRANSITIONS)


class ResetRequest(TenantOwned):
    """One journey. `user` null is a decoy: a stranger walks the same pages and gets nowhere.

    `snapshot` is the decision at the start, as a floor: later changes of policy can only add to it.
    """

    class Trouble(models.TextChoices):
        FORGOT = "forgot", _("Forgot the password")
        LOCKED = "locked", _("Knows it, but is locked out")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(
        User, null=True, on_delete=models.CASCADE, related_name="reset_requests", verbose_name=_("user")
    )
    typed_name = models.CharField(_("typed name"), max_length=254, blank=True)
    account_key = models.CharField(
        max_length=120, help_text="Keyed digest of the account, known or not: what throttles count by."
    )
    trouble = models.CharField(_("trouble"), max_length=10, choices=Trouble.choices, default=Trouble.FORGOT)
    state = models.CharField(_("state"), max_length=12, choices=State.choices, default=State.VERIFYING)
    reason = models.CharField(_("reason"), max_length=40, blank=True)
    snapshot = models.JSONField(default=dict)
    gates_required = models.PositiveSmallIntegerField(_("gates required"), default=1)
    passed = models.JSONField(default=list, help_text="Gates passed: [kind, destination] each.")
    job = models.ForeignKey(WritebackJob, null=True, on_delete=models.SET_NULL, related_name="+")
    rejections = models.PositiveSmallIntegerField(default=0, help_text="Passwords that the directory refused.")
    challenge = models.ForeignKey("reset.Challenge", null=True, on_delete=models.SET_NULL, related_name="+")
    epoch = models.CharField(max_length=32, blank=True)
    secret_digest = models.CharField(max_length=120)
    browser = models.CharField(
        max_length=32, blank=True, help_text="Recognised browser, for its own bucket of failures."
    )
    support_code = models.CharField(_("support code"), max_length=12, db_index=True)
    language = models.CharField(max_length=10, default="en")
    client_address = models.CharField(_("client address"), max_length=45, blank=True)
    user_agent = models.CharField(_("client"), max_length=300, blank=True)
    contacted_at = models.DateTimeField(_("asked the administrators"), null=True, blank=True)
    alarm_digest = models.CharField(max_length=120, blank=True)
    alarm_expires_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(_("started"))
    expires_at = models.DateTimeField(_("valid until"))
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    class Meta:
        verbose_name = _("reset request")
        verbose_name_plural = _("reset requests")
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["tenant", "-created_at"], name="request_newest"),
            models.Index(fields=["tenant", "user", "-created_at"], name="request_of_user"),
            models.Index(
                fields=["expires_at"], name="request_running", condition=models.Q(state__in=["verifying", "verified"])
            ),
            models.Index(fields=["job"], name="request_writing", condition=models.Q(state="writing")),
            models.Index(fields=["alarm_digest"], name="request_alarm", condition=~models.Q(alarm_digest="")),
        ]

    def __str__(self) -> str:
        return self.support_code

    @property
    def is_decoy(self) -> bool:
        return self.user_id is None

    @property
    def is_unlock(self) -> bool:
        return self.trouble == self.Trouble.LOCKED


class Challenge(TenantOwned):
    """One running attempt at a gate. With `used_at` it is a gate passed; each kind and each destination passes once."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    request = models.ForeignKey(ResetRequest, on_delete=models.CASCADE, related_name="challenges")
    method = models.CharField(_("method"), max_length=20, choices=Method.choices)
    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices)
    destination = models.CharField(max_length=200, blank=True)
    authenticator_id = models.BigIntegerField(null=True)
    mask = models.CharField(max_length=40, blank=True)
    digest = models.CharField(max_length=120, blank=True)
    questions = models.JSONField(default=list)
    awaits_destination = models.BooleanField(default=False)
    is_deliverable = models.BooleanField(
        default=True, help_text="False: the typed number was another; nobody gets a code."
    )
    shown = models.CharField(
        max_length=2, blank=True, help_text="Digits that the page shows, to be keyed in elsewhere."
    )
    confirmed_at = models.DateTimeField(null=True, help_text="When it was confirmed in a call or on a phone.")
    sent_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["request", "kind"], condition=models.Q(used_at__isnull=False), name="gate_once_per_kind"
            ),
            models.UniqueConstraint(
                fields=["request", "destination"],
                condition=models.Q(used_at__isnull=False) & ~models.Q(destination=""),
                name="gate_once_per_destination",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.id}"
