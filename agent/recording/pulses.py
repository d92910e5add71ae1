"""Raw edges of an input line into what they mean: pulses, levels and faults.

Pure arithmetic over (at, level): no thread, no clock, no pin. A line is asked twice, by `step` when an edge
came and by `tick` when time went on; `due` says when the latter is worth it. Every duration is inclusive: a
level that held for exactly its debounce counts, and so does a pulse of exactly its minimum.

Faults end in silence, never in a flood: a line that chatters or sticks gives one LineFault when that begins
and one when it ends, and nothing between. A faulted line that carries a level (crew switch, ignition) also
reports `LevelChanged(level=None)`: unknown, which whoever decides about recording must treat as off.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

CHATTER_WINDOW_S = 1.0
"""Edges are counted over the second that ends with the newest one."""
CHATTER_QUIET_S = 1.0
"""A chattering line counts again once it has held still for this long."""
EDGES_MAX_HZ_MAX = 1_000
"""The largest edge rate that may be allowed: it bounds what a line remembers."""
SWITCH_SETTLES_WITHIN_S = 0.7
"""The crew's switch may waver for so long: with its debounce of at most 0.2 s, off is off within a second."""


class PulseSeen(NamedTuple):
    """A pulse held for its minimum. `at` is its rising edge, a little before it could be known."""

    at: float
    pin: str


class LevelChanged(NamedTuple):
    """A line settled on `level` 0 or 1 at `at`, or its level can't be known (None: treat as off)."""

    at: float
    pin: str
    level: int | None


class LineFault(NamedTuple):
    """A fault of the wiring began (`active`) or ended."""

    at: float
    pin: str
    fault: Literal["stuck", "chatter"]
    active: bool


Seen = PulseSeen | LevelChanged | LineFault


@dataclass(frozen=True, slots=True)
class LineOptions:
    """How a line is read; durations in seconds.

    `debounce_s`: a level counts once it has held this long. `minimum_pulse_s`: shorter pulses are ignored;
    below `debounce_s` the latter decides. `rearm_s`: no second pulse sooner after the first, rising edge to
    rising edge. `stuck_after_s`: active this long is a fault, None never. `edges_max_hz`: more raw edges than
    this in a second are chatter, and so are edges that for `settles_within_s` leave the line no level to hold
    (None: only their rate counts). `level`: the line carries a level, for which minimum and re-arm don't
    matter. Raises ValueError for what can't be meant.
    """

    minimum_pulse_s: float = 0.05
    debounce_s: float = 0.02
    rearm_s: float = 2.0
    stuck_after_s: float | None = 60.0
    edges_max_hz: int = 50
    level: bool = False
    settles_within_s: float | None = None

    def __post_init__(self) -> None:
        optional_s = (self.stuck_after_s or 0.0, self.settles_within_s or 0.0)
        durations_s = (self.minimum_pulse_s, self.debounce_s, self.rearm_s, *optional_s)
        if not all(0 <= duration_s < float("inf") for duration_s in durations_s):
            raise ValueError("a duration of a line is negative or endless")
        if not 1 <= self.edges_max_hz <= EDGES_MAX_HZ_MAX:
            raise ValueError(f"edges_max_hz must be between 1 and {EDGES_MAX_HZ_MAX}")


