"""`bytes_of`: everything that can be seen from outside of one shift and the days after it.

The shift is run as on the truck: inputs and ticks in the order of the live loop, a new agent over the same outbox
and a monotonic clock from 0 after each loss of power, nothing flushed when power goes. What is seen: connections
and payloads with every argument and every reply, the rows of the outbox, log lines, status lines.

Not in it: file times, the journal's time stamps, radio; the lines with which a program starts.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from agent.agreement import Agreement
from agent.assembly import assemble
from agent.paper import PaperLink
from agent.release import SLOT_S
from agent.runtime import Runtime
from agent.standing import Standing
from agent.status import status_of
from buffer import sqlite_file
from buffer.outbox import Outbox
from drivers.inputs import Chunk, Input, Pulse, Tick
from tests.properties.levels.parts import STEP_S, Heard, Shift
from tests.sim.drives import SIZE_BYTES, TRUCK, Lines, configuration, sentences

DAY_S = 86_400
STATUS_EVERY_S = 10.0
WATCHED_S = 60.0  # how long ticks come as the loop wants them where nothing else happens
STRIDE_S = 300.0  # and how far apart they come after that
LOOK_S = 20.0  # how long of a slot ticks come as the loop wants them
DAYS_AFTER = 2
PINS = {
    **TRUCK["pins"],
    "lift": {"gpio": 5, "kind": "lift"},
    "hazard": {"gpio": 6, "kind": "hazard_button"},
}


class Faulted(AssertionError):
    """The recording half failed: what such a run shows means nothing."""


class Bytes(NamedTuple):
    """What was seen, in order. `times` of the shift proper come first."""

    link: list[tuple[Any, ...]]
    disk: list[tuple[Any, ...]]
    lines: list[str]
    status: list[tuple[Any, ...]]
    commits: list[Any]


class Wire(PaperLink):
    """A broker of paper that notes all it is asked for and all it answers, at seconds of the shift."""

    def __init__(self, seen: list[tuple[Any, ...]]) -> None:
        super().__init__(lambda _: None)
        self.seen = seen
        self.begun_s = 0.0

    def _note(self, what: str, *arguments: Any, **named: Any) -> None:
        self.seen.append((self.begun_s + self.at, what, *arguments, *sorted(named.items())))

    def connect(self, *arguments: Any, **named: Any) -> None:
        """Noted."""
        self._note("connect", *arguments, **named)
        super().connect(*arguments, **named)

    def publish(self, *arguments: Any, **named: Any) -> int:
        """Noted."""
        self._note("publish", *arguments, **named)
        return super().publish(*arguments, **named)

    def disconnect(self, *arguments: Any, **named: Any) -> None:
        """Noted."""
        self._note("disconnect", *arguments, **named)
        super().disconnect(*arguments, **named)


class WatchedOutbox:
    """An outbox that notes each commit."""

    def __init__(self, outbox: Outbox, commits: list[Any]) -> None:
        self._outbox = outbox
        self._commits = commits

    def __getattr__(self, name: str) -> Any:
        return getattr(self._outbox, name)

    def commit(self, **change: Any) -> None:
        """Noted, then done."""
        shown = {
            key: sorted(value) if isinstance(value, set | frozenset) else value
            for key, value in change.items()
        }
        self._commits.append(shown)
        self._outbox.commit(**change)


class _Card:
    """A file in memory that outlives the programs that open it."""

    def __init__(self) -> None:
        self._db = sqlite_file.plain_connect(":memory:")

    def opened(self) -> Outbox:
        return Outbox.open(
            None,
            random_bytes=random.Random(1).randbytes,
            size_bytes_max=SIZE_BYTES,
            connect=lambda _: self._db,
        )

    def rows(self) -> list[tuple[Any, ...]]:
        """Every row of every table, in the order of the tables' keys."""
        names = [
            name
            for (name,) in self._db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")
        ]
        return [(name, *row) for name in names for row in self._db.execute(f"SELECT * FROM {name}")]


class _Boot(NamedTuple):
    """One life of the program: from and until when, in seconds of the shift."""

    since_s: float
    until_s: float


def _boots(shift: Shift) -> list[_Boot]:
    edges_s = [0.0, *(at for dark in shift.whole.dark for at in dark), shift.whole.lasts_s]
    return [_Boot(since, until) for since, until in zip(edges_s[::2], edges_s[1::2], strict=True)]


def _levels(shift: Shift, now_s: float, at: float) -> list[Pulse]:
    """The level of every line at a second of the shift."""
    levels = {edge.pin: edge.level for edge in shift.whole.edges if edge.at_s <= now_s}
    return [Pulse(at, pin, level) for pin, level in sorted(levels.items())]


def _inputs(shift: Shift, boot: _Boot) -> list[Input]:
    """What comes in during one boot, first the level of every line."""
    since_s, until_s = boot
    inputs: list[Input] = [
        Pulse(edge.at_s - since_s, edge.pin, edge.level)
        for edge in shift.whole.edges
        if since_s < edge.at_s < until_s
    ]
    inputs += [
        Chunk(one.at_s - since_s, _said(shift, one))
        for one in shift.whole.heard
        if since_s <= one.at_s < until_s
    ]
    inputs.sort(key=lambda entry: (entry.at, isinstance(entry, Chunk)))
    return [*_levels(shift, since_s, 0.0), *inputs]


def _said(shift: Shift, one: Heard) -> bytes:
    return sentences(shift.begins_ms + round(one.at_s * 1000) + one.odd_ms, one.spot, shift.plane)


