"""What is measured: gunicorn (2 × 4) before a private PostgreSQL, and for Rekey a worker, Redis and a mail server."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import redis

from tests import servers
from tests.bench import processor

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
POSTGRESQL = ("shared_buffers=1GB", "max_connections=60", "track_commit_timestamp=on")
HOST = "reset.acme.example"
CONTRIB_HOST = "127.0.0.1"
QUEUES = "--queues=interactive,writeback,bulk"


@dataclass(frozen=True)
class Ground:
    """The servers that stay for the whole run. `further`: settings that Rekey's processes get besides."""

    database_url: str
    redis_url: str
    folder: Path
    mailboxes: Path
    smtp_port: int
    ask_port: int
    keys: dict[str, str]
    further: Mapping[str, str] = field(default_factory=dict)

    def url_of(self, side: str, users: int) -> str:
        return f"{self.database_url.rpartition('/')[0]}/{side}_{users}"

    def environment(self, side: str, users: int, hasher: str, process: str) -> dict[str, str]:
        """For one process; `process` names its database connections too."""
        common = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": self.url_of(side, users),
            "BENCH_HASHER": hasher,
            "PGAPPNAME": process,
            "SECRET_KEY": self.keys["SECRET_KEY"],
        }
        if side == "contrib":
            return {
                **common,
                "DJANGO_SETTINGS_MODULE": "tests.bench.contrib_auth.settings",
                "MAILBOXES": str(self.mailboxes),
            }
        keys = {name: value for name, value in self.keys.items() if name != "EXECUTOR_KEY_FILE" or process == "worker"}
        return {
            **common,
            **keys,
            "DJANGO_SETTINGS_MODULE": "tests.bench.rekey_settings",
            "REKEY_PROFILE": "production",
            "REDIS_URL": self.redis_url,
            "EMAIL_URL": f"smtp://127.0.0.1:{self.smtp_port}",
            "BASE_URL": f"https://{HOST}",
            "ALLOWED_HOSTS": HOST,
            "TRUSTED_PROXY_COUNT": "1",
            "VAR_DIR": str(self.folder),
            "STATIC_ROOT": str(self.folder / "static"),
            "LOG_LEVEL": "WARNING",
            **self.further,
        }


@dataclass(frozen=True)
class Sample:
    """CPU seconds so far. The database's are split: the worker's connections, and everything else but the bench's own."""

    web: float
    worker: float
    database: float
    database_of_worker: float

    def minus(self, other: "Sample") -> "Sample":
        return Sample(*(mine - theirs for mine, theirs in zip(vars(self).values(), vars(other).values(), strict=True)))


@dataclass(frozen=True)
class Stack:
    """One side, running."""

    side: str
    users: int
    hasher: str
    port: int
    host: str
    web: int
    worker: int | None
    log: Path
    place: dict[str, Any]
    database: "psycopg.Connection[Any]"

    def sample(self) -> Sample:
        row = self.database.execute("SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::int").fetchone()
        assert row is not None
        postmaster: int = row[0]
        activity = self.database.execute("SELECT pid, application_name FROM pg_stat_activity").fetchall()
        named = {name: {pid for pid, given in activity if given == name} for name in ("bench", "worker")}
        known = processor.processes()
        # Time of ended children counts for connections that were renewed; the bench's own stay open until sampled.
        everything = sum(known[pid].spent for pid in processor.tree(postmaster, known) if pid in known)
        of_worker = processor.spent_by(named["worker"])
        return Sample(
            web=processor.spent(self.web),
            worker=processor.spent(self.worker) if self.worker else 0.0,
            database=everything + known[postmaster].of_ended - of_worker - processor.spent_by(named["bench"]),
            database_of_worker=of_worker,
        )


