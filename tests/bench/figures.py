"""The figures as a table: what was measured, the target, and whether it is met."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.bench.cells import Cell, Counts, FirstPage, percentile
from tests.bench.journeys import HASHING

Key = tuple[str, int, str, int]
"""Side, users, hasher, clients."""


@dataclass(frozen=True)
class Figures:
    """All of one run."""

    cells: dict[Key, Cell]
    counts: dict[str, Counts]
    captcha: dict[str, float]
    first_page: FirstPage
    sizes: Sequence[int]
    paced: Cell
    """Eight people who begin a reset each second: what a machine does whose cores aren't full."""

    @property
    def base(self) -> int:
        return self.sizes[0]

    def captcha_ms(self) -> float:
        return self.captcha["python"] + self.captcha["database"]

    def without_captcha(self, cell: Cell) -> float:
        """CPU of web and database for one of Rekey's resets, without the captcha's part."""
        return cell.total_ms - self.captcha_ms()


@dataclass(frozen=True)
class Target:
    """`limit` None: a figure to know, without a target. `is_least`: the figure must not be below the limit, else not above."""

    name: str
    value: float
    limit: float | None
    unit: str = ""
    is_least: bool = False

    @property
    def is_met(self) -> bool | None:
        if self.limit is None:
            return None
        return self.value >= self.limit if self.is_least else self.value <= self.limit


def report(figures: Figures) -> str:
    parts = [
        "Resets and CPU for one reset (ms): web and database; the worker (mails) is apart",
        table(CELL_HEAD, cell_rows(figures)),
        "Pages at 8 clients, the real hasher: p50 / p99 in ms",
        table(PAGE_HEAD, page_rows(figures)),
        "Against the targets",
        table(TARGET_HEAD, target_rows(targets(figures))),
    ]
    return "\n\n".join(parts)


CELL_HEAD = ("side", "users", "hasher", "clients", "resets/s", "web", "database", "sum", "worker", "reset p50/p99 ms")


def cell_rows(figures: Figures) -> Iterable[Sequence[str]]:
    for (side, users, hasher, clients), cell in figures.cells.items():
        worker = f"{cell.worker_ms:.1f}" if side == "rekey" else "-"
        yield (
            side, f"{users:,}", hasher, str(clients), f"{cell.per_second:.1f}", f"{cell.web_ms:.1f}",
            f"{cell.database_ms:.1f}", f"{cell.total_ms:.1f}", worker, _p50_p99(cell.resets),
        )  # fmt: skip


PAGE_HEAD = ("side", "users", "page", "p50 / p99")


def page_rows(figures: Figures) -> Iterable[Sequence[str]]:
    for (side, users, hasher, clients), cell in figures.cells.items():
        if hasher == "real" and clients == 8:
            for page, took in cell.pages.items():
                yield side, f"{users:,}", page, _p50_p99(took)


def _p50_p99(seconds: list[float]) -> str:
    return f"{1000 * percentile(seconds, 0.5):.1f} / {1000 * percentile(seconds, 0.99):.1f}"


TARGET_HEAD = ("figure", "measured", "target", "")


def target_rows(found: Iterable[Target]) -> Iterable[Sequence[str]]:
    for target in found:
        met = {True: "met", False: "NOT MET", None: ""}[target.is_met]
        sign = ">=" if target.is_least else "<="
        limit = "" if target.limit is None else f"{sign} {target.limit:g}{target.unit}"
        yield target.name, f"{target.value:.2f}".rstrip("0").rstrip(".") + target.unit, limit, met


def targets(figures: Figures) -> list[Target]:
    return [*_counted(figures), *_processor(figures), *_waiting(figures), *_on_its_way(figures), *_page(figures)]


