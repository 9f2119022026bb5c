"""Browsers that an account has completed a reset in before: they keep a bucket of failures of their own.

So an attacker who burns attempts from elsewhere doesn't stop the owner. A signed cookie, no row.
"""

import secrets as random
from dataclasses import dataclass

from django.core import signing

from accounts import secrets
from accounts.models import User

SALT = "recognised-browser"
LIFETIME_SECONDS = 365 * 24 * 3600
MOST_ACCOUNTS = 8


@dataclass(frozen=True)
class KnownBrowser:
    """What the cookie says: an id of this browser and the accounts it is recognised for."""

    id: str = ""
    accounts: tuple[str, ...] = ()

    @classmethod
    def read(cls, cookie: str) -> "KnownBrowser":
        """Whatever doesn't verify is an unknown browser."""
        try:
            browser, *accounts = signing.loads(cookie, salt=SALT, max_age=LIFETIME_SECONDS)
        except (signing.BadSignature, ValueError, TypeError):
            return cls()
        return cls(str(browser), tuple(map(str, accounts)))

    def recognises(self, user: User | None) -> str:
        """The browser's id if this account has used it before, else the empty string. The same work for nobody."""
        marks = secrets.digests("browser", f"{self.id}|{user.pk if user else 0}")
        return self.id if user is not None and set(marks) & set(self.accounts) else ""

    def learning(self, user: User) -> str:
        """A new cookie that recognises this account too."""
        browser = self.id or random.token_hex(8)
        mark = secrets.digest("browser", f"{browser}|{user.pk}")
        kept = [account for account in self.accounts if account != mark][-(MOST_ACCOUNTS - 1) :]
        return signing.dumps([browser, *kept, mark], salt=SALT)
