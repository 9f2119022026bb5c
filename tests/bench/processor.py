"""CPU seconds of process trees, read from the operating system: nothing is measured inside the processes."""

import os
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Process:
    """`spent` is user and system time in seconds, `of_ended` that of its children that ended."""

    parent: int
    spent: float
    of_ended: float


def processes() -> dict[int, Process]:
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:  # ended meanwhile
                continue
            user, system, user_ended, system_ended = map(int, fields[11:15])
            found[int(entry.name)] = Process(
                int(fields[1]), (user + system) / TICKS, (user_ended + system_ended) / TICKS
            )
    return found


def tree(root: int, known: dict[int, Process]) -> set[int]:
    """The process and everything it started."""
    found = {root}
    while more := {pid for pid, process in known.items() if process.parent in found} - found:
        found |= more
    return found


def spent(root: int) -> float:
    """Seconds of a tree, with children that have ended."""
    known = processes()
    return sum(known[pid].spent + known[pid].of_ended for pid in tree(root, known) if pid in known)


def spent_by(pids: set[int]) -> float:
    """Seconds of these processes alone."""
    known = processes()
    return sum(known[pid].spent for pid in pids if pid in known)
