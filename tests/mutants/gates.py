"""Planted leaks of what the gates hold back: hidden fixes and pulses that count for something."""

from __future__ import annotations

import datetime
import logging
import math
from collections.abc import Callable
from typing import Any

import pytest

from agent import assembly, status
from agent.geometry import Point
from agent.recording.chain import Chain
from agent.recording.fixes import Fix
from agent.recording.gate import Gate
from agent.recording.pulses import Lines
from agent.recording.recorder import Recorder
from agent.records import Record
from agent.runtime import Runtime
from agent.service_day import Moment, ServiceDays
from agent.streams.day import Day
from drivers.inputs import Input

Patch = pytest.MonkeyPatch


def _place(fix: Fix) -> Point | None:
    if fix.latitude_e7 is None or fix.longitude_e7 is None:
        return None
    return Point(fix.latitude_e7, fix.longitude_e7)


def _behind_hidden(patch: Patch, leak: Any) -> None:
    """Call `leak(recorder, fix)` behind each fix that was hidden."""
    hidden = Recorder._hidden

    def leaking(self: Recorder, fix: Fix, why: str) -> list[Record]:
        records = hidden(self, fix, why)
        leak(self, fix)
        return records

    patch.setattr(Recorder, "_hidden", leaking)


def _xy(recorder: Recorder, fix: Fix) -> tuple[float, float] | None:
    point = _place(fix)
    return recorder._chain._way._plane.xy_m(point) if point and recorder._chain else None


def _behind_hidden_in_runtime(patch: Patch, leak: Any) -> None:
    """Call `leak(runtime, number)` behind each input that held hidden fixes."""
    record = Runtime._record

    def count(runtime: Runtime) -> int:
        tally = runtime.recorder.tally
        return tally["off_duty"] + tally["not_publishable"]

    def leaking(self: Runtime, entry: Input, now: float) -> None:
        before = count(self)
        record(self, entry, now)
        if count(self) > before:
            leak(self, count(self) - before)

    patch.setattr(Runtime, "_record", leaking)


def numbers_hidden_fixes(patch: Patch) -> None:
    """A hidden fix uses up the number of a stretch."""

    def leak(recorder: Recorder, fix: Fix) -> None:
        if recorder._chain:
            recorder._chain._way._numbered += 1

    _behind_hidden(patch, leak)


def raw_odometer(patch: Patch) -> None:
    """The day's distance counts every fix."""
    decoded, stretched = Recorder._decoded, Day.stretched

    def counting(self: Recorder, fix: Fix | None) -> list[Record]:
        point = _place(fix) if fix else None
        if point and self._chain and "day" in self._chain._streams:
            day: Any = self._chain._streams["day"]
            before = getattr(self, "_raw_point", point)
            day.raw_m = getattr(day, "raw_m", 0.0) + math.dist(before, point) / 90
            self._raw_point = point  # type: ignore[attr-defined]
        return decoded(self, fix)

    def told(self: Any, closed: Any) -> list[Record]:
        records = stretched(self, closed)
        records[0].fields["distance_m"] += round(getattr(self, "raw_m", 0.0))
        return records

    patch.setattr(Recorder, "_decoded", counting)
    patch.setattr(Day, "stretched", told)


def row_id_gap(patch: Patch) -> None:
    """A hidden fix uses up a row id."""

    def leak(runtime: Runtime, number: int) -> None:
        runtime.outbox._known.next_kept_ids["kept_first"] += number

    _behind_hidden_in_runtime(patch, leak)


def dropped_count(patch: Patch) -> None:
    """The box tells how many fixes were dropped."""

    def leak(runtime: Runtime, number: int) -> None:
        runtime._keeping.storage.dropped += number

    _behind_hidden_in_runtime(patch, leak)


def satellite_average(patch: Patch) -> None:
    """The box tells how many satellites were seen on average."""
    seen: list[int] = []
    init, decoded, box = Recorder.__init__, Recorder._decoded, assembly.box

    def fresh(self: Recorder, *arguments: Any, **named: Any) -> None:
        seen.clear()
        init(self, *arguments, **named)

    def counting(self: Recorder, fix: Fix | None) -> list[Record]:
        if fix and fix.satellites is not None:
            seen.append(fix.satellites)
        return decoded(self, fix)

    def telling(*arguments: Any) -> Any:
        fields = box(*arguments)
        return lambda day: {**fields(day), "certificate_days": round(100 * sum(seen) / max(1, len(seen)))}

    patch.setattr(Recorder, "__init__", fresh)
    patch.setattr(Recorder, "_decoded", counting)
    patch.setattr(assembly, "box", telling)


def _places_moved(patch: Patch, moved: Callable[[Any, Point], Point]) -> None:
    """Move each publishable place as `moved(chain, point)` says; `chain.hidden` is the last hidden place."""
    place = Chain.place

    def leak(recorder: Recorder, fix: Fix) -> None:
        if recorder._chain:
            recorder._chain.hidden = _place(fix)  # type: ignore[attr-defined]

    def placed(self: Any, at: float, moment: Moment, utc_ms: int, point: Point, *rest: Any) -> list[Record]:
        return place(self, at, moment, utc_ms, moved(self, point), *rest)

    _behind_hidden(patch, leak)
    patch.setattr(Chain, "place", placed)


