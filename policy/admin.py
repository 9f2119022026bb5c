"""Console pages of reset policies, the sign-in rule and security questions; `reset/console/site.py` wires them."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Exists, Model, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from accounts.admin import ranks
from accounts.admin.base import PLATFORM_WIDE, ScopedAdmin, ScopedForm, ScopedInline, person_of
from accounts.audit import Activity
from accounts.methods import LASTING_METHODS, METHODS_OF, Method
from accounts.models import Authenticator, GroupMembership, User
from accounts.names import key_of
from policy import advice
from policy.models import QuestionText, ResetPolicy, SignInRule
from policy.models.policies import CONFIRM_QUESTIONS_ALONE, PolicyGroup, default_methods, questions_stand_alone
from policy.models.signin import SignInRuleGroup

ALWAYS_POLICY_CHANGED = (Activity.POLICY_CHANGED, Activity.POLICY_CHANGED, Activity.POLICY_CHANGED)
CUSTOM_QUESTIONS = 20
QUESTION_FIELDS = ("questions_registered", "questions_asked", "confirm_questions_alone", "questions_alone_told")
REGISTRATION_FIELDS = ("registration_required", "registration_skippable", "registration_skip_days", "reconfirm_days")


class ResetPolicyForm(ScopedForm):
    methods = forms.MultipleChoiceField(
        label=_("Methods allowed"),
        choices=Method.choices,
        initial=default_methods,
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    confirm_questions_alone = forms.BooleanField(
        label=_("Security questions alone may be enough"),
        required=False,
        help_text=_(
            "To be ticked where security questions are allowed and one method is required: whoever knows or looks up "
            "the answers can then set a new password. It is noted who confirmed this. Administrators never get questions."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["confirm_questions_alone"] = self.instance.questions_alone_at is not None

    def clean(self) -> dict[str, Any]:
        """Notes who confirmed that questions alone may be enough, and forgets it where they are not."""
        data = super().clean()
        policy = self.instance
        if not questions_stand_alone(data.get("methods", ()), data.get("methods_required", 0)):
            policy.questions_alone_at, policy.questions_alone_by = None, None
        elif not data.get("confirm_questions_alone"):
            self.add_error("confirm_questions_alone", CONFIRM_QUESTIONS_ALONE)
        elif policy.questions_alone_at is None:
            policy.questions_alone_at, policy.questions_alone_by = timezone.now(), self.actor
        return data


class PolicyGroupForm(ScopedForm):
    """A chosen group belongs to the same organisation as what it is chosen for."""

    chosen_for = "policy"

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        owner, group = data.get(self.chosen_for), data.get("group")
        if owner and group and group.tenant_id != owner.tenant_id:
            self.add_error("group", PLATFORM_WIDE)
        return data


class PolicyGroupInline(ScopedInline):
    """Whoever may change the policy chooses its groups."""

    model: type[Model] = PolicyGroup
    form = PolicyGroupForm
    permission = "resetpolicy"
    autocomplete_fields = ("group",)
    fields = ("group",)
    verbose_name = _("group")
    verbose_name_plural = _("groups, where selected groups may reset")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("group").order_by("group__name")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return person_of(request).has_perm(f"policy.view_{self.permission}")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return person_of(request).has_perm(f"policy.change_{self.permission}")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return person_of(request).has_perm(f"policy.change_{self.permission}")


class ResetPolicyAdmin(ScopedAdmin):
    form = ResetPolicyForm
    list_display = ("name", "priority", "audience", "methods_required", "methods_told", "entra_compatible")
    list_display_links = ("name",)
    list_filter = ("audience", "methods_required")
    search_fields = ("name",)
    ordering = ("priority", "id")
    activities = ALWAYS_POLICY_CHANGED
    inlines = (PolicyGroupInline,)
    fieldsets = (
        (None, {"fields": ("name", "priority")}),
        (_("Who may reset"), {"fields": ("audience",)}),
        (_("Methods"), {"fields": ("methods_required", "methods", "entra_compatible", "unlock_without_reset")}),
        (_("Security questions"), {"fields": QUESTION_FIELDS}),
        (_("Registration"), {"fields": REGISTRATION_FIELDS}),
        (_("Notifications"), {"fields": ("notify_users", "notify_administrators")}),
    )

    readonly_fields = ("questions_alone_told",)

    @admin.display(description=_("confirmed"))
    def questions_alone_told(self, policy: ResetPolicy) -> str:
        if policy.questions_alone_at is None:
            return "–"
        moment = date_format(timezone.localtime(policy.questions_alone_at), "DATETIME_FORMAT")
        return f"{moment}, {policy.questions_alone_by or '–'}"

    @admin.display(description=_("methods allowed"))
    def methods_told(self, policy: ResetPolicy) -> str:
        return ", ".join(str(Method(method).label) for method in policy.methods if method in Method.values)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Advice needs the groups, so it comes after them."""
        super().save_related(request, form, formsets, change)
        for sentence in advice.advise(*_for_advice(form, change)):
            messages.warning(request, str(sentence))


