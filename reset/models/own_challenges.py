"""A running proof of a known person: of a method being registered, of who they are before a change or at sign-in."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.identifiers import new_id
from accounts.methods import AuthenticatorType, Method
from accounts.models import User
from accounts.models.tenants import TenantOwned


class OwnChallenge(TenantOwned):
    """One attempt. It ends with `used_at`, or is deleted with its sealed value when it was left alone for 15 minutes."""

    class Purpose(models.TextChoices):
        REGISTER = "register", _("Registering a method")
        PROVE = "prove", _("Proving identity before a change")
        SIGN_IN = "signin", _("Proving identity at sign-in")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="own_challenges")
    purpose = models.CharField(max_length=10, choices=Purpose.choices)
    method = models.CharField(max_length=20, choices=Method.choices)
    type = models.CharField(max_length=20, choices=AuthenticatorType.choices)
    authenticator_id = models.BigIntegerField(
        null=True, help_text="What proves, or what the registered one takes the place of."
    )
    destination = models.CharField(max_length=200, blank=True, help_text="Digest of the value that is proved with.")
    label = models.CharField(max_length=64, blank=True)
    sealed = models.BinaryField(blank=True, default=b"")
    digest = models.CharField(max_length=120, blank=True)
    questions = models.JSONField(default=list)
    shown = models.CharField(
        max_length=2, blank=True, help_text="Digits that the page shows, to be keyed in elsewhere."
    )
    confirmed_at = models.DateTimeField(null=True, help_text="When it was confirmed in a call or on a phone.")
    client_address = models.CharField(max_length=45, blank=True)
    user_agent = models.CharField(max_length=300, blank=True)
    language = models.CharField(max_length=10, default="en")
    epoch = models.CharField(max_length=32)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["created_at"], name="own_challenge_age")]

    def __str__(self) -> str:
        return f"{self.purpose} {self.method} {self.id}"

    @property
    def place(self) -> str:
        """What the value being registered is bound to."""
        return f"own-challenge|{self.tenant_id}|{self.user_id}|{self.pk}"

    @property
    def request_id(self) -> object:
        """What its code is bound to: itself, so that it opens nothing else."""
        return self.pk

    @property
    def typed_name(self) -> str:
        return ""
