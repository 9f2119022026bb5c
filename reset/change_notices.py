"""Telling a person, at the addresses held before, that somebody else changed what proves who they are.

Source: NIST SP 800-63B-4 section 4.6.
"""

from collections.abc import Iterable
from datetime import datetime

from accounts.models import User
from notifications import messages
from notifications.outbox import Draft


def drafts(user: User, language: str, kinds: Iterable[str], addresses: Iterable[str], now: datetime) -> list[Draft]:
    """One message for each address. `language` is the organisation's, where the person has chosen none."""
    return [
        messages.authenticator_was_changed(
            tenant_id=user.tenant_id,
            language=user.language or language,
            recipient=address,
            kind=",".join(kinds),
            principal_name=user.principal_name,
            at=now,
            address="",
            client="",
            user_id=user.pk,
        )
        for address in addresses
    ]
