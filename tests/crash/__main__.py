"""`make crash`: cut the power at every moment of a shift, open what is left, print the table. 1 when it fails.

It fails when anything is wrong with the program as it is, when too few states were tried, and when a planted bug is
not caught. With `--json FILE` the figures go there too.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import datetime
import json
import os
import platform
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.crash.hunt import Shift, Tally, shift_of, tallied
from tests.crash.opening import COLUMNS
from tests.crash.planted import NOTHING, PLANTED
from tests.crash.shift import PAGES_MAX

PROCESSES = int(os.environ.get("TEST_JOBS", "2"))
STATES_MIN = 40_000
UNSURE_OF = 8  # with a card that ignores syncs, one moment in so many is looked at
PLANTED_OF = 25  # and with a planted bug
GOES_ON = "unopenable"  # all that is asked of the agent where the card itself does not keep its word


class Line(NamedTuple):
    """One row of the table. `shows_in` is the column in which a planted bug must show, "" where none is planted."""

    name: str
    tally: Tally
    shows_in: str = ""

    @property
    def is_good(self) -> bool:
        """Clean, or caught where it must be."""
        return bool(self.tally.wrong[self.shows_in]) if self.shows_in else not self.tally.wrong


def _shifts(plant: str) -> list[Shift]:
    with concurrent.futures.ThreadPoolExecutor(PROCESSES) as pool:
        return list(pool.map(lambda agreement: shift_of(agreement, plant), PAGES_MAX))


def lines() -> Iterator[Line]:
    """The program as it is, on a card that keeps its word and on one that does not; then every planted bug."""
    shifts = _shifts(NOTHING)
    yield Line("as it is", tallied(shifts, PROCESSES))
    yield Line("a card that ignores syncs", tallied(shifts, PROCESSES, every=UNSURE_OF, ignores_sync=True))
    for plant, bug in PLANTED.items():
        if bug.shows_in:
            yield Line(
                f"planted: {plant}", tallied(_shifts(plant), PROCESSES, every=PLANTED_OF), bug.shows_in
            )


def _tell(*cells: str) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)  # noqa: T201 - the table is what this is for


def _row(line: Line) -> list[str]:
    is_card = "ignores" in line.name
    cells = [f"{line.tally.wrong[each]:,}" if not is_card or each == GOES_ON else "–" for each in COLUMNS]
    verdict = (
        ("caught" if line.is_good else "**missed**")
        if line.shows_in
        else ("good" if line.is_good else "**bad**")
    )
    return [line.name, f"{line.tally.states:,}", *cells, verdict]


def main(arguments: Sequence[str]) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    today = datetime.date.today()
    versions = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {platform.machine()}"
    print(f"Measured on {today} with `make crash`: {versions}, {os.cpu_count()} cores.\n")  # noqa: T201
    _tell("", "states tried", *COLUMNS.values(), "")
    _tell("---", *["---:"] * (len(COLUMNS) + 1), "---")
    found: list[Line] = []
    for line in lines():
        found.append(line)
        _tell(*_row(line))
    others = {what: n for line in found for what, n in line.tally.wrong.items() if what not in COLUMNS}
    if others:
        print(f"\nHow the agent stopped: {others}")  # noqa: T201
    if options.json:
        options.json.write_text(json.dumps({line.name: vars(line.tally) for line in found}), encoding="utf-8")
    enough = found[0].tally.states >= STATES_MIN
    if not enough:
        print(f"\nToo few states: {STATES_MIN:,} are asked for.")  # noqa: T201
    return 0 if enough and all(line.is_good for line in found) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
