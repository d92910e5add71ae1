"""A table of trucks: a CSV file with one line a truck, its columns named like keys of the configuration.

The column `truck` says which line is whose; every other one bears a dotted key, such as `gnss.port` or
`pins.ignition.gpio`. Without a column `vehicle` the truck's name is that in `truck`. An empty cell says nothing, `null`
takes out what the fleet's file says. Cells are parted by commas or by semicolons, as spreadsheets write them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_origin

from config.located import ConfigurationError, KeyPath, Located, Place, Problem, dotted, printable
from config.reading import read_text
from config.schema import Configuration
from config.shape import expected
from config.wording import nearest

COLUMNS_MAX = 200
NAMED_MAX = 10
"""So many trucks are named when there is none of the name that was asked for."""

TRUCK, VEHICLE = "truck", "vehicle"
_LINE_END = re.compile(r"\r\n|\n|\r")
_QUOTED = re.compile(r'\s*"((?:[^"]|"")*)"\s*')
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_NUMBER = re.compile(r"[-+]?[0-9]+\.[0-9]+")
_WORDS = {"true": True, "false": False}


class Cell(NamedTuple):
    """What a cell holds, white space at its ends cut off, and where it begins."""

    text: str
    place: Place

    def problem(self, says: str) -> Problem:
        """A problem of this cell."""
        return Problem(*self.place, "", says)


Row = Sequence[Cell]


def read_truck(path: Path, truck: str) -> Located:
    """What a table says of one truck, each value with the place of its cell.

    Raises ConfigurationError with every mistake of the table's own, or when there is no such truck.
    """
    header, rows = _table(path)
    problems = [*_of_header(header), *_of_rows(header, rows)]
    named = {cell.text: row for row in rows if (cell := _cell(header, row, TRUCK))}
    if not problems and truck not in named:
        says = f"no line is of truck '{printable(truck)}'; {_there_are(list(named))}{nearest(truck, list(named))}"
        problems = [cell.problem(says) for cell in header if cell.text == TRUCK]
    if problems:
        raise ConfigurationError(problems)
    return _located(str(path), header, named[truck])


def _there_are(trucks: Sequence[str]) -> str:
    more = f" and {len(trucks) - NAMED_MAX} more" if len(trucks) > NAMED_MAX else ""
    return f"there are {', '.join(map(printable, trucks[:NAMED_MAX]))}{more}" if trucks else "there are none"


def value_of(text: str, path: KeyPath) -> Any:
    """The value that a text stands for at a key: text where text belongs, a list where a list does, else as in YAML."""
    kinds = [each.kind for each in expected(Configuration, {}, path)]
    if text == "null":
        return None
    if any(get_origin(kind) is tuple for kind in kinds):
        return text.split()
    if any(kind is str or kind is Path for kind in kinds):
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else _WORDS.get(text, text)


# The table.


def _table(path: Path) -> tuple[Row, list[Row]]:
    """The first line's cells and those of all further lines that are not empty."""
    name = str(path)
    lines = _LINE_END.split(read_text(path))
    apart = ";" if ";" in lines[0] and "," not in lines[0] else ","
    cut: list[Row] = [list(_cells(line, apart, name, n)) for n, line in enumerate(lines, start=1)]
    rows = [row for row in cut if any(cell.text for cell in row)]
    if not rows:
        raise ConfigurationError(
            [Problem(name, 1, 1, "", "the table is empty: its first line names the columns")]
        )
    return rows[0], rows[1:]


def _cells(line: str, apart: str, name: str, number: int) -> Iterator[Cell]:
    """The cells of one line; a cell in quotes may hold the sign that parts them, and a quote twice."""
    at = 0
    while at <= len(line):
        quoted = _QUOTED.match(line, at)
        stop = line.find(apart, quoted.end() if quoted else at)
        stop = stop if stop >= 0 else len(line)
        raw = line[at:stop]
        begins = at + len(raw) - len(raw.lstrip())
        whole = quoted is not None and quoted.end() == stop
        text = quoted[1].replace('""', '"') if quoted and whole else raw
        yield Cell(text.strip(), Place(name, number, begins + 1))
        at = stop + 1


def _cell(header: Row, row: Row, name: str) -> Cell | None:
    """The cell of that column; None where there is no such column, or nothing in it."""
    pairs = zip(header, row, strict=False)
    return next((cell for column, cell in pairs if column.text == name and cell.text), None)


def _of_header(header: Row) -> Iterator[Problem]:
    names = [cell.text for cell in header]
    if TRUCK not in names:
        yield header[0].problem(f"no column is named `{TRUCK}`, which says whose line it is")
    if len(header) > COLUMNS_MAX:
        yield header[COLUMNS_MAX].problem(f"more than {COLUMNS_MAX} columns")
    for number, cell in enumerate(header):
        if not all(cell.text.split(".")):
            yield cell.problem(f"this names no column: write `{TRUCK}`, or a key such as gnss.port")
        elif cell.text in names[:number]:
            yield cell.problem(f"'{printable(cell.text)}' is the name of another column already")
        elif cell.text == "extends":
            yield cell.problem("name the fleet's file with --fleet-file, and take this column out")


def _of_rows(header: Row, rows: Sequence[Row]) -> Iterator[Problem]:
    for row in rows:
        if any(cell.text for cell in row[len(header) :]):
            yield row[len(header)].problem(f"more cells than there are columns ({len(header)})")
        if not _cell(header, row, TRUCK) and any(cell.text == TRUCK for cell in header):
            yield row[0].problem("this line does not say which truck it is of")
    for name in (TRUCK, VEHICLE):
        yield from _twice([cell for row in rows if (cell := _cell(header, row, name))])


def _twice(cells: Sequence[Cell]) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for cell in cells:
        if cell.text in first:
            yield cell.problem(f"'{printable(cell.text)}' stands in line {first[cell.text]} already")
        first.setdefault(cell.text, cell.place.line)


# One truck.


def _located(file: str, header: Row, row: Row) -> Located:
    """The line as a tree. A key that nobody knows is put there too, so that the schema says what it says."""
    located = Located(file, {}, files=(file,))
    own_name = not _cell(header, row, VEHICLE)
    problems = []
    for column, cell in zip(header, row, strict=False):
        path: KeyPath = tuple(column.text.split("."))
        if column.text == TRUCK:
            path = (VEHICLE,)
            if not own_name:
                continue
        told = cell.text or not expected(Configuration, {}, path)
        if told and not _put(located, path, value_of(cell.text, path), column.place, cell.place):
            problems.append(column.problem(f"`{dotted(path)}` has a value in one column and keys in another"))
    if problems:
        raise ConfigurationError(problems)
    return located


def _put(located: Located, path: KeyPath, value: Any, named_at: Place, stands_at: Place) -> bool:
    """Put a value into the tree; False where its place is taken, or lies under a value."""
    node = located.tree
    for length in range(1, len(path)):
        node = node.setdefault(path[length - 1], {})
        if not isinstance(node, dict):
            return False
        located.keys.setdefault(path[:length], named_at)
    if path[-1] in node:
        return False
    node[path[-1]] = value
    located.keys[path], located.values[path] = named_at, stands_at
    if isinstance(value, list):
        located.values.update({(*path, number): stands_at for number in range(len(value))})
    return True
