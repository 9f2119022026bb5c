"""A private 389 Directory Server for tests: `with ds389() as server:`. Needs neither systemd nor its installer.

An instance is the package's own template of dse.ldif with our folders and settings in it, the schema beside it, a
certificate in an NSS database, and entries imported while nobody is listening.
"""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, load_pem_private_key, pkcs12
from cryptography.x509 import load_pem_x509_certificate

from tests.directories.ldap_server import (
    ACCOUNT,
    ADMINISTRATOR_PASSWORD,
    BASE_DN,
    GROUPS,
    HOST,
    POWERFUL_ACCOUNT,
    READING_ACCOUNT,
    LdapServer,
    Rules,
    crowd,
    ldif,
    make_pems,
    salted_sha1,
    skeleton,
)
from tests.servers import ServerMissing, free_port, listens, program, wait_until
from writeback.connectors.base import Kind

ADMINISTRATOR = "cn=Directory Manager"
TEMPLATES = Path("/usr/share/dirsrv/data")
INSTALLED = Path("/etc/dirsrv")
FOLDERS = ("config", "data", "run", "lock", "log", "ldif", "backup", "tmp")
BACKEND = "userRoot"
CACHE = str(64 * 1024 * 1024)  # bytes; an import crawls with what it takes by itself
PASSWORD_ADMINISTRATORS = f"cn=password administrators,{GROUPS}"
# Without these a search ends after 2,000 entries found or 5,000 looked at, pages or not.
UNLIMITED = ("nsSizeLimit", "nsLookThroughLimit", "nsPagedLookThroughLimit", "nsPagedSizeLimit", "nsIDListScanLimit")
POLICY_ATTRIBUTES = (
    "objectClass || passwordMinLength || passwordHistory || passwordLockout || passwordMaxFailure || passwordMustChange "
    "|| passwordChange"
)
POLICY_READING = (
    f'(targetattr = "{POLICY_ATTRIBUTES}")(target = "ldap:///cn=config")(version 3.0; acl "policy"; '
    f'allow (read, search, compare) userdn = "ldap:///{ACCOUNT}";)'
)


@contextmanager
def ds389(
    rules: Rules | None = None, people: int = 0, config: dict[str, str] | None = None, policy_readable: bool = True
) -> Iterator[LdapServer]:
    """A new 389 Directory Server; `people` of a crowd are in it from the start, `config` goes into cn=config.

    `policy_readable`: the account may read the password policy there. Raises ServerMissing.
    """
    if program("ns-slapd") is None or program("pk12util") is None:
        raise ServerMissing("389-ds-base or libnss3-tools is not installed")
    with tempfile.TemporaryDirectory(prefix="rekey-389-") as name:
        folder = Path(name)
        pems = make_pems(folder)
        server = LdapServer(Kind.DS389, folder, free_port(), free_port(), *pems, ADMINISTRATOR, "nsUniqueId")
        may_read = {"aci": POLICY_READING} if policy_readable else {}
        _install(server, _policy(rules or Rules()) | may_read | (config or {}))
        _import(folder, people)
        start(server)
        try:
            yield server
        finally:
            server.end()


def start(server: LdapServer) -> None:
    """Start ns-slapd, or start it again."""
    command = [str(program("ns-slapd")), "-D", str(server.folder / "config"), "-i", str(server.folder / "run" / "pid")]
    process = server.run([*command, "-d", "0"])
    wait_until(lambda: listens(server.tls_port), process, server.folder / "log" / "errors")


def _install(server: LdapServer, config: dict[str, str]) -> None:
    folder = server.folder
    for name in FOLDERS:
        (folder / name).mkdir()
    shutil.copytree(_schema(), folder / "config" / "schema", dirs_exist_ok=True)
    for name in ("certmap.conf", "slapd-collations.conf"):
        shutil.copy(INSTALLED / "config" / name, folder / "config")
    _keep_certificate(folder)
    text = _filled((TEMPLATES / "template-dse.ldif").read_text(), server)
    text = _with(text, "cn=config", _settings(server) | config)
    text = _with(text, "cn=config,cn=ldbm database,cn=plugins,cn=config", {"nsslapd-db-durable-transaction": "off"})
    backend = _filled((TEMPLATES / "template-suffix-db.ldif").read_text(), server)
    backend = _with(backend, f"cn={BACKEND},cn=ldbm database,cn=plugins,cn=config", {"nsslapd-cachememsize": CACHE})
    (folder / "config" / "dse.ldif").write_text(f"{text.rstrip()}\n\n{backend.lstrip()}")


def _schema() -> Path:
    filled = [path for path in (INSTALLED / "schema", Path("/usr/share/dirsrv/schema")) if any(path.glob("00core*"))]
    if not filled:
        raise ServerMissing("389-ds-base has no schema")
    return filled[0]


