"""The browser of the wizard's tests."""

import pytest

from tests.reset.journeys import Browser


@pytest.fixture
def client() -> Browser:
    return Browser()
