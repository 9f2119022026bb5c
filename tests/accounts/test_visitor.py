"""Where a request comes from: as many forwarded hops are believed as there are trusted proxies, and not one more."""

import pytest

from accounts.visitor import NOBODY, Visitor, client_address

PROXY = "10.0.0.1"
CASES = [
    ("192.0.2.7", "", 0, "192.0.2.7"),
    ("192.0.2.7", "1.1.1.1", 0, "192.0.2.7"),
    (PROXY, "192.0.2.7", 1, "192.0.2.7"),
    (PROXY, "1.1.1.1, 192.0.2.7", 1, "192.0.2.7"),
    (PROXY, "1.1.1.1, 192.0.2.7, 10.0.0.2", 2, "192.0.2.7"),
    (PROXY, "6.6.6.6, 1.1.1.1, 192.0.2.7, 10.0.0.2", 2, "192.0.2.7"),
    (PROXY, "", 1, PROXY),
    (PROXY, "192.0.2.7", 2, "192.0.2.7"),
    (PROXY, "a", 1, PROXY),
    (PROXY, "1.1.1.1, a", 1, PROXY),
    (PROXY, "x" * 5000, 1, PROXY),
    (PROXY, ", ,", 1, PROXY),
    (PROXY, "fe80::1%eth0", 1, "fe80::1"),
    (PROXY, "::ffff:192.0.2.7", 1, "192.0.2.7"),
    (PROXY, "2001:db8::7", 1, "2001:db8::7"),
    ("", "", 0, ""),
    ("unix:", "a", 1, ""),
    ("", "192.0.2.7", 1, "192.0.2.7"),
]


@pytest.mark.parametrize(("remote", "forwarded", "proxies", "expected"), CASES, ids=str)
def test_s3_o5_the_address_is_what_trusted_proxies_vouch_for(
    remote: str, forwarded: str, proxies: int, expected: str
) -> None:
    assert client_address(remote, forwarded, proxies) == expected


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("", "unknown"),
        ("not an address", "unknown"),
    ],
)
def test_throttles_count_an_ipv6_customer_as_one(address: str, network: str) -> None:
    assert Visitor(address).network == network


def test_nobody_has_no_address() -> None:
    assert (NOBODY.address, NOBODY.user_agent) == ("", "")
