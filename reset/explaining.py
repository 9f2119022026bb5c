"""Gathering what `policy.explain` asks about one person. Reads only."""

from datetime import datetime

from django.utils import timezone

from accounts import facts, people
from accounts.models import User
from accounts.tenants import opened
from policy import lockout, rules, throttle
from policy.explain import Line, Situation, explain
from policy.throttle import Use
from reset import buckets
from reset.beginning import authority_of


def explain_user(user: User, now: datetime | None = None) -> tuple[Line, ...]:
    """Why a stranger's browser can or can't reset this person's password now, line by line."""
    now, tenant = now or timezone.now(), user.tenant
    if tenant is None:
        return (Line("Platform operator", "belongs to no tenant: self-service does not apply"),)
    account = buckets.account_key(tenant.pk, user.principal_name, user)
    (failed,) = throttle.look(Use(throttle.FAILURES_OF_ACCOUNT, buckets.failures_subject(account), 0), now=now)
    with opened(tenant):
        known = facts.load([user], tenant.imported_methods_count, now)[user.pk]
        return explain(
            Situation(
                user=known,
                policies=rules.load(tenant),
                tenant=rules.tenant_facts(tenant),
                authority=authority_of(people.find(user.principal_name, tenant), now),
                imported_counts=tenant.imported_methods_count,
                is_blocked=failed.is_used_up,
                is_locked_out=lockout.find_lock(account, now) is not None,
                sign_in_rule=rules.sign_in_rule(tenant),
            )
        )
