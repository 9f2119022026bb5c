"""Registering what one proves oneself with, from the first field to the review.

    begin (address, number or app) → confirm by its own first code → registered
    rename · use_first · remove · confirm_all · skip

A value that its owner typed proves nothing until a code sent to it, or shown by it, came back. Whoever changes anything
gave a fresh proof before (`proving.py`); every other address on file hears of it.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts import audit, facts, phones, secrets, totp
from accounts.audit import Activity
from accounts.methods import LASTING_METHODS, AuthenticatorType, Method, kind_of
from accounts.models import Authenticator, Domain, User
from accounts.visitor import Visitor
from notifications import messages
from notifications.outbox import Draft, enqueue
from policy import rules
from policy.decisions import questions_asked_of
from policy.registration import Registration, decide_registration, is_due_again, may_skip
from reset import own_challenges, passkeys
from reset.addresses import addresses_of
from reset.models import OwnChallenge
from reset.own_challenges import Checked, Purpose
from reset.requests import NotOffered

TYPE_OF: dict[Method, AuthenticatorType] = {
    Method.APP_CODE: AuthenticatorType.APP,
    Method.SMS: AuthenticatorType.MOBILE_PHONE,
    Method.CALL: AuthenticatorType.MOBILE_PHONE,
    Method.OFFICE_CALL: AuthenticatorType.OFFICE_PHONE,
    Method.EMAIL: AuthenticatorType.EMAIL,
    Method.QUESTIONS: AuthenticatorType.QUESTIONS,
    Method.RECOVERY_CODE: AuthenticatorType.RECOVERY_CODES,
    Method.PASSKEY: AuthenticatorType.PASSKEY,
    Method.APP_NOTIFICATION: AuthenticatorType.PHONE_APP,
}
# These have a value to register, which is confirmed by a code or a call of its own.
WITH_A_VALUE = (Method.APP_CODE, Method.SMS, Method.CALL, Method.OFFICE_CALL, Method.EMAIL)
# So many of a type may be held. Source: Entra (APP, REG).
MOST_OF: dict[AuthenticatorType, int] = {
    AuthenticatorType.APP: 5,
    AuthenticatorType.MOBILE_PHONE: 2,
    AuthenticatorType.OFFICE_PHONE: 1,
    AuthenticatorType.EMAIL: 3,
    AuthenticatorType.QUESTIONS: 1,
    AuthenticatorType.RECOVERY_CODES: 1,
    AuthenticatorType.PASSKEY: 10,
    AuthenticatorType.PHONE_APP: 5,
}


class OwnDomain(ValueError):
    """The address is under a domain of the organisation: it hangs on the very account that may be locked."""


class HeldAlready(ValueError):
    """This address or number is registered already."""


class TooMany(ValueError):
    """As many of this type as may be held are held."""


@dataclass(frozen=True)
class Standing:
    """What a person holds, and what the policy wants of them."""

    held: tuple[Authenticator, ...]
    registration: Registration
    proving: frozenset[int]

    def of_type(self, kind: AuthenticatorType) -> list[Authenticator]:
        return [row for row in self.held if row.type == kind]

    def proves(self, row: Authenticator) -> bool:
        """Whether this one counts as a proof now."""
        return row.pk in self.proving

    def after_removing(self, row: Authenticator) -> Registration:
        """Where the person would stand without it."""
        kind = kind_of(AuthenticatorType(row.type))
        usable = self.registration.allowed or tuple(Method)
        others = any(
            kind_of(AuthenticatorType(other.type)) == kind and self.proves(other) and set(other.methods()) & set(usable)
            for other in self.held
            if other != row
        )
        return self.registration if others else self.registration.without(kind)


def standing_of(user: User, now: datetime | None = None) -> Standing:
    """Everything the pages of security info show, in a fixed number of statements."""
    now = now or timezone.now()
    assert user.tenant is not None
    known = facts.load([user], user.tenant.imported_methods_count, now)[user.pk]
    tenant, rule = rules.tenant_facts(user.tenant), rules.sign_in_rule(user.tenant)
    decision = decide_registration(known, rules.load(user.tenant), tenant, rule)
    held = Authenticator.objects.filter(user=user).order_by("registered_at", "id")
    asked = questions_asked_of(decision.policy)
    proving = frozenset(row.id for row in known.authenticators if row.proves(asked))
    return Standing(tuple(row for row in held if _is_shown(row, proving)), decision, proving)


def _is_shown(row: Authenticator, proving: frozenset[int]) -> bool:
    """What was begun and never confirmed is not, nor a temporary access pass that works no more."""
    if row.type == AuthenticatorType.ACCESS_PASS:
        return row.pk in proving
    return row.confirmed_at is not None or row.source != row.Source.USER


def is_to_be_asked(user: User, standing: Standing, now: datetime) -> bool:
    """Whether sign-in is interrupted: something is missing, or the methods are due to be looked at again."""
    decision = standing.registration
    if decision.to_register:
        return True
    if not decision.is_enabled or decision.policy is None or decision.missing:
        return False
    days = decision.policy.reconfirm_days
    return decision.policy.registration_required and is_due_again(user.methods_confirmed_at, days, now)


def can_skip(user: User, standing: Standing, now: datetime) -> bool:
    """Whether it may be put off: never what sign-in lacks."""
    decision = standing.registration
    return not decision.sign_in_missing and may_skip(decision.policy, user.registration_asked_at, now)


def note_asked(user: User, now: datetime) -> None:
    """The days in which registering may be put off count from the first time somebody is asked."""
    if user.registration_asked_at is None:
        User.objects.filter(pk=user.pk, registration_asked_at=None).update(registration_asked_at=now)
        user.registration_asked_at = now


def skip(user: User, visitor: Visitor) -> None:
    audit.record(own_challenges.event(user, Activity.REGISTRATION_SKIPPED, visitor))


def confirm_all(user: User, visitor: Visitor, now: datetime) -> bool:
    """The person has looked at everything registered and finds it right. False: something is missing still."""
    if standing_of(user, now).registration.to_register:
        return False
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(methods_confirmed_at=now, registration_asked_at=None)
        audit.record(own_challenges.event(user, Activity.METHODS_CONFIRMED, visitor))
    return True


def begin(
    user: User,
    method: Method,
    value: str,
    label: str,
    replaces: int | None,
    language: str,
    visitor: Visitor,
    now: datetime,
) -> OwnChallenge:
    """Start registering an address, a number (E.164) or a new app. What it is to prove with comes back as a code.

    Raises NotOffered, OwnDomain, HeldAlready, TooMany, TooOften or accounts.executors.NoExecutor.
    """
    standing = standing_of(user, now)
    kind = TYPE_OF[method]
    if method not in standing.registration.allowed or method not in WITH_A_VALUE:
        raise NotOffered
    if method == Method.EMAIL and Domain.is_own(user.tenant, value):
        raise OwnDomain
    value = totp.new_secret() if method == Method.APP_CODE else value
    row = unsaved(user, kind, value, label, now)
    same_type = standing.of_type(kind)
    if any(_is_same(other, value) and standing.proves(other) for other in same_type):
        raise HeldAlready
    if replaces is not None and replaces not in {other.pk for other in same_type}:
        raise NotOffered
    if replaces is None and len(same_type) >= MOST_OF[kind] and row.digest not in {other.digest for other in same_type}:
        raise TooMany
    challenge = own_challenges.new(
        user, Purpose.REGISTER, method, now, type=kind, authenticator_id=replaces, label=label[:64], language=language
    )
    challenge.sealed = secrets.seal(value.encode(), challenge.place)
    own_challenges.start(challenge, row, visitor, now)
    return challenge


def _is_same(held: Authenticator, value: str) -> bool:
    """Addresses in other cases reach the same mailbox."""
    return held.readable_value is not None and held.readable_value.casefold() == value.casefold()


def shown(kind: AuthenticatorType, value: str) -> str:
    """An address or a number as its owner reads it; nothing for what can't be shown."""
    if kind in (AuthenticatorType.MOBILE_PHONE, AuthenticatorType.OFFICE_PHONE):
        return phones.readable(value)
    return value if kind == AuthenticatorType.EMAIL else ""


