"""Import users and groups from a CSV file."""

import csv
import os
from argparse import RawDescriptionHelpFormatter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from tqdm import tqdm

from accounts.importing.reading import COLUMNS, REFUSAL_COLUMNS, UnusableFile, opened_file
from accounts.importing.runs import Counts, Import, RefusedLine
from accounts.management.tenancy import UNUSABLE, add_tenant_argument, get_tenant
from reset import import_notices

SOME_REFUSED = 1
WHAT_IS_TOLD = "that a phone or address of theirs was replaced"
WHY_UNTOLD = "there is no e-mail address on file, or no worker has run lately"
HELP = f"""
Run this to bring people in, and again whenever their data changed: only what differs is changed.

The file is UTF-8 text with commas; its first line names the columns: {", ".join(COLUMNS)}
(principal_name is needed, the others may be missing). Groups are separated by semicolons. Phone numbers are written as
+1 4255551234x123; a mobile phone loses the extension. An empty cell leaves what is there; memberships are added, none
is taken away. What people registered or confirmed themselves is kept. A phone or address that takes the place of
another imported one counts as a proof after 72 hours, and the person is told by e-mail at the addresses known before.
Roles and passwords are never imported.

A row that can't be imported is reported with its line and the reason, and stops nothing. The exit code is 0 when every
row was imported, 1 when some were refused, 2 when the file can't be used or the run was interrupted (run it again).
"""


class Command(BaseCommand):
    help = HELP

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(prog_name, subcommand, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE.csv", type=Path)
        add_tenant_argument(parser)
        parser.add_argument("--dry-run", action="store_true", help="say what would be done, and write nothing")
        parser.add_argument(
            "--refused",
            metavar="FILE.csv",
            type=Path,
            help="a new file for the refused rows with line and reason; corrected, it can be imported as it is",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = get_tenant(options["tenant"])
        try:
            with opened_file(options["file"]) as source, _refused_rows(options["refused"], source.columns) as write_row:
                job = Import(tenant, source, options["dry_run"], on_replaced=partial(import_notices.announce, tenant))
                counts = self._run(job, write_row)
        except UnusableFile as problem:
            raise CommandError(f"Nothing was imported. {problem}", returncode=UNUSABLE) from None
        except DatabaseError as error:
            text = "The database stopped the import; what came before is kept. Run it again."
            raise CommandError(f"{text} ({type(error).__name__})", returncode=UNUSABLE) from None
        self.stdout.write(_sentence(counts, tenant.name, options["dry_run"]))
        if counts.refused:
            raise SystemExit(SOME_REFUSED)

    def _run(self, job: Import, write_row: Any) -> Counts:
        with tqdm(unit=" rows", file=self.stderr, disable=not self.stderr.isatty(), leave=False) as bar:

            def report(line: RefusedLine) -> None:
                bar.clear()
                self.stderr.write(f"line {line.number}: {line.reason}")
                write_row(line)

            job.on_start, job.on_rows, job.on_refused = bar.reset, bar.update, report
            return job.run()


@contextmanager
def _refused_rows(path: Path | None, columns: tuple[str, ...]) -> Iterator[Any]:
    """A function that writes a refused row to the file, if there is to be one. Never overwrites a file."""
    if path is None:
        yield lambda line: None
        return
    kept = [name for name in columns if name not in REFUSAL_COLUMNS]
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise CommandError(f"{path} can't be written: {os.strerror(error.errno or 0)}.", returncode=UNUSABLE) from None
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        yield _writer(file, columns, kept)


def _writer(file: TextIO, columns: tuple[str, ...], kept: list[str]) -> Any:
    rows = csv.writer(file)
    rows.writerow([*REFUSAL_COLUMNS, *kept])

    def write(line: RefusedLine) -> None:
        cells = dict(zip(columns, line.cells, strict=False))
        rows.writerow([line.number, line.reason, *(cells.get(name, "") for name in kept)])

    return write


def _sentence(counts: Counts, name: str, dry_run: bool) -> str:
    done = (
        f"{counts.added} added, {counts.changed} changed, {counts.unchanged} unchanged, {counts.refused} refused, "
        f"{counts.groups_added} new groups"
    )
    kept = f"; {counts.kept} phones or addresses kept as people registered them" if counts.kept else ""
    told = f"; {counts.announced} told {WHAT_IS_TOLD}" if counts.announced else ""
    untold = f"; {counts.not_announced} could not be told {WHAT_IS_TOLD} ({WHY_UNTOLD})" if counts.not_announced else ""
    return f"{name}: {'a dry run would give ' if dry_run else ''}{done}{kept}{told}{untold}."
