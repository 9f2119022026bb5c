"""What `make lint` checks besides ruff, mypy and import-linter: migrations, templates, translations, sizes."""

import ast
import gettext
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests import environment  # noqa: F401 - sets the environment for the commands

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("config", "accounts", "policy", "notifications", "writeback", "reset", "tests")
SIZED = (".py", ".html", ".css", ".js")
FILE_LINES, FUNCTION_LINES = 400, 50


def own_files(*endings: str) -> Iterator[Path]:
    """This project's files with one of these endings, migrations left out: nobody reads those twice."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*")):
            if path.suffix in endings and "migrations" not in path.parts:
                yield path


def long_files() -> Iterator[str]:
    for path in own_files(*SIZED):
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > FILE_LINES:
            yield f"{path.relative_to(ROOT)} has {lines} lines; {FILE_LINES} are the limit"


def long_functions() -> Iterator[str]:
    for path in own_files(".py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > FUNCTION_LINES:
                    place = f"{path.relative_to(ROOT)}:{node.lineno}"
                    yield f"{place} {node.name} has {lines} lines; {FUNCTION_LINES} are the limit"


def compiled(source: Path) -> bytes:
    """What msgfmt makes of a catalogue. Raises CalledProcessError when it finds mistakes in it."""
    command = ["msgfmt", "--check", "--output-file=-", str(source)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout


def entries(catalogue: bytes) -> dict[object, str]:
    return dict(gettext.GNUTranslations(io.BytesIO(catalogue))._catalog)  # type: ignore[attr-defined]


def stale_translations() -> Iterator[str]:
    """Catalogues with mistakes, and those whose compiled form is not what they say now."""
    sources = sorted((ROOT / "locale").rglob("*.po"))
    if sources and shutil.which("msgfmt") is None:
        if os.environ.get("CI") == "true":
            yield "msgfmt is missing: install gettext"
        return
    for source in sources:
        binary = source.with_suffix(".mo")
        try:
            wanted = entries(compiled(source))
        except subprocess.CalledProcessError:
            yield f"{source.relative_to(ROOT)} has mistakes (see above)"
            continue
        if not binary.exists() or entries(binary.read_bytes()) != wanted:
            yield f"{binary.relative_to(ROOT)} is not up to date: run `make messages`"


def failing_commands() -> Iterator[str]:
    """Tools that are programs: the migrations match the models, and the templates are in order."""
    templates = sorted(str(path.relative_to(ROOT)) for path in own_files(".html"))
    djlint = str(Path(sys.executable).parent / "djlint")
    check = [sys.executable, "manage.py", "makemigrations", "--check", "--dry-run", "--skip-checks"]
    commands = {"makemigrations --check": check}
    if templates:
        commands |= {f"djlint {option}": [djlint, "--quiet", option, *templates] for option in ("--lint", "--check")}
    for name, command in commands.items():
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            yield f"{name} is not content (see above)"


def main() -> int:
    """Print each finding on a line. Returns the exit code."""
    checks = (long_files, long_functions, stale_translations, failing_commands)
    findings = [finding for check in checks for finding in check()]
    for finding in findings:
        sys.stdout.write(f"{finding}\n")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