class _Watch:
    """One shift being run, and what is seen of it."""

    def __init__(self, shift: Shift) -> None:
        self.shift = shift
        self.seen = Bytes([], [], [], [], [])
        self.wire = Wire(self.seen.link)
        self.card = _Card()
        self.configuration = configuration(pins=PINS)
        self.held: Agreement | None = None
        self.runtime = self._started(0.0)
        self.status_due = 0.0

    def _started(self, since_s: float) -> Runtime:
        self.wire.begun_s, self.wire.at = since_s, 0.0
        self.wire.answers.clear()
        box = WatchedOutbox(self.card.opened(), self.seen.commits)
        self.held = None
        self.renewals = 0
        return assemble(
            self.configuration,
            Standing.resumed(box.note),
            box,  # type: ignore[arg-type]
            self.wire,
            chance=random.Random(1),
            look=self._file,
        )

    def _file(self) -> Agreement | None:
        """What the agreement's file holds, when that has changed since it was last asked."""
        now_s = self.wire.begun_s + self.wire.at
        held = [paper for at_s, paper in self.shift.whole.papers if at_s <= now_s][-1:] or [
            self.shift.agreement
        ]
        before, self.held = self.held, held[0]
        return None if held[0] is before else held[0]

    def run(self) -> None:
        for boot in _boots(self.shift):
            if boot.since_s:
                self.runtime = self._started(boot.since_s)
            self._follow(_inputs(self.shift, boot), boot)
        self._look_at_disk(self.shift.whole.lasts_s, "over")
        self._afterwards(boot.since_s)

    def _step(self, entry: Input) -> None:
        self._look_at_status(self.wire.begun_s + entry.at)
        self.wire.at = entry.at
        self.runtime.step(entry, entry.at)
        while self.wire.answers:
            self.runtime.step(self.wire.answers.popleft(), entry.at)
        if self.runtime.counts.faults:
            raise Faulted("the recording half failed")
        if self.runtime.renewals != self.renewals:
            self.renewals = self.runtime.renewals
            self._read_lines(entry.at)

    def _read_lines(self, at: float) -> None:
        """Another agreement has come into force: as the loop does, tell the level of every line again."""
        for pulse in _levels(self.shift, self.wire.begun_s + at, at):
            self.runtime.step(pulse, at)

    def _status(self) -> list[tuple[str, Any]]:
        return sorted(status_of(self.configuration, self.runtime.agreement, self.runtime).items())

    def _look_at_status(self, until_s: float) -> None:
        """As it stood at each ten seconds of the shift that have passed: when it is written is no part of it."""
        status = None
        while self.status_due <= min(until_s, self.shift.whole.lasts_s):
            status = status or self._status()
            self.seen.status.append((self.status_due, status))
            self.status_due += STATUS_EVERY_S

    def _follow(self, inputs: Iterable[Input], boot: _Boot) -> None:
        now = 0.0
        for entry in (*inputs, Tick(boot.until_s - boot.since_s)):
            self._wait(now, entry.at)
            self._step(entry)
            now = entry.at

    def _wait(self, now: float, until: float) -> None:
        """Ticks as the live loop gives them; fewer where nothing has come in for long."""
        quiet_from = now + WATCHED_S
        while True:
            due = max(now + self.runtime.wait_s(now), now + STEP_S)
            if now >= quiet_from:  # but a slot is never slept through
                due = max(due, min(now + STRIDE_S, self.runtime.slot_due or now + STRIDE_S))
            if due >= until:
                return
            now = due
            self._step(Tick(now))

    def _afterwards(self, begun_s: float) -> None:
        """The rest of the day and the next days; each midnight and each slot is looked at."""
        for at_s, what in _moments(self.shift):
            now = at_s - begun_s
            self._wait(self.wire.at, min(now, self.wire.at + LOOK_S))
            self._step(Tick(now))
            if what == "midnight":
                self._look_at_disk(at_s, what)

    def _look_at_disk(self, at_s: float, what: str) -> None:
        self.seen.disk.append((at_s, what, self.card.rows(), self._status()))


def _moments(shift: Shift) -> Iterator[tuple[float, str]]:
    """Slots and midnights after the shift, in seconds of it."""
    begun, ends_s = shift.begins_ms // 1000, shift.whole.lasts_s
    today = (begun + int(ends_s)) // DAY_S
    found = []
    for day in range(today, today + DAYS_AFTER + 1):
        found.append((day * DAY_S + DAY_S + 1, "midnight"))
        for slot_s in _slots_s(shift.agreement):
            found += [(day * DAY_S + slot_s + 1, "slot"), (day * DAY_S + slot_s + SLOT_S + 1, "slot over")]
    return ((at - begun, what) for at, what in sorted(found) if at - begun > ends_s)


def _slots_s(agreement: Agreement) -> list[int]:
    release = agreement.file.release
    minutes = [*getattr(release, "slots", []), *getattr(release, "fleet_slots", [])]
    return sorted(60 * minute for minute in minutes) or [0, 6 * 3600]


def bytes_of(shift: Shift) -> Bytes:
    """All that can be seen of a shift. Raises Faulted when the recording half failed."""
    lines = Lines()
    root = logging.getLogger()
    before = root.level
    root.addHandler(lines)
    root.setLevel(logging.DEBUG)
    try:
        watch = _Watch(shift)
        watch.run()
    finally:
        root.removeHandler(lines)
        root.setLevel(before)
    watch.seen.lines.extend(lines.text)
    return watch.seen
