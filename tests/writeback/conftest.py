"""Real directories for the tests that need them: each started once, when the first test asks for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.directories import samba


@pytest.fixture(scope="session")
def ad_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What every domain controller starts from."""
    folder = tmp_path_factory.mktemp("ad")
    samba.provision(folder)
    return folder


@pytest.fixture(scope="session")
def domain(ad_template: Path) -> Iterator[samba.Samba]:
    """A domain for all tests, each of which brings its own people."""
    with samba.samba(ad_template) as server:
        yield server


@pytest.fixture(scope="session")
def strict_domain(ad_template: Path) -> Iterator[samba.Samba]:
    """One where a password has to be a day old before it may be changed, and the third wrong one locks."""
    with samba.samba(ad_template, samba.Rules(min_age=1, lock_threshold=3)) as server:
        yield server
