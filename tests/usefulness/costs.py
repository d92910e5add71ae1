"""What each mechanism costs: the same shifts with one of them taken out, for the page on usefulness.

`python -m tests.usefulness.costs` prints the table; `--write-docs` puts it there. What taking one out would give
away is another question: the planted leaks and the attack test answer it.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import datetime
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from drivers.simulate import shift
from tests.usefulness.__main__ import DOCS, HOURS, JOBS
from tests.usefulness.driving import drive
from tests.usefulness.measures import Found, daily

SHIFTS = 4
BEGIN, END = "<!-- costs: begin -->\n", "<!-- costs: end -->\n"
STRETCHES = "from agent.filters.stretches import Stretches as S\ni = S.__init__\n"
STANDSTILL = "from agent.filters.standstill import Standstill as S\ni = S.__init__\n"
WITHOUT: dict[str, str] = {
    "nothing: as it is": "",
    "the metres withheld at cuts (50 m)": (
        STRETCHES + "S.__init__ = lambda self, length, trim, ceiling: i(self, length, 0.0, ceiling)"
    ),
    "pieces between two cuts (they are ours: without them)": (
        "from agent.filters import stretches\nstretches.PIECE_M_MIN = 1e9"
    ),
    "the cap of a standstill (20 s and 10 s)": (
        STANDSTILL + "S.__init__ = lambda self, cap, **also: i(self, 86_400.0, **also)"
    ),
    "under way again after 30 m (15 m instead)": "from agent.recording import way\nway.REARM_M = 15.0",
    "both of these": (
        "from agent.recording import way\nway.REARM_M = 15.0\n"
        + STANDSTILL
        + "S.__init__ = lambda self, cap, **also: i(self, 86_400.0, **also)"
    ),
    "the drift taken off behind a standstill": (
        STANDSTILL + "S.__init__ = lambda self, cap, **also: i(self, cap, **{**also, 'fades': False})"
    ),
    "squares unnamed whose middle is hidden": (
        "from agent.recording.chain import Chain\nChain._is_open = lambda self, fields: True"
    ),
}


def main() -> int:
    """Measure, print, write what was asked for."""
    given = _arguments().parse_args()
    rows = list(table(range(1, 1 + given.shifts), given.jobs))
    said = (
        f"Measured on {datetime.date.today()} with `python -m tests.usefulness.costs`: {given.shifts} simulated "
        f"shifts of {HOURS:g} h, seeds 1 to {given.shifts}."
    )
    text = "\n".join([said, "", *rows, ""])
    sys.stdout.write(text)
    if given.write_docs:
        before, _, rest = DOCS.read_text(encoding="utf-8").partition(BEGIN)
        DOCS.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}", encoding="utf-8")
    return 0


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.usefulness.costs", description=__doc__)
    parser.add_argument("--shifts", type=int, default=SHIFTS, metavar="N", help="how many, from seed 1 on")
    parser.add_argument("--jobs", type=int, default=JOBS, metavar="N", help="processes")
    parser.add_argument("--write-docs", action="store_true", help="put the table into the page")
    return parser


def table(seeds: range, jobs: int) -> Iterator[str]:
    """Markdown, a row for each mechanism."""
    yield "| without | street near the track | running time off, side | rear loaders | lifts counted | bytes a day |"
    yield "|---|---:|---:|---:|---:|---:|"
    found = {name: Found() for name in WITHOUT}
    with concurrent.futures.ProcessPoolExecutor(jobs) as pool:
        for of_shift in pool.map(_of_shift, seeds):
            for name, one in of_shift.items():
                found[name].add(one)
    yield from (f"| {name} | {' | '.join(_figures(one))} |" for name, one in found.items())


def _of_shift(seed: int) -> dict[str, Found]:
    made = shift(seed, HOURS)
    with tempfile.TemporaryDirectory() as folder:
        return {
            name: daily(drive(made, "routes-and-safety", Path(folder), planted))
            for name, planted in WITHOUT.items()
        }


def _figures(found: Found) -> Iterator[str]:
    yield _share(found, "street")
    for loader in ("side loader", "rear loader"):
        off = found.samples.get(f"running, {loader}", [])
        yield f"{100 * np.median(np.abs(off)):.0f} %" if off else "–"
    yield _share(found, "lift total")
    yield f"{max(found.samples['day bytes']):,.0f}"


def _share(found: Found, name: str) -> str:
    reached, of = found.shares[name]
    return f"{100 * reached / of:.1f} %"


if __name__ == "__main__":
    sys.exit(main())
