"""Changing a password that one knows: for cloud users, signed in."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts import audit, tenants
from accounts.audit import Activity, Event
from accounts.models import Invitation, User
from accounts.models.users import new_epoch
from accounts.visitor import Visitor
from notifications import messages
from notifications.outbox import Draft, enqueue
from policy import lockout, passwords
from reset.addresses import addresses_of
from reset.password_proof import Failure, Proof, account_key_of, compare


class AccountChanged(Exception):
    """The account is not as it was at the start: disabled, or changed elsewhere. Nothing was done."""


@dataclass(frozen=True)
class Change:
    """How a change ended. `failure` None: the password is changed, and `user` carries the new epoch."""

    user: User
    failure: Failure | None = None
    locked_until: datetime | None = None


def is_possible(user: User) -> bool:
    """Whether the password is kept here, and so compared and changed here."""
    return user.directory_id is None and not user.is_external


def change(user: User, current: str, new: str, visitor: Visitor, now: datetime | None = None) -> Change:
    """Check the current password and set the new one, which was validated before. All other sessions end.

    Raises policy.hashing.Busy, AccountChanged, accounts.executors.NoExecutor.
    """
    now = now or timezone.now()
    proof = compare(account_key_of(user), current, user.password if is_possible(user) else "", now)
    if proof.failure is not None:
        _note_failure(user, proof, current, visitor)
        return Change(user, proof.failure, proof.counted.locked_until)
    hashed = passwords.hash_password(new)
    with tenants.opened_or_all(user.tenant), transaction.atomic():
        set_password(user, hashed, now)
        lockout.clear(proof.counted.account_key)
        Invitation.withdraw([user.pk], now)
        enqueue(notices(user, visitor, now), now)
        audit.record(_event(user, visitor))
    return Change(user)


def set_password(user: User, hashed: str, now: datetime) -> None:
    """Set a hash, and with it a new epoch, on the account as it was loaded. Raises AccountChanged."""
    fresh = {
        "password": hashed,
        "credentials_epoch": new_epoch(),
        "password_changed_at": now,
        "must_change_password": False,
    }
    same = User.objects.filter(pk=user.pk, is_enabled=True, credentials_epoch=user.credentials_epoch)
    if same.update(**fresh) != 1:
        raise AccountChanged
    for field, value in fresh.items():
        setattr(user, field, value)


def notices(user: User, visitor: Visitor, now: datetime) -> list[Draft]:
    """Every address on file hears that the password was changed: when, from where, with which client."""
    return [
        messages.password_was_changed(
            tenant_id=user.tenant_id,
            language=user.language or (user.tenant.language if user.tenant else "en"),
            recipient=address,
            name=user.shown_name,
            principal_name=user.principal_name,
            at=now,
            address=visitor.address,
            client=visitor.client,
            user_id=user.pk,
        )
        for address in addresses_of(user)
    ]


def _note_failure(user: User, proof: Proof, current: str, visitor: Visitor) -> None:
    with tenants.opened_or_all(user.tenant), transaction.atomic():
        if proof.failure == Failure.WRONG:
            lockout.remember_wrong(proof.counted, current)
        audit.record(_event(user, visitor, reason=f"current_password_{proof.failure}"))


def _event(user: User, visitor: Visitor, reason: str = "") -> Event:
    return Event(
        Activity.PASSWORD_CHANGED,
        user.tenant_id,
        succeeded=not reason,
        reason=reason,
        actor=user,
        target=user,
        visitor=visitor,
    )