def _counted(figures: Figures) -> list[Target]:
    rekey, contrib = figures.counts["rekey"], figures.counts["contrib"]
    web, worker, resets, messages = rekey.web, rekey.worker, rekey.resets, max(1, rekey.messages)
    return [
        Target("page requests per reset", rekey.requests, 9),
        Target("web: statements per reset, captcha apart", web.statements / resets, 30),
        Target("web: commits per reset, captcha apart", web.commits / resets, 8),
        Target("web: BEGIN, COMMIT, SAVEPOINT and such per reset (apart)", web.control / resets, None),
        Target("web: the captcha's statements per reset", web.captcha_statements / resets, None),
        Target("web: the captcha's commits per reset", web.captcha_commits / resets, None),
        Target("worker: statements per message", worker.statements / messages, 4),
        Target("worker: commits per message", worker.commits / messages, 2),
        Target("contrib.auth: page requests per reset", contrib.requests, None),
        Target("contrib.auth: statements per reset", contrib.web.statements / contrib.resets, None),
        Target("contrib.auth: commits per reset", contrib.web.commits / contrib.resets, None),
    ]


def _processor(figures: Figures) -> list[Target]:
    found = [
        Target("captcha: CPU for issuing and checking", figures.captcha_ms(), None, " ms"),
        Target("captcha: CPU for drawing its picture (a request of its own)", figures.captcha["picture"], None, " ms"),
    ]
    cells = figures.cells
    for clients in (1, 8):
        ours, theirs = (
            cells["rekey", figures.base, "trivial", clients],
            cells["contrib", figures.base, "trivial", clients],
        )
        label = f"{clients} client{'s' if clients > 1 else ''}"
        for users in figures.sizes:
            cell = cells["rekey", users, "trivial", clients]
            name = f"CPU per reset without hash and captcha, {users:,} users, {label}"
            found.append(Target(name, figures.without_captcha(cell), 30, " ms"))
        found.append(Target(f"  of contrib.auth's, {label}", figures.without_captcha(ours) / theirs.total_ms, 0.7))
        hashed = cells["rekey", figures.base, "real", clients].total_ms - ours.total_ms
        found.append(Target(f"  the real hash besides, {label}", hashed, None, " ms"))
        hashed = cells["contrib", figures.base, "real", clients].total_ms - theirs.total_ms
        found.append(Target(f"  the real hash besides, contrib.auth, {label}", hashed, None, " ms"))
    return found


def _waiting(figures: Figures) -> list[Target]:
    found = []
    for users in figures.sizes:
        cell = figures.cells["rekey", users, "real", 8]
        others = {page: took for page, took in cell.pages.items() if page != HASHING}
        slowest = max(others, key=lambda page: percentile(others[page], 0.99))
        name = f"slowest page but the hashing one, p99, 8 clients, {users:,} users ({slowest})"
        found.append(Target(name, 1000 * percentile(others[slowest], 0.99), 100, " ms"))
    return found


def _on_its_way(figures: Figures) -> list[Target]:
    """Eight clients without pauses fill both cores, so a code waits for its turn there: a figure without a target."""
    found = []
    measured = {
        "1 client": (figures.cells["rekey", figures.base, "real", 1], True),
        "8 resets begun each second": (figures.paced, True),
        "8 clients without pauses": (figures.cells["rekey", figures.base, "real", 8], False),
    }
    for load, (cell, has_target) in measured.items():
        for share, limit in ((0.5, 10), (0.99, 50)):
            name = f"commit of a code to the mail server's 250, p{100 * share:.0f}, {load}"
            took = 1000 * percentile(cell.on_its_way, share)
            found.append(Target(name, took, limit if has_target else None, " ms"))
    return found


def _page(figures: Figures) -> list[Target]:
    page = figures.first_page
    return [
        Target("first page: requests, with what it shows", page.requests, 5),
        Target("first page: kB without compression", page.size / 1000, 30, " kB"),
        Target("first page: kB with compression", page.compressed / 1000, None, " kB"),
    ]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns as wide as what is in them."""
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    ruled = [lines[0], ["-" * width for width in widths], *lines[1:]]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in ruled
    )
