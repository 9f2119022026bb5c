"""Reset policies: who may reset a password by self-service, and with which proofs."""

from collections.abc import Collection

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinLengthValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.methods import MOST_QUESTIONS, QUESTIONS_ASKED, QUESTIONS_REGISTERED, Method
from accounts.models import Group, User
from accounts.models.tenants import TenantOwned

NOTIFICATION_ALONE = _(
    "A notification to the phone can't be the only method: whoever loses the phone couldn't get back in. "
    "Allow one more, such as recovery codes."
)


def default_methods() -> list[str]:
    """What a new policy allows. Source: Entra's defaults."""
    return [Method.EMAIL, Method.SMS]


CONFIRM_QUESTIONS_ALONE = _(
    "Security questions alone would be enough for a reset. Require two methods, or confirm below that you want this."
)
NUMBER_OF_QUESTIONS = (MinValueValidator(3), MaxValueValidator(MOST_QUESTIONS))  # Source: Entra (A6)


class ResetPolicy(TenantOwned):
    """One policy. Of those whose audience a person belongs to, the one with the smallest priority number governs."""

    class Audience(models.TextChoices):
        NOBODY = "nobody", _("Nobody")
        GROUPS = "groups", _("Selected groups, with the groups inside them")
        EVERYBODY = "everybody", _("Everybody")

    name = models.CharField(_("name"), max_length=120)
    priority = models.PositiveIntegerField(
        _("priority"), default=100, help_text=_("Where several policies cover a person, the smallest number governs.")
    )
    audience = models.CharField(_("who may reset"), max_length=10, choices=Audience.choices, default=Audience.NOBODY)
    groups = models.ManyToManyField(
        Group, blank=True, related_name="reset_policies", verbose_name=_("groups"), through="policy.PolicyGroup"
    )
    methods_required = models.PositiveSmallIntegerField(
        _("methods required"),
        choices=[(1, _("One")), (2, _("Two, of different kinds"))],
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(2)],
    )
    methods = models.JSONField(_("methods allowed"), default=default_methods)
    entra_compatible = models.BooleanField(
        _("Entra-compatible"),
        default=True,
        help_text=_(
            "With it an authenticator app can't be the only method when one is required, nor stand with just one other "
            "when two are. Without it this is advice."
        ),
    )
    unlock_without_reset = models.BooleanField(
        _("unlock without a new password"),
        default=True,
        help_text=_("People who know their password but are locked out may clear the lock and keep the password."),
    )
    registration_required = models.BooleanField(_("ask people to register at sign-in"), default=True)
    registration_skippable = models.BooleanField(
        _("registering may be put off"), default=True, help_text=_("People are asked again at the next sign-in.")
    )
    registration_skip_days = models.PositiveIntegerField(
        _("days it may be put off"),
        default=14,
        validators=[MaxValueValidator(365)],
        help_text=_("Counted from the first time a person is asked. 0 means without a limit."),
    )
    reconfirm_days = models.PositiveIntegerField(
        _("ask to confirm methods again after so many days"),
        default=180,
        validators=[MaxValueValidator(730)],
        help_text=_("0 to 730; 0 means never."),
    )
    questions_registered = models.PositiveSmallIntegerField(
        _("security questions to register"), default=QUESTIONS_REGISTERED, validators=NUMBER_OF_QUESTIONS
    )
    questions_asked = models.PositiveSmallIntegerField(
        _("security questions asked in a reset"),
        default=QUESTIONS_ASKED,
        validators=NUMBER_OF_QUESTIONS,
        help_text=_("3 to 5, and no more than are registered."),
    )
    questions_alone_at = models.DateTimeField(null=True, editable=False)
    questions_alone_by = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, related_name="+", editable=False, db_index=False
    )
    notify_users = models.BooleanField(_("tell people when their password was reset"), default=True)
    notify_administrators = models.BooleanField(
        _("tell the other administrators when an administrator's password was reset"), default=True
    )

    class Meta:
        verbose_name = _("reset policy")
        verbose_name_plural = _("reset policies")
        ordering = ["priority", "id"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "name"], name="policy_name_once_per_tenant"),
            models.UniqueConstraint(
                fields=["tenant", "priority"],
                name="policy_priority_once_per_tenant",
                violation_error_message=_(
                    "Another policy has this priority. Which of the two governs would be chance."
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        allowed = set(self.methods or [])
        if not allowed <= set(Method.values):
            raise ValidationError({"methods": _("There is a method here that does not exist.")})
        if not allowed:
            raise ValidationError({"methods": _("Allow at least one method.")})
        if allowed == {Method.APP_NOTIFICATION}:
            raise ValidationError({"methods": NOTIFICATION_ALONE})
        if allowed == {Method.ACCESS_PASS}:
            raise ValidationError({"methods": _("A temporary access pass needs another method beside it.")})
        if self.entra_compatible and app_stands_alone(allowed, self.methods_required):
            raise ValidationError(
                {"methods": _("Allow one more method beside the authenticator app, or switch Entra-compatible off.")}
            )
        if self.questions_asked > self.questions_registered:
            raise ValidationError({"questions_asked": _("Ask no more questions than people register.")})
        if questions_stand_alone(allowed, self.methods_required) and self.questions_alone_at is None:
            raise ValidationError({"methods": CONFIRM_QUESTIONS_ALONE})


def app_stands_alone(methods: set[str], required: int) -> bool:
    """Whether the app is the only method with one required, or has just one beside it with two. Source: Entra (HOW-19)."""
    return Method.APP_CODE in methods and len(set(methods) - {Method.ACCESS_PASS}) <= required


def questions_stand_alone(methods: Collection[str], required: int) -> bool:
    """Whether answers alone could complete a reset. Entra allows them beside another method only (SQ)."""
    return Method.QUESTIONS in methods and required == 1


class PolicyGroup(models.Model):
    """A group that a policy is meant for."""

    policy = models.ForeignKey(ResetPolicy, on_delete=models.CASCADE, related_name="policy_groups")
    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="policy_groups", verbose_name=_("group"))

    class Meta:
        constraints = [models.UniqueConstraint(fields=["policy", "group"], name="policy_group_once")]

    def __str__(self) -> str:
        return f"{self.group}"


class QuestionText(TenantOwned):
    """A security question of the tenant's own, beside the predefined ones. Shown as typed, in no other language."""

    text = models.CharField(_("question"), max_length=200, validators=[MinLengthValidator(3)])

    class Meta:
        verbose_name = _("security question")
        verbose_name_plural = _("security questions")
        constraints = [models.UniqueConstraint(fields=["tenant", "text"], name="question_once_per_tenant")]

    def __str__(self) -> str:
        return self.text
