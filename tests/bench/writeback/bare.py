"""The same directory operations by python-ldap alone, on one connection: `python -m tests.bench.writeback.bare`.

Arguments: the directory's file (`kept.save`), how many resets, the number of the first person. Prints JSON: seconds for
each reset, seconds for all, CPU seconds of this process. One reset: find the entry by its anchor with the attributes
that Rekey asks for, set the password. Nobody is locked, so that nothing is to be unlocked on either side.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import ldap

from tests.bench.writeback.kept import Kept, load
from tests.bench.writeback.passwords import new_password
from writeback.connectors.active_directory import USER, as_unicode_pwd, by_guid, sd_flags
from writeback.connectors.base import Kind
from writeback.connectors.ldap_directory import PERSON
from writeback.connectors.openldap import OpenLdap

Reset = Callable[[Any, Kept, str], None]


def connect(kept: Kept) -> Any:
    raw = ldap.initialize(kept.url)
    raw.set_option(ldap.OPT_REFERRALS, 0)
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(kept.ca_pem)
        file.flush()
        raw.set_option(ldap.OPT_X_TLS_CACERTFILE, file.name)
        raw.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
        raw.simple_bind_s(kept.account, kept.password)
    return raw


def reset_openldap(raw: Any, kept: Kept, anchor: str) -> None:
    attributes = [OpenLdap.anchor_attribute, *OpenLdap.attributes]
    found = raw.search_ext_s(kept.base_dn, ldap.SCOPE_SUBTREE, f"(&(entryUUID={anchor}){PERSON})", attributes)
    raw.passwd_s(found[0][0], None, new_password())


def reset_active_directory(raw: Any, kept: Kept, anchor: str) -> None:
    dn = by_guid(anchor)
    raw.search_ext_s(dn, ldap.SCOPE_BASE, "(objectClass=user)", USER, serverctrls=[sd_flags()])
    raw.modify_ext_s(dn, [(ldap.MOD_REPLACE, "unicodePwd", [as_unicode_pwd(new_password())])])


RESETS: dict[str, Reset] = {Kind.OPENLDAP: reset_openldap, Kind.ACTIVE_DIRECTORY: reset_active_directory}


def measure(kept: Kept, count: int, first: int) -> dict[str, Any]:
    raw, reset = connect(kept), RESETS[kept.kind]
    took = []
    processor, started = time.process_time(), time.perf_counter()
    for number in range(first, first + count):
        begun = time.perf_counter()
        reset(raw, kept, kept.other(number))
        took.append(time.perf_counter() - begun)
    seconds, processor = time.perf_counter() - started, time.process_time() - processor
    raw.unbind_s()
    return {"took": took, "seconds": seconds, "processor": processor}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(load(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
