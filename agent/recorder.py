"""The half that records: inputs in, publishable records out. It knows nothing of the network or the disk.

One chain, in memory: bytes → sentences → fixes → duty gate → places → quality gate → streams. Whatever stops in
it leaves nothing behind, and an exception in it stops recording (see `agent.runtime`). The quality gate and the
pulse lines remember what they saw; therefore they see nothing of where the truck is not publishable.
"""

from __future__ import annotations

import datetime
import math
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from agent.agreement import Agreement
from agent.agreement.schema import TimedRelease
from agent.braking import BrakingRules, Brakings
from agent.duty import Duty
from agent.filters.continuity import Continuity
from agent.filters.placed import Placed
from agent.fixes import Fix, Receiver
from agent.gate import Gate, GateLimits
from agent.geometry import HALF_TURN_E7, Point
from agent.pulses import LevelChanged, LineFault, LineOptions, Lines, PulseSeen
from agent.records import Record
from agent.service_day import Moment, ServiceDays
from agent.streams.harsh_braking import HarshBraking
from agent.streams.track import Track, TrackRules
from drivers.inputs import Chunk, Input, PortLost, PortOpened, Pulse, Tick

FRESH_S = 5.0  # a pulse takes the place of a fix no older than this
FIX_AGE_S = 1.0  # a fix may have been measured so long before its bytes came
NOWHERE = Point(0, 0)  # what receivers say that do not know


class Sensors(NamedTuple):
    """What the truck has, from its configuration: lines by pin name with their kinds, and the rules for them."""

    lines: Mapping[str, LineOptions]
    kinds: Mapping[str, str]
    braking: BrakingRules
    gate: GateLimits


