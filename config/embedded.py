"""`make run`: web server, worker and beat in one process on SQLite, to try Rekey and to develop it.

`python -m config.embedded` prepares what is missing under var/ (keys, database, demo organisation), serves until it
gets SIGINT or SIGTERM, and needs nothing but this machine.
"""

import errno
import os
import socket
import subprocess
import sys
import threading
from io import StringIO
from pathlib import Path
from textwrap import indent
from typing import Any

import django
import environ
from celery import beat, signals
from celery.worker import WorkController
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from gunicorn.app.base import BaseApplication

from config.celery import app as celery_app
from config.embedded_agents import AUTHORITY, AgentsThread
from config.environment import local_url
from config.startup import read_settings, refuse, refuse_unless_ready

ROOT = Path(__file__).resolve().parent.parent
READY_SECONDS = 20.0
THREADS = 8
INTERRUPTED = 130
DEMO_SHEET = "demo.txt"  # reset/demo.py writes it
SHOWN_PEOPLE = 3
QUEUES = "interactive,writeback,bulk"


def main() -> int:
    """Prepare, then serve until told to stop. Returns the exit code."""
    prepare_environment()
    read_settings()
    refuse_when_port_is_taken(settings.HOST, settings.PORT)
    django.setup()
    refuse_unless_ready("web")
    call_command("migrate", verbosity=0, interactive=False)
    Server(welcome(demo_people())).run()
    return 0


def prepare_environment() -> None:
    """Choose the embedded profile; make keys at the first start, read them at every start."""
    os.environ["REKEY_PROFILE"] = "embedded"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    folder = Path(os.environ.setdefault("VAR_DIR", str(ROOT / "var")))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys = folder / "keys.env"
    if not keys.exists():
        made = subprocess.run(  # noqa: S603
            [sys.executable, str(ROOT / "manage.py"), "make_keys", "--dir", str(folder)],
            check=False,
            stdout=subprocess.DEVNULL,
        )
        if made.returncode:
            sys.exit(made.returncode)
    # By their place here, not by the one written into the file: this folder may have been moved since.
    os.environ.setdefault("SIGNING_KEY_FILE", str(folder / "signing.key"))
    os.environ.setdefault("EXECUTOR_KEY_FILE", str(folder / "executor.key"))
    if (folder / "vapid.key").exists():  # a folder made by an earlier version has none
        os.environ.setdefault("VAPID_PRIVATE_KEY_FILE", str(folder / "vapid.key"))
    environ.Env.read_env(str(keys))


def refuse_when_port_is_taken(host: str, port: int) -> None:
    """Leave with one sentence when nothing can listen there."""
    if not 0 < port < 65536:
        refuse([f"PORT must be between 1 and 65535, not {port}."])
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            refuse([f"Port {port} on {host} is in use already. Choose another one: `make run PORT={port + 1}`."])
        refuse([f"Nothing can listen on {host}, port {port}: {error.strerror}."])


def demo_people() -> list[str]:
    """Load the demo organisation once; returns what its sheet says about the first few people, if it is still there."""
    call_command("demo", stdout=StringIO())
    sheet = Path(settings.VAR_DIR) / DEMO_SHEET
    if not sheet.exists():
        return []
    paragraphs = sheet.read_text(encoding="utf-8").split("\n\n")
    return [text.strip() for text in paragraphs if "@" in text.partition(":")[0]][:SHOWN_PEOPLE]


def welcome(people: list[str]) -> str:
    """Where to go and whom to be."""
    here = local_url(settings.HOST, settings.PORT)
    lines = [
        "Rekey is up. Ctrl-C stops it.",
        "",
        f"  Reset a password    {here}/",
        f"  Console             {here}/admin/",
        f"  Mails and messages  {here}/dev/outbox/",
        f"  For agents          {settings.AGENTS_URL} (trust {Path(settings.VAR_DIR) / AUTHORITY})",
    ]
    if people:
        lines += ["", f"People to try it with (all of them: {Path(settings.VAR_DIR) / DEMO_SHEET})", ""]
        lines += [indent(person, "  ") + "\n" for person in people]
    return "\n".join(lines).rstrip() + "\n"


class Server(BaseApplication):  # type: ignore[misc]
    """gunicorn with one process of a few threads, beside which worker and beat run as threads."""

    def __init__(self, greeting: str) -> None:
        self.greeting = greeting
        self.background: Background | None = None
        self.agents = AgentsThread()
        super().__init__()

    def load_config(self) -> None:
        host = f"[{settings.HOST}]" if ":" in settings.HOST else settings.HOST
        wanted: dict[str, Any] = {
            "bind": f"{host}:{settings.PORT}",
            "workers": 1,
            "worker_class": "gthread",
            "threads": THREADS,
            "loglevel": "warning",
            "timeout": 120,
            "graceful_timeout": 5,
            "control_socket_disable": True,
            "post_worker_init": self.begin,
            "worker_exit": self.end,
        }
        for name, value in wanted.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        return get_wsgi_application()

    def begin(self, _worker: Any) -> None:
        self.background = Background()
        self.background.start()
        listens = self.agents.start()
        sys.stdout.write(self.greeting)
        if not listens:
            sys.stdout.write(
                f"Agents are not listened to: uvicorn is missing, or port {settings.AGENTS_PORT} is taken.\n"
            )
        sys.stdout.flush()

    def end(self, _arbiter: Any, _worker: Any) -> None:
        self.agents.stop()
        if self.background:
            self.background.stop()


class Background:
    """The Celery worker and beat as threads of this process, on the in-memory broker."""

    def __init__(self) -> None:
        self.ready = threading.Event()
        self.worker = WorkController(
            app=celery_app,
            queues=QUEUES,
            loglevel="WARNING",
            ready_callback=self._is_ready,
            without_heartbeat=True,
            without_mingle=True,
            without_gossip=True,
        )
        # Its schedule lives in memory, and it looks every second whether it is to stop.
        self.beat = beat.Service(celery_app, max_interval=1, scheduler_cls=beat.Scheduler)

    def _is_ready(self, consumer: Any) -> None:
        signals.worker_ready.send(sender=consumer)
        self.ready.set()

    def start(self) -> None:
        threading.Thread(target=self.worker.start, name="worker", daemon=True).start()
        threading.Thread(target=self.beat.start, name="beat", daemon=True).start()
        self.ready.wait(READY_SECONDS)

    def stop(self) -> None:
        signals.worker_shutdown.send(sender=self.worker)
        self.beat.stop()
        self.worker.stop()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