@contextmanager
def ground(**further: str) -> Iterator[Ground]:
    """Start PostgreSQL, Redis and the mail server; make keys; collect static files. All gone at the end."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rekey-bench-")))
        memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
        mailboxes = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rekey-bench-", dir=memory)))
        database_url = stack.enter_context(servers.postgresql(*POSTGRESQL))
        redis_server = stack.enter_context(servers.redis())
        smtp_port, ask_port = servers.free_port(), servers.free_port()
        module = [sys.executable, "-m", "tests.bench.post_office", str(smtp_port), str(ask_port)]
        stack.enter_context(process(module, {"PYTHONPATH": str(ROOT)}, ask_port))
        keys = make_keys(folder)
        made = Ground(database_url, redis_server.url, folder, mailboxes, smtp_port, ask_port, keys, further)
        (folder / "static").mkdir()
        manage("collectstatic", "--no-input", environment=made.environment("rekey", 0, "real", "bench"))
        yield made


def make_keys(folder: Path) -> dict[str, str]:
    """What an operator does before the first start."""
    manage(
        "make_keys", "--dir", str(folder / "keys"), environment={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    )
    lines = (folder / "keys" / "keys.env").read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    keys = {name.strip().removeprefix("export "): value.strip().strip("'\"") for name, _, value in pairs}
    keys.setdefault("EXECUTOR_KEY_FILE", str(folder / "keys" / "executor.key"))
    return keys


def manage(*command: str, environment: dict[str, str]) -> None:
    run([sys.executable, str(ROOT / "manage.py"), *command], environment)


def run(command: list[str], environment: dict[str, str]) -> str:
    """Run to the end and return what was printed. Raises RuntimeError with what was said when it fails."""
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=1200, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr[-3000:]}")
    return done.stdout


def tied(command: list[str]) -> list[str]:
    """The command, ended when this process dies, however it dies."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig=TERM", "--", *command] if setpriv else command


@contextmanager
def process(
    command: list[str], environment: dict[str, str], port: int | None = None, log: Path | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """A server until the block ends; waits for its port, where it has one."""
    with open(log or os.devnull, "ab") as output:
        started = subprocess.Popen(tied(command), env=environment, cwd=ROOT, stdout=output, stderr=output)
    try:
        if port is not None:
            servers.wait_until(lambda: servers.listens(port), started, log)
        yield started
    finally:
        servers.stop(started, signal.SIGTERM)


def create(ground: Ground, side: str, users: int, filling: str = "", *arguments: str) -> None:
    """Make a side's database and fill it: by the side's usual module, or by `filling`."""
    with psycopg.connect(ground.database_url, autocommit=True, application_name="bench") as connection:
        connection.execute(f'CREATE DATABASE "{side}_{users}"'.encode())
    usual = "tests.bench.filling" if side == "rekey" else "tests.bench.contrib_auth.filling"
    environment = ground.environment(side, users, "trivial", "bench")
    run([sys.executable, "-m", filling or usual, str(users), *arguments], environment)


@contextmanager
def running(ground: Ground, side: str, users: int, hasher: str) -> Iterator[Stack]:
    """Web (and for Rekey a worker) on a filled database."""
    with ExitStack() as stack:
        with redis.Redis.from_url(ground.redis_url) as broker:
            broker.flushall()
        connection = psycopg.connect(ground.url_of(side, users), autocommit=True, application_name="bench")
        database = stack.enter_context(connection)
        worker = stack.enter_context(_worker(ground, users, hasher)) if side == "rekey" else None
        port = servers.free_port()
        application = "config.wsgi" if side == "rekey" else "tests.bench.contrib_auth.site:application"
        options = ["--preload", "--workers=2", "--threads=4", f"--bind=127.0.0.1:{port}", "--no-control-socket"]
        environment = ground.environment(side, users, hasher, "web")
        log = ground.folder / f"{side}.log"
        web = stack.enter_context(process([str(BIN / "gunicorn"), application, *options], environment, port, log))
        if worker:
            servers.wait_until(lambda: _is_announced(database), worker, ground.folder / "worker.log")
        place = {
            "database": ground.url_of(side, users),
            "ask_port": ground.ask_port,
            "mailboxes": str(ground.mailboxes),
        }
        yield Stack(
            side=side,
            users=users,
            hasher=hasher,
            port=port,
            host=HOST if side == "rekey" else f"{CONTRIB_HOST}:{port}",
            web=web.pid,
            worker=worker.pid if worker else None,
            log=log,
            place=place,
            database=database,
        )


@contextmanager
def _worker(ground: Ground, users: int, hasher: str) -> Iterator["subprocess.Popen[bytes]"]:
    command = [str(BIN / "celery"), "--app=config", "worker", QUEUES, "--loglevel=WARNING"]
    environment = ground.environment("rekey", users, hasher, "worker")
    with process(command, environment, log=ground.folder / "worker.log") as worker:
        yield worker


def _is_announced(database: "psycopg.Connection[Any]") -> bool:
    row = database.execute("SELECT count(*) FROM accounts_executorkey").fetchone()
    return row is not None and row[0] > 0
