"""The agent's file: every wrong word is a sentence, and no sentence holds a secret."""

from pathlib import Path

import pytest

from tests.processes import private_file
from writeback.agent import configuration
from writeback.agent.configuration import Unusable
from writeback.connectors.base import Server

GOOD = """
server = "https://reset.example.com/"
state_directory = "/var/lib/rekey-agent"

[directory]
kind = "openldap"
servers = ["ldaps://dc1.example", "starttls://dc2.example:1389"]
base_dn = "dc=example"
account = "cn=rekey,dc=example"
password_file = "PASSWORD"
denied = ["ou=services,dc=example"]
"""


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    private_file(tmp_path / "password", b"Acc0unt-secret\n")
    path = tmp_path / "agent.toml"
    path.write_text(GOOD.replace("PASSWORD", str(tmp_path / "password")))
    return path


def change(path: Path, old: str, new: str) -> str:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return str(path)


def test_a_good_file_is_read(written: Path) -> None:
    config = configuration.read(str(written))
    assert config.server == "https://reset.example.com"
    assert config.access.servers == (Server("dc1.example"), Server("dc2.example", 1389, True))
    assert config.access.password == "Acc0unt-secret"
    assert (config.limit_dn, config.threads, config.most_resets_per_minute) == ("dc=example", 4, 60)
    assert "Acc0unt-secret" not in repr(config)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("https://reset", "http://reset", "never speaks plain http"),
        ("https://reset.example.com/", "https://reset.example.com/agent", "nothing behind it"),
        ("https://reset", "https://user:Secr3t@reset", "nothing behind it"),
        ("ldaps://dc1", "ldap://dc1", "directory.servers are like"),
        ('kind = "openldap"', 'kind = "novell"', "directory.kind has to be one of"),
        ('kind = "openldap"', "kind = 7", "directory.kind has to be a str"),
        ("base_dn", "bse_dn", "no setting directory.bse_dn"),
        ("state_directory", "state", "no setting state"),
        ('base_dn = "dc=example"\n', "", "directory.base_dn is missing"),
        ("[directory]", "threads = 0\n[directory]", "threads has to be between 1 and 32"),
        ("[directory]", "threads = true\n[directory]", "threads has to be a int"),
        ("[directory]", 'ca_file = "/nowhere"\n[directory]', "/nowhere can't be read"),
        ("[directory]", 'proxy = "socks5://x"\n[directory]', "proxy has to begin with"),
        ("[directory]", "[directory", "is not TOML"),
    ],
)
def test_a_wrong_word_is_said(old: str, new: str, said: str, written: Path) -> None:
    with pytest.raises(Unusable) as refused:
        configuration.read(change(written, old, new))
    assert said in str(refused.value)
    assert "Secr3t" not in str(refused.value)


def test_a_password_that_everybody_may_read_is_refused(written: Path) -> None:
    (written.parent / "password").chmod(0o644)
    with pytest.raises(Unusable, match="chmod"):
        configuration.read(str(written))


def test_the_proxy_comes_from_the_environment_where_the_file_names_none(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:Secr3t@proxy.example:3128")
    config = configuration.read(str(written))
    assert config.proxy == "http://user:Secr3t@proxy.example:3128"
    assert "Secr3t" not in repr(config)
    monkeypatch.setenv("NO_PROXY", "example.com")
    assert configuration.read(str(written)).proxy == ""


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="can't be read"):
        configuration.read(str(tmp_path / "none.toml"))
