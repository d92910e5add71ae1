"""From what the trucks told to figures, a table and a time line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any, NamedTuple

BAR_MAX = 40
LINES_MAX = 30
MS = 1000.0


class Told(NamedTuple):
    """What one truck did, and when: `at` in seconds since the broker was back, below 0 while it was away."""

    at: float
    what: str
    truck: int
    why: str


class Return(NamedTuple):
    """How a herd came back; times are seconds since the broker was back.

    `away_attempts`, `attempts` and `ups` count by second; `connect_s` is how long each accepted attempt took.
    """

    trucks: int
    away_s: float
    away_attempts: Counter[int]
    attempts: Counter[int]
    ups: Counter[int]
    connect_s: list[float]
    up_at: list[float]
    drained_at: list[float]
    failures: Counter[str]
    batches: int
    arrived: int
    repeats: int
    broker_cpu_s: float


def returned(
    told: Iterable[Told],
    trucks: int,
    away_s: float,
    batches: int,
    kept: Counter[bytes],
    broker_cpu_s: float,
) -> Return:
    """All figures of one return."""
    begun: dict[int, float] = {}
    begin = {"away_attempts": Counter[int](), "attempts": Counter[int](), "ups": Counter[int]()}
    found = Return(
        trucks=trucks,
        away_s=away_s,
        **begin,
        connect_s=[],
        up_at=[],
        drained_at=[],
        failures=Counter(),
        batches=trucks * batches,
        arrived=len(kept),
        repeats=kept.total() - len(kept),
        broker_cpu_s=broker_cpu_s,
    )
    first_up: set[int] = set()
    for one in sorted(told):
        if one.what == "attempt":
            begun[one.truck] = one.at
        if one.at < 0:
            found.away_attempts[int(one.at + away_s)] += one.what == "attempt" and one.at >= -away_s
            continue
        second = int(one.at)
        if one.what == "attempt":
            found.attempts[second] += 1
        elif one.what == "up":
            found.ups[second] += 1
            found.connect_s.append(one.at - begun[one.truck])
            if one.truck not in first_up:
                first_up.add(one.truck)
                found.up_at.append(one.at)
        elif one.what == "drained":
            found.drained_at.append(one.at)
        else:
            found.failures[one.why or one.what] += 1
    return found


def table(runs: dict[str, Return]) -> list[str]:
    """Markdown, a column for each run."""
    lines = [f"| | {' | '.join(runs)} |", f"|---|{'---:|' * len(runs)}"]
    for what, figure in ROWS.items():
        lines.append(f"| {what} | {' | '.join(figure(run) for run in runs.values())} |")
    return lines


def _peak(counts: Counter[int]) -> str:
    return str(max(counts.values(), default=0))


def _quantiles(values: Sequence[float], unit: float = 1.0, digits: int = 1) -> str:
    """Median, 95 % and most."""
    if not values:
        return "none"
    ordered = sorted(values)
    shown = (median(ordered), ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))], ordered[-1])
    return " / ".join(f"{value * unit:,.{digits}f}" for value in shown)


def _failures(run: Return) -> str:
    return ", ".join(f"{count} {why}" for why, count in run.failures.most_common()) or "none"


ROWS: dict[str, Any] = {
    "trucks": lambda run: f"{run.trucks}",
    "away, s": lambda run: f"{run.away_s:.0f}",
    "attempts while away, all": lambda run: f"{run.away_attempts.total():,}",
    "attempts while away, most in a second": lambda run: _peak(run.away_attempts),
    "attempts after the return, all": lambda run: f"{run.attempts.total():,}",
    "attempts after the return, most in a second": lambda run: _peak(run.attempts),
    "connections accepted, most in a second": lambda run: _peak(run.ups),
    "attempts that failed": _failures,
    "an attempt until accepted, ms: median / 95 % / most": lambda run: _quantiles(run.connect_s, MS, 0),
    "truck connected after, s: median / 95 % / most": lambda run: _quantiles(run.up_at),
    "truck drained after, s: median / 95 % / most": lambda run: _quantiles(run.drained_at),
    "batches sealed": lambda run: f"{run.batches:,}",
    "batches arrived": lambda run: f"{run.arrived:,}",
    "batches lost": lambda run: f"{run.batches - run.arrived:,}",
    "arrived again": lambda run: f"{run.repeats:,}",
    "CPU of the broker, s": lambda run: f"{run.broker_cpu_s:.1f}",
}


def time_line(run: Return) -> list[str]:
    """A line for each stretch of time since the return: attempts (a) and accepted connections (c) in it."""
    last = max([*run.attempts, *run.ups], default=0)
    step = max(1, -(-(last + 1) // LINES_MAX))
    most = max(max(_in(run.attempts, at, step), _in(run.ups, at, step)) for at in range(0, last + 1, step))
    lines = [f"each line {step} s; # one for {max(1.0, most / BAR_MAX):.1f}"]
    for at in range(0, last + 1, step):
        begun, up = _in(run.attempts, at, step), _in(run.ups, at, step)
        lines.append(f"{at:4} s {begun:5} attempts {_bar(begun, most)}".rstrip())
        lines.append(f"       {up:5} accepted {_bar(up, most)}".rstrip())
    return lines


def _in(counts: Counter[int], at: int, step: int) -> int:
    return sum(counts[second] for second in range(at, at + step))


def _bar(count: int, most: int) -> str:
    return "#" * round(count / max(1.0, most / BAR_MAX))
