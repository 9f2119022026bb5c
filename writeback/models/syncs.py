"""What is known of a directory's entries, what could not be brought in, and the run that is bringing them in."""

from datetime import datetime, timedelta

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.identifiers import new_id
from accounts.models import Group, User
from accounts.models.tenants import TenantOwned
from writeback.models.agents import Agent
from writeback.models.connectors import Connector

LEASE = timedelta(minutes=2)


class SyncRun(TenantOwned):
    """One run. At most one of a connector is open, and only while its lease lasts; each transaction of it renews that.

        RECEIVING (an agent sends pages) ──▶ RUNNING ──▶ DONE │ STOPPED (it would disable too many) │ FAILED

    A run whose process died is ABANDONED by the next one.
    """

    class Status(models.TextChoices):
        RECEIVING = "receiving", _("Being received")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        STOPPED = "stopped", _("Stopped before it changed anything")
        FAILED = "failed", _("Failed")
        ABANDONED = "abandoned", _("Given up")

    OPEN = (Status.RECEIVING, Status.RUNNING)

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    connector = models.ForeignKey(
        Connector, on_delete=models.CASCADE, related_name="sync_runs", verbose_name=_("directory")
    )
    agent = models.ForeignKey(Agent, null=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("agent"))
    status = models.CharField(_("status"), max_length=10, choices=Status.choices)
    is_full = models.BooleanField(_("everything was read"))
    mark = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(_("started"))
    lease_until = models.DateTimeField()
    finished_at = models.DateTimeField(_("ended"), null=True)
    problem = models.CharField(_("why"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("synchronisation")
        verbose_name_plural = _("synchronisations")
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["connector"],
                condition=models.Q(status__in=["receiving", "running"]),
                name="one_open_sync_per_connector",
            )
        ]
        indexes = [models.Index(fields=["connector", "-created_at"], name="sync_newest")]

    def __str__(self) -> str:
        return f"{self.connector_id} {self.created_at:%Y-%m-%d %H:%M}"

    def is_alive(self, now: datetime) -> bool:
        """Whether somebody still works at it."""
        return self.status in self.OPEN and self.lease_until > now


class SyncPage(TenantOwned):
    """Records an agent sent, sealed; erased when the run is over."""

    run = models.ForeignKey(SyncRun, on_delete=models.CASCADE, related_name="pages")
    number = models.PositiveIntegerField()
    sealed = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="sync_page_once")]

    def __str__(self) -> str:
        return f"{self.run_id} {self.number}"

    @property
    def place(self) -> str:
        return f"sync-page|{self.tenant_id}|{self.run_id}|{self.number}"


class SyncedEntry(TenantOwned):
    """What a directory's entry is here: a user or a group. `dn_key` finds members of groups by their DNs.

    `gone_at`: the entry is not in the directory any more; the user is disabled (the group is empty), and stays.
    `brings_mobile`, `brings_office`: the directory gave that phone, so it may also take it away. `lost_a_phone`: it did
    take one away, so the next one takes the place of another. `is_off`: the directory switched the user off, so it may also
    switch them on again; whom an administrator disabled here, it may not.
    """

    connector = models.ForeignKey(Connector, on_delete=models.CASCADE, related_name="entries")
    anchor = models.CharField(max_length=100)
    dn_key = models.CharField(max_length=32, blank=True)
    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="synced_entries")
    group = models.ForeignKey(Group, null=True, on_delete=models.CASCADE, related_name="synced_entries")
    gone_at = models.DateTimeField(_("not in the directory since"), null=True)
    brings_mobile = models.BooleanField(default=False)
    brings_office = models.BooleanField(default=False)
    lost_a_phone = models.BooleanField(default=False)
    is_off = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connector", "anchor"], name="synced_entry_once")]
        indexes = [models.Index(fields=["connector", "dn_key"], name="synced_entry_by_dn")]

    def __str__(self) -> str:
        return self.anchor


class SyncConflict(TenantOwned):
    """An entry that could not be brought in, or only without its new name. It goes when a later run brings it in."""

    class Reason(models.TextChoices):
        NAME_TAKEN = "name_taken", _("Somebody else here has this name")
        NAME_MISSING = "name_missing", _("It has no name")
        NAME_TOO_LONG = "name_too_long", _("Its name is too long")
        NAME_NOT_PLAIN = "name_not_plain", _("Its name has look-alike or invisible characters")
        DOMAIN_NOT_VERIFIED = "domain_not_verified", _("Its name ends in no verified domain of this organisation")

    connector = models.ForeignKey(
        Connector, on_delete=models.CASCADE, related_name="conflicts", verbose_name=_("directory")
    )
    anchor = models.CharField(_("anchor in the directory"), max_length=100)
    is_group = models.BooleanField(_("group"), default=False)
    name = models.CharField(_("name"), max_length=254, blank=True)
    reason = models.CharField(_("why"), max_length=20, choices=Reason.choices)
    seen_at = models.DateTimeField(_("last seen"))

    class Meta:
        verbose_name = _("conflict of a directory")
        verbose_name_plural = _("conflicts of directories")
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["connector", "anchor"], name="sync_conflict_once")]
        indexes = [models.Index(fields=["tenant", "name"], name="sync_conflict_by_name")]

    def __str__(self) -> str:
        return self.name or self.anchor
