"""Rekey beside Django's own reset, in one run: `make bench`, or `python tests/bench/run.py --help`."""

import argparse
import json
import signal
import sys
import sysconfig
import time
from types import FrameType

from tests.bench import cells, stacks
from tests.bench.cells import Cell, Counts, FirstPage
from tests.bench.figures import Figures, Key, report
from tests.bench.stacks import Ground, Stack

LIMIT_SECONDS = 1800
HASHERS = ("trivial", "real")


class Run:
    """Collects the figures while stacks come and go."""

    def __init__(self, sizes: list[int], seconds: float, tell_statements: bool) -> None:
        self.sizes, self.seconds, self.tell_statements = sizes, seconds, tell_statements
        self.cells: dict[Key, Cell] = {}
        self.counts: dict[str, Counts] = {}
        self.captcha: dict[str, float] = {}
        self.first_page: FirstPage | None = None
        self.paced: Cell | None = None

    def figures(self) -> Figures:
        with stacks.ground() as ground:
            sides = [("contrib", self.sizes[0]), *(("rekey", users) for users in self.sizes)]
            for side, users in sides:
                say(f"filling {side}, {users:,} users")
                stacks.create(ground, side, users)
            for hasher in HASHERS:
                for side, users in sides:
                    self.measure(ground, side, users, hasher)
        assert self.first_page is not None
        assert self.paced is not None
        return Figures(self.cells, self.counts, self.captcha, self.first_page, self.sizes, self.paced)

    def measure(self, ground: Ground, side: str, users: int, hasher: str) -> None:
        say(f"measuring {side}, {users:,} users, {hasher} hasher")
        with stacks.running(ground, side, users, hasher) as stack:
            cells.warm_up(stack)
            for clients in (1, 8):
                cell = cells.measure(ground, stack, clients, self.seconds)
                self.cells[side, users, hasher, clients] = cell
                say(f"  {clients} clients: {cell.per_second:.1f} resets/s, {cell.total_ms:.1f} ms CPU each")
            if side == "rekey" and users == self.sizes[0] and hasher == "real":
                self.paced = cells.measure(ground, stack, 8, self.seconds, pace=1.0)
            if hasher == "trivial" and users == self.sizes[0]:
                self.measure_once(ground, stack)

    def measure_once(self, ground: Ground, stack: Stack) -> None:
        """What neither time nor size changes."""
        counts = self.counts[stack.side] = cells.count_statements(stack)
        if self.tell_statements:
            for text, times in counts.web.texts.most_common():
                say(f"  {times / counts.resets:4.1f}  {text}")
        if stack.side == "rekey":
            self.first_page = cells.first_page(stack)
            environment = ground.environment("rekey", stack.users, "trivial", "bench")
            printed = stacks.run([sys.executable, "-m", "tests.bench.captcha_cost"], environment)
            self.captcha = json.loads(printed)


def interpreter() -> str:
    """Which Python is measured: how it was built moves the figures by a tenth."""
    options = sysconfig.get_config_var("CONFIG_ARGS") or ""
    chosen = [name for name in ("--enable-shared", "--enable-optimizations", "--with-lto") if name in options]
    return (
        f"Python {sys.version.split()[0]} of {sys.base_prefix}, configured with {' '.join(chosen) or 'nothing special'}"
    )


def say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", default="100000,1000000", help="sizes; contrib.auth is measured with the first")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each cell is measured")
    parser.add_argument(
        "--quick", action="store_true", help="10,000 users, 3 seconds: to see that it runs, not for figures"
    )
    parser.add_argument("--statements", action="store_true", help="tell which statements were counted")
    given = parser.parse_args()
    if given.quick:
        given.users, given.seconds = "10000", 3.0
    given.sizes = [int(size) for size in given.users.split(",")]
    return given


def too_long(number: int, frame: FrameType | None) -> None:
    raise TimeoutError("not done in time")


def main() -> None:
    given = options()
    signal.signal(signal.SIGALRM, too_long)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(143))
    signal.alarm(LIMIT_SECONDS)
    say(interpreter())
    figures = Run(given.sizes, given.seconds, given.statements).figures()
    sys.stdout.write(report(figures) + "\n")


if __name__ == "__main__":
    main()
