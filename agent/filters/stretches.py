"""A day's way in stretches: cut, trimmed and timed so that a stretch tells the way and not the day.

Behind a cut the first metres are withheld, and the newest metres are always held back, so that a cut can drop
them. Under a daily release a stretch closes at the agreed length, once as much again lies behind it: what a cut
leaves over is then long enough to leave with the stretch before it. Between two cuts there may be less: such a piece
tells where it went, and of time no more than what its length takes at a slow truck's pace, whoever drove it: at the
ceiling's it would accuse a crew of a speed that nobody drove. Under a timed release `close` ends a stretch at the
release.
"""

from __future__ import annotations

import itertools
import math
from typing import Any, NamedTuple

from agent.filters.simplify import Spot
from agent.filters.standstill import Step
from agent.guarded import guarded

RUNNING_STEP_S = 10
SPOTS_HELD_MAX = 20_000
PIECE_M_MIN = 50.0
PIECE_MPS = 5.0


@guarded
class Stretch(NamedTuple):
    """A closed stretch: its places in order and its running time, a multiple of 10 s."""

    path: list[Spot]
    running_s: int


class Stretches:
    """Steps in, closed stretches out.

    `length_m` is the least length of a stretch, None where only `close` ends one; `trim_m` is what is withheld on
    both sides of a cut; above `speed_ceiling_mps` the running time shrinks no further.
    """

    def __init__(self, length_m: float | None, trim_m: float, speed_ceiling_mps: float) -> None:
        self._length_m = length_m
        self._trim_m = trim_m
        self._speed_ceiling_mps = speed_ceiling_mps
        self._clear()

    def _clear(self) -> None:
        self._skip_m = self._trim_m
        self._before: Step | None = None  # of the metres that are withheld, the newest
        self._path: list[Spot] = []
        self._rows: list[list[int]] = []  # of the path, as far as `state` was asked
        self._carried_s = 0.0

    def push(self, step: Step) -> list[Stretch]:
        """The stretches that this step closes: none or one."""
        if self._skip_m > 0:
            self._skip(step)
            return []
        self._extend(step)
        if len(self._path) > SPOTS_HELD_MAX:
            self._path, self._rows = self._path[::2], []
        return [] if self._length_m is None else self._closed_by_length(self._length_m)

    def _skip(self, step: Step) -> None:
        """The first metres behind a cut, to the very metre: the way begins between two fixes."""
        left_m, self._skip_m = self._skip_m, max(0.0, round(self._skip_m - step.moved_m, 3))
        if self._skip_m == 0.0 and self._before is not None and self._length_m is not None:
            before = Spot(self._before.x_m, self._before.y_m, 0.0, 0.0, self._before.second)
            here = Spot(step.x_m, step.y_m, step.moved_m, step.elapsed_s, step.second)
            first = _between(before, here, left_m)
            self._path = [first._replace(run_m=0.0, running_s=0.0)]
            self._extend(
                step._replace(moved_m=step.moved_m - left_m, elapsed_s=step.elapsed_s - first.running_s)
            )
        self._before = step

    def _closed_by_length(self, length_m: float) -> list[Stretch]:
        if not self._far(self._path[-1], 2 * length_m + self._trim_m):
            return []
        return self._emit(self._split(self._path[0].run_m + length_m))

    def close(self) -> list[Stretch]:
        """End the stretch here but for the metres held back; none when it has no length yet."""
        return self._emit(self._trimmed_end())

    def cut(self) -> list[Stretch]:
        """End at a place that is not publishable: the held-back metres and the state are forgotten."""
        end = self._trimmed_end()
        if end and self._length_m is not None:
            end = self._split(self._path[-1].run_m - self._trim_m)
        closed = []
        if end and self._far(self._path[end], self._length_m or 0.0):
            closed = self._emit(end)
        elif end and self._far(self._path[end], PIECE_M_MIN):
            path = self._path[: end + 1]
            pace_mps = min(PIECE_MPS, self._speed_ceiling_mps)
            closed = [Stretch(path, whole_steps_s((path[-1].run_m - path[0].run_m) / pace_mps))]
        self._clear()
        return closed

    def _split(self, run_m: float) -> int:
        """The index of a spot at exactly so many metres, put in where there is none.

        An end at the first fix behind it would tell how far apart the fixes are, and so the speed.
        """
        index = next(i for i, spot in enumerate(self._path) if spot.run_m >= run_m)
        if self._path[index].run_m > run_m and index:
            self._path.insert(index, _between(self._path[index - 1], self._path[index], run_m))
            self._rows = self._rows[:index]
        return index

    def _far(self, spot: Spot, length_m: float) -> bool:
        return spot.run_m - self._path[0].run_m >= length_m

    def _trimmed_end(self) -> int:
        """The index of the last spot that lies at least the trim behind the newest; 0 when there is none."""
        for index in range(len(self._path) - 1, 0, -1):
            if self._path[-1].run_m - self._path[index].run_m >= self._trim_m:
                return index
        return 0

    def _extend(self, step: Step) -> None:
        if not self._path:
            self._path.append(Spot(step.x_m, step.y_m, 0.0, 0.0, step.second, step.stands))
            return
        last = self._path[-1]
        elapsed_s = max(step.elapsed_s, step.moved_m / self._speed_ceiling_mps)
        # Whole millimetres and milliseconds: what a loss of power leaves on disk is then exactly the same.
        run_m, running_s = round(last.run_m + step.moved_m, 3), round(last.running_s + elapsed_s, 3)
        self._path.append(Spot(step.x_m, step.y_m, run_m, running_s, step.second, step.stands))

    def _emit(self, end: int) -> list[Stretch]:
        if end < 1:
            return []
        path, self._path, self._rows = self._path[: end + 1], self._path[end:], []
        return [Stretch(path, self._running_s(path[0], path[-1]))]

    def _running_s(self, first: Spot, last: Spot) -> int:
        """Rounded to 10 s with carry, and never less than the ceiling's time for this length."""
        exact_s = last.running_s - first.running_s + self._carried_s
        rounded_s = RUNNING_STEP_S * round(exact_s / RUNNING_STEP_S)
        shown_s = max(rounded_s, self._least_s(last.run_m - first.run_m))
        self._carried_s = exact_s - shown_s
        return shown_s

    def _least_s(self, length_m: float) -> int:
        """What nobody is shown to have been faster than."""
        return whole_steps_s(length_m / self._speed_ceiling_mps)

    # Across a loss of power.

    def state(self) -> dict[str, Any]:
        """All of it, in what JSON holds exactly: rows of whole numbers, each as the difference to the one before."""
        for index in range(len(self._rows), len(self._path)):
            before = _whole(self._path[index - 1]) if index else (0, 0, 0, 0, 0, 0)
            self._rows.append(
                [now - then for now, then in zip(_whole(self._path[index]), before, strict=True)]
            )
        return {
            "skip_m": self._skip_m,
            "before": self._before,
            "carried_s": self._carried_s,
            "path": self._rows,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self._skip_m, self._carried_s = state["skip_m"], state["carried_s"]
        self._before = Step(*state["before"]) if state["before"] else None
        columns = [itertools.accumulate(column) for column in zip(*state["path"], strict=True)]
        self._path = [
            Spot(x / 1000, y / 1000, run / 1000, running / 1000, second, bool(stands))
            for x, y, run, running, second, stands in zip(*columns, strict=True)
        ]


def whole_steps_s(seconds: float) -> int:
    """Rounded up to steps of 10 s."""
    return RUNNING_STEP_S * math.ceil(seconds / RUNNING_STEP_S)


def _between(a: Spot, b: Spot, run_m: float) -> Spot:
    """The spot at `run_m` on the line from `a` to `b`."""
    share = (run_m - a.run_m) / (b.run_m - a.run_m)
    return Spot(
        round(a.x_m + share * (b.x_m - a.x_m), 3),
        round(a.y_m + share * (b.y_m - a.y_m), 3),
        run_m,
        round(a.running_s + share * (b.running_s - a.running_s), 3),
        a.second + round(share * (b.second - a.second)),
    )


def _whole(spot: Spot) -> tuple[int, ...]:
    return (
        round(spot.x_m * 1000),
        round(spot.y_m * 1000),
        round(spot.run_m * 1000),
        round(spot.running_s * 1000),
        spot.second,
        int(spot.stands),
    )
