"""Does what a request started with still hold? Asked inside the guarded update itself: nothing can change between.

The account must be as it was (enabled, not protected, not paused, same credentials epoch). Who was no administrator at
the start must not have become one; who was under a policy must still be governed by it, and it must not ask for more
gates or questions. What a gate was passed with must still be the person's.
"""

from datetime import datetime

from django.db import connection
from django.db.models import BooleanField
from django.db.models.expressions import RawSQL

from accounts.methods import MOST_QUESTIONS, Method
from accounts.models import Authenticator, GroupMembership, GroupNesting, RoleAssignment, Tenant, User
from policy.models import ResetPolicy
from policy.models.policies import PolicyGroup
from reset.models import Challenge, ResetRequest
from reset.snapshot import Snapshot

USER, MEMBERSHIP, NESTING, ROLE, TENANT, POLICY, POLICY_GROUP, AUTHENTICATOR = (
    model._meta.db_table
    for model in (User, GroupMembership, GroupNesting, RoleAssignment, Tenant, ResetPolicy, PolicyGroup, Authenticator)
)

_INSIDE = f"""
    WITH RECURSIVE inside(group_id) AS (
        SELECT group_id FROM {MEMBERSHIP} WHERE user_id = %s
        UNION
        SELECT nesting.parent_id FROM inside JOIN {NESTING} nesting ON nesting.child_id = inside.group_id
    )
"""  # noqa: S608 - table names only
_SAME_ACCOUNT = f"""
    EXISTS (
        SELECT 1 FROM {USER} person JOIN {TENANT} tenant ON tenant.id = person.tenant_id
        WHERE person.id = %s AND person.credentials_epoch = %s AND person.is_enabled
          AND NOT person.is_protected AND NOT person.is_protected_in_directory
          AND NOT person.is_external AND NOT person.self_service_paused
          AND (NOT person.cannot_change_password OR %s)
          AND tenant.is_active AND (tenant.administrators_may_reset OR NOT %s)
    )
"""  # noqa: S608
_NO_ROLE = f"""
    NOT EXISTS (
        {_INSIDE}
        SELECT 1 FROM {ROLE} role WHERE role.user_id = %s OR role.group_id IN (SELECT group_id FROM inside)
    )
"""  # noqa: S608
_SAME_POLICY = f"""
    %s = (
        {_INSIDE}
        SELECT CASE WHEN policy.methods_required <= %s AND policy.questions_asked <= %s THEN policy.id END FROM {POLICY} policy
        WHERE policy.tenant_id = %s AND (
            policy.audience = 'everybody'
            OR policy.audience = 'groups' AND EXISTS (
                SELECT 1 FROM {POLICY_GROUP} chosen
                WHERE chosen.policy_id = policy.id AND chosen.group_id IN (SELECT group_id FROM inside)
            )
        )
        ORDER BY policy.priority, policy.id LIMIT 1
    )
"""  # noqa: S608


_STILL_HELD = f"""
    %s = (
        SELECT COUNT(DISTINCT held.digest) FROM {AUTHENTICATOR} held
        WHERE held.user_id = %s AND held.digest IN (%s, %s)
    )
"""  # noqa: S608
MOST_GATES = 2


def still_stands(request: ResetRequest) -> RawSQL:
    """A condition for the guarded updates of `reset/flow.py`. A decoy's holds always, at the same cost."""
    user_id, decoy = request.user_id or 0, request.is_decoy
    used = sorted({destination for _kind, destination in request.passed if destination})
    administrator = bool(request.snapshot.get("as_administrator"))
    policy_id = request.snapshot.get("policy_id") or 0
    sql = f"(%s OR ({_SAME_ACCOUNT} AND (%s OR ({_NO_ROLE} AND {_SAME_POLICY})) AND {_STILL_HELD}))"
    params = [
        decoy,
        *(user_id, request.epoch, request.is_unlock, administrator),
        administrator,
        *(user_id, user_id),
        *(policy_id, user_id, request.gates_required, _questions_asked(request), request.tenant_id),
        *(len(used), user_id, *used, *["-"] * (MOST_GATES - len(used))),
    ]
    return RawSQL(sql, params, output_field=BooleanField())  # noqa: S611 - table names and parameters only


def _questions_asked(request: ResetRequest) -> int:
    """How many questions this request asks, or more than any policy where it asks none."""
    kept = Snapshot.from_json(request.snapshot)
    asks = any(offer.method == Method.QUESTIONS for offer in kept.offers)
    return kept.questions_asked if asks else MOST_QUESTIONS


def still_unused(request: ResetRequest, challenge: Challenge, now: datetime) -> RawSQL:
    """A condition for using up a challenge: nobody did, its time runs, and its authenticator is the person's as it was.

    The challenge's own columns stand outside of any subquery: an update that waited for a rival has to see them anew.
    """
    held = f"EXISTS (SELECT 1 FROM {AUTHENTICATOR} held WHERE held.id = %s AND held.user_id = %s AND held.digest = %s)"  # noqa: S608
    params = [
        connection.ops.adapt_datetimefield_value(now),
        *(challenge.authenticator_id or 0, request.user_id or 0, challenge.destination),
    ]
    return RawSQL(f"used_at IS NULL AND expires_at > %s AND {held}", params, output_field=BooleanField())  # noqa: S611
