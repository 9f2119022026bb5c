"""A CSV file as lines of cells: what can't be read is said at once, a broken line costs that line only.

No column may hold a line break, so every physical line is read by itself: a quotation mark that is never closed
doesn't swallow the lines after it.
"""

import csv
import os
from array import array
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from django.utils.translation import gettext as _

from accounts.names import key_of

NAME_COLUMN = "principal_name"
COLUMNS = (
    NAME_COLUMN,
    "mail",
    "given_name",
    "family_name",
    "display_name",
    "language",
    "enabled",
    "groups",
    "mobile_phone",
    "office_phone",
    "authentication_email",
)
# What `--refused` adds: a file of refused rows is corrected and imported as it is.
REFUSAL_COLUMNS = ("line", "reason")
MAX_LINE_BYTES = 65_536
MANY = 20
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
OTHER_ENCODINGS = (b"\xff\xfe", b"\xfe\xff")
BLANK = b" \t\r\n,"

# Line number and bytes; None for a line that is too long.
RawLine = tuple[int, bytes | None]


class UnusableFile(Exception):
    """Nothing of this file can be imported; the text says why and what to do. Nothing was changed."""


@dataclass(frozen=True)
class Line:
    """One line of the file: its cells, or (as `problem`) why it has none."""

    number: int
    cells: tuple[str, ...] = field(default=(), repr=False)
    problem: str = ""


@dataclass(frozen=True)
class Survey:
    """What a first look through the whole file found: how many rows, and which names stand in several lines."""

    rows: int
    twins: dict[int, tuple[int, ...]]

    def other_lines(self, key: str, line: int) -> tuple[int, ...]:
        """The other lines whose name has the same key, look-alikes included."""
        return tuple(other for other in self.twins.get(hash(key), ()) if other != line)


class Source:
    """A CSV file with users. Read twice: surveyed before anything is changed, then row by row."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.file_bytes = os.fstat(file.fileno()).st_size
        self.columns = self._read_columns()

    def survey(self) -> Survey:
        """Look through the whole file in flat memory. Raises UnusableFile when a line is not UTF-8."""
        position = self.columns.index(NAME_COLUMN)
        hashes, numbers = array("q"), array("Q")
        rows = 0
        for raw in self.raw_lines():
            line = read_line(raw)
            rows += 1
            if len(line.cells) > position:
                hashes.append(hash(key_of(line.cells[position])))
                numbers.append(line.number)
        return Survey(rows, _twins(hashes, numbers))

    def raw_lines(self) -> Iterator[RawLine]:
        """Every line that is not blank, after the one with the columns, for `read_line`."""
        self._file.seek(0)
        number = 1
        while raw := self._file.readline(MAX_LINE_BYTES):
            is_whole = len(raw) < MAX_LINE_BYTES or raw.endswith(b"\n")
            if number > 1 and raw.strip(BLANK):
                yield number, raw if is_whole else None
            while raw and not raw.endswith(b"\n"):
                raw = self._file.readline(MAX_LINE_BYTES)
            number += 1

    def _read_columns(self) -> tuple[str, ...]:
        raw = self._file.readline(MAX_LINE_BYTES)
        if not raw.strip():
            raise UnusableFile(_("The file is empty: its first line must name the columns."))
        if raw.startswith(OTHER_ENCODINGS) or b"\0" in raw:
            raise UnusableFile(_("The file is not UTF-8 text. Save it as “CSV UTF-8” and try again."))
        line = _line(1, _decoded(raw.removeprefix(BYTE_ORDER_MARK), 1))
        columns = tuple(cell.strip().lower() for cell in line.cells)
        if problem := line.problem or _problem_of(columns):
            raise UnusableFile(problem)
        return columns


@contextmanager
def opened_file(path: Path) -> Iterator[Source]:
    """Open a CSV file. Raises UnusableFile when it can't be read or its first line doesn't name the right columns."""
    if path.exists() and not path.is_file():
        raise UnusableFile(_("%(path)s is not a file.") % {"path": path})
    try:
        file = path.open("rb")
    except OSError as error:
        raise UnusableFile(
            _("%(path)s can't be read: %(reason)s.") % {"path": path, "reason": os.strerror(error.errno or 0)}
        ) from None
    with file:
        yield Source(file)


def read_line(raw: RawLine) -> Line:
    """The cells of one line. Raises UnusableFile when it is not UTF-8."""
    number, content = raw
    if content is None:
        return Line(number, problem=_("the line is too long"))
    return _line(number, _decoded(content, number))


def _decoded(raw: bytes, number: int) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise UnusableFile(
            _("Line %(line)s is not UTF-8 text. Save the whole file as “CSV UTF-8” and try again.") % {"line": number}
        ) from None


def _line(number: int, text: str) -> Line:
    if "\0" in text:
        return Line(number, problem=_("there is a NUL character in the line"))
    try:
        cells = next(csv.reader((text.rstrip("\r\n"),), strict=True))
    except csv.Error:
        return Line(number, problem=_("a quotation mark is not closed, or stands in the middle of a cell"))
    except StopIteration:
        cells = []
    return Line(number, tuple(cells))


def _problem_of(columns: tuple[str, ...]) -> str:
    """What is wrong with the first line; empty when nothing is."""
    repeated = sorted(name for name, times in Counter(columns).items() if times > 1)
    unknown = sorted(set(columns) - {*COLUMNS, *REFUSAL_COLUMNS})
    if {"role", "roles"} & set(columns):
        return _("There is a column with roles. Roles are never imported: they are given in the console, one by one.")
    if "password" in columns:
        return _("There is a column with passwords. Passwords are never imported: people choose one by a reset.")
    if len(columns) == 1 and ";" in columns[0]:
        return _("The columns are separated by semicolons. Save the file with commas and try again.")
    if unknown:
        names = {"unknown": ", ".join(name[:40] for name in unknown[:MANY]), "known": ", ".join(COLUMNS)}
        return _("The first line names columns that do not exist: %(unknown)s. There are: %(known)s.") % names
    if repeated:
        return _("The first line names columns twice: %(repeated)s.") % {"repeated": ", ".join(repeated)}
    if NAME_COLUMN not in columns:
        return _("The first line must name the column %(name)s.") % {"name": NAME_COLUMN}
    return ""


def _twins(hashes: "array[int]", numbers: "array[int]") -> dict[int, tuple[int, ...]]:
    """Lines by the hash of a name's key, for names that stand in several lines. Two names with equal hashes are as
    likely as one in 2^64 per pair: they would be refused, not mixed up."""
    seen: set[int] = set()
    repeated: set[int] = set()
    for value in hashes:
        (repeated if value in seen else seen).add(value)
    del seen
    found: dict[int, tuple[int, ...]] = {}
    for value, number in zip(hashes, numbers, strict=True):
        if value in repeated:
            found[value] = (*found.get(value, ()), number)
    return found
