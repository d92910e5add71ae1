"""The figures as people read them: a table of three programs, ratios to the yardstick, targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tests.bench.lap import Lap
from tests.bench.shift_bytes import Bytes

HOUR_S = 3_600
SHIFT_S = 8 * HOUR_S
MIB = 2**20
TITLES = {"fairhaul": "Fairhaul", "yardstick": "yardstick", "usual": "usual script"}
OURS, UNIT = "fairhaul", "yardstick"


class Target(NamedTuple):
    """What Fairhaul must not exceed: a figure, or a multiple of the yardstick's."""

    most: float
    is_ratio: bool = False


class Row(NamedTuple):
    """One figure of every program; None where it is not known."""

    what: str
    figures: Mapping[str, float | None]
    digits: int
    target: Target | None = None

    @property
    def ratio(self) -> float | None:
        """Fairhaul's figure as a multiple of the yardstick's."""
        ours, unit = self.figures.get(OURS), self.figures.get(UNIT)
        return ours / unit if ours is not None and unit else None

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without a target or a figure."""
        found = self.ratio if self.target and self.target.is_ratio else self.figures.get(OURS)
        return None if self.target is None or found is None else found <= self.target.most


def _each(laps: Mapping[str, Lap], figure: Any) -> dict[str, float | None]:
    return {name: figure(lap) for name, lap in laps.items()}


def _written_mib(lap: Lap) -> float:
    """For a shift: of the device where it is known, else of the process."""
    known = lap.done.process_bytes if lap.done.device_bytes is None else lap.done.device_bytes
    return scaled(known, lap.driven_s, SHIFT_S) / MIB


def scaled(count: float, seconds: float, to_s: float) -> float:
    """What was counted over `seconds` of driving, for `to_s` of it."""
    return count / seconds * to_s


def rows(real: Mapping[str, Lap], fast: Mapping[str, Lap], shift: Mapping[str, Bytes]) -> list[Row]:
    """All figures: CPU from the lap at real speed, memory, wire and disk from the long one."""
    return [
        Row(
            "CPU seconds for an hour driven",
            _each(real, lambda lap: scaled(lap.done.cpu_s, lap.driven_s, HOUR_S)),
            2,
            Target(1.5, is_ratio=True),
        ),
        Row(
            "the same, fed 20 times as fast, so with few awakenings",
            _each(fast, lambda lap: scaled(lap.done.cpu_s, lap.driven_s, HOUR_S)),
            2,
        ),
        Row("CPU seconds from start to ready", _each(real, lambda lap: lap.start_cpu_s), 2, Target(0.6)),
        Row(
            "resident memory while driving, MiB", _each(fast, lambda lap: lap.memory.last_mib), 1, Target(45)
        ),
        Row("resident memory at its most, MiB", _each(fast, lambda lap: lap.memory.peak_mib), 1),
        Row("the same at the very first start, MiB", _each(fast, lambda lap: lap.first_start.peak_mib), 1),
        Row("MiB written to the disk in an 8 h shift", _each(fast, _written_mib), 1, Target(25)),
        Row(
            "commits in an 8 h shift",
            _each(fast, lambda lap: scaled(lap.done.commits, lap.driven_s, SHIFT_S)),
            0,
            Target(1000),
        ),
        Row(
            "messages in an hour", _each(fast, lambda lap: scaled(lap.done.messages, lap.driven_s, HOUR_S)), 0
        ),
        Row(
            "kB on the wire in an hour, both ways",
            _each(fast, lambda lap: scaled(lap.done.wire_bytes, lap.driven_s, HOUR_S) / 1000),
            1,
        ),
        Row(
            "payload bytes for a second driven",
            _each(fast, lambda lap: lap.done.payload_bytes / lap.driven_s),
            1,
        ),
        *_shift_rows(shift),
    ]


def _shift_rows(shift: Mapping[str, Bytes]) -> list[Row]:
    limits = {"daily": (100, 0.6), "timed": (400, 4.0)}
    names = {"daily": "a daily release", "timed": "a release every 60 s"}
    found = []
    for mode, figures in shift.items():
        whole_kb, a_fix = limits[mode]
        found += [
            Row(
                f"kB for a whole shift, {names[mode]}",
                {OURS: figures.wire_bytes / 1000},
                1,
                Target(whole_kb),
            ),
            Row(
                f"`track` bytes a fix before padding, {names[mode]}",
                {OURS: figures.track_bytes / figures.fixes},
                2,
                Target(a_fix),
            ),
        ]
    return found


def markdown(found: Sequence[Row]) -> str:
    """The table as it stands in docs/bench.md."""
    head = ["", *TITLES.values(), "Fairhaul ÷ yardstick", "at most"]
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *(_cells(row) for row in found)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _cells(row: Row) -> list[str]:
    figures = [written(row.figures.get(name), row.digits) for name in TITLES]
    return [row.what, *figures, written(row.ratio, 2), _target(row)]


def _target(row: Row) -> str:
    if row.target is None:
        return ""
    limit = f"{row.target.most:g}{' ×' if row.target.is_ratio else ''}"
    return f"{limit} {'met' if row.met else '**missed**'}" if row.met is not None else limit


def written(figure: float | None, digits: int) -> str:
    """With so many digits behind the point, thousands apart; a dash when it is not known."""
    return "–" if figure is None else f"{figure:,.{digits}f}"


def as_plain(found: Sequence[Row]) -> list[dict[str, Any]]:
    """The same for machines."""
    return [
        {
            "what": row.what,
            "figures": dict(row.figures),
            "ratio": row.ratio,
            "target": row.target._asdict() if row.target else None,
            "met": row.met,
        }
        for row in found
    ]
