"""Whose counter a failure goes to: the account's for strangers, or the one of a browser that the account has used before.

An attacker who burns attempts stops resets for strangers' browsers only. Subjects hang on an epoch of their own, which
a completed reset renews without touching a row. The credentials' epoch would not do: whoever is signed in renews it at
will, and would have new attempts each time.
"""

from accounts import secrets
from accounts.models import User
from accounts.names import spelling_of
from reset.models import ResetRequest

STRANGERS = "strangers"


def account_key(tenant_id: int, typed: str, user: User | None) -> str:
    """One key for an account, known or not; equal for upper and lower case, another for a look-alike."""
    who = f"user:{user.pk}:{user.failures_epoch}" if user else f"name:{spelling_of(typed)}"
    return secrets.digest("account", f"{tenant_id}|{who}")


def failures_subject(account: str, browser: str = "") -> str:
    """What `throttle.FAILURES_OF_ACCOUNT` counts by. `browser` is the id of a recognised one."""
    return f"{account}|{browser or STRANGERS}"


def of_request(request: ResetRequest) -> str:
    """The bucket of a running request."""
    return failures_subject(request.account_key, request.browser)
