"""Rekey's connector by itself, without queue and Django: `python -m tests.bench.writeback.connecting FILE COUNT FIRST`.

Prints the CPU seconds of this process for so many resets: find the person, read the policy, set the password.
"""

import sys
import time
from urllib.parse import urlsplit

from tests.bench.writeback.kept import Kept, load
from tests.bench.writeback.passwords import new_password
from writeback.connectors.base import Access, Connector, Kind, Server
from writeback.connectors.finding import connector_for


def access_of(kept: Kept) -> Access:
    parts = urlsplit(kept.url)
    server = Server(parts.hostname or "", parts.port or 636)
    return Access(Kind(kept.kind), (server,), kept.base_dn, kept.account, kept.password, kept.ca_pem)


def reset(connector: Connector, anchor: str) -> None:
    connector.set_password(connector.find(anchor), new_password())


def measure(kept: Kept, count: int, first: int) -> float:
    access = access_of(kept)
    reset(connector_for(access), kept.other(first - 1))
    processor = time.process_time()
    for number in range(first, first + count):
        reset(connector_for(access), kept.other(number))
    return time.process_time() - processor


if __name__ == "__main__":
    sys.stdout.write(str(measure(load(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
