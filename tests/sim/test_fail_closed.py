"""Failing closed: whatever is in doubt, nothing leaves but the box's own status."""

from __future__ import annotations

import functools
import random
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from agent.agreement import Agreement
from agent.assembly import assemble
from agent.live import AgreementPaper
from agent.loop import Loop
from agent.records import iso_date
from agent.release import SLOT_S
from agent.replaying import wait
from agent.runtime import LOOK_S
from agent.service_day import DAY_S
from agent.standing import Standing, Unusable
from agent.wire import decode
from drivers.inbox import Inbox
from drivers.inputs import Chunk, Input, Pulse, Tick
from drivers.simulate.sentences import with_checksum
from tests.sim.drives import (
    MORNING_MS,
    TODAY,
    Spot,
    Witness,
    WitnessedOutbox,
    agreement,
    braking,
    by_time,
    configuration,
    epochs,
    fed,
    outbox,
    sentences,
    straight,
    switched_on,
    truck,
)
from tests.unit.test_loop import SteppedClock

NAMES = ["routes-and-safety", "operations"]


@functools.cache
def version(name: str, number: int, until: str = "2028-12-31", **more: Any) -> Agreement:
    return agreement(name, lambda tree: tree.update(version=number, valid_until=until, **more))


class Truck:
    """A truck that is restarted at will; its outbox stays. `found` is the agreement of its next look."""

    def __init__(self, found: Agreement | Unusable, box: Any = None, **changed: Any) -> None:
        self.configuration = configuration(**changed)
        self.box: Any = box if box is not None else outbox()
        self.link = Witness()
        self.found: Agreement | Unusable | None = found
        self.at = 0.0
        self.start()

    def start(self) -> None:
        standing = Standing.resumed(self.box.note)
        found = self._look()
        if found is not None:
            standing.look(found)
        self.runtime = assemble(
            self.configuration, standing, self.box, self.link, chance=random.Random(1), look=self._look
        )

    def _look(self) -> Agreement | Unusable | None:
        found, self.found = self.found, None
        return found

    def restart(self) -> None:
        self.runtime.finish(self.at)
        self.start()

    def drive(self, metres: float = 3600.0, on: bool = True) -> None:
        """Along the street, then off duty, all in the agent's own time."""
        way = epochs(straight(metres, -1900), self.at)
        end = way[-1].at
        edges = switched_on(self.at) if on else []
        off = [Pulse(end + 1, "switch", 0), Pulse(end + 1, "ignition", 0)]
        self.feed(by_time(edges, way, braking(self.at + 20.0), off, [Tick(end + 3)]))

    def feed(self, entries: Iterable[Input]) -> None:
        for entry in entries:
            fed(self.runtime, self.link, [entry])
            self.at = max(self.at, entry.at)

    def next_day(self) -> None:
        """Parked until 09:00 of the next day."""
        self.link.at = self.at
        wait(self.runtime, self.link, DAY_S - self.at % DAY_S)
        self.at = self.link.at

    def streams(self, since: float = 0.0) -> set[str]:
        """What left since then, by stream, empty envelopes aside."""
        found = [decode(one.payload) for one in self.link.published if one.at >= since]
        return {payload.heading.stream for payload in found if payload.records}


def only_the_box(truck_here: Truck, since: float = 0.0) -> bool:
    payloads = [decode(one.payload) for one in truck_here.link.published if one.at >= since]
    topics = {one.topic for one in truck_here.link.published if one.at >= since}
    return {payload.heading.stream for payload in payloads} <= {"box"} and topics <= {
        "fairhaul/v1/springfield/truck-017/box"
    }


def connections(truck_here: Truck, since: float) -> list[float]:
    return [at for what, at, *_ in truck_here.link.seen if what == "connect" and at > since]


def without_its_agreement(name: str) -> Truck:
    """A truck whose agreement's file was lost overnight, behind its first shift since."""
    known = Truck(version(name, 1))
    known.drive()
    known.next_day()
    known.found = Unusable("there is no such file")
    known.at += 60.0
    known.drive()
    return known


# Agreements.


@pytest.mark.parametrize("name", NAMES)
def test_the_truck_of_these_tests_records_and_sends_while_all_is_well(name: str) -> None:
    known = Truck(version(name, 1))
    known.drive()
    known.next_day()
    assert {"track", "box"} <= known.streams()


@pytest.mark.parametrize("why", ["there is no such file", "its file is not understood"])
def test_R14_without_an_agreement_that_can_be_used_only_the_box_leaves(why: str) -> None:
    known = Truck(Unusable(why))
    known.drive()
    known.next_day()
    assert known.streams() == {"box"}
    assert only_the_box(known)
    assert known.box.counts().kept == 0


