"""Bring a directory's people and groups in."""

from argparse import RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from tqdm import tqdm

from accounts.management.tenancy import UNUSABLE, add_tenant_argument, get_tenant
from accounts.models import Tenant
from accounts.tenants import opened
from writeback import sync
from writeback.access import NotDirect
from writeback.connectors.base import DirectoryError
from writeback.models import Connector
from writeback.sync import Busy, Result, SyncStopped, TooManyDisabled
from writeback.sync.results import Change
from writeback.sync.sources import source_of

INCOMPLETE = 1
SIGNS = {"add": "+", "gone": "-", "disable": "-", "conflict": "!", "skip": "!"}
HELP = """
Run this after a directory was connected, to bring its people and groups in at once; the worker does it by itself every
so many minutes. Run it with --dry-run first: it says who would come in, change or be disabled, and writes nothing.

DIRECTORY is its name in the console. People are matched by their anchor in the directory (objectGUID, entryUUID,
nsUniqueId) and by nothing else: whoever has a name that somebody else here has is a conflict, and stays out until the
name is free. Names have to end in a verified domain. People who are disabled in the directory or are gone from it are
disabled here and their sessions end; nobody is deleted. Phones become imported methods: they count only where the
organisation's settings say so, and a replaced one after 72 hours. Passwords are never read.

By itself it reads what changed since the last run, and everything once a day; --full reads everything. A run that would
disable more of the directory's people than the connector allows stops before it changes anything: look at base DN and
filters. If they really left, say how many with --force-disable N.

The exit code is 0 when everything came in, 1 when there are conflicts or values that can't be used, 2 when the directory
was not brought in. It may be interrupted and run again.
"""


class Command(BaseCommand):
    help = HELP

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(prog_name, subcommand, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("directory", metavar="DIRECTORY", help="the directory's name")
        add_tenant_argument(parser)
        parser.add_argument("--full", action="store_true", help="read everything, not only what changed")
        parser.add_argument("--dry-run", action="store_true", help="say what would change, and write nothing")
        parser.add_argument(
            "--force-disable", metavar="N", type=int, help="let this one run disable as many as N people"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = get_tenant(options["tenant"])
        with opened(tenant):
            connector = _connector(tenant, options["directory"])
            try:
                result = self._run(connector, options)
            except TooManyDisabled as stopped:
                hint = f" If they really left: --force-disable {stopped.count}."
                raise CommandError(f"{stopped}{hint}", returncode=UNUSABLE) from None
            except (NotDirect, Busy, SyncStopped) as stopped:
                raise CommandError(str(stopped), returncode=UNUSABLE) from None
            except DirectoryError as error:
                text = f"{connector} did not answer as it should; nothing was changed. ({error})"
                raise CommandError(text, returncode=UNUSABLE) from None
            except DatabaseError as error:
                text = "The database stopped the run; what came before is kept. Run it again."
                raise CommandError(f"{text} ({type(error).__name__})", returncode=UNUSABLE) from None
        self.stdout.write(_sentence(result, str(connector), options["dry_run"]))
        if result.conflicts or result.skipped:
            raise SystemExit(INCOMPLETE)

    def _run(self, connector: Connector, options: dict[str, Any]) -> Result:
        source = source_of(connector)
        with tqdm(unit=" entries", file=self.stderr, disable=not self.stderr.isatty(), leave=False) as bar:

            def progress(phase: str, done: int, total: int | None) -> None:
                bar.set_description(phase, refresh=False)
                bar.total, bar.n = total, done
                bar.refresh()

            def report(change: Change) -> None:
                if options["dry_run"] or change.what in ("conflict", "skip"):
                    bar.clear()
                    stream = self.stdout if options["dry_run"] else self.stderr
                    stream.write(_line(change))

            return sync.run(
                connector,
                source,
                options["full"],
                options["dry_run"],
                progress,
                report=report,
                force_disable=options["force_disable"],
            )


def _connector(tenant: Tenant, name: str) -> Connector:
    """Raises CommandError."""
    found = Connector.objects.filter(tenant=tenant, directory__name=name).select_related("directory").first()
    if found is None:
        known = Connector.objects.filter(tenant=tenant).order_by("directory__name")
        names = ", ".join(known.values_list("directory__name", flat=True)) or "none is connected yet"
        raise CommandError(f"{tenant.name} has no connected directory {name!r}: {names}.", returncode=UNUSABLE)
    return found


def _line(change: Change) -> str:
    detail = f" ({change.detail})" if change.detail else ""
    return f"{SIGNS.get(change.what, '~')} {change.what} {change.name}{detail}"


def _sentence(result: Result, name: str, dry_run: bool) -> str:
    done = (
        f"{result.added} added, {result.changed} changed, {result.unchanged} unchanged, {result.disabled} disabled, "
        f"{result.conflicts} conflicts; {result.groups} groups read, {result.memberships_added} memberships added, "
        f"{result.memberships_removed} removed"
    )
    skipped = f"; {result.skipped} values can't be used" if result.skipped else ""
    kept = f"; {result.kept} phones kept as people registered them" if result.kept else ""
    told = f"; {result.announced} told that a phone of theirs was replaced" if result.announced else ""
    untold = f"; {result.not_announced} could not be told of that" if result.not_announced else ""
    what = "everything" if result.is_full else "what changed"
    return f"{name} ({what}): {'a dry run would give ' if dry_run else ''}{done}{skipped}{kept}{told}{untold}."