def value_of(challenge: OwnChallenge) -> str:
    """The address, number or key being registered. Raises accounts.secrets.Damaged."""
    return secrets.open_sealed(bytes(challenge.sealed), challenge.place).decode()


def unsaved(user: User, kind: AuthenticatorType, value: str, label: str, now: datetime) -> Authenticator:
    """A method that is not stored yet."""
    row = Authenticator(
        tenant=user.tenant, user=user, type=kind, name=label, source=Authenticator.Source.USER, registered_at=now
    )
    row.set_value(value, now)
    return row


def send_again(challenge: OwnChallenge, visitor: Visitor, now: datetime) -> None:
    """Raises NotOffered, TooOften, NotSent or accounts.executors.NoExecutor."""
    if challenge.method not in WITH_A_VALUE:
        raise NotOffered
    row = unsaved(challenge.user, AuthenticatorType(challenge.type), value_of(challenge), challenge.label, now)
    own_challenges.send_again(challenge, row, visitor, now)


def confirm(challenge: OwnChallenge, code: str, visitor: Visitor, now: datetime) -> Checked:
    """Take the code that proves the new method, and register it.

    Raises OwnDomain (the domain was added meanwhile), TooMany, TooOften or accounts.executors.NoExecutor.
    """
    user = challenge.user
    row = unsaved(user, AuthenticatorType(challenge.type), value_of(challenge), challenge.label, now)
    checked, verdict = own_challenges.check(challenge, row, [code], visitor, now)
    if verdict is None:
        return checked
    if row.type == AuthenticatorType.EMAIL and Domain.is_own(user.tenant, row.secret_value):
        raise OwnDomain
    row.last_step = verdict.uses_up if verdict.uses_up is not None else -1
    return register(challenge, row, visitor, now)


