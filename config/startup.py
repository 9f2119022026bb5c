"""How a process starts: settings that can't be read, and checks that fail, end it with sentences instead of tracebacks.

Django runs its checks for `manage.py` only; web, worker and beat processes ask for them here.
"""

import os
import sys
from typing import NoReturn

from django.conf import settings
from django.core.checks import ERROR, run_checks
from django.core.exceptions import ImproperlyConfigured

# gunicorn ends instead of starting the process again and again when a worker leaves with its APP_LOAD_ERROR.
EXIT_CODE = 4
TAG = "rekey"
PROCESS = "REKEY_PROCESS"


def read_settings() -> None:
    """Load the settings, or leave with one sentence that says which variable is wrong."""
    try:
        _ = settings.INSTALLED_APPS
    except ImproperlyConfigured as error:
        refuse([str(error)])


def refuse(sentences: list[str]) -> NoReturn:
    """End this process and say why."""
    sys.stderr.write("Rekey does not start.\n" + "".join(f"  {sentence}\n" for sentence in sentences))
    sys.stderr.flush()
    sys.exit(EXIT_CODE)


def refuse_unless_ready(process: str) -> None:
    """Run the checks for this kind of process (`web`, `worker`, `beat` or `agents`) and leave when one of them fails."""
    if settings.EMBEDDED and process != "web":
        return  # the same process, which asked when it started
    os.environ[PROCESS] = process
    found = run_checks(tags=[TAG])
    errors = [message for message in found if message.is_serious(ERROR) and not message.is_silenced()]
    if errors:
        refuse([f"({message.id}) {message.msg} {message.hint or ''}".rstrip() for message in errors])
    for message in found:
        if not message.is_silenced():
            sys.stderr.write(f"({message.id}) {message.msg} {message.hint or ''}\n")
