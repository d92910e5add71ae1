"""Planted leaks of time: when something leaves, and labels that tell when something was."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from agent.filters.continuity import Continuity, Join
from agent.filters.placed import Placed
from agent.geometry import Point
from agent.recording.fixes import Fix
from agent.recording.recorder import Recorder
from agent.recording.way import PublishedStretch, Way
from agent.records import Record
from agent.runtime import Runtime
from agent.service_day import Moment
from agent.standing import Standing
from buffer.outbox import Outbox
from drivers.inputs import Input, Pulse

Patch = pytest.MonkeyPatch

RAW_MAX = 50  # fixes to a batch
HOUR_S = 3600


def raw_count(patch: Patch) -> None:
    """A stretch is closed with every fiftieth fix, hidden ones included."""
    decoded = Recorder._decoded

    def counting(self: Any, fix: Fix | None) -> list[Record]:
        records = decoded(self, fix)
        self._raw = getattr(self, "_raw", 0) + 1
        return records + self.close() if self._raw % RAW_MAX == 0 else records

    patch.setattr(Recorder, "_decoded", counting)


def _relabelled(patch: Patch, label: Any) -> None:
    """Number stretches as `label(way, number)` says; `way.second` is that of the newest place."""
    push, publish = Way.push, Way._publish

    def placed(self: Any, one: Placed) -> list[PublishedStretch]:
        self.resumed_second = one.second if one.resumed else getattr(self, "resumed_second", 0)
        self.seconds = [*getattr(self, "seconds", []), one.second]
        return push(self, one)

    def published(self: Any, *arguments: Any) -> PublishedStretch:
        closed = publish(self, *arguments)
        return closed._replace(number=label(self, closed.number))

    patch.setattr(Way, "push", placed)
    patch.setattr(Way, "_publish", published)


def _second(way: Any, number: int) -> int:
    """0 for a way that was taken up after a loss of power and has seen none yet."""
    return int(getattr(way, "seconds", [0])[number])


def wall_time(patch: Patch) -> None:
    """A stretch carries the time of day at which it closed."""
    _relabelled(patch, lambda way, number: 100_000 * number + _second(way, -1))


def part_of_day(patch: Patch) -> None:
    """A stretch carries whether it closed in the morning, at noon or later."""
    _relabelled(patch, lambda way, number: 10 * number + _second(way, -1) // (3 * HOUR_S))


def label_per_record(patch: Patch) -> None:
    """A stretch carries the hour of its first place."""
    _relabelled(patch, lambda way, number: 100 * number + _second(way, 0) // HOUR_S)


def label_of_resuming(patch: Patch) -> None:
    """A stretch carries the hour at which the crew last resumed."""
    _relabelled(patch, lambda way, number: 100 * number + getattr(way, "resumed_second", 0) // HOUR_S)


def slot_from_boot(patch: Patch) -> None:
    """Days begin some minutes late, by the phase of the boot."""
    moment = Recorder.moment

    def phased(self: Any, now: float) -> Moment | None:
        told = moment(self, now)
        if told is None:
            return None
        self.phase_s = getattr(self, "phase_s", told.second % 300)
        return Moment(told.day, told.second - self.phase_s)

    patch.setattr(Recorder, "moment", phased)


def _connected(patch: Patch, wanted: Any) -> None:
    """Want a connection whenever `wanted(runtime)` says so, too."""
    before = Runtime._is_wanted

    def asked(self: Runtime, streams: Any) -> bool:
        return before(self, streams) or bool(wanted(self))

    patch.setattr(Runtime, "_is_wanted", asked)


def birth_on_duty(patch: Patch) -> None:
    """The link is up while the truck is on duty."""
    _connected(patch, lambda runtime: runtime.recorder.on_duty)


def will_off_duty(patch: Patch) -> None:
    """The link comes up when duty ends and the truck is still awake."""
    _connected(
        patch,
        lambda runtime: (
            not runtime.recorder.on_duty and runtime.now and not runtime.standing.begins(runtime.now.day)
        ),
    )


def keepalive_on_duty(patch: Patch) -> None:
    """The link comes up for a minute in each hour on duty."""
    _connected(
        patch, lambda runtime: runtime.recorder.on_duty and runtime.now and runtime.now.second % HOUR_S < 60
    )


def health_on_duty(patch: Patch) -> None:
    """The box tells how it is with each new day and each time that recording resumes."""
    follow = Recorder._follow_duty
    housekeep = Runtime._housekeep

    def following(self: Any, at: float) -> None:
        was = self._on_since
        follow(self, at)
        self.woke = getattr(self, "woke", False) or (was is None and self._on_since is not None)

    def telling(self: Runtime, now: float) -> None:
        housekeep(self, now)
        if getattr(self.recorder, "woke", False) and self.now:
            self.recorder.woke = False  # type: ignore[attr-defined]
            self._release("truck", self.now, now)
            self._carrying.want(True, now)

    patch.setattr(Recorder, "_follow_duty", following)
    patch.setattr(Runtime, "_housekeep", telling)


def slots_on_duty(patch: Patch) -> None:
    """A slot is used whenever the truck is off duty at its time, or not at all on duty."""
    patch.setattr(Runtime, "_silent", property(lambda self: self.recorder.on_duty))


def _at_engine_off(patch: Patch, leak: Any) -> None:
    step = Runtime.step

    def stepping(self: Runtime, entry: Input, now: float) -> None:
        step(self, entry, now)
        if isinstance(entry, Pulse) and entry.pin == "ignition" and entry.level == 0:
            leak(self)

    patch.setattr(Runtime, "step", stepping)


def resend_at_engine_off(patch: Patch) -> None:
    """The newest batch is sent once more when the engine goes off and there is a connection."""

    def leak(runtime: Runtime) -> None:
        newest = runtime.outbox.newest()
        if newest and runtime.sender.state == "up":
            runtime._carrying._link.publish(runtime._carrying._topic(newest.stream), newest.payload)

    _at_engine_off(patch, leak)


def epoch_at_engine_off(patch: Patch) -> None:
    """Batches have another epoch after the engine was off."""
    epoch = Outbox.epoch

    def leak(runtime: Runtime) -> None:
        box = runtime.outbox._outbox
        box.engine_offs = getattr(box, "engine_offs", 0) + 1

    def changing(self: Any, stream: str) -> str:
        known, offs = epoch(self, stream), getattr(self, "engine_offs", 0)
        return hashlib.sha256(f"{known}{offs}".encode()).hexdigest()[:16] if offs else known

    _at_engine_off(patch, leak)
    patch.setattr(Outbox, "epoch", changing)


def agreement_flip(patch: Patch) -> None:
    """A new agreement counts as soon as it is seen on duty."""
    patch.setattr(Standing, "begins", lambda self, day: True)


def pulses_wake(patch: Patch) -> None:
    """A pulse is an occasion to look at the time, the disk and the link."""
    step = Runtime.step

    def stepping(self: Runtime, entry: Input, now: float) -> None:
        step(self, entry, now)
        if isinstance(entry, Pulse):
            self._housekeep(now)

    patch.setattr(Runtime, "step", stepping)


def pause_counts(patch: Patch) -> None:
    """The seconds of a pause are running time."""
    reach = Continuity.reach

    def reached(self: Any, utc_ms: int, point: Point) -> Join:
        last, join = self._last, reach(self, utc_ms, point)
        return Join(min(60.0, (utc_ms - last[0]) / 1000)) if join.resumed and last and last[0] else join

    patch.setattr(Continuity, "reach", reached)


def checkpoint_time(patch: Patch) -> None:
    """The note on disk says at which second of the day it was written."""
    checkpoint = Recorder.checkpoint

    def timed(self: Any) -> Any:
        made = checkpoint(self)
        moment = self._days._utc_ms
        return (made[0], made[1] + str(moment // 1000).encode()) if made else None

    patch.setattr(Recorder, "checkpoint", timed)
