"""What the console writes to the audit trail: who changed which row, and which values.

Never a secret, and nothing that names a person: what stands in an event's details can't be erased later.
"""

from typing import Any

from django.db.models import ForeignKey, Model, Q
from django.http import HttpRequest

from accounts import audit
from accounts.models import Tenant, User

UNSAID = "…"
LONGEST = 200


def changes_of(form: Any, unsaid: frozenset[str]) -> dict[str, list[Any]]:
    """Old and new value of each field that changed; of secret and personal ones only that they changed."""
    return {
        name: [UNSAID, UNSAID] if name in unsaid else [told(form.initial.get(name)), told(form.cleaned_data.get(name))]
        for name in form.changed_data
    }


def told(value: Any) -> Any:
    """A value as JSON that comes back the same from every database: the event's MAC covers it."""
    if value is None:
        return ""
    if isinstance(value, bool | int):
        return value
    if isinstance(value, Model):
        return value.pk
    if isinstance(value, list | tuple | set):
        return [told(part) for part in value]
    return str(value)[:LONGEST]


def references_of(row: Model) -> dict[str, Any]:
    """Which rows this one joins, by their keys."""
    return {
        field.name: getattr(row, field.attname)
        for field in row._meta.concrete_fields
        if isinstance(field, ForeignKey) and field.name != "tenant"
    }


def inline_changes(formsets: list[Any]) -> list[dict[str, Any]]:
    """What happened to the rows inside a page."""
    return [
        {"action": action, "model": row._meta.label_lower, "id": str(row.pk), "references": references_of(row)}
        for formset in formsets
        for action, rows in (
            ("added", formset.new_objects),
            ("changed", [row for row, _ in formset.changed_objects]),
            ("deleted", formset.deleted_objects),
        )
        for row in rows
    ]


def tenant_id_of(row: Model) -> int | None:
    """Whose trail an event about this row belongs to."""
    if isinstance(row, Tenant):
        return row.pk
    found: int | None = getattr(row, "tenant_id", None)
    return found


def of_tenant(tenant_id: int | None) -> Q:
    """Events of one tenant, or of none: what platform operators do to each other."""
    return Q(tenant__isnull=True) if tenant_id is None else Q(tenant_id=tenant_id)


def record(request: HttpRequest, row: Model, activity: str, details: dict[str, Any]) -> None:
    """Write one event about a row, inside the transaction that changes it."""
    person = row if isinstance(row, User) else getattr(row, "user", None)
    audit.record(
        audit.Event(
            activity,
            tenant_id_of(row),
            actor=request.user,  # type: ignore[arg-type]
            target=person if isinstance(person, User) else None,
            target_name=str(row),
            visitor=request.visitor,  # type: ignore[attr-defined]
            details={"model": row._meta.label_lower, "id": str(row.pk), **details},
        )
    )
