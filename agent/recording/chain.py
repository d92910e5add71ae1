"""Behind the gates: what the streams make of publishable places, pulses and brakings.

It remembers the way since the last cut and nothing of what the gates held back. What a pulse told waits for the next
publishable place, so that a pulse just before hidden ground is dropped whatever comes of it there. Lifts and the
crew's reports then leave with the stretch on which they were, in one commit; a braking leaves by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from agent.agreement import Agreement
from agent.agreement.schema import TimedRelease
from agent.filters.continuity import Continuity, Join
from agent.filters.placed import Placed
from agent.geometry import Point, between, point_of
from agent.recording import checkpoint
from agent.recording.braking import BrakingRules, Brakings
from agent.recording.way import PublishedStretch, Way, WayRules
from agent.records import Record
from agent.service_day import Moment
from agent.streams import streams_of
from agent.streams.merging import put_together
from agent.streams.stream import Stream
from agent.topics import FLEET_STREAMS

FRESH_S = 5.0  # a pulse takes the place of a fix no older than this
WAITING_MAX = 100  # records of pulses between two fixes
ALONG_MAX = 1000  # records that leave with their stretch
STAND_WAITS_M = 150.0  # of the last place on disk: less is not worth a commit where a release is near
PRECISION_M = 5.0  # of the way, where no stream publishes it as a line


class Chain:
    """Streams, the way that they follow, and brakings, under one agreement.

    `numbered` as in `agent.recording.way.Way`.
    """

    def __init__(self, agreement: Agreement, braking: BrakingRules, numbered: tuple[int, int]) -> None:
        self._agreement = agreement
        self._streams = streams_of(agreement)
        self._way = Way(way_rules(agreement), numbered)
        self._ceiling_mps = agreement.file.limits.speed_ceiling
        self._brakings = Brakings(braking)
        self._continuity = Continuity()
        self._newest: tuple[float, Placed] | None = None
        self._pressed: list[tuple[str, float]] = []
        self._waiting: list[Record] = []
        self._along: list[Record] = []
        self._day: int | None = None
        self._saved = True  # whether a pause's or a cut's end state was asked for

    @property
    def due(self) -> float | None:
        """When `judge` has something at the latest; None while nothing waits."""
        return self._brakings.due

    @property
    def told(self) -> bool:
        """Whether a place was told of since the last pause or cut."""
        return self._newest is not None

    def place(
        self, at: float, moment: Moment, utc_ms: int, point: Point, speed_mps: float | None
    ) -> list[Record]:
        """A publishable, accepted fix. Above the speed ceiling all speeds are one."""
        join = self._continuity.reach(utc_ms, point)
        if self._day not in (None, moment.day):
            join = Join(broken=True)
        records = self._end() if join.broken else []
        records += self._confirmed()
        self._day = moment.day
        self._brakings.push_fix(at, None if speed_mps is None else min(speed_mps, self._ceiling_mps))
        placed = Placed(moment.day, moment.second, join.elapsed_s, point, utc_ms, join.resumed)
        self._locate(at, placed)
        self._newest = (at, placed)
        records += self._heard(lambda stream: stream.placed(placed))
        closed = self._way.push(placed)
        return records + (self._left(closed) if closed or len(self._along) > ALONG_MAX else [])

    def press(self, kind: str, at: float) -> None:
        """A pulse of a kind that streams tell of, or `harsh_braking`. It counts if the newest fix is fresh."""
        if self._newest is not None and 0 <= at - self._newest[0] <= FRESH_S:
            self._pressed = [*self._pressed, (kind, at)][:WAITING_MAX]

    def _locate(self, at: float, placed: Placed) -> None:
        """Each pulse since the fix before was on the line between the two: a receiver is a second or two late."""
        if self._newest is None:
            return
        (before_at, before), pressed = self._newest, self._pressed
        self._pressed = [(kind, pressed_at) for kind, pressed_at in pressed if pressed_at > at]
        for kind, pressed_at in pressed:
            if pressed_at > at:
                continue
            share = max(0.0, (pressed_at - before_at) / (at - before_at)) if at > before_at else 0.0
            there = before._replace(point=between(before.point, placed.point, share))
            if kind == "harsh_braking":
                self._brakings.push_pulse(pressed_at, there)
            else:
                self._wait(
                    self._heard(lambda stream, kind=kind, there=there: stream.pulsed(kind, there))  # type: ignore[misc]
                )

    def judge(self, now: float) -> None:
        """Brakings whose windows have closed by `now` wait for the next place, too."""
        for braking in self._brakings.step(now):
            self._wait(self._heard(lambda stream, braking=braking: stream.braked(braking)))  # type: ignore[misc]

    def pause(self) -> None:
        """Recording is off: pulses are forgotten, and the next place tells whether the way goes on."""
        self._continuity.pause()
        self._saved = self._saved and self._newest is None
        self._forget_pulses()

    def cut(self) -> list[Record]:
        """The truck was where nothing may be published: all state goes."""
        self._continuity.cut()
        return self._end()

    def close(self) -> list[Record]:
        """What a timed release takes with it."""
        return self._left(self._way.close()) + self._heard(lambda stream: stream.close())

    def day_over(self, day: int) -> list[Record]:
        """Service day `day` has begun: what earlier days left unfinished ends here."""
        return self.cut() if self._day is not None and self._day < day else []

    def _end(self) -> list[Record]:
        self._saved = self._saved and self._day is None
        self._day = None
        self._forget_pulses()
        return self._left(self._way.cut()) + self._heard(lambda stream: stream.cut())

    def _confirmed(self) -> list[Record]:
        """What pulses told of the places until here; a braking may not go to disk beside its way."""
        told, self._waiting = self._agreed(self._waiting), []
        self._along += [record for record in told if record.stream not in FLEET_STREAMS]
        return [record for record in told if record.stream in FLEET_STREAMS]

    def _forget_pulses(self) -> None:
        self._newest = None
        self._pressed = []
        self._waiting = []
        self._brakings.cut()

    def _wait(self, records: list[Record]) -> None:
        self._waiting = (self._waiting + records)[:WAITING_MAX]

    def _heard(self, ask: Callable[[Stream], list[Record]]) -> list[Record]:
        return self._agreed(record for stream in self._streams.values() for record in ask(stream))

    def _left(self, closed: Iterable[PublishedStretch]) -> list[Record]:
        """Closed stretches, and what leaves with them."""
        along, self._along = put_together(self._along), []
        for one in closed:
            along += self._heard(lambda stream, one=one: stream.stretched(one))  # type: ignore[misc]
        return along

    def _agreed(self, records: Iterable[Record]) -> list[Record]:
        """Those that some live question needs on their day, and that name no place of which nothing may leave.

        A truck on open ground may be in a square whose middle is hidden.
        """
        return [
            record
            for record in records
            if record.stream in self._agreement.collected(record.day) and self._is_open(record.fields)
        ]

    def _is_open(self, fields: Mapping[str, Any]) -> bool:
        if "latitude_deg" not in fields:
            return True
        return self._agreement.allows(point_of((fields["latitude_deg"], fields["longitude_deg"])))

    # Across a loss of power.

    def checkpoint_due(self, *, release_is_near: bool) -> bool:
        """Whether what is on disk should follow: the truck is paused, has cut its way, or has come to stand.

        A stand close to the last place on disk waits for a release that is near. A pause and a cut wait for nothing:
        what is hidden next may end with the power.
        """
        if not self._saved:
            return True
        worth_m = STAND_WAITS_M if release_is_near else 0.0
        return self._way.changed and self._way.stands and self._way.unsaved_m >= worth_m

    def checkpoint(self) -> tuple[int, bytes] | None:
        """The service day and the bytes of what is held; None when nothing is."""
        self._saved = True
        last = self._continuity.state()
        if last is None or self._day is None:
            self._way.changed = False
            return None
        held = {
            "day": self._day,
            "last": last,
            "way": self._way.state(),
            "along": self._along,
            "streams": {
                name: state for name, each in self._streams.items() if (state := each.state()) is not None
            },
        }
        return self._day, checkpoint.written(self._agreement.reference.sha256, held)

    def restore(self, body: bytes) -> None:
        """Go on from a checkpoint; one that is not understood, or of another agreement, counts as none."""
        held = checkpoint.read(body, self._agreement.reference.sha256)
        if held is None:
            return
        self._day = held["day"]
        self._continuity.restore(held["last"])
        self._way.restore(held["way"])
        self._along = [Record(*record) for record in held["along"]]
        for name, state in held["streams"].items():
            self._streams[name].resume(state)


def way_rules(agreement: Agreement) -> WayRules:
    """What the agreement says of the way."""
    file = agreement.file
    track = file.streams.track
    clock = track.clock if track else "stretch"
    if clock == "stretch" and file.streams.passed:
        clock = "minute"  # its windows need times, which the track does not show
    return WayRules(
        origin=file.places.origin.point,
        precision_m=track.precision if track else PRECISION_M,
        clock=clock,
        standstill_cap_s=file.limits.standstill_cap,
        stretch_length_m=None if isinstance(file.release, TimedRelease) else file.limits.stretch_length,
        trim_m=file.limits.trim,
        speed_ceiling_mps=file.limits.speed_ceiling,
    )
