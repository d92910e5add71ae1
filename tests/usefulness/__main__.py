"""`make usefulness`: what a city can still learn, over 20 seeded shifts under two agreements."""

from __future__ import annotations

import argparse
import datetime
import sys
from collections.abc import Sequence

from tests.bench.__main__ import with_table
from tests.usefulness import table
from tests.usefulness.driving import ROOT
from tests.usefulness.shifts import measured

SEEDS = range(1, 21)
HOURS = 8.0
JOBS = 2
DOCS = ROOT / "docs" / "usefulness.md"


def main() -> int:
    """Measure, print the tables, write what was asked for; 1 when a target is missed."""
    given = _arguments().parse_args()
    seeds = range(SEEDS[0], SEEDS[0] + given.shifts)
    under = measured(seeds, given.hours, given.jobs)
    rows = {
        "routes-and-safety": list(table.daily_rows(under[0])),
        "operations": list(table.timed_rows(under[1])),
    }
    text = f"{conditions(seeds, given.hours)}\n\n" + "\n".join(
        f"Under *{name}*:\n\n{table.markdown(found)}" for name, found in rows.items()
    )
    sys.stdout.write(f"{text}\n")
    for found in under:
        sys.stderr.writelines(f"{count:8,}  {note}\n" for note, count in sorted(found.notes.items()))
    if given.write_docs:
        DOCS.write_text(with_table(DOCS.read_text(encoding="utf-8"), text), encoding="utf-8")
    return int(any(table.missed(found) for found in rows.values()))


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.usefulness", description=__doc__)
    parser.add_argument(
        "--shifts", type=int, default=len(SEEDS), metavar="N", help="how many, from seed 1 on"
    )
    parser.add_argument("--hours", type=float, default=HOURS, metavar="H", help="how long each is")
    parser.add_argument("--jobs", type=int, default=JOBS, metavar="N", help="processes")
    parser.add_argument(
        "--write-docs", action="store_true", help=f"put the tables into {DOCS.relative_to(ROOT)}"
    )
    return parser


def conditions(seeds: Sequence[int], hours: float) -> str:
    """What was measured, and when."""
    return (
        f"Measured on {datetime.date.today()} with `make usefulness`: {len(seeds)} simulated shifts of {hours:g} h "
        f"(seeds {seeds[0]} to {seeds[-1]}), receiver noise 1.5 m."
    )


if __name__ == "__main__":
    sys.exit(main())
