"""Sealing to executors: only who holds a private key reads, and a writer to the database can't add a reader."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone

from accounts import executors
from accounts.boxes import PrivateKey
from accounts.executors import NoExecutor
from accounts.models.executors import ExecutorKey
from accounts.secrets import Damaged

pytestmark = pytest.mark.django_db


def test_the_announced_executor_opens_what_was_sealed(executor: Any) -> None:
    sealed = executors.seal(b"password", "job|1")
    assert b"password" not in sealed
    assert executors.open_sealed(sealed, "job|1") == b"password"


def test_sealed_content_is_bound_to_its_place(executor: Any) -> None:
    with pytest.raises(Damaged):
        executors.open_sealed(executors.seal(b"password", "job|1"), "job|2")


def test_the_length_of_what_is_sealed_tells_nothing(executor: Any) -> None:
    assert len({len(executors.seal(b"x" * length, "p")) for length in (0, 1, 8, 256, 1000)}) == 1


def test_another_key_does_not_open(executor: Any, settings: Any, tmp_path: Path) -> None:
    sealed = executors.seal(b"password", "p")
    path = tmp_path / "other.key"
    path.write_text(PrivateKey.generate().as_text())
    settings.EXECUTOR_KEY_FILE = str(path)
    with pytest.raises(Damaged):
        executors.open_sealed(sealed, "p")


def test_two_executors_can_both_open(executor: Any, settings: Any, tmp_path: Path) -> None:
    path = tmp_path / "second.key"
    path.write_text(PrivateKey.generate().as_text())
    first = settings.EXECUTOR_KEY_FILE
    settings.EXECUTOR_KEY_FILE = str(path)
    executors.announce()
    sealed = executors.seal(b"password", "p")
    for key_file in (str(path), first):
        settings.EXECUTOR_KEY_FILE = key_file
        assert executors.open_sealed(sealed, "p") == b"password"


def test_q6_a_public_key_put_into_the_database_gets_nothing(executor: Any) -> None:
    intruder = PrivateKey.generate()
    ExecutorKey.objects.create(key_id=intruder.key_id, public_key=intruder.public, mac="x", last_seen_at=timezone.now())
    ExecutorKey.objects.create(
        key_id="copied", public_key=PrivateKey.generate().public, mac=executor.mac, last_seen_at=timezone.now()
    )
    cache.clear()
    assert set(json.loads(executors.seal(b"x", "p"))) == {executor.key_id}


def test_without_an_executor_nothing_is_sealed(db: None) -> None:
    with pytest.raises(NoExecutor):
        executors.seal(b"x", "p")


@pytest.mark.parametrize(
    "fields", [{"retired_at": timezone.now()}, {"last_seen_at": timezone.now() - timedelta(days=8)}]
)
def test_a_retired_or_silent_executor_gets_nothing(fields: dict[str, Any], executor: Any) -> None:
    ExecutorKey.objects.update(**fields)
    cache.clear()
    with pytest.raises(NoExecutor):
        executors.current_keys()


def test_announcing_again_confirms_the_same_row(executor: Any) -> None:
    assert executors.announce().pk == executor.pk
    assert ExecutorKey.objects.count() == 1


def test_a_private_key_is_written_and_read_and_never_shown(tmp_path: Path) -> None:
    key = PrivateKey.generate()
    path = tmp_path / "key"
    path.write_text(key.as_text())
    assert PrivateKey.load(str(path)).public == key.public
    for part in json.loads(key.as_text()).values():
        assert part not in repr(key)
        assert part not in str(vars(key))


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"mlkem768": "x", "x25519": "y"}', '{"mlkem768": 1, "x25519": 2}', "secret"]
)
def test_e6_a_broken_key_file_is_named_but_not_quoted(content: str, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(content)
    with pytest.raises(ValueError, match="does not hold an executor key") as raised:
        PrivateKey.load(str(path))
    assert not content or content not in str(raised.value).replace(str(path), "")


@pytest.mark.parametrize("spoil", [b"", b"{}", b"[]", b"null", b'{"x": "y"}', b"\xff"])
def test_what_is_no_sealed_content_does_not_open(spoil: bytes, executor: Any) -> None:
    with pytest.raises(Damaged):
        executors.open_sealed(spoil, "p")
