"""Who asks, as far as the network tells: client address and user agent."""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, field

IPV6_PREFIX = 64
# In this order: most browsers also name the ones they are made from.
BROWSERS = (
    ("Edg", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser/", "Samsung Internet"), ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"), ("CriOS/", "Chrome"), ("Chrome/", "Chrome"), ("Safari/", "Safari"),
)  # fmt: skip
SYSTEMS = (
    ("Windows", "Windows"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"), ("Linux", "Linux"),
)  # fmt: skip


def _nobodys(user_id: int) -> bool:
    return False


@dataclass(frozen=True)
class Visitor:
    """Where a request comes from. `address` is what the trusted proxies vouch for.

    `is_browser_of` says whether the browser is signed in as, or recognised for, the person of this id.
    """

    address: str = ""
    user_agent: str = ""
    is_browser_of: Callable[[int], bool] = field(default=_nobodys, repr=False, compare=False)

    @property
    def client(self) -> str:
        """The browser and its system in words people know, as far as the browser tells the truth; else what it said."""
        found = [next((name for mark, name in marks if mark in self.user_agent), "") for marks in (BROWSERS, SYSTEMS)]
        return ", ".join(part for part in found if part) or self.user_agent

    @property
    def network(self) -> str:
        """What throttles count by: an IPv4 address, or the /64 that one IPv6 customer has."""
        try:
            address = ipaddress.ip_address(self.address)
        except ValueError:
            return "unknown"
        if address.version == 6:
            return str(ipaddress.ip_network((address, IPV6_PREFIX), strict=False))
        return str(address)


NOBODY = Visitor()


def client_address(remote: str, forwarded_for: str, trusted_proxies: int) -> str:
    """The client's address, believing as many forwarded hops as there are trusted proxies and not one more.

    An entry that is no address makes the answer the connecting address: fail closed (CVE-2024-47070).
    """
    hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()] + [remote]
    chosen = hops[-1 - trusted_proxies] if trusted_proxies < len(hops) else hops[0]
    for candidate in (chosen, remote):
        try:
            address = ipaddress.ip_address(candidate.partition("%")[0])
        except ValueError:
            continue
        mapped = getattr(address, "ipv4_mapped", None)
        return str(mapped or address)
    return ""
