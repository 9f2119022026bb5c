"""Forms from other sites are refused, although our own come with `Origin: null` (Referrer-Policy: no-referrer)."""

from typing import Any

import pytest
from django.test import Client


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "null", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "http://testserver"}, 200),
        ({"Origin": "null"}, 200),
        ({"Origin": "null", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "null", "Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "null", "Sec-Fetch-Site": "none"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "http://testserver.evil.example"}, 403),
    ],
)
def test_w5_a_form_counts_only_if_it_came_from_our_own_page(db: Any, headers: dict[str, str], status: int) -> None:
    client = Client(enforce_csrf_checks=True)
    token = client.get("/reset/").context["csrf_token"]
    posted = client.post("/reset/", {"user": "x", "csrfmiddlewaretoken": str(token)}, headers=headers)
    assert posted.status_code == status


def test_w5_a_form_without_its_token_is_refused_wherever_it_came_from(db: Any) -> None:
    client = Client(enforce_csrf_checks=True)
    client.get("/reset/")
    posted = client.post("/reset/", {"user": "x"}, headers={"Origin": "null", "Sec-Fetch-Site": "same-origin"})
    assert posted.status_code == 403


def test_without_cookies_the_first_form_gets_a_page_that_names_the_cure(db: Any) -> None:
    posted = Client(enforce_csrf_checks=True).post("/reset/", {"user": "x"})
    assert posted.status_code == 403
    assert "Allow cookies" in posted.content.decode()
