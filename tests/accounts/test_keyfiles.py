"""Keys of a new installation: well formed, private, and never in place of older ones."""

import stat
from datetime import date
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from accounts import boxes, keyfiles
from config.environment import shared_keys

TODAY = date(2026, 11, 21)


def environment_of(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text(encoding="utf-8").splitlines())


def test_every_key_is_one_that_the_settings_take(tmp_path: Path) -> None:
    environment, signing, executor, vapid = keyfiles.make(tmp_path / "new" / "keys", TODAY)
    values = environment_of(environment)
    for name in ("SEALING_KEYS", "DIGEST_KEYS"):
        (key,) = shared_keys(values[name], name)
        assert len(key.value) == 32
        assert key.id.startswith("k20261121")
    assert len(values["SECRET_KEY"]) >= 50
    assert values["SIGNING_KEY_FILE"] == str(signing)
    assert values["EXECUTOR_KEY_FILE"] == str(executor)
    assert isinstance(load_pem_private_key(signing.read_bytes(), None), Ed25519PrivateKey)
    assert boxes.PrivateKey.load(str(executor)).key_id
    assert values["VAPID_PRIVATE_KEY_FILE"] == str(vapid)
    push_key = load_pem_private_key(vapid.read_bytes(), None)
    assert isinstance(push_key, EllipticCurvePrivateKey)
    assert push_key.curve.name == "secp256r1"


def test_e6_only_the_owner_reads_them(tmp_path: Path) -> None:
    paths = keyfiles.make(tmp_path / "keys", TODAY)
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o600}
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_o6_no_two_keys_are_alike(tmp_path: Path) -> None:
    first = environment_of(keyfiles.make(tmp_path / "one", TODAY)[0])
    second = environment_of(keyfiles.make(tmp_path / "two", TODAY)[0])
    values = [held[name] for held in (first, second) for name in ("SECRET_KEY", "SEALING_KEYS", "DIGEST_KEYS")]
    assert len(set(values)) == 6


@pytest.mark.parametrize("name", ["keys.env", "signing.key", "executor.key", "vapid.key"])
def test_an_existing_file_is_never_overwritten_and_nothing_is_added_beside_it(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("precious", encoding="utf-8")
    with pytest.raises(keyfiles.AlreadyThere):
        keyfiles.make(tmp_path, TODAY)
    assert [(path.name, path.read_text(encoding="utf-8")) for path in tmp_path.iterdir()] == [(name, "precious")]


def test_a_link_that_points_nowhere_counts_as_a_file(tmp_path: Path) -> None:
    (tmp_path / "signing.key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(keyfiles.AlreadyThere):
        keyfiles.make(tmp_path, TODAY)
    assert not (tmp_path / "elsewhere").exists()
