"""Temporary access passes: made by staff for one person who has lost everything else, good once, for some hours at most.

    issue ──▶ used beside another kind of proof in a reset
      └─ approve (by a second member of staff) ── one hour, announced ──▶ used alone

A pass is shown to its issuer once and kept as a keyed digest; it dies when the password is set in any way. Neither its
issuer nor the network it was made from may use it, and no holder of a role gets one. Source: design, section 3 (a pass
never completes a reset alone).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models.functions import Now

from accounts import audit, facts, secrets
from accounts.audit import Activity, Event
from accounts.methods import AuthenticatorType, Method
from accounts.models import AccessPass, Authenticator, User
from accounts.models.authenticators import PASS_STANDS_ALONE_AFTER
from accounts.visitor import NOBODY, Visitor
from notifications import messages
from notifications.outbox import Draft, enqueue
from policy import rules
from policy.decisions import Authority, Refusal, decide_reset
from reset.addresses import addresses_of

RIGHT_TO_GIVE = "reset.give_access_pass"
SHORTEST, USUAL, LONGEST = timedelta(minutes=10), timedelta(hours=1), timedelta(hours=24)
# 20 digits are 66 bits; 64 are enough for a code that needs no slow hash (NIST SP 800-63B-4 section 3.1.2). Digits are
# read aloud without a mistake in every language.
GROUPS, GROUP_LENGTH = 5, 4
DIGITS = GROUPS * GROUP_LENGTH
# Requests that passed a gate with a pass need its row until they end.
KEPT_AFTER_EXPIRY = timedelta(minutes=15)


class Refused(Exception):
    """No pass is made or approved. `reason` is a word for the audit trail; a page finds a sentence for it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def issue(user: User, issuer: User, visitor: Visitor, now: datetime, lifetime: timedelta = USUAL) -> str:
    """Make a pass for one person, in the place of an earlier one. It is returned this once.

    Raises Refused or accounts.executors.NoExecutor. `visitor` is the issuer's: what it is made from may not use it.
    """
    refusal = _why_not_issue(user, issuer, now, lifetime)
    if refusal:
        audit.record(_event(Activity.ACCESS_PASS_ISSUED, user, issuer, visitor, refusal))
        raise Refused(refusal)
    number = secrets.one_time_passcode(DIGITS)
    row = Authenticator(
        tenant=user.tenant,
        user=user,
        type=AuthenticatorType.ACCESS_PASS,
        name="",
        source=Authenticator.Source.STAFF,
        registered_at=now,
    )
    row.set_value(secrets.random_token(), now)  # only the digest stays: it tells this pass from every other
    row.sealed = b""
    access_pass = AccessPass(
        tenant=user.tenant,
        authenticator=row,
        epoch=user.credentials_epoch,
        issuer_id=issuer.pk,
        issuer_network=visitor.network,
        created_at=now,
        expires_at=now + lifetime,
    )
    access_pass.digest = secrets.digest(access_pass.digest_purpose, number)
    with transaction.atomic():
        _store(user, access_pass)
        enqueue(_notices(user, addresses_of(user), now), now)
        minutes = int(lifetime.total_seconds() // 60)
        audit.record(_event(Activity.ACCESS_PASS_ISSUED, user, issuer, visitor, minutes=minutes))
    return written(number)


def _why_not_issue(user: User, issuer: User, now: datetime, lifetime: timedelta) -> str:
    """A word for what stands against it; nothing where a pass may be made."""
    if not may_give(issuer, user):
        return "no_right"
    if not SHORTEST <= lifetime <= LONGEST:
        return "lifetime"
    assert user.tenant is not None
    known = facts.load([user], user.tenant.imported_methods_count, now)[user.pk]
    if known.is_administrator:
        return "holds_role"
    decision = decide_reset(known, rules.load(user.tenant), rules.tenant_facts(user.tenant), Authority())
    obstacles = [refusal for refusal in decision.refusals if refusal != Refusal.TOO_FEW_METHODS]
    if obstacles:
        return obstacles[0]
    return "" if decision.policy and Method.ACCESS_PASS in decision.policy.methods else "not_allowed"


def may_give(staff: User, user: User) -> bool:
    """Whether somebody may make or approve passes for this person: by right, for others, in their own organisation."""
    is_near = staff.is_platform_operator or staff.tenant_id == user.tenant_id
    return is_near and staff.pk != user.pk and user.tenant is not None and staff.has_perm(RIGHT_TO_GIVE)


def _store(user: User, access_pass: AccessPass) -> None:
    """One live pass per person; two issuers at once go one after the other."""
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    Authenticator.objects.filter(user=user, type=AuthenticatorType.ACCESS_PASS).delete()
    access_pass.authenticator.save()
    access_pass.save()


def of_person(user: User) -> AccessPass | None:
    """The pass a person has, live or not."""
    found: AccessPass | None = (
        AccessPass.objects.filter(authenticator__user=user).select_related("authenticator__user__tenant").first()
    )
    return found


def approve(user: User, approver: User, visitor: Visitor, now: datetime) -> datetime:
    """Let a person's pass stand alone, an hour from now; every address on file hears of it. Returns from when on.

    Raises Refused or accounts.executors.NoExecutor.
    """
    access_pass, told = of_person(user), addresses_of(user)
    refusal = _why_not_approve(access_pass, user, approver, now) or ("" if told else "nobody_to_tell")
    alone_at = now + PASS_STANDS_ALONE_AFTER
    with transaction.atomic():
        if not refusal and access_pass is not None and not _approve(access_pass, approver, now):
            refusal = "too_late"
        if not refusal:
            enqueue(_notices(user, told, now, alone_at), now)
        audit.record(_event(Activity.ACCESS_PASS_APPROVED, user, approver, visitor, refusal))
    if refusal:
        raise Refused(refusal)
    return alone_at


def _why_not_approve(access_pass: AccessPass | None, user: User, approver: User, now: datetime) -> str:
    if not may_give(approver, user):
        return "no_right"
    if access_pass is None or not access_pass.is_live(now) or access_pass.epoch != user.credentials_epoch:
        return "no_pass"
    if access_pass.issuer_id == approver.pk:
        return "own_pass"
    if access_pass.approved_at is not None:
        return "approved_before"
    return "" if access_pass.expires_at > now + PASS_STANDS_ALONE_AFTER else "runs_out_before"


def _approve(access_pass: AccessPass, approver: User, now: datetime) -> bool:
    same = AccessPass.objects.filter(pk=access_pass.pk, approved_at=None, used_at=None)
    moved: int = same.exclude(issuer_id=approver.pk).update(approver_id=approver.pk, approved_at=now)
    return moved == 1


def _notices(user: User, addresses: Sequence[str], now: datetime, alone_at: datetime | None = None) -> list[Draft]:
    return [
        messages.access_pass_was_given(
            tenant_id=user.tenant_id,
            language=user.language or (user.tenant.language if user.tenant else "en"),
            recipient=address,
            alone_at=alone_at,
            principal_name=user.principal_name,
            at=now,
            address="",
            client="",
            user_id=user.pk,
        )
        for address in addresses
    ]


def written(number: str) -> str:
    """As it is shown and read aloud: five groups of four digits."""
    return "-".join(number[start : start + GROUP_LENGTH] for start in range(0, DIGITS, GROUP_LENGTH))


def normalise(typed: str) -> str:
    """What of a typed pass is compared; empty where it can't be one."""
    digits = "".join(typed.split()).replace("-", "")
    return digits if len(digits) == DIGITS and digits.isascii() and digits.isdigit() else ""


def find(authenticator: Authenticator | None, typed: str, now: datetime) -> AccessPass | None:
    """The live pass that was typed. One statement, whoever asks and whatever was typed."""
    held: AccessPass | None = AccessPass.objects.filter(
        authenticator_id=authenticator.pk if authenticator else 0
    ).first()
    number = normalise(typed)
    if authenticator is None or held is None:
        return None
    held.authenticator = authenticator
    is_right = secrets.digest_matches(held.digest, held.digest_purpose, number) and bool(number)
    return held if is_right and held.is_live(now) else None


def may_use(access_pass: AccessPass, visitors: Sequence[Visitor]) -> bool:
    """Not from the network it was made from, nor in a browser of those who made and approved it."""
    staff = [person for person in (access_pass.issuer_id, access_pass.approver_id) if person]
    return not any(
        visitor.network == access_pass.issuer_network or any(visitor.is_browser_of(person) for person in staff)
        for visitor in visitors
    )


def use_up(access_pass_id: int) -> bool:
    """Take a pass. False: somebody was faster, or its time is over."""
    live = AccessPass.objects.filter(pk=access_pass_id, used_at=None, expires_at__gt=Now())
    return bool(live.update(used_at=Now()) == 1)


def prune(now: datetime) -> int:
    """Delete passes whose time is over; of those that nobody used, an event tells. Returns how many."""
    over = AccessPass.objects.filter(expires_at__lte=now - KEPT_AFTER_EXPIRY).select_related("authenticator__user")
    rows = list(over)
    with transaction.atomic():
        unused = [row.authenticator.user for row in rows if row.used_at is None]
        audit.record(*(_event(Activity.ACCESS_PASS_EXPIRED, user, None, NOBODY) for user in unused))
        Authenticator.objects.filter(pk__in=[row.authenticator_id for row in rows]).delete()
    return len(rows)


def _event(activity: str, user: User, actor: User | None, visitor: Visitor, refusal: str = "", **details: int) -> Event:
    return Event(
        activity,
        user.tenant_id,
        succeeded=not refusal,
        reason=refusal,
        actor=actor,
        target=user,
        visitor=visitor,
        details=details,
    )