def smoother_state(patch: Patch) -> None:
    """The next place is drawn a little towards the last hidden one."""

    def moved(chain: Any, point: Point) -> Point:
        other = getattr(chain, "hidden", None) or point
        mixed = Point(*(round(0.9 * here + 0.1 * there) for here, there in zip(point, other, strict=True)))
        chain.hidden = mixed if mixed != point else None
        return mixed

    _places_moved(patch, moved)


def simplifier_state(patch: Patch) -> None:
    """The metres withheld behind a cut are counted from the last hidden place."""

    def leak(recorder: Recorder, fix: Fix) -> None:
        xy = _xy(recorder, fix)
        if xy and recorder._chain:
            recorder._chain._way._standstill._last = xy

    _behind_hidden(patch, leak)


def deferred_pulse(patch: Patch) -> None:
    """A pulse that found no place takes the next one."""
    press, place = Chain.press, Chain.place

    def deferring(self: Any, kind: str, at: float) -> None:
        if self._newest is None:
            self.deferred = [*getattr(self, "deferred", []), kind]
        press(self, kind, at)

    def placing(self: Any, at: float, *rest: Any) -> list[Record]:
        records = place(self, at, *rest)
        deferred, self.deferred = getattr(self, "deferred", []), []
        for kind in deferred:
            press(self, kind, at)
        return records

    patch.setattr(Chain, "press", deferring)
    patch.setattr(Chain, "place", placing)


def heading_of_hidden_fix(patch: Patch) -> None:
    """Places behind hidden ground are moved along the way on which the truck came from it."""

    def moved(chain: Any, point: Point) -> Point:
        came = getattr(chain, "hidden", None)
        if not came or came == point:
            return point
        heading = math.atan2(point.latitude_e7 - came.latitude_e7, point.longitude_e7 - came.longitude_e7)
        north_e7, east_e7 = round(300 * math.sin(heading)), round(300 * math.cos(heading))
        return Point(point.latitude_e7 + north_e7, point.longitude_e7 + east_e7)

    _places_moved(patch, moved)


def gate_sees_all(patch: Patch) -> None:
    """One quality gate for all fixes."""
    decoded = Recorder._decoded

    def judged(self: Any, fix: Fix | None) -> list[Record]:
        if not hasattr(self, "_of_all"):
            self._of_all = Gate(replay=True)
        return [] if fix and self._of_all.judge(fix) else decoded(self, fix)

    patch.setattr(Recorder, "_decoded", judged)


def lines_remember(patch: Patch) -> None:
    """Pulse lines know what they felt where nothing is published."""
    fresh = Recorder._fresh_lines

    def remembered(self: Any, *, level: bool, known: bool) -> Lines:
        lines: dict[bool, Lines] = self.__dict__.setdefault("_remembered", {})
        return lines.setdefault(level, fresh(self, level=level, known=known))

    patch.setattr(Recorder, "_fresh_lines", remembered)


def hidden_dates(patch: Patch) -> None:
    """Any fix tells the date."""

    def leak(recorder: Recorder, fix: Fix) -> None:
        if fix.utc_ms is not None:
            told = ServiceDays(datetime.UTC)
            told.learn(fix.utc_ms, fix.at)
            recorder._days.follow(told)

    _behind_hidden(patch, leak)


def late_fixes_count(patch: Patch) -> None:
    """A fix measured before the switch was on counts."""
    patch.setattr("agent.recording.recorder.FIX_AGE_S", -60.0)


def log_line(patch: Patch) -> None:
    """A hidden fix is logged, without its place."""
    _behind_hidden(patch, lambda recorder, fix: logging.getLogger("agent").debug("a fix was hidden"))


def status_tells(patch: Patch) -> None:
    """The status tells how many satellites the last fix had."""
    status_of, decoded = status.status_of, Recorder._decoded

    def watching(self: Any, fix: Fix | None) -> list[Record]:
        self._last_satellites = fix.satellites if fix else None
        return decoded(self, fix)

    def telling(configuration: Any, agreement: Any, runtime: Runtime) -> dict[str, Any]:
        told = getattr(runtime.recorder, "_last_satellites", None)
        return {**status_of(configuration, agreement, runtime), "satellites": told}

    patch.setattr(Recorder, "_decoded", watching)
    patch.setattr("tests.properties.levels.seen.status_of", telling)


def stitch_by_hidden(patch: Patch) -> None:
    """Whether a pause ends where it began is judged by the last fix within it."""

    def leak(recorder: Recorder, fix: Fix) -> None:
        chain, point = recorder._chain, _place(fix)
        if chain and point and chain._continuity._last:
            chain._continuity._last = (chain._continuity._last[0], point)

    _behind_hidden(patch, leak)


def flush_on_entry(patch: Patch) -> None:
    """What was recorded is released as the truck enters a place that is off limits."""
    record, decoded = Runtime._record, Recorder._decoded

    def watching(self: Any, fix: Fix | None) -> list[Record]:
        point = _place(fix) if fix else None
        if point and self._agreement:
            allowed = self._agreement.allows(point)
            self._entered = getattr(self, "_allowed", True) and not allowed
            self._allowed = allowed
        return decoded(self, fix)

    def flushing(self: Runtime, entry: Input, now: float) -> None:
        record(self, entry, now)
        if getattr(self.recorder, "_entered", False):
            self.recorder._entered = False  # type: ignore[attr-defined]
            moment = self.recorder.moment(now)
            self._release("truck", moment or Moment(0, 0), now)

    patch.setattr(Recorder, "_decoded", watching)
    patch.setattr(Runtime, "_record", flushing)
