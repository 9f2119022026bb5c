"""The figures of writeback as tables: what was measured, the target, and whether it is met."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median

from tests.bench.cells import Cell, percentile
from tests.bench.figures import TARGET_HEAD, Target, table, target_rows
from tests.bench.writeback import agents
from tests.bench.writeback.agents import Beside
from tests.bench.writeback.measuring import Alone, Bare, Queued, confirmed
from tests.bench.writeback.said import Said

MOST_OVER_DIRECTORY, LONGEST = 150, 500
LEAST_OF_BARE = 0.85
MOST_PROCESSOR, MOST_STATEMENTS = 8, 8
UNCHANGED = 1.1


@dataclass
class Ends:
    """From the password sent to its end seen, for one directory, by load."""

    name: str
    bare: Bare
    cells: dict[str, Cell] = field(default_factory=dict)
    without_target: Sequence[str] = ()


@dataclass
class Throughput:
    """Samba: the worker's resets, each burst between two runs of the bare loop, `bare[n]` and `bare[n + 1]`."""

    bare: list[Bare]
    queued: list[Queued]
    with_all: Queued
    by_people: Cell

    @property
    def per_second(self) -> float:
        return median(each.per_second for each in self.queued)

    @property
    def of_bare(self) -> float:
        """The median of the bursts, each by the two bare runs around it: the machine's speed drifts."""
        around = zip(self.queued, self.bare, self.bare[1:], strict=False)
        return median(2 * each.per_second / (before.per_second + after.per_second) for each, before, after in around)


@dataclass
class Cost:
    """Around a job, on OpenLDAP."""

    bare: Bare
    alone: Alone
    queued: list[Queued]
    said: Said

    def each_ms(self) -> dict[str, float]:
        count = sum(each.count for each in self.queued)
        names = self.queued[0].each_ms()
        return {name: sum(each.each_ms()[name] * each.count for each in self.queued) / count for name in names}


@dataclass
class Results:
    ends: list[Ends] = field(default_factory=list)
    throughput: Throughput | None = None
    cost: Cost | None = None
    beside: Beside | None = None


def report(results: Results) -> str:
    parts = []
    if results.ends:
        parts += [
            "From the new password sent to the page that says it was changed, ms",
            table(END_HEAD, _ends(results)),
        ]
    if results.cost:
        parts += ["Statements for one job, on OpenLDAP", table(SAID_HEAD, _said(results.cost.said))]
    if results.beside:
        parts += ["Pages at 8 clients: p50 / p99 in ms", table(PAGE_HEAD, _pages(results.beside))]
    return "\n\n".join([*parts, "Against the targets", table(TARGET_HEAD, target_rows(targets(results)))])


END_HEAD = ("directory", "load", "resets", "resets/s", "p50", "p99", "directory alone p50", "over it p50")


def _ends(results: Results) -> Iterable[Sequence[str]]:
    for ends in results.ends:
        for load, cell in ends.cells.items():
            took, alone = confirmed(cell), _ms(ends.bare.took, 0.5)
            p50, p99 = _ms(took, 0.5), _ms(took, 0.99)
            figures = (f"{figure:.1f}" for figure in (cell.per_second, p50, p99, alone, p50 - alone))
            yield ends.name, load, str(len(took)), *figures


SAID_HEAD = ("times", "statement")


def _said(said: Said) -> Iterable[Sequence[str]]:
    yield from ((f"{times:.1f}", name) for name, times in said.around.items())
    yield f"{said.statements:.1f}", "around a job"
    yield from ((f"{times:.1f}", f"(every reset) {name}") for name, times in said.others.items())


PAGE_HEAD = ("page", "requests", "without agents", "with them", "p99 by p99")


def _pages(beside: Beside) -> Iterable[Sequence[str]]:
    without, others = agents.pages(beside.without), agents.pages(beside.beside)
    for name, took in [*without.items(), ("all", _all(without))]:
        other = others[name] if name in others else _all(others)
        shown = (f"{_ms(each, 0.5):.1f} / {_ms(each, 0.99):.1f}" for each in (took, other))
        yield name, f"{len(took)}, {len(other)}", *shown, f"{_ms(other, 0.99) / _ms(took, 0.99):.2f}"


def _all(pages: dict[str, list[float]]) -> list[float]:
    return [took for each in pages.values() for took in each]


def _ms(seconds: list[float], share: float) -> float:
    return 1000 * percentile(seconds, share)


def targets(results: Results) -> list[Target]:
    found = [target for ends in results.ends for target in _waiting(ends)]
    if results.throughput:
        found += _throughput(results.throughput)
    if results.cost:
        found += _cost(results.cost)
    if results.beside:
        found += _beside(results.beside)
    return found


def _waiting(ends: Ends) -> Iterable[Target]:
    alone = _ms(ends.bare.took, 0.5)
    yield Target(f"{ends.name}: find and set by python-ldap alone, p50", alone, None, " ms")
    for load, cell in ends.cells.items():
        has_target, took = load not in ends.without_target, confirmed(cell)
        name = f"{ends.name}: password sent to end seen"
        limits = (MOST_OVER_DIRECTORY, LONGEST) if has_target else (None, None)
        yield Target(f"{name}, p50 over the directory's own, {load}", _ms(took, 0.5) - alone, limits[0], " ms")
        yield Target(f"{name}, p99, {load}", _ms(took, 0.99), limits[1], " ms")


def _throughput(found: Throughput) -> Iterable[Target]:
    bare = median(each.per_second for each in found.bare)
    yield Target("samba: python-ldap alone, one connection", bare, None, " resets/s")
    measured = {
        "samba: resets queued at once, the same worker mailing the notices": found.with_all.per_second,
        "samba: resets by 8 browsers, each sending the next at its end": found.by_people.per_second,
    }
    yield Target("samba: jobs queued at once, one worker of four threads", found.per_second, None, " resets/s")
    yield Target("  of python-ldap alone before and after", found.of_bare, LEAST_OF_BARE, is_least=True)
    for name, per_second in measured.items():
        yield Target(name, per_second, None, " resets/s")
        yield Target("  of python-ldap alone", per_second / bare, None)


def _cost(found: Cost) -> Iterable[Target]:
    each = found.each_ms()
    for name, spent in each.items():
        yield Target(f"openldap: CPU of {name} for each of many jobs", spent, None, " ms")
    yield Target("openldap: CPU of python-ldap alone for each", found.bare.processor_ms, None, " ms")
    yield Target("openldap: CPU of the connector alone for each", found.alone.processor_ms, None, " ms")
    around = sum(each.values()) - found.alone.processor_ms
    yield Target("openldap: CPU around a job (all of it without the connector's)", around, MOST_PROCESSOR, " ms")
    yield Target("openldap: statements around a job", found.said.statements, MOST_STATEMENTS)
    yield Target("openldap: commits of such a reset, from the password on", found.said.commits, None)


def _beside(found: Beside) -> Iterable[Target]:
    without = [_ms(_all(cell.pages), 0.99) for cell in found.without]
    p99 = {name: _ms(_all(agents.pages(cells)), 0.99) for name, cells in (("0", found.without), ("n", found.beside))}
    yield Target("pages, p99 of all, without agents", p99["0"], None, " ms")
    yield Target(f"pages, p99 of all, with {found.agents} waiting agents", p99["n"], None, " ms")
    yield Target("  of without", p99["n"] / p99["0"], UNCHANGED)
    yield Target("  how far runs without agents are apart (highest by lowest)", max(without) / min(without), None)
    yield Target("agents' process: CPU, of one core", 100 * found.share, None, " %")
