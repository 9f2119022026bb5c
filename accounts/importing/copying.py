"""Writing the changes of a batch on PostgreSQL: COPY into a temporary table, then one statement that merges it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from accounts.importing.planning import ChangedUser, NewProof, UserFields
from accounts.importing.writing import sealed_proofs, unusable_password
from accounts.models import Authenticator, Group, GroupMembership, Tenant, User
from accounts.models.users import new_epoch
from accounts.names import key_of

USER, GROUP, MEMBERSHIP, AUTHENTICATOR = (
    f'"{model._meta.db_table}"' for model in (User, Group, GroupMembership, Authenticator)
)
FIELDS = (*UserFields._fields, "mail_key")
NAMES = ", ".join(FIELDS)
FIELD_TYPES = ", ".join(f"{name} {'boolean' if name == 'is_enabled' else 'text'}" for name in FIELDS)
PROOF_COLUMNS = (
    "tenant_id, name, confirmed, source, registered_at, changed_at, replaces_another, last_step, "
    "user_id, type, sealed, digest"
)


def refresh_statistics() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {USER}, {AUTHENTICATOR}, {MEMBERSHIP}")


def merge(
    table: str, rows: Iterable[tuple[Any, ...]], sql: str, parameters: list[Any], key: Any = str
) -> dict[Any, int]:
    """COPY rows into a temporary table, run the merging statement, and answer with what it returns: key and id.

    `table` is its name and its columns with their types.
    """
    name = table.partition(" ")[0]
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE {table} ON COMMIT DROP")
        with cursor.copy(f"COPY {name} FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        cursor.execute(sql, parameters)
        found = {key(first): second for first, second in cursor.fetchall()} if cursor.description else {}
        cursor.execute(f"DROP TABLE {name}")
    return found


class CopyStore:
    """COPY and merge. What somebody else wrote in the same moment is not overwritten."""

    def __init__(self, tenant: Tenant, now: datetime) -> None:
        self.tenant, self.now = tenant, now

    def add_groups(self, names: Iterable[str]) -> dict[str, int]:
        return merge(
            "import_groups (name text)",
            [(name,) for name in names],
            f"""
            INSERT INTO {GROUP} AS held (tenant_id, name) SELECT %s, name FROM import_groups
            ON CONFLICT (tenant_id, name) DO UPDATE SET name = excluded.name RETURNING held.name, held.id
            """,  # noqa: S608 - table names only
            [self.tenant.pk],
            key_of,
        )

    def add_users(self, users: Mapping[str, UserFields]) -> dict[str, int]:
        return merge(
            f"import_users (principal_key text, password text, credentials_epoch text, {FIELD_TYPES})",
            [(key, unusable_password(), new_epoch(), *fields, key_of(fields.mail)) for key, fields in users.items()],
            f"""
            INSERT INTO {USER} (
                tenant_id, created_at, is_protected, is_external, self_service_paused, must_change_password,
                principal_key, password, credentials_epoch, {NAMES}
            )
            SELECT %s, %s, false, false, false, false, principal_key, password, credentials_epoch, {NAMES}
            FROM import_users
            ON CONFLICT DO NOTHING RETURNING principal_key, id
            """,  # noqa: S608
            [self.tenant.pk, self.now],
        )

    def change_users(self, changes: Sequence[ChangedUser]) -> None:
        settings = ", ".join(f"{name} = changed.{name}" for name in FIELDS)
        old, new = (", ".join(f"{table}.{name}" for name in FIELDS) for table in ("held", "changed"))
        merge(
            f"import_changes (id bigint, epoch text, {FIELD_TYPES})",
            [
                (change.id, new_epoch() if change.was_disabled else None, *change.fields, key_of(change.fields.mail))
                for change in changes
            ],
            f"""
            UPDATE {USER} held
            SET {settings}, credentials_epoch = coalesce(changed.epoch, held.credentials_epoch)
            FROM import_changes changed
            WHERE held.id = changed.id AND held.tenant_id = %s AND held.directory_id IS NULL
              AND ({old}) IS DISTINCT FROM ({new})
            """,  # noqa: S608
            [self.tenant.pk],
        )

    def add_proofs(self, proofs: Iterable[NewProof], ids: Mapping[str, int]) -> None:
        """Nobody else can see the people of this transaction yet: their proofs need no merging."""
        proofs = list(proofs)
        self._copy_proofs([new for new in proofs if new.owner_is_new], ids)
        if merged := [new for new in proofs if not new.owner_is_new]:
            self._merge_proofs(merged, ids)

    def _copy_proofs(self, proofs: Sequence[NewProof], ids: Mapping[str, int]) -> None:
        """PostgreSQL stores the first values while later ones are being sealed."""
        now = self.now.isoformat()
        constant = (str(self.tenant.pk), "", "t", Authenticator.Source.IMPORT.value, now, now, "f", "-1")
        with connection.cursor() as cursor, cursor.copy(f"COPY {AUTHENTICATOR} ({PROOF_COLUMNS}) FROM STDIN") as copy:
            for new, owner, sealed in sealed_proofs(self.tenant, proofs, ids):
                copy.write_row((*constant, str(owner), new.proof.type.value, sealed, new.proof.digest))

    def _merge_proofs(self, proofs: Sequence[NewProof], ids: Mapping[str, int]) -> None:
        merge(
            "import_proofs (user_id bigint, type text, sealed bytea, digest text)",
            (
                (owner, new.proof.type.value, sealed, new.proof.digest)
                for new, owner, sealed in sealed_proofs(self.tenant, proofs, ids)
            ),
            f"""
            INSERT INTO {AUTHENTICATOR} ({PROOF_COLUMNS})
            SELECT %s, '', true, %s, %s, %s, false, -1, user_id, type, sealed, digest FROM import_proofs
            ON CONFLICT DO NOTHING
            """,  # noqa: S608
            [self.tenant.pk, Authenticator.Source.IMPORT.value, self.now, self.now],
        )

    def change_proofs(self, proofs: Sequence[NewProof], ids: Mapping[str, int]) -> list[NewProof]:
        changed = merge(
            "import_new_values (id bigint, old_digest text, sealed bytea, digest text)",
            (
                (new.held.id, new.held.digest, sealed, new.proof.digest)
                for new, _, sealed in sealed_proofs(self.tenant, proofs, ids)
                if new.held is not None
            ),
            f"""
            UPDATE {AUTHENTICATOR} held
            SET sealed = fresh.sealed, digest = fresh.digest, changed_at = %s, replaces_another = true,
                in_own_domain = false
            FROM import_new_values fresh
            WHERE held.id = fresh.id AND held.digest = fresh.old_digest AND held.source = %s
              AND held.confirmed_at IS NULL
            RETURNING held.id, held.user_id
            """,  # noqa: S608
            [self.now, Authenticator.Source.IMPORT.value],
            int,
        )
        return [new for new in proofs if new.held is not None and new.held.id in changed]

    def add_memberships(self, memberships: Iterable[tuple[int, int]]) -> None:
        merge(
            "import_memberships (user_id bigint, group_id bigint)",
            memberships,
            f"""
            INSERT INTO {MEMBERSHIP} (tenant_id, user_id, group_id) SELECT %s, user_id, group_id FROM import_memberships
            ON CONFLICT DO NOTHING
            """,  # noqa: S608
            [self.tenant.pk],
        )
