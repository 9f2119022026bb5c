"""The tenant's sign-in rule: who gives a second proof after the password."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Group, Tenant
from accounts.models.tenants import TenantOwned
from policy.models.policies import ResetPolicy


class SignInRule(TenantOwned):
    """One for each tenant. Where there is none, nobody is asked for more than the password."""

    tenant = models.OneToOneField(Tenant, on_delete=models.CASCADE, related_name="+", verbose_name=_("tenant"))
    audience = models.CharField(
        _("who gives a second proof"),
        max_length=10,
        choices=ResetPolicy.Audience.choices,
        default=ResetPolicy.Audience.NOBODY,
        help_text=_(
            "A passkey, an answer on the phone, an app code, a text, a call or a recovery code. E-mail codes and security "
            "questions don't count. Whoever has none of these registers one at the next sign-in."
        ),
    )
    groups = models.ManyToManyField(
        Group, blank=True, related_name="+", verbose_name=_("groups"), through="policy.SignInRuleGroup"
    )

    class Meta:
        verbose_name = _("sign-in rule")
        verbose_name_plural = _("sign-in rule")

    def __str__(self) -> str:
        return str(self.get_audience_display())


class SignInRuleGroup(models.Model):
    """A group whose people give a second proof."""

    rule = models.ForeignKey(SignInRule, on_delete=models.CASCADE, related_name="rule_groups")
    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="+", verbose_name=_("group"))

    class Meta:
        constraints = [models.UniqueConstraint(fields=["rule", "group"], name="sign_in_group_once")]

    def __str__(self) -> str:
        return f"{self.group}"
