"""A private OpenLDAP for tests: `with openldap() as server:`. Password policy, memberOf, referential integrity, TLS."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.directories.ldap_server import (
    ACCOUNT,
    ADMINISTRATOR_PASSWORD,
    BASE_DN,
    HOST,
    POWERFUL_ACCOUNT,
    READING_ACCOUNT,
    LdapServer,
    Rules,
    crowd,
    ldif,
    make_pems,
    skeleton,
)
from tests.servers import ServerMissing, free_port, listens, program, wait_until
from writeback.connectors.base import Kind

ADMINISTRATOR = f"cn=admin,{BASE_DN}"
DEFAULT_POLICY = f"cn=default,ou=policies,{BASE_DN}"
# slapd keeps a table as long as the number of files it may open.
OPEN_FILES = 4096
SCHEMAS = ("core", "cosine", "inetorgperson", "nis")
SYNCPROV = "overlay syncprov\nsyncprov-checkpoint 100 10"
MODULES = ("back_mdb", "memberof", "refint", "ppolicy", "syncprov")


@contextmanager
def openldap(
    rules: Rules | None = None, people: int = 0, own_passwords: bool = True, syncprov: bool = True, **further: str
) -> Iterator[LdapServer]:
    """A new OpenLDAP; `people` of a crowd with `further` attributes are in it from the start. Raises ServerMissing.

    `own_passwords`: people may write their own. `syncprov`: it is ready to be copied from.
    """
    if program("slapd") is None:
        raise ServerMissing("slapd is not installed")
    with tempfile.TemporaryDirectory(prefix="rekey-openldap-") as name:
        folder = Path(name)
        pems = make_pems(folder)
        server = LdapServer(Kind.OPENLDAP, folder, free_port(), free_port(), *pems, ADMINISTRATOR, "entryUUID")
        _configure(folder, _rights(own_passwords), SYNCPROV if syncprov else "")
        _load(folder, [*skeleton(), _policy(DEFAULT_POLICY, rules or Rules()), *crowd(people, **further)])
        start(server)
        try:
            yield server
        finally:
            server.end()


def start(server: LdapServer) -> None:
    """Start slapd, or start it again."""
    urls = f"ldap://{HOST}:{server.port} ldaps://{HOST}:{server.tls_port}"
    slapd = [str(program("slapd")), "-f", str(server.folder / "slapd.conf"), "-d", "0", "-h", urls]
    process = server.run(["prlimit", f"--nofile={OPEN_FILES}", "--", *slapd])
    wait_until(lambda: listens(server.tls_port), process, server.folder / "output")


def _configure(folder: Path, rights: str, further: str) -> None:
    (folder / "slapd.conf").write_text(_configuration(folder, rights, further))
    (folder / "data").mkdir()


def _load(folder: Path, entries: list[str]) -> None:
    file = folder / "entries.ldif"
    file.write_text("".join(entries))
    command = [str(program("slapadd")), "-q", "-f", str(folder / "slapd.conf"), "-b", BASE_DN, "-l", str(file)]
    subprocess.run(command, check=True, capture_output=True)


def _policy(dn: str, rules: Rules) -> str:
    attributes = {
        "objectClass": ["applicationProcess", "pwdPolicy"],
        "cn": "default",
        "pwdAttribute": "userPassword",
        "pwdMinLength": str(rules.min_length),
        "pwdInHistory": str(rules.history),
        "pwdMinAge": str(rules.min_age),
        "pwdMaxAge": str(rules.max_age),
        "pwdCheckQuality": "2",  # refuses what it can't check, such as a digest
        "pwdLockout": "TRUE" if rules.max_failure else "FALSE",
        "pwdMaxFailure": str(rules.max_failure),
        "pwdLockoutDuration": str(rules.lockout_seconds),
        "pwdFailureCountInterval": str(rules.lockout_seconds),
        "pwdMustChange": "TRUE",
        "pwdAllowUserChange": "TRUE",
        "pwdSafeModify": "FALSE",
    }
    return ldif(dn, attributes)


def _configuration(folder: Path, rights: str, further: str) -> str:
    includes = "".join(f"include /etc/ldap/schema/{name}.schema\n" for name in SCHEMAS)
    modules = "".join(f"moduleload {name}\n" for name in MODULES)
    return f"""{includes}
modulepath /usr/lib/ldap
{modules}
pidfile {folder}/pid
sizelimit size.soft=500 size.hard=500
TLSCACertificateFile {folder}/ca.pem
TLSCertificateFile {folder}/server.pem
TLSCertificateKeyFile {folder}/server.pem
security simple_bind=128 update_ssf=128

access to dn.base="" by * read
access to dn.base="cn=Subschema" by * read

database mdb
suffix "{BASE_DN}"
rootdn "{ADMINISTRATOR}"
rootpw {ADMINISTRATOR_PASSWORD}
directory {folder}/data
maxsize 1073741824
dbnosync
index objectClass,entryUUID,entryCSN eq
index uid,cn,mail,member,memberOf eq
{rights}
overlay memberof
memberof-group-oc groupOfNames
overlay refint
refint_attributes member
overlay ppolicy
ppolicy_default "{DEFAULT_POLICY}"
ppolicy_hash_cleartext
ppolicy_use_lockout
{further}
"""


def _rights(own_passwords: bool) -> str:
    accounts = (ACCOUNT, POWERFUL_ACCOUNT, READING_ACCOUNT)
    limits = "".join(f'limits dn.exact="{account}" size=unlimited\n' for account in accounts)
    return f"""{limits}
access to attrs=userPassword
    by dn.exact="{POWERFUL_ACCOUNT}" manage
    by dn.exact="{ACCOUNT}" =xw
    by self {"=xw" if own_passwords else "auth"}
    by anonymous auth
    by * none
access to attrs=pwdAccountLockedTime,pwdReset
    by dn.exact="{POWERFUL_ACCOUNT}" manage
    by dn.exact="{ACCOUNT}" write
    by users read
access to attrs=pwdHistory by * none
access to * by users read by * none
"""
