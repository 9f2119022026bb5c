"""What an error report may show: never a value that somebody posted, a cookie or a local variable."""

from typing import Any

from django.http import HttpRequest
from django.views.debug import SafeExceptionReporterFilter


class NoPostedValues(SafeExceptionReporterFilter):
    """Passwords, codes and answers are typed under many names; so no posted value is shown at all."""

    def is_active(self, request: HttpRequest | None) -> bool:
        return True

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:
        return {} if request is None else dict.fromkeys(request.POST, self.cleansed_substitute)

    def get_traceback_frame_variables(self, request: Any, tb_frame: Any) -> list[tuple[str, Any]]:  # type: ignore[override]
        return [(name, self.cleansed_substitute) for name in tb_frame.f_locals]
