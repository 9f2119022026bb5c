"""Writing people and entries many at a time: by COPY and one merging statement on PostgreSQL, by Django elsewhere."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import connection

from accounts.importing.copying import USER, merge
from accounts.importing.planning import any_of
from accounts.importing.writing import ROWS_AT_ONCE, unusable_password
from accounts.models import User
from accounts.models.users import new_epoch
from accounts.names import key_of
from writeback.models import SyncedEntry
from writeback.sync.work import Work

ENTRY = f'"{SyncedEntry._meta.db_table}"'


class Fields(NamedTuple):
    """What a directory decides of a person."""

    principal_name: str
    mail: str
    given_name: str
    family_name: str
    display_name: str
    language: str
    is_enabled: bool
    is_protected_in_directory: bool
    cannot_change_password: bool


class ChangedUser(NamedTuple):
    id: int
    fields: Fields
    ends_sessions: bool


class Entry(NamedTuple):
    """What is known of an entry; columns of SyncedEntry."""

    anchor: str
    dn_key: str
    user_id: int | None
    group_id: int | None = None
    gone_at: datetime | None = None
    brings_mobile: bool = False
    brings_office: bool = False
    lost_a_phone: bool = False
    is_off: bool = False


KEYS = ("principal_key", "mail_key")
NAMES = ", ".join((*Fields._fields, *KEYS))
FLAGS = ("is_enabled", "is_protected_in_directory", "cannot_change_password")
TYPES = ", ".join(f"{name} {'boolean' if name in FLAGS else 'text'}" for name in (*Fields._fields, *KEYS))
ENTRY_NAMES = ", ".join(Entry._fields)
ENTRY_TYPES = (
    "anchor text, dn_key text, user_id bigint, group_id bigint, gone_at timestamptz, brings_mobile boolean, "
    "brings_office boolean, lost_a_phone boolean, is_off boolean"
)


def _is_fast() -> bool:
    return bool(connection.vendor == "postgresql")


def _keys(fields: Fields) -> tuple[str, str]:
    return key_of(fields.principal_name), key_of(fields.mail)


def add_users(work: Work, users: dict[str, Fields]) -> dict[str, int]:
    """New people by anchor; ids by anchor. Who is missing has a name that somebody else took in this moment."""
    if _is_fast():
        return merge(
            f"sync_users (anchor text, password text, credentials_epoch text, {TYPES})",
            [(anchor, unusable_password(), new_epoch(), *fields, *_keys(fields)) for anchor, fields in users.items()],
            f"""
            INSERT INTO {USER} (
                tenant_id, directory_id, created_at, is_protected, is_external, self_service_paused,
                must_change_password, anchor, password, credentials_epoch, {NAMES}
            )
            SELECT %s, %s, %s, false, false, false, false, anchor, password, credentials_epoch, {NAMES} FROM sync_users
            ON CONFLICT DO NOTHING RETURNING anchor, id
            """,  # noqa: S608 - names of columns only
            [work.tenant.pk, work.connector.directory_id, work.now],
        )
    rows = [
        User(
            tenant=work.tenant,
            directory_id=work.connector.directory_id,
            anchor=anchor,
            password=unusable_password(),
            **dict(zip(KEYS, _keys(fields), strict=True)),
            **fields._asdict(),
        )
        for anchor, fields in users.items()
    ]
    return {str(row.anchor): row.pk for row in User.objects.bulk_create(rows, ROWS_AT_ONCE)}


def change_users(work: Work, changes: Sequence[ChangedUser]) -> None:
    if not _is_fast():
        rows = [
            User(pk=one.id, **dict(zip(KEYS, _keys(one.fields), strict=True)), **one.fields._asdict())
            for one in changes
        ]
        User.objects.bulk_update(rows, [*Fields._fields, *KEYS], ROWS_AT_ONCE)
        end_sessions([one.id for one in changes if one.ends_sessions])
        return
    settings = ", ".join(f"{name} = changed.{name}" for name in (*Fields._fields, *KEYS))
    merge(
        f"sync_changes (id bigint, epoch text, {TYPES})",
        [(one.id, new_epoch() if one.ends_sessions else None, *one.fields, *_keys(one.fields)) for one in changes],
        f"""
        UPDATE {USER} held SET {settings}, credentials_epoch = coalesce(changed.epoch, held.credentials_epoch)
        FROM sync_changes changed
        WHERE held.id = changed.id AND held.tenant_id = %s AND held.directory_id = %s
        """,  # noqa: S608
        [work.tenant.pk, work.connector.directory_id],
    )


def end_sessions(user_ids: Iterable[int]) -> None:
    """A new epoch for each: whatever hung on the old one is over."""
    rows = [User(pk=user_id, credentials_epoch=new_epoch()) for user_id in user_ids]
    User.objects.bulk_update(rows, ["credentials_epoch"], ROWS_AT_ONCE)


def save_entries(work: Work, entries: Sequence[Entry]) -> None:
    """Add or replace what is known of entries. A DN belongs to one of them: whoever had it before stands elsewhere now."""
    if not entries:
        return
    anchors = {one.anchor for one in entries}
    named = any_of("dn_key", [one.dn_key for one in entries if one.dn_key])
    others = SyncedEntry.objects.filter(named, connector=work.connector)
    elsewhere = [pk for pk, anchor in others.values_list("id", "anchor") if anchor not in anchors]
    if elsewhere:
        SyncedEntry.objects.filter(pk__in=elsewhere).update(dn_key="")
    if not _is_fast():
        rows = [SyncedEntry(tenant=work.tenant, connector=work.connector, **one._asdict()) for one in entries]
        SyncedEntry.objects.bulk_create(
            rows,
            batch_size=ROWS_AT_ONCE,
            update_conflicts=True,
            unique_fields=["connector", "anchor"],
            update_fields=Entry._fields[1:],
        )
        return
    settings = ", ".join(f"{name} = excluded.{name}" for name in Entry._fields[1:])
    merge(
        f"sync_entries ({ENTRY_TYPES})",
        entries,
        f"""
        INSERT INTO {ENTRY} (tenant_id, connector_id, {ENTRY_NAMES}) SELECT %s, %s, {ENTRY_NAMES} FROM sync_entries
        ON CONFLICT (connector_id, anchor) DO UPDATE SET {settings}
        """,  # noqa: S608
        [work.tenant.pk, work.connector.pk],
    )


def refresh_statistics() -> None:
    """A table that grows within seconds misleads PostgreSQL's planner."""
    if _is_fast():
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {USER}, {ENTRY}")