class SignInRuleGroupForm(PolicyGroupForm):
    chosen_for = "rule"


class SignInRuleGroupInline(PolicyGroupInline):
    model = SignInRuleGroup
    form = SignInRuleGroupForm
    permission = "signinrule"
    verbose_name_plural = _("groups, where people of selected groups give a second proof")


class SignInRuleAdmin(ScopedAdmin):
    """One for each organisation; deleting it is as good as *nobody*."""

    list_display = ("audience",)
    list_display_links = ("audience",)
    activities = ALWAYS_POLICY_CHANGED
    inlines = (SignInRuleGroupInline,)
    fieldsets = ((None, {"fields": ("audience",)}),)

    def has_add_permission(self, request: HttpRequest) -> bool:
        person = person_of(request)
        missing = person.is_platform_operator or not SignInRule.objects.filter(tenant=person.tenant).exists()
        return super().has_add_permission(request) and missing

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        rule: SignInRule = form.instance
        if rule.audience == ResetPolicy.Audience.GROUPS and not SignInRuleGroup.objects.filter(rule=rule).exists():
            messages.warning(request, _("No group is chosen, so nobody is asked for a second proof."))


def _for_advice(form: Any, change: bool) -> tuple[advice.Draft, list[advice.Other]]:
    policy: ResetPolicy = form.instance
    others = ResetPolicy.objects.filter(tenant=policy.tenant).exclude(pk=policy.pk).order_by("priority")
    draft = advice.Draft(
        audience=policy.audience,
        group_count=PolicyGroup.objects.filter(policy=policy).count(),
        priority=policy.priority,
        methods=frozenset(policy.methods),
        methods_required=policy.methods_required,
        registration_required=policy.registration_required,
        reconfirm_days=policy.reconfirm_days,
        notify_users=policy.notify_users,
        notify_administrators=policy.notify_administrators,
        required_before=form.initial.get("methods_required") if change else None,
        without_passkey=_without_passkey(policy) if advice.is_for_passkeys_only(policy.methods) else 0,
    )
    return draft, [advice.Other(other.name, other.audience, other.priority) for other in others]


def _without_passkey(policy: ResetPolicy) -> int:
    """How many people in the policy's audience could not reset: they hold nothing of what it allows."""
    usable = {"is_enabled": True, "is_protected": False, "is_protected_in_directory": False, "is_external": False}
    people = User.objects.filter(tenant=policy.tenant, **usable)
    if policy.audience == ResetPolicy.Audience.NOBODY:
        return 0
    if policy.audience == ResetPolicy.Audience.GROUPS:
        chosen = set(PolicyGroup.objects.filter(policy=policy).values_list("group_id", flat=True))
        inside = GroupMembership.objects.filter(group__in=ranks.groups_inside(chosen))
        people = people.filter(pk__in=inside.values("user_id"))
    types = [kind for kind, methods in METHODS_OF.items() if set(methods) & set(policy.methods) & set(LASTING_METHODS)]
    held = Authenticator.objects.filter(user=OuterRef("pk"), type__in=types, confirmed_at__isnull=False)
    number: int = people.exclude(Exists(held)).count()
    return number


class QuestionTextForm(ScopedForm):
    """Entra allows 20 of an organisation's own beside the predefined ones."""

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        tenant = self.instance.tenant if self.instance.tenant_id else None
        held = list(
            QuestionText.objects.filter(tenant=tenant).exclude(pk=self.instance.pk).values_list("text", flat=True)
        )
        if len(held) >= CUSTOM_QUESTIONS:
            raise ValidationError(_("There are 20 questions of your own already. Delete one first."), code="many")
        if key_of(data.get("text", "")) in {key_of(text) for text in held}:
            self.add_error("text", _("You have this question already."))
        return data


class QuestionTextAdmin(ScopedAdmin):
    form = QuestionTextForm
    list_display = ("text",)
    search_fields = ("text",)
    ordering = ("text",)
    activities = ALWAYS_POLICY_CHANGED
    fieldsets = ((None, {"fields": ("text",)}),)
