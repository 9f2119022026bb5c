"""Console pages of settings that decide where passwords go: changed only after a fresh proof, and never in silence.

Who proved what, and how the others are told, is for the console to know (`reset/console/routing.py`): here nobody did.
"""

from collections.abc import Callable
from typing import Any, ClassVar

from django.core.exceptions import FieldDoesNotExist, PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from accounts.admin.base import ScopedAdmin, ScopedForm

Lines = Callable[[], list[str]]
"""Says what was changed, line by line, in the language that is active when it is called."""


class RoutingForm(ScopedForm):
    """Not saved while `proof_missing` says anything: what was typed stays on the page meanwhile."""

    proof_missing: ClassVar[str] = "unproved"

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if self.proof_missing:
            self.add_error(None, self.proof_missing)
        return data


class RoutingAdmin(ScopedAdmin):
    form = RoutingForm
    change_form_template = "admin/routing_form.html"

    def proof_missing(self, request: HttpRequest) -> str:
        """What whoever asks has to do before anything is changed; empty: they proved just now who they are."""
        raise PermissionDenied

    def to_proof(self, request: HttpRequest) -> HttpResponse:
        """On to the proof, and back here."""
        raise PermissionDenied

    def tell_others(self, request: HttpRequest, row: Any, sentence: Callable[[], str], lines: Lines) -> None:
        """Tell all other global administrators, inside the transaction of the change."""
        raise PermissionDenied

    # --- the proof ----------------------------------------------------------------------------------------------

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        form.proof_missing = self.proof_missing(request) if request.method == "POST" else ""
        return form

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        obj = kwargs.get("obj")
        may_save = self.has_add_permission(request) if obj is None else self.has_change_permission(request, obj)
        if may_save and request.method != "POST":
            context["proof_missing"] = self.proof_missing(request)
        return super().render_change_form(request, context, *args, **kwargs)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        if request.method == "POST" and self.has_delete_permission(request) and self.proof_missing(request):
            return self.to_proof(request)
        return super().delete_view(request, object_id, extra_context)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if request.method == "POST" and self.has_delete_permission(request) and self.proof_missing(request):
            return self.to_proof(request)
        return super().changelist_view(request, extra_context)

    # --- telling ------------------------------------------------------------------------------------------------

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        super().log_addition(request, obj, message)
        self._tell(request, obj, lambda: _("%(what)s was added.") % {"what": self.named(obj)}, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        super().log_change(request, obj, message)
        if message.get("changes"):
            self._tell(request, obj, lambda: _("%(what)s was changed.") % {"what": self.named(obj)}, message)

    def record_deletion(self, request: HttpRequest, obj: Any) -> None:
        super().record_deletion(request, obj)
        self._tell(request, obj, lambda: _("%(what)s was removed.") % {"what": self.named(obj)}, {})

    def named(self, obj: Any) -> str:
        """What kind of row it is, and its name."""
        return f"{capfirst(obj._meta.verbose_name)} “{obj}”"

    def _tell(self, request: HttpRequest, obj: Any, sentence: Callable[[], str], message: Any) -> None:
        changes: dict[str, list[Any]] = message.get("changes", {})
        self.tell_others(request, obj, sentence, lambda: [self._line(name, *both) for name, both in changes.items()])

    def _line(self, name: str, old: Any, new: Any) -> str:
        told = [", ".join(str(value).split("\n")).replace("\r", "") or "–" for value in (old, new)]
        return f"{capfirst(self._label(name))}: {told[0]} → {told[1]}"

    def _label(self, name: str) -> str:
        declared = self.form.base_fields.get(name)
        if declared is not None and declared.label:
            return str(declared.label)
        try:
            return str(getattr(self.opts.get_field(name), "verbose_name", name))
        except FieldDoesNotExist:
            return name
