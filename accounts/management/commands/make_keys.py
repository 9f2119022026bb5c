"""Make the keys of a new installation."""

import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts import keyfiles
from accounts.management.tenancy import UNUSABLE


class Command(BaseCommand):
    help = (
        "Run this once before the first start: it writes keys.env (SECRET_KEY, SEALING_KEYS, DIGEST_KEYS and where the "
        "key files are), signing.key, executor.key and vapid.key. Web processes get everything but the executor key. "
        "With --one it prints one new key, to be put in front of SEALING_KEYS or DIGEST_KEYS before rotate_keys."
    )
    # There are no valid settings yet: this command makes them.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dir", type=Path, default=Path("var/keys"), help="where to write; var/keys if left out")
        parser.add_argument("--one", action="store_true", help="print one new key and write nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        today = timezone.now().date()
        if options["one"]:
            self.stdout.write(keyfiles.shared_key(today))
            return
        try:
            environment, *_ = keyfiles.make(options["dir"], today)
        except (keyfiles.AlreadyThere, FileExistsError) as error:
            problem = f"A key file is there already ({error}). Nothing was overwritten; choose another --dir."
            raise CommandError(problem, returncode=UNUSABLE) from None
        except OSError as error:
            problem = f"The keys can't be written to {options['dir']}: {os.strerror(error.errno or 0)}."
            raise CommandError(problem, returncode=UNUSABLE) from None
        self.stdout.write(f"Load {environment} before the start, and keep a copy of {environment.parent} elsewhere.")
