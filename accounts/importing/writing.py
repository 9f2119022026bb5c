"""Writing the changes of a batch with Django's bulk operations: the way for SQLite."""

import json
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX

from accounts import secrets as secrets_at_rest
from accounts.importing.planning import ChangedUser, NewProof, UserFields
from accounts.models import Authenticator, Group, GroupMembership, Tenant, User
from accounts.models.users import new_epoch
from accounts.names import key_of

ROWS_AT_ONCE = 500


class Store(Protocol):
    """Where changes go. Every function runs in the transaction of its batch."""

    def add_groups(self, names: Iterable[str]) -> dict[str, int]:
        """Ids by the key of the name."""

    def add_users(self, users: Mapping[str, UserFields]) -> dict[str, int]:
        """Ids by key. Who is missing was added by somebody else meanwhile."""

    def change_users(self, changes: Sequence[ChangedUser]) -> None: ...

    def add_proofs(self, proofs: Iterable[NewProof], ids: Mapping[str, int]) -> None:
        """Each sealed for its owner, whose id is looked up by key."""

    def change_proofs(self, proofs: Sequence[NewProof], ids: Mapping[str, int]) -> list[NewProof]:
        """Those that were changed: what the person confirmed in the same moment is left as it is."""

    def add_memberships(self, memberships: Iterable[tuple[int, int]]) -> None: ...


def unusable_password() -> str:
    """What Django's make_password(None) means, forty times faster: nobody can sign in before a reset."""
    return UNUSABLE_PASSWORD_PREFIX + secrets.token_hex(20)


def sealed_proofs(
    tenant: Tenant, proofs: Iterable[NewProof], ids: Mapping[str, int]
) -> Iterator[tuple[NewProof, int, bytes]]:
    """Each value with its owner's id and sealed for that owner."""
    row = Authenticator(tenant=tenant)
    for new in proofs:
        row.user_id, row.type = ids[new.owner], new.proof.type.value
        yield new, row.user_id, secrets_at_rest.seal(json.dumps({"value": new.proof.value}).encode(), row.place)


class BulkStore:
    """Django's bulk operations, a few hundred rows at a time."""

    def __init__(self, tenant: Tenant, now: datetime) -> None:
        self.tenant, self.now = tenant, now

    def add_groups(self, names: Iterable[str]) -> dict[str, int]:
        rows = Group.objects.bulk_create([Group(tenant=self.tenant, name=name) for name in names], ROWS_AT_ONCE)
        return {key_of(row.name): row.pk for row in rows}

    def add_users(self, users: Mapping[str, UserFields]) -> dict[str, int]:
        rows = [
            User(
                tenant=self.tenant,
                principal_key=key,
                mail_key=key_of(fields.mail),
                password=unusable_password(),
                **fields._asdict(),
            )
            for key, fields in users.items()
        ]
        return {row.principal_key: row.pk for row in User.objects.bulk_create(rows, ROWS_AT_ONCE)}

    def change_users(self, changes: Sequence[ChangedUser]) -> None:
        rows = [
            User(pk=change.id, mail_key=key_of(change.fields.mail), **change.fields._asdict()) for change in changes
        ]
        User.objects.bulk_update(rows, [*UserFields._fields, "mail_key"], ROWS_AT_ONCE)
        disabled = [User(pk=change.id, credentials_epoch=new_epoch()) for change in changes if change.was_disabled]
        User.objects.bulk_update(disabled, ["credentials_epoch"], ROWS_AT_ONCE)

    def add_proofs(self, proofs: Iterable[NewProof], ids: Mapping[str, int]) -> None:
        rows = [
            Authenticator(
                tenant=self.tenant,
                user_id=owner,
                type=new.proof.type.value,
                sealed=sealed,
                digest=new.proof.digest,
                source=Authenticator.Source.IMPORT,
                registered_at=self.now,
                changed_at=self.now,
            )
            for new, owner, sealed in sealed_proofs(self.tenant, proofs, ids)
        ]
        Authenticator.objects.bulk_create(rows, ROWS_AT_ONCE)

    def change_proofs(self, proofs: Sequence[NewProof], ids: Mapping[str, int]) -> list[NewProof]:
        changed = []
        free = Authenticator.objects.filter(source=Authenticator.Source.IMPORT, confirmed_at=None)
        for new, _, sealed in sealed_proofs(self.tenant, proofs, ids):
            if new.held is not None and free.filter(pk=new.held.id, digest=new.held.digest).update(
                sealed=sealed,
                digest=new.proof.digest,
                changed_at=self.now,
                replaces_another=True,
                in_own_domain=False,
            ):
                changed.append(new)
        return changed

    def add_memberships(self, memberships: Iterable[tuple[int, int]]) -> None:
        rows = [GroupMembership(tenant=self.tenant, user_id=user, group_id=group) for user, group in memberships]
        GroupMembership.objects.bulk_create(rows, ROWS_AT_ONCE, ignore_conflicts=True)