def clock_skew(challenge: OwnChallenge, code: str, now: datetime) -> int:
    """By how many minutes a new app's phone is ahead, or behind (below zero); 0 where a wrong code tells nothing.

    The app's key is on the person's page: this tells nothing that it does not.
    """
    skew = totp.find_skew(value_of(challenge), code, now) if challenge.method == Method.APP_CODE else None
    return totp.minutes_of(skew) if skew else 0


def begin_passkey(user: User, label: str, visitor: Visitor, now: datetime) -> OwnChallenge:
    """Start registering a passkey. Raises NotOffered or TooMany."""
    standing = standing_of(user, now)
    if Method.PASSKEY not in standing.registration.allowed:
        raise NotOffered
    if len(standing.of_type(AuthenticatorType.PASSKEY)) >= MOST_OF[AuthenticatorType.PASSKEY]:
        raise TooMany
    kind = AuthenticatorType.PASSKEY
    challenge = own_challenges.new(user, Purpose.REGISTER, Method.PASSKEY, now, type=kind, label=label[:64])
    own_challenges.start(challenge, Authenticator(tenant=user.tenant, user=user, type=kind), visitor, now)
    return challenge


def confirm_passkey(challenge: OwnChallenge, answer: str, visitor: Visitor, now: datetime) -> Checked:
    """Take what the browser made, and register it. Raises TooMany, TooOften or accounts.executors.NoExecutor."""
    if challenge.expires_at <= now:
        return Checked.TOO_LATE
    own_challenges.count(challenge, visitor, now)
    made = passkeys.read_new(str(challenge.pk), answer)
    if made is None:
        return own_challenges.refuse(challenge, visitor)
    row = unsaved(challenge.user, AuthenticatorType.PASSKEY, made.as_text, challenge.label, now)
    row.last_step = made.sign_count
    return register(challenge, row, visitor, now)


