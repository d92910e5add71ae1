"""The half that records: inputs in, publishable records out. It knows nothing of the network or the disk.

One line, in memory: bytes → sentences → fixes → duty gate → places → quality gate → streams. Whatever stops in
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
from agent.geometry import Point
from agent.recording.braking import BrakingRules
from agent.recording.chain import Chain
from agent.recording.duty import Duty
from agent.recording.fixes import Fix, Receiver, place_of
from agent.recording.gate import Gate, GateLimits
from agent.recording.pulses import LevelChanged, LineFault, LineOptions, Lines, PulseSeen
from agent.records import Record
from agent.service_day import DAY_S, Moment, ServiceDays
from agent.streams.help import HOLD_S, Help
from drivers.inputs import Chunk, Input, PortLost, PortOpened, Pulse, Tick

FIX_AGE_S = 1.0  # a fix may have been measured so long before its bytes came
UNTRUSTED_MAX = 4
EARLY_MS_MAX = 2000
PRESSED = {  # what a pulse on a line of some kind is to the streams
    "harsh_braking": "harsh_braking",
    "lift": "lift",
    "hazard_button": "hazard",
    "blocked_button": "blocked",
    "nothing_out_button": "nothing_out",
}


class Sensors(NamedTuple):
    """What the truck has, from its configuration: lines by pin name with their kinds, and the rules for them."""

    lines: Mapping[str, LineOptions]
    kinds: Mapping[str, str]
    braking: BrakingRules
    gate: GateLimits
    help_hold_s: float = HOLD_S


class Recorder:
    """Everything between the sensors and the outbox, for one agreement; without one it only learns the date.

    `floor_day` is the earliest day the date may be (None: dates as recorded), `replay` accepts simulated fixes,
    `numbered` is the day and number of the newest stretch kept before a restart, and `resumed` the checkpoint
    from then.
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
        resumed: bytes | None = None,
    ) -> None:
        self._agreement = agreement
        self._duty = duty
        self._on_since = -math.inf if duty.on else None
        self._sensors = sensors
        self._replay = replay
        self._parked = False
        self._off_hours = False
        self._was_hidden = False
        self._untrusted: list[
            Fix
        ] = []  # the first behind hidden ground: they count once the next ones are trusted
        self._starts_s = 60 * agreement.file.duty.day_starts if agreement else 0
        self._days = ServiceDays(agreement.zone if agreement else datetime.UTC, self._starts_s)
        self.port_ready = False
        self.tally: Counter[str] = Counter()  # for a replay's report; a truck tells it to nobody
        self._floor_day = floor_day
        self._receiver = Receiver(floor_day)
        self._gate = self._fresh_gate()
        self._levels = self._fresh_lines(level=True, known=replay)
        self._pulses = self._fresh_lines(level=False, known=replay)
        self._help = Help(sensors.help_hold_s) if agreement and agreement.file.streams.help else None
        self._chain = Chain(agreement, sensors.braking, numbered) if agreement else None
        if self._chain and resumed:
            self._chain.restore(resumed)

    @property
    def on_duty(self) -> bool:
        """Whether the duty gate is open."""
        return self._duty.on and not self._parked and not self._off_hours

    @property
    def recording(self) -> bool:
        """Whether there is an agreement and the duty gate is open."""
        return self._agreement is not None and self.on_duty

    @property
    def helping(self) -> bool:
        """Whether the crew has called for help and not yet cleared it."""
        return self._help is not None and self._help.raised

    @property
    def help_at_fault(self) -> bool:
        """Whether the crew could not call for help: its button can't be read."""
        return self._help is not None and self._help.at_fault

    @property
    def due(self) -> float | None:
        """When the recorder next needs a Tick; None when it waits for inputs alone."""
        waiting = (self._levels, self._pulses, self._chain, self._help)
        dues = [each.due for each in waiting if each is not None and each.due is not None]
        return min(dues, default=None)

    def step(self, entry: Input, now: float) -> list[Record]:
        """The records that this input completes."""
        records: list[Record] = []
        if isinstance(entry, Chunk):
            records = self._heard(entry)
        elif isinstance(entry, Pulse):
            self._felt(entry)
        elif isinstance(entry, PortOpened | PortLost):
            self._port(entry)
        elif isinstance(entry, Tick):
            self._waited(now)
        return records + self._called(now)

    def close(self) -> list[Record]:
        """What a timed release takes with it."""
        return self._chain.close() if self._chain else []

    def day_over(self, day: int) -> list[Record]:
        """Service day `day` has begun: what earlier days left unfinished."""
        return self._chain.day_over(day) if self._chain else []

    def checkpoint(self) -> tuple[int, bytes] | None:
        """The service day and the bytes of the way that is held back, for after a loss of power; None for none."""
        return self._chain.checkpoint() if self._chain else None

    def checkpoint_due(self, *, release_is_near: bool = False) -> bool:
        """Whether the way that is held back should be on disk soon: off duty, cut or standing."""
        return self._chain is not None and self._chain.checkpoint_due(release_is_near=release_is_near)

    def doubt(self) -> None:
        """Inputs were lost: off duty until `trust`, whatever the lines still say."""
        self._duty.doubt()
        self._follow_duty(0.0)

    def trust(self) -> None:
        """Every line is about to be read anew, as if for the first time."""
        self._duty.trust()
        self._levels = self._fresh_lines(level=True, known=False)
        self._pulses = self._fresh_lines(level=False, known=False)

    def follow(self, before: Recorder, *, failed: bool) -> None:
        """Take over from the recorder before this one; what it knew of the time only if it has not failed."""
        self.port_ready = before.port_ready
        if not failed:
            self._days.follow(before._days)
        if self._help and before._help:
            self._help = before._help  # a call for help goes on

    def park(self) -> None:
        """A log has ended: the truck is off duty from here on."""
        self._parked = True
        self._follow_duty(0.0)

    def flush(self, now: float) -> list[Record]:
        """The last epoch of a log that has ended."""
        return self._decoded(self._receiver.flush(now))

    def moment(self, now: float) -> Moment | None:
        """The service day and second at `now`, None until a fix was trusted."""
        return self._days.now(now)

    def utc_s(self, now: float) -> float | None:
        """Seconds since 1970 at `now`, for the system's clock alone; None until a fix was trusted."""
        return self._days.utc_s(now)

    def _port(self, entry: PortOpened | PortLost) -> None:
        """What follows may come from another receiver, whose time has to earn its trust anew."""
        self.port_ready = isinstance(entry, PortOpened)
        self._untrusted = []
        self._receiver = Receiver(self._floor_day)

    def _heard(self, chunk: Chunk) -> list[Record]:
        records = []
        self._waited(chunk.at)  # first the lines: a switch counts for the fixes that come after it
        for fix in self._receiver.feed(chunk.at, chunk.data):
            records += self._decoded(fix)
        return records

    def _waited(self, now: float) -> None:
        for seen in self._levels.tick(now) + self._pulses.tick(now):
            self._line(seen)
        if self._chain:
            self._chain.judge(now)

    def _felt(self, pulse: Pulse) -> None:
        """Completes no record: when one is complete must not depend on a pulse, which may be none of ours."""
        edge = (pulse.at, pulse.pin, pulse.level)
        for seen in self._levels.step(*edge) + self._pulses.step(*edge):
            self._line(seen)

    def _line(self, seen: PulseSeen | LevelChanged | LineFault) -> None:
        kind = self._sensors.kinds.get(seen.pin, "")
        if kind == "help_button":
            if self._help and isinstance(seen, LevelChanged):
                self._help.change(seen)
        elif not isinstance(seen, PulseSeen):
            self._duty.change(seen)
            self._follow_duty(seen.at)
        elif kind in PRESSED and self._chain and self._on_since is not None:
            self._chain.press(PRESSED[kind], seen.at)

    def _called(self, now: float) -> list[Record]:
        """What a call for help tells now: the crew's own act, whatever the gates say."""
        if self._help is None:
            return []
        moment = self._days.now(now)
        return self._help.tick(now, moment.day if moment else 0)

    def _follow_duty(self, at: float) -> None:
        if not self._duty.on or self._parked:
            self._on_since = None
            self._rest()
        elif self._on_since is None:
            self._on_since = at

    def _rest(self) -> None:
        if self._chain:
            self._chain.pause()
        self._gate, self._untrusted = self._fresh_gate(), []

    def _fresh_gate(self) -> Gate:
        return Gate(self._sensors.gate, self._replay)

    def _fresh_lines(self, *, level: bool, known: bool) -> Lines:
        """The lines that carry levels, or pulses. `known`: a pulse line that was not seen yet counts as 0."""
        chosen = {pin: options for pin, options in self._sensors.lines.items() if options.level == level}
        return Lines(chosen, before=0 if known else None)

    def _decoded(self, fix: Fix | None) -> list[Record]:
        if fix is None:
            return []
        self.tally["fixes"] += 1
        if self._help:
            self._help.seen(fix)
        point = place_of(fix)
        on_duty = self._on_since is not None and fix.at - FIX_AGE_S >= self._on_since
        elsewhere = point is not None and not self._allows(point)
        fix = self._believed(fix, hidden=elsewhere or not on_duty)
        if self._chain is None or not on_duty:
            return self._hidden(fix, "off_duty")
        self._off_hours = not self._scheduled(fix.at)
        if self._off_hours:
            self._rest()
            return self._hidden(fix, "off_duty")
        if elsewhere:
            self._gate = self._fresh_gate()
            return self._hidden(fix, "not_publishable") + self._chain.cut()
        refused = self._gate.judge(fix)
        if refused == "untrusted_date":
            self._untrusted = [*self._untrusted, fix][-UNTRUSTED_MAX:]
        if refused is not None or point is None or fix.utc_ms is None:
            self.tally[f"refused.{refused}"] += 1
            return []
        early, self._untrusted = self._untrusted, []
        records = [record for one in early if _fits(one, fix) for record in self._located(self._chain, one)]
        return records + self._located(self._chain, fix)

    def _allows(self, point: Point) -> bool:
        return self._agreement is not None and self._agreement.allows(point)

    def _scheduled(self, at: float) -> bool:
        """Whether the agreed hours, if there are any, include this moment; an unknown one is no fix's fault."""
        now = self._days.now(at)
        if self._agreement is None or now is None:
            return True
        return self._agreement.scheduled((now.second + self._starts_s) % DAY_S)

    def _believed(self, fix: Fix, *, hidden: bool) -> Fix:
        """The fix with the trust it has: the time that hidden ones taught lends none to those behind them.

        Any trusted fix tells the time while none is known; later only one that may be published does.
        """
        unknown = self._days.now(fix.at) is None
        if self._was_hidden and not hidden and unknown and fix.utc_ms is not None:
            fix = self._receiver.epochs.anew(fix)
        self._was_hidden = hidden
        believable = fix.trusted and (self._replay or fix.quality != "simulated")
        if believable and fix.utc_ms is not None and self._days.now(fix.at) is None:
            self._days.learn(fix.utc_ms, fix.at)
        return fix

    def _hidden(self, fix: Fix, why: str) -> list[Record]:
        """A fix that leaves nothing lends no trust to what follows either.

        So three fixes in a row must be publishable before one is: a stray one of a truck that still stands there
        does not count.
        """
        self.tally[why] += 1
        self._untrusted = []
        if self._days.now(fix.at) is not None:
            self._receiver.epochs.doubt()
        return []

    def _located(self, chain: Chain, fix: Fix) -> list[Record]:
        point = place_of(fix)
        if point is None or fix.utc_ms is None:
            return []
        self._days.learn(fix.utc_ms, fix.at)
        if not chain.told:
            self._pulses = self._fresh_lines(level=False, known=True)  # of what went before they know nothing
        return chain.place(fix.at, self._days.moment(fix.utc_ms), fix.utc_ms, point, fix.speed_mps)


def _fits(early: Fix, fix: Fix) -> bool:
    """Whether a fix that was not yet trusted has the date that was then trusted."""
    if early.utc_ms is None or fix.utc_ms is None:
        return False
    return abs((fix.utc_ms - early.utc_ms) - 1000 * (fix.at - early.at)) <= EARLY_MS_MAX
