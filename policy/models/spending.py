"""How much may be spent on text messages and calls, and where to."""

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from phonenumbers import SUPPORTED_REGIONS

from accounts.models.tenants import TenantOwned


class SpendGuard(TenantOwned):
    """A tenant's budgets of one day, in texts and calls together. Without a row the defaults hold.

    Source: providers' advice against traffic pumping: budgets at every level, countries, an eye on how many are answered.
    """

    per_user = models.PositiveIntegerField(
        _("for one person"), default=10, validators=[MinValueValidator(1), MaxValueValidator(1000)]
    )
    per_number = models.PositiveIntegerField(
        _("to one number"), default=10, validators=[MinValueValidator(1), MaxValueValidator(1000)]
    )
    per_range = models.PositiveIntegerField(
        _("to one range of a thousand numbers"),
        default=50,
        validators=[MinValueValidator(1)],
        help_text=_("Numbers that differ in their last three digits only. Whoever sells traffic owns whole ranges."),
    )
    per_country = models.PositiveIntegerField(_("to one country"), default=1000, validators=[MinValueValidator(1)])
    in_all = models.PositiveIntegerField(_("in all"), default=2000, validators=[MinValueValidator(1)])
    countries = models.JSONField(
        _("countries allowed"),
        default=list,
        blank=True,
        help_text=_("Two letters each, such as CH. None listed: all, apart from premium and service numbers."),
    )
    conversion_percent = models.PositiveSmallIntegerField(
        _("alarm when fewer than so many percent are answered"),
        default=30,
        validators=[MaxValueValidator(100)],
        help_text=_("Of the texts and calls of a day, once there were 20. 0 turns the alarm off."),
    )

    class Meta:
        verbose_name = _("spend guard")
        verbose_name_plural = _("spend guards")
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"],
                name="spend_guard_once_per_tenant",
                violation_error_message=_("This organisation has one already."),
            )
        ]

    def __str__(self) -> str:
        return str(_("Texts and calls"))

    def clean(self) -> None:
        unknown = [country for country in self.countries or [] if country not in SUPPORTED_REGIONS]
        if unknown:
            raise ValidationError(
                {"countries": _("No such country: %(country)s.") % {"country": ", ".join(map(str, unknown))[:80]}}
            )