def register(challenge: OwnChallenge, row: Authenticator, visitor: Visitor, now: datetime) -> Checked:
    """Use the challenge up and write the method; what it takes the place of goes."""
    user = challenge.user
    row.confirmed_at = row.last_used_at = now
    with transaction.atomic():
        if not (in_turn(user) and own_challenges.use_up(challenge, now)):
            return Checked.WRONG
        before = addresses_of(user)
        # The same value held unproved (imported, say), and the one that this takes the place of, go.
        same = Authenticator.objects.filter(user=user, type=row.type)
        replaced = same.filter(pk=challenge.authenticator_id or 0).delete()[0]
        same.filter(pk__in=[other.pk for other in same if _is_same(other, row.secret_value)]).delete()
        if same.count() >= MOST_OF[AuthenticatorType(row.type)]:
            raise TooMany
        row.save()
        others = [address for address in before if address.casefold() != row.secret_value.casefold()]
        enqueue(_notices(user, "replaced" if replaced else "added", row.type, others, visitor, now), now)
        audit.record(
            own_challenges.event(user, Activity.METHOD_REGISTERED, visitor, challenge, replaced=bool(replaced))
        )
    return Checked.RIGHT


def tell_registered(user: User, kind: str, replaced: bool, visitor: Visitor, now: datetime) -> None:
    """Tell every address on file, and record it. Raises accounts.executors.NoExecutor."""
    change = "replaced" if replaced else "added"
    enqueue(_notices(user, change, kind, addresses_of(user), visitor, now), now)
    audit.record(own_challenges.event(user, Activity.METHOD_REGISTERED, visitor, type=kind, replaced=replaced))


def in_turn(user: User) -> bool:
    """One change of a person's methods after another: two at once would each see what the other takes away.

    False: the account is not as it was when the page was asked for (its sessions were ended, say).
    """
    same = User.objects.filter(pk=user.pk, credentials_epoch=user.credentials_epoch, is_enabled=True)
    return same.select_for_update(no_key=True).values_list("pk", flat=True).first() is not None


def rename(user: User, authenticator_id: int, label: str, visitor: Visitor) -> bool:
    """Give a method a name of one's own. False: it is gone."""
    with transaction.atomic():
        own = Authenticator.objects.filter(user=user, pk=authenticator_id)
        renamed = in_turn(user) and own.update(name=label[:64]) == 1
        if renamed:
            audit.record(own_challenges.event(user, Activity.METHOD_RENAMED, visitor))
    return renamed


def use_first(user: User, authenticator_id: int, visitor: Visitor) -> bool:
    """Offer this method before all others from now on. False: it is gone, proves nothing, or is a temporary access pass."""
    with transaction.atomic():
        if not in_turn(user):
            return False
        standing = standing_of(user)
        usable = [row for row in standing.held if standing.proves(row) and set(row.methods()) & set(LASTING_METHODS)]
        chosen = [row for row in usable if row.pk == authenticator_id]
        if not chosen:
            return False
        own = Authenticator.objects.filter(user=user)
        own.exclude(pk=authenticator_id).filter(is_first=True).update(is_first=False)
        own.filter(pk=authenticator_id).update(is_first=True)
        audit.record(own_challenges.event(user, Activity.METHOD_USED_FIRST, visitor, type=chosen[0].type))
    return True


def remove(user: User, authenticator_id: int, visitor: Visitor, now: datetime) -> bool:
    """Delete a method; every address on file before hears of it. False: it is gone. Raises NoExecutor."""
    with transaction.atomic():
        row = Authenticator.objects.filter(user=user, pk=authenticator_id).first() if in_turn(user) else None
        if row is None:
            return False
        before = addresses_of(user)
        row.delete()
        enqueue(_notices(user, "removed", row.type, before, visitor, now), now)
        audit.record(own_challenges.event(user, Activity.METHOD_REMOVED, visitor, type=row.type))
    return True


def _notices(user: User, change: str, kind: str, addresses: list[str], visitor: Visitor, now: datetime) -> list[Draft]:
    assert user.tenant is not None
    return [
        messages.own_method_was_changed(
            tenant_id=user.tenant_id,
            language=user.language or user.tenant.language,
            recipient=address,
            change=change,
            kind=kind_of(AuthenticatorType(kind)),
            principal_name=user.principal_name,
            at=now,
            address=visitor.address,
            client=visitor.client,
            user_id=user.pk,
        )
        for address in addresses
    ]