class Line:
    """One input line and what is known of it.

    `before` is the level of a pulse line before its first reading. None, for a live line, means unknown: a
    line that is active when first read is a state and no pulse. A recorded log of edges only wants 0.
    """

    def __init__(self, pin: str, options: LineOptions, before: Literal[0] | None = None) -> None:
        self.pin = pin
        self._options = options
        self._at = float("-inf")
        # `raw` is the newest reading; `settled` is what has held for the debounce time.
        self._raw: int | None = None if options.level else before
        self._settled: int | None = self._raw
        self._raw_at = self._settled_at = self._at
        self._wavers_since = float("inf")
        self._armed = False
        self._pulse_at: float | None = None
        self._stuck = False
        self._chattering = False
        self._edges: deque[float] = deque(maxlen=options.edges_max_hz + 1)

    @property
    def level(self) -> int | None:
        """The settled level; None before the first one and during a fault."""
        return None if self._stuck or self._chattering else self._settled

    @property
    def due(self) -> float | None:
        """When time alone will change something; None when only an edge can."""
        if self._chattering:
            return self._raw_at + CHATTER_QUIET_S
        if self._raw != self._settled:
            return self._raw_at + self._options.debounce_s
        return min((due for due in (self._pulse_due, self._stuck_due) if due is not None), default=None)

    @property
    def _pulse_due(self) -> float | None:
        return self._settled_at + self._options.minimum_pulse_s if self._armed else None

    @property
    def _stuck_due(self) -> float | None:
        if self._options.stuck_after_s is None or self._stuck or not self._settled:
            return None
        return self._settled_at + self._options.stuck_after_s

    def step(self, at: float, level: int) -> list[Seen]:
        """What a reading of `level` at `at` brings, timers that ran out before it included.

        A reading of the level that the line already has is no edge. Time that runs backwards counts as
        standing still.
        """
        seen = self.tick(at)
        level = int(bool(level))
        if level == self._raw:
            return seen
        if self._raw is not None:
            seen += self._count_edge()
        self._raw, self._raw_at = level, self._at
        return seen + self.tick(at)

    def tick(self, at: float) -> list[Seen]:
        """What became true by `at` because nothing changed."""
        self._at = max(self._at, at)
        seen: list[Seen] = []
        while (due := self.due) is not None and due <= self._at:
            seen += self._ripen(due)
        return seen

    def _ripen(self, due: float) -> list[Seen]:
        """Let the timer that runs out at `due` take effect; each effect removes its own timer."""
        if self._chattering:
            return self._end_chatter(due)
        if self._raw != self._settled:
            return self._settle()
        if self._pulse_due == due:
            self._armed = False
            self._pulse_at = self._settled_at
            return [PulseSeen(self._settled_at, self.pin)]
        self._stuck = True
        return [LineFault(due, self.pin, "stuck", True), *self._level_seen(due)]

    def _settle(self) -> list[Seen]:
        """The newest reading held: it is the line's level since its edge."""
        rose = self._raw == 1 and self._settled == 0
        self._settled, self._settled_at = self._raw, self._raw_at
        self._armed = rose and not self._options.level and self._rearmed(self._raw_at)
        return [*self._end_stuck(self._raw_at), *self._level_seen(self._raw_at)]

    def _rearmed(self, at: float) -> bool:
        return self._pulse_at is None or at >= self._pulse_at + self._options.rearm_s

    def _level_seen(self, at: float) -> list[Seen]:
        return [LevelChanged(at, self.pin, self.level)] if self._options.level else []

    def _end_stuck(self, at: float) -> list[Seen]:
        if not self._stuck:
            return []
        self._stuck = False
        return [LineFault(at, self.pin, "stuck", False)]

    def _count_edge(self) -> list[Seen]:
        """Count the edge at `self._at`; the one too many begins a fault."""
        if self._chattering:
            return []
        if self._at - self._raw_at >= self._options.debounce_s:
            self._wavers_since = self._at
        self._edges.append(self._at)
        return self._begin_chatter() if self._too_many or self._wavers else []

    @property
    def _too_many(self) -> bool:
        full = len(self._edges) > self._options.edges_max_hz
        return full and self._edges[0] > self._at - CHATTER_WINDOW_S

    @property
    def _wavers(self) -> bool:
        """Whether the line has held no level for too long, however slowly it moves."""
        limit_s = self._options.settles_within_s
        return limit_s is not None and self._at - self._wavers_since >= limit_s

    def _begin_chatter(self) -> list[Seen]:
        # A line that moves is not stuck, and a pulse amid chatter is none.
        over = self._end_stuck(self._at)
        self._chattering, self._armed = True, False
        self._edges.clear()
        return [*over, LineFault(self._at, self.pin, "chatter", True), *self._level_seen(self._at)]

    def _end_chatter(self, due: float) -> list[Seen]:
        """Quiet again: the level is what the line rests on, and resting active is no pulse."""
        self._chattering = False
        self._settled, self._settled_at = self._raw, self._raw_at
        return [LineFault(due, self.pin, "chatter", False), *self._level_seen(due)]


class Lines:
    """All configured input lines by name; edges of unknown pins are counted in `unknown` and ignored.

    `before` as in Line: None live, 0 for a recorded log of edges.
    """

    def __init__(self, options: Mapping[str, LineOptions], before: Literal[0] | None = None) -> None:
        self._lines = {pin: Line(pin, each, before) for pin, each in options.items()}
        self.unknown = 0
        self.due: float | None = None
        """When `tick` is next worth calling; None when only an edge can change something."""
        self._at = float("-inf")

    def level(self, pin: str) -> int | None:
        """The settled level of a line; None while unknown or faulted. Raises KeyError for an unknown pin."""
        return self._lines[pin].level

    def step(self, at: float, pin: str, level: int) -> list[Seen]:
        """What one edge brings, after what became true on any line before it."""
        seen = self.tick(at)
        line = self._lines.get(pin)
        if line is None:
            self.unknown += 1
            return seen
        seen += line.step(self._at, level)
        self.due = self._soonest()
        return seen

    def tick(self, at: float) -> list[Seen]:
        """What became true on any line by `at`: line by line, each in the order in which it happened."""
        self._at = max(self._at, at)
        if self.due is None or self.due > self._at:
            return []
        seen = [each for line in self._lines.values() for each in line.tick(self._at)]
        self.due = self._soonest()
        return seen

    def _soonest(self) -> float | None:
        return min((due for line in self._lines.values() if (due := line.due) is not None), default=None)