@pytest.mark.parametrize("name", NAMES)
def test_R14_a_truck_whose_agreement_is_lost_connects_once_a_day_whatever_its_ignition_does(
    name: str,
) -> None:
    known = without_its_agreement(name)
    lost = known.at
    for _ in range(3):
        known.next_day()
        known.drive()
    connected = connections(known, lost)
    assert len(connected) == len({at // DAY_S for at in connected}) == 3
    assert all(at % 3600 < SLOT_S for at in connected)
    assert only_the_box(known, lost)


@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_R14_power_that_comes_and_goes_by_day_moves_no_connection_of_a_truck_without_agreement(
    name: str, on: bool
) -> None:
    known = without_its_agreement(name)
    lost = known.at
    for _ in range(3):
        known.runtime.finish(known.at)
        known.at += DAY_S - known.at % DAY_S
        for _ in range(3):
            known.start()
            known.drive(on=on)
            known.link.at = known.at
            wait(known.runtime, known.link, 2 * 3600.0)
            known.at = known.link.at
            known.runtime.finish(known.at)
    assert [at // DAY_S for at in connections(known, lost)] == [2, 3, 4]
    assert only_the_box(known, lost)


def test_R14_a_broker_that_answers_nothing_learns_no_second_hour_of_a_truck_without_agreement() -> None:
    known = Truck(Unusable("there is no such file"))
    known.link.answers = deque(maxlen=0)  # not even to the connection
    known.drive()
    known.next_day()
    known.next_day()
    hours = {at // 3600 for at in connections(known, 0.0)}
    assert len(hours) == len({(hour + 9) // 24 for hour in hours}) == 3


def test_R14_what_the_lines_said_before_a_first_agreement_still_counts_under_it() -> None:
    known = Truck(Unusable("there is no such file"))
    known.feed(by_time(switched_on(), epochs(straight(600, -1900))))
    known.found = version("operations", 1)
    known.next_day()
    known.feed(epochs(straight(3600, -1900), known.at))
    assert known.runtime.agreement is not None
    assert known.runtime.recording


@pytest.mark.parametrize("restarted", [False, True])
def test_R14_a_mended_agreement_comes_back_on_a_truck_that_has_only_a_crew_switch(restarted: bool) -> None:
    agreed = agreement("operations", lambda tree: tree["duty"].update(requires=["crew_switch"]))
    switch = {"switch": {"kind": "crew_switch", "gpio": 22}}
    known = Truck(agreed, pins=switch)
    known.drive()
    known.next_day()
    known.found = Unusable("there is no such file")
    known.at += 60.0
    known.drive()
    assert known.runtime.agreement is None
    if restarted:
        known.restart()
    known.next_day()
    known.found = agreed
    known.at += 60.0
    known.drive()
    assert known.runtime.agreement is agreed


@pytest.mark.parametrize("name", NAMES)
def test_R14_an_expired_agreement_records_nothing_and_lets_only_the_box_out(name: str) -> None:
    known = Truck(version(name, 1, iso_date(TODAY - 1)))
    known.drive()
    known.next_day()
    assert only_the_box(known)
    assert known.streams() == {"box"}
    assert known.box.counts().kept == 0
    assert not known.runtime.recording


@pytest.mark.parametrize("name", NAMES)
def test_R14_an_agreement_that_ends_overnight_lets_out_nothing_of_the_day_before(name: str) -> None:
    known = Truck(version(name, 1, iso_date(TODAY)))
    known.drive()
    known.next_day()
    midnight = known.at - 9 * 3600
    known.drive()
    known.next_day()
    assert only_the_box(known, midnight)


def test_R14_behind_an_expired_agreement_a_narrower_one_goes_on() -> None:
    narrow = version("safety-only", 1)
    made = agreement("routes-and-safety", lambda tree: tree.update(valid_until=iso_date(TODAY)))
    known = Truck(Agreement(made.file, made.canonical, narrow))
    known.drive()
    known.next_day()
    assert known.runtime.agreement is narrow
    midnight = known.at - 9 * 3600
    known.drive()
    for _ in range(31):
        known.next_day()
    assert known.streams(midnight) == {"box", "harsh_braking"}
    assert "track" not in {
        decode(one.payload).heading.stream for one in known.link.published if one.at > midnight
    }


@pytest.mark.parametrize("name", NAMES)
def test_R14_a_rolled_back_agreement_lets_only_the_box_out_from_the_next_start_of_duty_on(name: str) -> None:
    known = Truck(version(name, 3))
    known.drive()
    known.found = version(name, 2)
    known.next_day()
    known.drive()
    since = known.at - 300
    assert known.runtime.agreement is None
    known.next_day()
    assert only_the_box(known, since)
    known.restart()
    known.drive()
    known.next_day()
    assert only_the_box(known, since)


@pytest.mark.parametrize("name", NAMES)
def test_a_change_in_mid_shift_changes_no_byte_until_the_next_start_of_duty(name: str) -> None:
    def seen(change: bool, restarted: bool) -> list[Any]:
        known = Truck(version(name, 1), WitnessedOutbox(outbox()))
        way = straight(7600, -3800)
        known.feed(by_time(switched_on(), epochs(way[:150])))
        if change:
            known.found = version(name, 2, stop_all=False, city="Another city")
        if restarted:
            known.runtime.finish(known.at)
            known.start()
            known.feed(switched_on(known.at))
        known.feed(epochs(way[150:], 150.0))
        kept = [(one["keep"], one["seal"]) for one in known.box.commits]
        return [known.link.seen, [one for one in kept if any(one)]]

    assert seen(True, False) == seen(False, False)
    assert seen(True, True) == seen(False, True)


def test_the_new_agreement_is_in_force_from_the_first_moment_of_the_next_shift_on() -> None:
    known = Truck(version("operations", 1))
    known.drive()
    known.found = version("operations", 2)
    known.next_day()
    assert known.runtime.agreement == known.runtime.standing.in_force
    assert {payload.heading.agreement.version for payload in known.link.payloads} == {1}
    since = known.at
    known.drive()
    known.next_day()
    track = [p for one, p in zip(known.link.published, known.link.payloads, strict=True) if one.at > since]
    assert {payload.heading.agreement.version for payload in track if payload.heading.stream == "track"} == {
        2
    }
    assert "track" in known.streams(since)


@pytest.mark.parametrize("name", NAMES)
def test_stop_all_is_immediate_and_lets_out_nothing_that_had_not_left(name: str) -> None:
    known = Truck(version(name, 1))
    way = straight(7600, -3800)
    known.feed(by_time(switched_on(), epochs(way[:150])))
    known.found = version(name, 2, stop_all=True)
    known.feed([Tick(150.0 + LOOK_S)])
    since = known.at
    assert not known.runtime.recording
    known.feed(epochs(way[150:], since + 1))
    kept = known.box.counts().kept
    known.next_day()
    known.restart()
    known.drive()
    known.next_day()
    assert only_the_box(known, since)
    assert known.box.counts().kept == kept


# The agreement's file.


def test_the_file_is_read_again_only_when_it_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "agreement.yaml"
    paper = AgreementPaper(path)
    assert isinstance(paper.look(), Unusable)
    assert paper.look() is None
    example = Path("config/agreements/safety-only.yaml").read_text(encoding="utf-8")
    path.write_text(example, encoding="utf-8")
    assert isinstance(paper.look(), Agreement)
    assert paper.look() is None
    path.write_text(example + "\n# said again\n", encoding="utf-8")
    assert isinstance(paper.look(), Agreement)
    path.write_text("fairhaul_agreement: 1\n", encoding="utf-8")
    assert isinstance(paper.look(), Unusable)
    path.unlink()
    assert isinstance(paper.look(), Unusable)
    assert paper.look() is None


def test_a_file_that_breaks_its_reader_is_no_agreement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(path: Path) -> Agreement:
        raise RecursionError("at 40.1234")

    monkeypatch.setattr("agent.live.load_agreement", broken)
    (tmp_path / "agreement.yaml").write_text("x")
    found = AgreementPaper(tmp_path / "agreement.yaml").look()
    assert isinstance(found, Unusable)
    assert "40.1" not in found.why
    assert isinstance(AgreementPaper(None).look(), Unusable)


# Inputs.


def nmea(utc_ms: int, latitude: str, longitude: str) -> bytes:
    """One epoch with these very words for its place."""
    sound = sentences(utc_ms, Spot(0, 0)).decode("ascii")
    found = b""
    for line in sound.splitlines():
        fields = line[1 : line.index("*")].split(",")
        at = 3 if fields[0].endswith("RMC") else 2
        fields[at : at + 4] = [latitude, "N", longitude, "W"]
        found += with_checksum(",".join(fields))
    return found


def test_the_sound_words_for_a_place_make_the_sound_sentences() -> None:
    assert nmea(MORNING_MS, "4000.000000", "00400.000000") == sentences(MORNING_MS, Spot(0, 0))


PLACES = {
    "not a number": ("nan", "nan"),
    "endless": ("inf", "-inf"),
    "out of range": ("9100.0000", "18100.0000"),
    "nowhere": ("0000.0000", "00000.0000"),
    "empty": ("", ""),
    "words": ("north", "west"),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("what", sorted(PLACES))
def test_places_that_make_no_sense_leave_nothing(name: str, what: str) -> None:
    link, box = Witness(), outbox()
    runtime = truck(agreement(name), box, link, replayed=False)
    chunks: list[Input] = [Chunk(float(i), nmea(MORNING_MS + 1000 * i, *PLACES[what])) for i in range(400)]
    fed(runtime, link, by_time(switched_on(), chunks))
    runtime.flush(400.0)
    wait(runtime, link, 2 * DAY_S)
    assert all(not p.records for p in link.payloads if p.heading.stream != "box")


TIMES: dict[str, Callable[[int], int]] = {
    "stale": lambda second: 0,
    "backward": lambda second: -1000 * second,
    "to and fro": lambda second: 1000 * (second % 2) * 86_400,
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("what", sorted(TIMES))
def test_times_that_stand_still_or_go_back_leave_nothing(name: str, what: str) -> None:
    link = Witness()
    runtime = truck(agreement(name), outbox(), link, replayed=False)
    way = straight(7600, -3800)
    chunks: list[Input] = [
        Chunk(float(i), sentences(MORNING_MS + TIMES[what](i), spot)) for i, spot in enumerate(way)
    ]
    fed(runtime, link, by_time(switched_on(), chunks))
    link.at = 400.0
    wait(runtime, link, 2 * DAY_S)
    assert all(not p.records for p in link.payloads if p.heading.stream not in ("box", "live"))


@pytest.mark.parametrize("name", NAMES)
def test_after_a_full_inbox_nothing_is_recorded_until_the_lines_were_read_again(name: str) -> None:
    link = Witness()
    runtime = truck(agreement(name), outbox(), link)
    inbox = Inbox(limit=500)
    loop = Loop(runtime, inbox, SteppedClock(0.5), lambda: None)  # type: ignore[arg-type]
    for entry in by_time(switched_on(), epochs(straight(7600, -3800))):
        inbox.post(entry)
    for _ in range(600):
        inbox.post(Tick(1.0))
    assert inbox.dropped > 0
    loop.run(lambda now: now > 400)
    assert not runtime.recording
    assert all(not p.records for p in link.payloads if p.heading.stream != "box")


# An exception in any stage.


class Broken(Exception):
    """What a bug would raise; it knows a place that nobody may read."""


SECRET = "40.123456"


def _raises(*_: Any, **__: Any) -> Any:
    raise Broken(SECRET)


STAGES = {
    "receiver": ("agent.recording.recorder.Receiver", "feed"),
    "gate": ("agent.recording.recorder.Gate", "judge"),
    "duty": ("agent.recording.duty.Duty", "change"),
    "places": ("agent.agreement.Agreement", "allows"),
    "continuity": ("agent.recording.chain.Continuity", "reach"),
    "standstill": ("agent.filters.standstill.Standstill", "push"),
    "stretches": ("agent.filters.stretches.Stretches", "push"),
    "simplification": ("agent.recording.way", "simplified"),
    "track": ("agent.streams.track.Track", "stretched"),
    "lifts": ("agent.streams.lifts.Lifts", "stretched"),
    "day": ("agent.streams.day.Day", "stretched"),
    "site visits": ("agent.streams.site_visits.SiteVisits", "placed"),
    "braking": ("agent.recording.chain.Brakings", "push_fix"),
    "service days": ("agent.recording.recorder.ServiceDays", "moment"),
    "checkpoint": ("agent.recording.chain.Chain", "checkpoint"),
}


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_an_exception_in_any_stage_lets_nothing_out_and_tells_nothing_of_the_place(
    stage: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    where, name = STAGES[stage]
    monkeypatch.setattr(f"{where}.{name}", _raises)
    monkeypatch.setattr("agent.runtime.FAULTS_MAX", 10**9)
    link, box = Witness(), WitnessedOutbox(outbox())
    runtime = truck(version("routes-and-safety", 1), box, link)
    fed(runtime, link, by_time(switched_on(), epochs(straight(7600, -3800)), braking(100.0)))
    runtime.flush(400.0)
    wait(runtime, link, 3 * DAY_S)
    if stage != "checkpoint":
        assert all(not payload.records for payload in link.payloads if payload.heading.stream != "box")
    assert runtime.counts.faults > 0
    assert SECRET not in caplog.text
    assert all(SECRET.encode() not in one.payload for one in link.published)
