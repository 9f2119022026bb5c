"""Importing a text as if it were a file, and reading back what came of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from accounts.importing.reading import opened_file
from accounts.importing.replacing import Replaced, tell_nobody
from accounts.importing.runs import Counts, Import, RefusedLine
from accounts.models import Authenticator, GroupMembership, Tenant, User
from accounts.tenants import opened


@dataclass
class Result:
    counts: Counts
    refused: list[RefusedLine] = field(default_factory=list)

    @property
    def reasons(self) -> dict[int, str]:
        return {line.number: line.reason for line in self.refused}


def import_text(
    folder: Path,
    tenant: Tenant,
    text: str | bytes,
    *,
    dry_run: bool = False,
    now: datetime | None = None,
    on_replaced: Callable[[Sequence[Replaced]], int] = tell_nobody,
) -> Result:
    """Import a file with this content."""
    path = folder / "users.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    refused: list[RefusedLine] = []
    with opened_file(path) as source:
        job = Import(tenant, source, dry_run, now, on_refused=refused.append, on_replaced=on_replaced)
        counts = job.run()
    return Result(counts, refused)


def proofs_of(tenant: Tenant, name: str) -> dict[str, str]:
    """Values by type; opened, so that a value sealed for somebody else would raise."""
    with opened(tenant):
        rows = Authenticator.objects.filter(user__principal_name=name)
        return {row.type: row.secret_value for row in rows}


def everything(tenant: Tenant) -> list[dict[str, Any]]:
    """All that an import writes, without ids and random parts."""
    found = []
    with opened(tenant):
        for user in User.objects.filter(tenant=tenant).order_by("principal_key"):
            groups = GroupMembership.objects.filter(user=user).values_list("group__name", flat=True)
            found.append(
                {
                    "name": user.principal_name,
                    "keys": (user.principal_key, user.mail_key),
                    "names": (user.given_name, user.family_name, user.display_name),
                    "rest": (user.mail, user.language, user.is_enabled, user.has_usable_password()),
                    "groups": sorted(groups),
                    "proofs": proofs_of(tenant, user.principal_name),
                }
            )
    return found
