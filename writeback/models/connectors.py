"""How one directory is reached, what it is allowed to do, and what was last seen of it."""

from datetime import datetime, timedelta

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Directory
from accounts.models.tenants import TenantOwned

LOOK_EVERY = timedelta(seconds=15)
# A look may take its timeout, and the worker be busy once.
SEEN_WITHIN = 4 * LOOK_EVERY


class Connector(TenantOwned):
    """The way to one directory: by this server itself, or by agents in the organisation's network.

    With agents, servers and account stay in the agents' own files; what stands here is for the direct way.
    """

    class Way(models.TextChoices):
        DIRECT = "direct", _("This server reaches it")
        AGENTS = "agents", _("Agents in the organisation's network, which only dial out")

    class Patience(models.TextChoices):
        FAIL_FAST = "fail_fast", _("Say so at once, and start nothing")
        HOLD = "hold", _("Keep the new password, sealed, until the directory is back or the request is over")

    directory = models.OneToOneField(
        Directory, on_delete=models.CASCADE, related_name="connector", verbose_name=_("directory")
    )
    is_on = models.BooleanField(
        _("writeback"),
        default=False,
        help_text=_("Off: nothing is written, at once; all that is set up stays."),
    )
    way = models.CharField(_("reached by"), max_length=10, choices=Way.choices, default=Way.AGENTS)
    patience = models.CharField(
        _("while it can't be reached"), max_length=10, choices=Patience.choices, default=Patience.FAIL_FAST
    )
    servers = models.TextField(
        _("servers"),
        blank=True,
        help_text=_("One per line, tried in this order: ldaps://dc1.corp.example, or starttls://dc2.corp.example:389."),
    )
    base_dn = models.CharField(_("base DN"), max_length=500, blank=True)
    account = models.CharField(_("service account"), max_length=500, blank=True, help_text=_("Its DN."))
    sealed_password = models.BinaryField(blank=True, default=b"", editable=False)
    ca_pem = models.TextField(
        _("trusted certificates"), blank=True, help_text=_("PEM text. Empty: those this server's system trusts.")
    )
    denied = models.TextField(
        _("never touched"),
        blank=True,
        help_text=_("DNs, one per line: nothing at or below them is written. Privileged accounts never are."),
    )
    says_where_it_holds = models.BooleanField(
        _("say that computers away from the office learn later"),
        default=True,
        help_text=_("The last page says that such a computer takes the new password once it has reached the network."),
    )

    sync_is_on = models.BooleanField(_("bring people and groups in"), default=True)
    sync_minutes = models.PositiveIntegerField(
        _("every so many minutes"), default=30, validators=[MinValueValidator(5), MaxValueValidator(1440)]
    )
    attributes = models.JSONField(
        _("attributes"),
        default=dict,
        blank=True,
        help_text=_("Which attribute fills which field, where it differs from the usual one."),
    )
    people_filter = models.CharField(_("filter for people"), max_length=500, blank=True)
    groups_filter = models.CharField(_("filter for groups"), max_length=500, blank=True)
    most_disabled_percent = models.PositiveSmallIntegerField(
        _("disable at most (%)"),
        default=10,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text=_("A run that would disable more of the directory's people at once stops and changes nothing."),
    )

    # What was last seen, written by whoever reaches the directory.
    looked_at = models.DateTimeField(null=True, editable=False)
    reached_at = models.DateTimeField(null=True, editable=False)
    answer = models.CharField(max_length=300, blank=True, editable=False)
    seen = models.JSONField(default=dict, editable=False)
    sync_mark = models.TextField(blank=True, default="", editable=False)
    synced_at = models.DateTimeField(null=True, editable=False)
    fully_synced_at = models.DateTimeField(null=True, editable=False)
    sync_result = models.JSONField(default=dict, editable=False)

    class Meta:
        verbose_name = _("connector")
        verbose_name_plural = _("connectors")

    def __str__(self) -> str:
        return f"{self.directory}"

    @property
    def place(self) -> str:
        """What the service account's password is bound to: another host, account or authority can't use it."""
        return f"connector|{self.tenant_id}|{self.directory_id}|{self.servers}|{self.account}|{self.ca_pem}"

    def was_reached(self, now: datetime) -> bool:
        """Whether the last look from this server found the directory, and was not long ago."""
        return not self.answer and self.reached_at is not None and self.reached_at + SEEN_WITHIN > now
