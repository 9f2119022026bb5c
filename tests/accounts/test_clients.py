"""What people are told of the browser that was used."""

import pytest

from accounts.visitor import Visitor


@pytest.mark.parametrize(
    ("user_agent", "client"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0 Safari/537.36 Edg/150.0", "Edge, Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, Linux"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Version/19.0 Mobile/15E148 Safari/604.1", "Safari, iPhone"),
        ("Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0 Mobile Safari/537.36", "Chrome, Android"),
        ("curl/8.0", "curl/8.0"),
        ("", ""),
    ],
)  # fmt: skip
def test_a_browser_is_named_as_people_know_it(user_agent: str, client: str) -> None:
    assert Visitor("203.0.113.7", user_agent).client == client