class Recorder:
    """Everything between the sensors and the outbox, for one agreement; without one it only learns the date.

    `floor_day` is the earliest day the date may be (None: dates as recorded), `replay` accepts simulated fixes,
    `numbered` is the day and number of the newest stretch kept before a restart.
    """

    def __init__(
        self,
        agreement: Agreement | None,
        sensors: Sensors,
        duty: Duty,
        *,
        floor_day: int | None,
        replay: bool = False,
        numbered: tuple[int, int] = (0, 0),
    ) -> None:
        self._agreement = agreement
        self._duty = duty
        self._on_since = -math.inf if duty.on else None
        self._sensors = sensors
        self._replay = replay
        self._days = ServiceDays(agreement.zone if agreement else datetime.UTC)
        self.port_ready = False
        self.tally: Counter[str] = Counter()  # for a replay's report; a truck tells it to nobody
        self._floor_day = floor_day
        self._receiver = Receiver(floor_day)
        self._gate = self._fresh_gate()
        self._levels = self._fresh_lines(level=True, known=replay)
        self._pulses = self._fresh_lines(level=False, known=replay)
        self._brakings = Brakings(sensors.braking)
        self._continuity = Continuity()
        self._placed: tuple[float, Placed] | None = None
        self._track = _track(agreement, numbered) if agreement else None
        self._harsh_braking = _harsh_braking(agreement) if agreement else None

    @property
    def on_duty(self) -> bool:
        """Whether the duty gate is open."""
        return self._duty.on

    @property
    def recording(self) -> bool:
        """Whether there is an agreement and the duty gate is open."""
        return self._agreement is not None and self._duty.on

    @property
    def due(self) -> float | None:
        """When the recorder next needs a Tick; None when it waits for inputs alone."""
        waiting = (self._levels, self._pulses, self._brakings)
        dues = [each.due for each in waiting if each.due is not None]
        return min(dues, default=None)

    def step(self, entry: Input, now: float) -> list[Record]:
        """The records that this input completes."""
        if isinstance(entry, Chunk):
            return self._heard(entry)
        if isinstance(entry, Pulse):
            self._felt(entry)
        if isinstance(entry, PortOpened | PortLost):
            self._port(entry)
        return self._waited(now) if isinstance(entry, Tick) else []

    def close(self) -> list[Record]:
        """What a timed release takes with it."""
        return self._track.close() if self._track else []

    def doubt(self) -> None:
        """Inputs were lost: off duty until `trust`, whatever the lines still say."""
        self._duty.doubt()
        self._follow_duty(0.0)

    def trust(self) -> None:
        """Every line is about to be read anew, as if for the first time."""
        self._duty.trust()
        self._levels = self._fresh_lines(level=True, known=False)
        self._pulses = self._fresh_lines(level=False, known=False)

    def flush(self, now: float) -> list[Record]:
        """The last epoch of a log that has ended."""
        return [*self._decoded(self._receiver.flush(now)), *self._judged(now + 60.0)]

    def _port(self, entry: PortOpened | PortLost) -> None:
        """What follows may come from another receiver, whose time has to earn its trust anew."""
        self.port_ready = isinstance(entry, PortOpened)
        self._receiver = Receiver(self._floor_day)

    def _heard(self, chunk: Chunk) -> list[Record]:
        records = self._waited(chunk.at)  # first the lines: a switch counts for the fixes that come after it
        for fix in self._receiver.feed(chunk.at, chunk.data):
            records += self._decoded(fix)
        return records

    def _waited(self, now: float) -> list[Record]:
        for seen in self._levels.tick(now) + self._pulses.tick(now):
            self._line(seen)
        return self._judged(now)

    def _felt(self, pulse: Pulse) -> None:
        """Completes no record: when one is complete must not depend on a pulse, which may be none of ours."""
        edge = (pulse.at, pulse.pin, pulse.level)
        for seen in self._levels.step(*edge) + self._pulses.step(*edge):
            self._line(seen)

    def _line(self, seen: PulseSeen | LevelChanged | LineFault) -> None:
        if not isinstance(seen, PulseSeen):
            self._duty.change(seen)
            self._follow_duty(seen.at)
        elif self._sensors.kinds.get(seen.pin) == "harsh_braking":
            placed = self._place_of(seen.at)
            if placed is not None:
                self._brakings.push_pulse(seen.at, placed)

    def _follow_duty(self, at: float) -> None:
        if not self._duty.on:
            self._on_since = None
            self._continuity.pause()
            self._forget_moment()
            self._gate = self._fresh_gate()
        elif self._on_since is None:
            self._on_since = at

    def _fresh_gate(self) -> Gate:
        return Gate(self._sensors.gate, self._replay)

    def _fresh_lines(self, *, level: bool, known: bool) -> Lines:
        """The lines that carry levels, or pulses. `known`: a line that was not seen yet counts as 0."""
        chosen = {pin: options for pin, options in self._sensors.lines.items() if options.level == level}
        return Lines(chosen, before=0 if known else None)

    def _place_of(self, at: float) -> Placed | None:
        if self._placed is None or not 0 <= at - self._placed[0] <= FRESH_S:
            return None
        return self._placed[1]

    def _decoded(self, fix: Fix | None) -> list[Record]:
        if fix is None:
            return []
        self.tally["fixes"] += 1
        self._first_time(fix)
        if self._agreement is None or self._on_since is None or fix.at - FIX_AGE_S < self._on_since:
            self.tally["off_duty"] += 1
            return self._hidden(fix)
        point = _point(fix)
        if point is not None and not self._agreement.allows(point):
            self.tally["not_publishable"] += 1
            self._continuity.cut()
            self._gate = self._fresh_gate()
            return self._hidden(fix) + self._cut()
        refused = self._gate.judge(fix)
        if refused is not None or point is None or fix.utc_ms is None:
            self.tally[f"refused.{refused}"] += 1
            return []
        self._days.learn(fix.utc_ms, fix.at)
        self._brakings.push_fix(fix.at, fix.speed_mps)
        return self._located(self._agreement, fix.at, fix.utc_ms, point)

    def _first_time(self, fix: Fix) -> None:
        """Any trusted fix tells the time while none is known; later only one that may be published does."""
        believable = fix.trusted and (self._replay or fix.quality != "simulated")
        if believable and fix.utc_ms is not None and self._days.now(fix.at) is None:
            self._days.learn(fix.utc_ms, fix.at)

    def _hidden(self, fix: Fix) -> list[Record]:
        """A fix that leaves nothing lends no trust to what follows either.

        So three fixes in a row must be publishable before one is: a stray one of a truck that still stands there
        does not count.
        """
        if self._days.now(fix.at) is not None:
            self._receiver.epochs.doubt()
        return []

    def _located(self, agreement: Agreement, at: float, utc_ms: int, point: Point) -> list[Record]:
        elapsed_s, broken = self._continuity.reach(utc_ms, point)
        records = self._cut() if broken else []
        if self._placed is None:
            self._pulses = self._fresh_lines(level=False, known=True)  # of what went before they know nothing
        moment = self._days.moment(utc_ms)
        placed = Placed(moment.day, moment.second, elapsed_s, point)
        self._placed = (at, placed)
        if self._track and "track" in agreement.collected(moment.day):
            records += self._track.push(placed)
        return records

    def _cut(self) -> list[Record]:
        self._forget_moment()
        return self._track.cut() if self._track else []

    def _forget_moment(self) -> None:
        self._placed = None
        self._brakings.cut()

    def _judged(self, now: float) -> list[Record]:
        judged = self._brakings.step(now)
        if self._agreement is None or self._harsh_braking is None:
            return []
        records = [record for braking in judged for record in self._harsh_braking.push(braking)]
        return [record for record in records if record.stream in self._agreement.collected(record.day)]

    def moment(self, now: float) -> Moment | None:
        """The service day and second at `now`, None until a fix was trusted."""
        return self._days.now(now)


def _point(fix: Fix) -> Point | None:
    """Where the fix says the truck is, whatever it is worth; None when it names no place on Earth."""
    if fix.latitude_e7 is None or fix.longitude_e7 is None:
        return None
    point = Point(fix.latitude_e7, fix.longitude_e7)
    on_earth = abs(point.latitude_e7) <= HALF_TURN_E7 // 2 and abs(point.longitude_e7) <= HALF_TURN_E7
    return point if on_earth and point != NOWHERE else None


def _track(agreement: Agreement, numbered: tuple[int, int]) -> Track | None:
    file = agreement.file
    if file.streams.track is None:
        return None
    timed = isinstance(file.release, TimedRelease)
    rules = TrackRules(
        origin=file.places.origin.point,
        precision_m=file.streams.track.precision,
        clock=file.streams.track.clock,
        standstill_cap_s=file.limits.standstill_cap,
        stretch_length_m=None if timed else file.limits.stretch_length,
        trim_m=file.limits.trim,
        speed_ceiling_mps=file.limits.speed_ceiling,
    )
    return Track(rules, numbered)


def _harsh_braking(agreement: Agreement) -> HarshBraking | None:
    terms = agreement.file.streams.harsh_braking
    return HarshBraking(agreement.file.places.origin.point, terms.cell) if terms else None
