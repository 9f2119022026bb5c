"""Loading a tenant's policies and its sign-in rule as plain data, in one statement each."""

from typing import Any

from django.db.models import QuerySet

from accounts.lookups import Lookup
from accounts.methods import available_methods
from accounts.models import Tenant
from accounts.tenants import all_opened
from policy.decisions import PolicyFacts, TenantFacts
from policy.models import ResetPolicy, SignInRule
from policy.signin import NOBODY_IS_ASKED, SIGN_IN_METHODS, SignInRuleFacts


def _of_tenant(tenant: int) -> "QuerySet[Any, Any]":
    with all_opened():
        rows = ResetPolicy.objects.filter(tenant=tenant).order_by("priority", "id")
    return rows.values(
        "id", "name", "audience", "methods", "methods_required", "unlock_without_reset", "notify_users",
        "notify_administrators", "registration_required", "registration_skippable", "registration_skip_days",
        "reconfirm_days", "questions_registered", "questions_asked", "policy_groups__group_id",
    )  # fmt: skip


OF_TENANT: Lookup[Any] = Lookup(_of_tenant, tenant=Tenant._meta.get_field("id"))


def load(tenant: Tenant) -> tuple[PolicyFacts, ...]:
    """All policies of a tenant, smallest priority number first."""
    rows: list[Any] = OF_TENANT.rows(tenant=tenant.pk)
    found: dict[int, PolicyFacts] = {}
    for row in rows:
        known = found.get(row["id"])
        group = {row["policy_groups__group_id"]} - {None}
        found[row["id"]] = PolicyFacts(
            id=row["id"],
            name=row["name"],
            audience=row["audience"],
            group_ids=frozenset(group | set(known.group_ids if known else ())),
            methods=tuple(method for method in available_methods() if method in row["methods"]),
            methods_required=row["methods_required"],
            unlock_without_reset=row["unlock_without_reset"],
            notify_users=row["notify_users"],
            notify_administrators=row["notify_administrators"],
            registration_required=row["registration_required"],
            registration_skippable=row["registration_skippable"],
            registration_skip_days=row["registration_skip_days"],
            reconfirm_days=row["reconfirm_days"],
            questions_registered=row["questions_registered"],
            questions_asked=row["questions_asked"],
        )
    return tuple(found.values())


def tenant_facts(tenant: Tenant) -> TenantFacts:
    return TenantFacts(tenant.pk, tenant.administrators_may_reset)


def sign_in_rule(tenant: Tenant) -> SignInRuleFacts:
    """Who gives a second proof at sign-in."""
    rows = list(SignInRule.objects.filter(tenant=tenant).values_list("audience", "rule_groups__group_id"))
    if not rows:
        return NOBODY_IS_ASKED
    groups = frozenset(group for _audience, group in rows if group is not None)
    usable = available_methods()
    return SignInRuleFacts(rows[0][0], groups, tuple(method for method in SIGN_IN_METHODS if method in usable))
