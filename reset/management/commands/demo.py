"""Load the demo organisation."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.management.tenancy import UNUSABLE
from reset import demo


class Command(BaseCommand):
    help = (
        "Run this once in the embedded profile, to have people to try everything with. Their random passwords are "
        "printed once and kept in var/demo.txt. It does nothing the second time, and refuses in production."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            sheet = demo.load(timezone.now())
        except demo.NotHere:
            problem = "The demo organisation is for the embedded profile only: its people would be ways in."
            raise CommandError(problem, returncode=UNUSABLE) from None
        if sheet is None:
            self.stdout.write(f"The demo organisation is there already; its passwords are in {demo.file_path()}.")
            return
        self.stdout.write(sheet.text)
        self.stdout.write(f"The demo organisation is loaded; this is kept in {demo.file_path()}.")
