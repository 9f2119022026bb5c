"""Another machine: a network namespace that can reach this one, and that nothing here can reach. Needs root and iproute2.

`with office() as network:` runs commands there by `network.prefix`; `network.host` is this machine as seen from there.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

CONNECTS = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 2)"


@dataclass(frozen=True)
class Office:
    """`name` of the namespace; addresses of both ends of its only cable."""

    name: str
    host: str
    address: str

    @property
    def prefix(self) -> list[str]:
        """In front of a command, to run it there."""
        return ["ip", "netns", "exec", self.name]

    def reaches(self, address: str, port: int) -> bool:
        """Whether somebody listens there, as seen from inside."""
        command = [*self.prefix, sys.executable, "-c", CONNECTS, address, str(port)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


def is_reached_from_here(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((address, port)) == 0


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


@contextmanager
def office() -> Iterator[Office]:
    """A namespace with a loopback of its own and a cable to here, gone at the end."""
    number = os.getpid() % 60_000
    name, here, there = f"rekey{number}", f"rkh{number}", f"rko{number}"
    subnet = f"10.{200 + number // 16_384}.{number // 64 % 256}"
    host, address = f"{subnet}.{number % 64 * 4 + 1}", f"{subnet}.{number % 64 * 4 + 2}"
    _ip("netns", "add", name)
    try:
        _ip("link", "add", here, "type", "veth", "peer", "name", there)
        _ip("link", "set", there, "netns", name)
        _ip("addr", "add", f"{host}/30", "dev", here)
        _ip("link", "set", here, "up")
        _ip("-n", name, "addr", "add", f"{address}/30", "dev", there)
        for device in ("lo", there):
            _ip("-n", name, "link", "set", device, "up")
        yield Office(name, host, address)
    finally:
        subprocess.run(["ip", "link", "del", here], check=False, capture_output=True)
        _ip("netns", "del", name)
