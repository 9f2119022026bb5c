"""The same answers as `decide_registration`, as conditions that a database can look for among any number of people.

Nothing is stored that could be out of date. A property test compares both over many people and policies.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from django.db.models import BooleanField, Case, Count, Exists, OuterRef, Q, QuerySet, Value, When
from django.db.models.expressions import Combinable

from accounts.facts import has_answers, has_unused_codes
from accounts.methods import KIND_OF, LASTING_METHODS, METHODS_OF, AuthenticatorType, Method, available_methods
from accounts.models import Authenticator, GroupMembership, GroupNesting, RoleAssignment, Tenant
from policy import rules
from policy.decisions import (
    ADMINISTRATOR_GATES,
    ADMINISTRATOR_METHODS,
    PolicyFacts,
    TenantFacts,
    questions_asked_of,
)

Condition = Q | Combinable
Held = QuerySet[Authenticator]
NOBODY, EVERYBODY = Q(pk__in=[]), ~Q(pk__in=[])


@dataclass(frozen=True)
class Selection:
    """Conditions on the people of one tenant, for a query of `User`."""

    tenant: TenantFacts
    policies: Sequence[PolicyFacts]
    held: Held
    nestings: Sequence[tuple[int, int]]
    role_groups: frozenset[int]

    @property
    def is_registered(self) -> Condition:
        return self._by_policy(_holds)

    @property
    def is_enabled(self) -> Condition:
        usable = Q(is_enabled=True, is_external=False, self_service_paused=False)
        usable &= Q(is_protected=False, is_protected_in_directory=False)
        covered = self._case([(self._covers(policy), EVERYBODY) for policy in self.policies], NOBODY)
        may = EVERYBODY if self.tenant.administrators_may_reset else NOBODY
        return Q(usable) & Q(self._case([(self._has_role, may)], covered))

    @property
    def is_capable(self) -> Condition:
        return Q(self.is_registered) & Q(self.is_enabled)

    @property
    def hangs_on_itself(self) -> Condition:
        def only_own(held: Held, methods: Sequence[Method], _required: int) -> Condition:
            usable = held.filter(type__in=_types_of(methods))
            return Exists(usable) & ~Exists(usable.filter(in_own_domain=False))

        # Few people have such an address, and an index knows them: where nobody has, no policy needs to be asked.
        some = Authenticator.objects.filter(in_own_domain=True)
        return Q(pk__in=some.values("user")) & Q(self._by_policy(only_own))

    def _by_policy(self, condition: Callable[[Held, Sequence[Method], int], Condition]) -> Condition:
        """The condition with what counts under whatever governs a person, in the decision's own order."""
        governed = [
            (
                self._covers(policy),
                condition(self._counting(policy), _lasting(policy.methods), policy.methods_required),
            )
            for policy in self.policies
        ]
        administrators = (self._has_role, self._of_administrators(condition))
        return self._case([administrators, *governed], condition(self._counting(None), LASTING_METHODS, 1))

    def _of_administrators(self, condition: Callable[[Held, Sequence[Method], int], Condition]) -> Condition:
        """Their own methods and number; where questions are among those, the policy says how many are asked."""
        usual, gates = self._counting(None), ADMINISTRATOR_GATES
        if self.tenant.administrators_may_reset:
            return condition(usual, ADMINISTRATOR_METHODS, gates)
        governed = [
            (self._covers(policy), condition(self._counting(policy), LASTING_METHODS, gates))
            for policy in self.policies
        ]
        return self._case(governed, condition(usual, LASTING_METHODS, gates))

    def _counting(self, policy: PolicyFacts | None) -> Held:
        """What proves something where this policy says how many questions are asked."""
        unfinished = Q(type=AuthenticatorType.QUESTIONS) & ~Q(has_answers(questions_asked_of(policy)))
        return self.held.exclude(unfinished)

    @staticmethod
    def _case(cases: Sequence[tuple[Condition, Condition]], otherwise: Condition) -> Condition:
        whens = [
            When(Q(when), then=Case(When(Q(then), then=Value(True)), default=Value(False))) for when, then in cases
        ]
        default = Case(When(Q(otherwise), then=Value(True)), default=Value(False))
        return Case(*whens, default=default, output_field=BooleanField())

    def _covers(self, policy: PolicyFacts) -> Condition:
        if policy.audience == "everybody":
            return EVERYBODY
        return self._is_in(policy.group_ids) if policy.audience == "groups" else NOBODY

    @cached_property
    def _has_role(self) -> Condition:
        own = RoleAssignment.objects.filter(user=OuterRef("pk"))
        return Q(Exists(own)) | Q(self._is_in(self.role_groups))

    def _is_in(self, groups: Iterable[int]) -> Condition:
        """Whether somebody is in one of these groups, or in one inside them."""
        inside = groups_inside(groups, self.nestings)
        memberships = GroupMembership.objects.filter(user=OuterRef("pk"), group__in=inside)
        return Exists(memberships) if inside else NOBODY


def select(tenant: Tenant, now: datetime) -> Selection:
    """What holds for a tenant now: its policies, and which authenticators count."""
    groups = RoleAssignment.objects.filter(tenant=tenant, group__isnull=False).values_list("group_id", flat=True)
    return Selection(
        rules.tenant_facts(tenant),
        rules.load(tenant),
        _counting(tenant.imported_methods_count, now),
        tuple(GroupNesting.objects.filter(tenant=tenant).values_list("child_id", "parent_id")),
        frozenset(groups),
    )


def groups_inside(groups: Iterable[int], nestings: Sequence[tuple[int, int]]) -> frozenset[int]:
    """These groups and all inside them, by pairs of child and parent; circles do no harm."""
    children: dict[int, list[int]] = {}
    for child, parent in nestings:
        children.setdefault(parent, []).append(child)
    found, left = set(groups), list(groups)
    while left:
        fresh = [child for child in children.get(left.pop(), ()) if child not in found]
        found.update(fresh)
        left.extend(fresh)
    return frozenset(found)


def _counting(imported_counts: bool, now: datetime) -> Held:
    """A person's authenticators that prove something. The same as `Authenticator.proves`, with codes left.

    What can't be read counts as nothing in a decision; a query can't know it.
    """
    used_up = Q(type=AuthenticatorType.RECOVERY_CODES) & ~Q(has_unused_codes())
    counts = Authenticator.proving(imported_counts, now) & ~used_up
    return Authenticator.objects.filter(counts, user=OuterRef("pk"))


def _lasting(methods: Sequence[Method]) -> Sequence[Method]:
    return tuple(method for method in methods if method in LASTING_METHODS) or LASTING_METHODS


def _types_of(methods: Sequence[Method]) -> list[AuthenticatorType]:
    usable = set(methods) & set(available_methods())
    return [kind for kind, served in METHODS_OF.items() if usable.intersection(served)]


def _holds(held: Held, methods: Sequence[Method], required: int) -> Condition:
    """Whether a person holds so many kinds of these methods."""
    usable = set(methods) & set(available_methods())
    kinds = [
        When(type=kind, then=Value(KIND_OF[method]))
        for kind, served in METHODS_OF.items()
        for method in served
        if method in usable
    ]
    if not kinds:
        return NOBODY
    counted = held.filter(type__in=_types_of(methods)).order_by().values("user")
    return Exists(counted.annotate(kinds=Count(Case(*kinds), distinct=True)).filter(kinds__gte=required))
