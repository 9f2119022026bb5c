"""Writeback beside its directories alone, in one run: `make bench-writeback`, or `run_writeback.py --help`.

Parts: a, how long people wait; b, Samba's throughput; c, what the queue around a job costs; d, pages beside waiting agents.
"""

import argparse
import signal
import sys
import time
from contextlib import ExitStack

from tests.bench import stacks
from tests.bench.__main__ import interpreter, say, too_long
from tests.bench.writeback import agents, kept
from tests.bench.writeback.kept import OPENLDAP, SAMBA
from tests.bench.writeback.measuring import Alone, Bare, Bench
from tests.bench.writeback.report import Cost, Ends, Results, Throughput, report

LIMIT_SECONDS = 900
PARTS = "abcd"
SETTINGS = {"EGRESS_ALLOW_PRIVATE": "127.0.0.0/8", "WORKER_CONCURRENCY": "4"}
ONE, PACED, CLOSED = "1 client", "8 resets begun each second", "8 clients without pauses"
WARM_UP = 32


class Run:
    """Collects the figures. `quick`: a tenth of everything."""

    def __init__(self, parts: str, seconds: float, quick: bool) -> None:
        self.parts, self.seconds, self.quick = parts, seconds, quick
        self.results = Results()

    def sized(self, count: int) -> int:
        return count // 10 if self.quick else count

    def measure(self) -> Results:
        users = self.sized(10_000)
        with ExitStack() as stack:
            say("starting the directories")
            sizes = {OPENLDAP: self.sized(10_000), SAMBA: self.sized(2_000)}
            running = stack.enter_context(kept.directories(sizes))
            ground = stack.enter_context(stacks.ground(**SETTINGS))
            say("filling")
            files = [str(kept.save(one, ground.folder)) for one in running.values()]
            stacks.create(ground, "rekey", users, "tests.bench.writeback.filling", *files)
            bench = Bench(ground, stack.enter_context(stacks.running(ground, "rekey", users, "real")), running)
            self.warm_up(bench)
            if "a" in self.parts:
                self.results.ends = [self.ends(bench, name) for name in running]
            if "b" in self.parts:
                self.results.throughput = self.throughput(bench)
            if "c" in self.parts:
                self.results.cost = self.cost(bench)
            if "d" in self.parts:
                say("d: pages beside waiting agents")
                self.results.beside = agents.measure(bench, self.sized(200), self.seconds)
        return self.results

    def warm_up(self, bench: Bench) -> None:
        """Every thread has its connections and templates afterwards."""
        for name in bench.kept:
            bench.load(name, 8, 60, journeys=WARM_UP)
            bench.run_bare(Bare(), name, 10)

    def ends(self, bench: Bench, name: str) -> Ends:
        """Between runs of the bare loop, the directory's own time."""
        say(f"a: how long people wait, {name}")
        ends = Ends(name, Bare(), without_target=[CLOSED])
        for load, clients, pace in ((ONE, 1, 0.0), (PACED, 8, 1.0), (CLOSED, 8, 0.0)):
            bench.run_bare(ends.bare, name, self.sized(100))
            ends.cells[load] = bench.load(name, clients, self.seconds, pace)
        bench.run_bare(ends.bare, name, self.sized(100))
        return ends

    def throughput(self, bench: Bench) -> Throughput:
        say("b: Samba's throughput")
        bare, queued = [self.bare(bench, SAMBA, 60)], []
        for _turn in range(7):
            queued.append(bench.queue_jobs(SAMBA, self.sized(100)))
            bare.append(self.bare(bench, SAMBA, 60))
        bench.prove(SAMBA, self.sized(200) + WARM_UP)
        with_all = bench.queue("requests")
        bare.append(self.bare(bench, SAMBA, 60))
        by_people = bench.load(SAMBA, 8, 60, proved=self.sized(200))
        return Throughput(bare, queued, with_all, by_people)

    def bare(self, bench: Bench, name: str, count: int) -> Bare:
        found = Bare()
        bench.run_bare(found, name, self.sized(count))
        return found

    def cost(self, bench: Bench) -> Cost:
        say("c: what the queue around a job costs")
        bare, alone, queued = Bare(), Alone(), []
        # All are done before the sweep would take part, which looks every two seconds.
        for turn in range(7):
            bench.run_bare(bare, OPENLDAP, self.sized(300))
            bench.run_connector(alone, OPENLDAP, self.sized(300))
            burst = bench.queue_jobs(OPENLDAP, self.sized(100))
            queued += [burst] if turn else []
        return Cost(bare, alone, queued, bench.count_statements(OPENLDAP))


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", default=PARTS, help="which of a, b, c and d; a list with or without commas")
    parser.add_argument("--seconds", type=float, default=12.0, help="how long each cell is measured")
    parser.add_argument("--quick", action="store_true", help="a tenth, 3 seconds: to see that it runs, not for figures")
    given = parser.parse_args()
    given.parts = given.parts.replace(",", "")
    if not given.parts or set(given.parts) - set(PARTS):
        parser.error(f"parts are {', '.join(PARTS)}")
    if given.quick:
        given.seconds = 3.0
    return given


def main() -> None:
    given = options()
    signal.signal(signal.SIGALRM, too_long)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(143))
    signal.alarm(LIMIT_SECONDS)
    say(interpreter())
    started = time.monotonic()
    results = Run(given.parts, given.seconds, given.quick).measure()
    sys.stdout.write(f"{report(results)}\n\n{interpreter()}; {time.monotonic() - started:.0f} s in all\n")


if __name__ == "__main__":
    main()
