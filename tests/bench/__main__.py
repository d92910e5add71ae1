"""`make bench`: Fairhaul beside a yardstick and the usual script, in one run on one computer."""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import platform
import sqlite3
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from drivers.simulate.files import agreement_yaml
from tests.bench import driving, shift_bytes, table
from tests.bench.broker import Mosquitto
from tests.bench.lap import WARM_UP_BURSTS, Lap, doubts, drive
from tests.bench.programs import PROGRAMS, ROOT
from tests.bench.shift_bytes import Bytes

DOCS = ROOT / "docs" / "bench.md"
BEGIN, END = "<!-- measured: begin -->\n", "<!-- measured: end -->\n"


class Length(NamedTuple):
    """How long to measure, in seconds of driving: at real speed for CPU, `fast` times as fast for disk and wire."""

    real_s: int
    fast_s: int
    fast: float


FULL = Length(real_s=240, fast_s=2_400, fast=20.0)
QUICK = Length(real_s=90, fast_s=400, fast=20.0)


def main() -> int:
    """Measure, print the table, write what was asked for."""
    given = _arguments().parse_args()
    length = QUICK if given.quick else FULL
    length = length._replace(real_s=given.real_seconds or length.real_s)
    driven = driving.whole_shift()
    with contextlib.ExitStack() as closing:
        work = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="fairhaul-bench-")))
        broker = closing.enter_context(contextlib.closing(Mosquitto(work)))
        say("the shift's bytes, from a replay in both release modes")
        shift = shift_bytes.measure(driven, work / "shift") if "fairhaul" in given.only else {}
        agreement = agreement_yaml(driven.city)
        laps = []
        for seconds, speed in ((length.fast_s, length.fast), (length.real_s, 1.0)):
            say(f"{seconds} s of driving, {speed:g} times as fast as real")
            bursts = driving.window(driven, seconds + WARM_UP_BURSTS)
            laps.append(drive(given.only, work / f"lap-{speed:g}", broker.port, bursts, speed, agreement))
    fast, real = laps
    report(given, length, real, fast, shift)
    for doubt in (doubted := doubts(fast) + doubts(real)):
        say(f"these figures are unfair: {doubt}")
    return int(bool(doubted))


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less than three minutes, to see that it works")
    parser.add_argument("--real-seconds", type=int, metavar="N", help="length of the lap at real speed")
    parser.add_argument(
        "--only", type=_names, default=list(PROGRAMS), metavar="A,B", help=", ".join(PROGRAMS)
    )
    parser.add_argument("--json", type=Path, metavar="F", help="everything that was measured, for machines")
    parser.add_argument(
        "--write-docs", action="store_true", help=f"put the table into {DOCS.relative_to(ROOT)}"
    )
    return parser


def _names(text: str) -> list[str]:
    names = text.split(",")
    if set(names) - set(PROGRAMS):
        raise argparse.ArgumentTypeError(f"choose from {', '.join(PROGRAMS)}")
    return names


def say(what: str) -> None:
    """Tell whoever waits."""
    print(f"bench: {what}", file=sys.stderr, flush=True)


def report(
    given: argparse.Namespace,
    length: Length,
    real: Mapping[str, Lap],
    fast: Mapping[str, Lap],
    shift: Mapping[str, Bytes],
) -> None:
    """To the screen, and where else it was asked for."""
    found = table.rows(real, fast, shift)
    text = f"{conditions(length, fast)}\n\n{table.markdown(found)}"
    print(text)
    if given.json:
        laps = {"real": _plain(real), "fast": _plain(fast), "shift": _plain(shift)}
        whole = {"conditions": conditions(length, fast), "rows": table.as_plain(found), **laps}
        given.json.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    if given.write_docs:
        DOCS.write_text(with_table(DOCS.read_text(encoding="utf-8"), text), encoding="utf-8")
        say(f"wrote {DOCS}")


def _plain(found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {
            key: value._asdict() if hasattr(value, "_asdict") else value
            for key, value in one._asdict().items()
        }
        for name, one in found.items()
    }


def conditions(length: Length, fast: Mapping[str, Lap]) -> str:
    """When, where and how it was measured."""
    disks: Sequence[str] = sorted({lap.disk for lap in fast.values()})
    return (
        f"Measured on {datetime.date.today()} with `make bench`: Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}, {platform.machine()}, {os.cpu_count()} cores, Linux "
        f"{platform.release().split('-')[0]}. CPU over {length.real_s} s at real speed; memory, disk and wire over "
        f"{length.fast_s} s of driving at {length.fast:g} times that speed; files on {' and '.join(disks)}."
    )


def with_table(page: str, text: str) -> str:
    """The page with what stands between its two marks replaced. Raises ValueError when they are missing."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page has lost its marks {BEGIN.strip()} and {END.strip()}")
    return f"{before}{BEGIN}\n{text}\n{END}{after}"


if __name__ == "__main__":
    sys.exit(main())