def _filled(template: str, server: LdapServer) -> str:
    folder = server.folder
    values = {
        "schema_dir": folder / "config" / "schema",
        "lock_dir": folder / "lock",
        "tmp_dir": folder / "tmp",
        "cert_dir": folder / "config",
        "ldif_dir": folder / "ldif",
        "bak_dir": folder / "backup",
        "run_dir": folder / "run",
        "inst_dir": folder,
        "log_dir": folder / "log",
        "config_dir": folder / "config",
        "db_dir": folder / "data",
        "db_home_dir": folder / "data",
        "db_lib": "bdb",
        "fqdn": "localhost",
        "ds_port": server.port,
        "ds_user": "root",
        "rootdn": ADMINISTRATOR,
        "ds_passwd": salted_sha1(ADMINISTRATOR_PASSWORD),
        "ldapi_enabled": "off",
        "ldapi": folder / "run" / "socket",
        "ldapi_autobind": "off",
        "ds_suffix": BASE_DN,
        "ds_bename": BACKEND,
    }
    without_comments = re.sub(r"(?m)^#.*\n", "", template)
    return re.sub(r"%([a-z_]+)%", lambda found: str(values[found[1]]), without_comments)


def _settings(server: LdapServer) -> dict[str, str]:
    return {
        "nsslapd-listenhost": HOST,
        "nsslapd-securelistenhost": HOST,
        "nsslapd-security": "on",
        "nsslapd-secureport": str(server.tls_port),
        "nsslapd-require-secure-binds": "on",
        "nsslapd-pwpolicy-local": "on",
    }


def _policy(rules: Rules) -> dict[str, str]:
    return {
        "passwordCheckSyntax": "on",
        "passwordMinLength": str(rules.min_length),
        "passwordHistory": "on" if rules.history else "off",
        "passwordInHistory": str(rules.history or 1),
        "passwordMinAge": str(rules.min_age),
        "passwordExp": "on" if rules.max_age else "off",
        "passwordMaxAge": str(rules.max_age or 8640000),
        "passwordLockout": "on" if rules.max_failure else "off",
        "passwordMaxFailure": str(rules.max_failure or 3),
        "passwordLockoutDuration": str(rules.lockout_seconds),
        "passwordResetFailureCount": str(rules.lockout_seconds),
        "passwordAdminDN": PASSWORD_ADMINISTRATORS,
        # Cheap on purpose: its own default costs a tenth of a second for each password remembered.
        "passwordStorageScheme": "SSHA512",
    }


def _with(text: str, dn: str, values: dict[str, str]) -> str:
    """dse.ldif with attributes of one entry set."""
    start, found, rest = text.partition(f"dn: {dn}\n")
    assert found, dn
    entry, _, others = rest.partition("\n\n")
    for name, value in values.items():
        entry = re.sub(rf"(?im)^{re.escape(name)}:.*\n?", "", entry).rstrip("\n") + f"\n{name}: {value}"
    return f"{start}{found}{entry}\n\n{others}"


def _keep_certificate(folder: Path) -> None:
    """The server's key and certificate where NSS looks for them; the key opens without being asked for a word."""
    config, pem = folder / "config", (folder / "server.pem").read_bytes()
    for name in ("word", "pwdfile.txt"):
        (config / name).write_text("a word for NSS\n")
    (config / "pin.txt").write_text("Internal (Software) Token:a word for NSS\n")
    certificate, key = load_pem_x509_certificate(pem), load_pem_private_key(pem, None)
    assert isinstance(key, EllipticCurvePrivateKey)
    bundle = pkcs12.serialize_key_and_certificates(
        b"Server-Cert", key, certificate, None, BestAvailableEncryption(b"x")
    )
    (folder / "server.p12").write_bytes(bundle)
    word = ["-d", str(config), "-f", str(config / "word")]
    _run("certutil", "-N", *word)
    _run("pk12util", "-i", str(folder / "server.p12"), "-d", str(config), "-k", str(config / "word"), "-W", "x")
    _run("certutil", "-A", "-n", "Test authority", "-t", "CT,,", "-a", "-i", str(folder / "ca.pem"), *word)


def _import(folder: Path, people: int) -> None:
    members = {"objectClass": ["top", "groupOfNames"], "cn": "password administrators", "member": POWERFUL_ACCOUNT}
    unlimited = dict.fromkeys(UNLIMITED, "-1")
    further: dict[str, dict[str, Any]] = {BASE_DN: {"aci": _rights()}, ACCOUNT: unlimited, READING_ACCOUNT: unlimited}
    entries = folder / "ldif" / "entries.ldif"
    with entries.open("w") as file:
        file.writelines(skeleton(further))
        file.write(ldif(PASSWORD_ADMINISTRATORS, members))
        file.writelines(crowd(people))
    _run("ns-slapd", "ldif2db", "-D", str(folder / "config"), "-n", BACKEND, "-i", str(entries))


def _rights() -> list[str]:
    writers = f"ldap:///{ACCOUNT} || ldap:///{POWERFUL_ACCOUNT}"
    written = "userPassword || accountUnlockTime || passwordRetryCount || passwordExpirationTime"
    return [
        '(targetattr != "userPassword || passwordHistory || aci")(version 3.0; acl "all read"; '
        'allow (read, search, compare) userdn = "ldap:///all";)',
        f'(targetattr = "{written}")(version 3.0; acl "accounts set passwords"; allow (write) userdn = "{writers}";)',
        '(targetattr = "userPassword")(version 3.0; acl "people change theirs"; allow (write) userdn = "ldap:///self";)',
    ]


def _run(name: str, *options: str) -> None:
    done = subprocess.run([str(program(name)), *options], capture_output=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise RuntimeError(f"{name} failed: {(done.stdout + done.stderr).decode(errors='replace')[-2000:]}")
