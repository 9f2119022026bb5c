"""Move everything at rest to the newest keys."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from accounts import rotation
from accounts.rotation import Rotation

SOME_UNREADABLE = 1


class Command(BaseCommand):
    help = (
        "Run this after a new key was put in front of SEALING_KEYS or DIGEST_KEYS and all processes were restarted. "
        "It seals and digests all stored values anew, and says which old keys nothing needs now. It may be stopped "
        "and run again. Exit code 1: some values can't be opened with the keys at hand."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say what would be done, and write nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        is_hidden = not self.stderr.isatty()
        with tqdm(total=rotation.total(), unit=" values", file=self.stderr, disable=is_hidden, leave=False) as bar:
            result = rotation.rotate(options["dry_run"], bar.update)
        self.stdout.write(_sentences(result, options["dry_run"]))
        if result.unreadable:
            shown = ", ".join(result.unreadable[:20])
            raise CommandError(
                f"{len(result.unreadable)} values can't be opened: a key is missing, or they were damaged "
                f"({shown}). They are as they were.",
                returncode=SOME_UNREADABLE,
            )


def _sentences(result: Rotation, dry_run: bool) -> str:
    moved = "would be moved" if dry_run else "were moved"
    sentences = [f"{result.moved} values {moved} to the newest keys, {result.current} were there already."]
    if result.free_sealing_keys:
        sentences.append(f"No longer needed in SEALING_KEYS: {', '.join(result.free_sealing_keys)}.")
    if result.free_digest_keys:
        sentences.append(
            f"No longer needed in DIGEST_KEYS: {', '.join(result.free_digest_keys)}; "
            "remove them when links and requests of the last 7 days are over."
        )
    if result.needed_digest_keys:
        sentences.append(
            f"Still needed in DIGEST_KEYS, to check audit events or recovery codes: {', '.join(result.needed_digest_keys)}."
        )
    return " ".join(sentences)
