"""What tests of any directory ask of a connector."""

import contextlib

import pytest

from writeback.connectors.base import RIGHT_PASSWORD_REASONS, Connector, DirectoryError, Entry, Reason


def refusal(connector: Connector, entry: Entry, new: str, current: str = "") -> Reason:
    """Why a password isn't taken; neither of them may stand in what is said about it."""
    with pytest.raises(DirectoryError) as refused:
        connector.set_password(entry, new, current)
    said = f"{refused.value} {refused.value!r} {refused.value.__cause__!r}"
    assert not any(password and password in said for password in (new, current))
    return refused.value.reason


def why_not(connector: Connector, entry: Entry, password: str) -> Reason | None:
    """Why this password doesn't open the account; None when it does."""
    try:
        connector.verify(entry, password)
    except DirectoryError as error:
        return error.reason
    return None


def opens(connector: Connector, entry: Entry, password: str) -> bool:
    """Whether this password is right now."""
    reason = why_not(connector, entry, password)
    assert reason in {None, Reason.WRONG_PASSWORD, *RIGHT_PASSWORD_REASONS}
    return reason is not Reason.WRONG_PASSWORD


def guess_wrong(connector: Connector, entry: Entry, times: int) -> None:
    for number in range(times):
        with contextlib.suppress(DirectoryError):
            connector.verify(entry, f"wrong {number}")
