"""One truck's parts are made as its configuration and its agreement say."""

from __future__ import annotations

import random
from typing import Any

import pytest

from agent import VERSION
from agent.agreement import Agreement
from agent.assembly import (
    BOX_SIZE_BYTES,
    FLOOR_DAY,
    box,
    duty,
    link_options,
    newest_stretch,
    pin_options,
    port_options,
    release,
    retention,
    sender,
    sensors,
    terms,
)
from agent.recording.braking import BrakingRules
from agent.recording.pulses import LevelChanged
from agent.records import Record, day_number, iso_date, month_begins
from agent.release import Daily, Timed
from agent.sealing import rows, sealed
from agent.service_day import DAY_S, Moment
from buffer.outbox import Outbox
from config.schema import Configuration
from tests.sim.drives import TRUCK, Witness, agreement, configuration, epochs, fed, outbox, straight, truck

DAY = 21_061  # 2027-08-31


def change(*path: str, to: Any) -> Any:
    def changed(tree: Any) -> None:
        for step in path[:-1]:
            tree = tree[step]
        tree[path[-1]] = to

    return changed


def test_lines_are_read_as_configured_and_a_lamp_is_no_line() -> None:
    pins = {**TRUCK["pins"], "lamp": {"gpio": 25, "kind": "status_led"}, "lift": {"gpio": 23, "kind": "lift"}}  # type: ignore[dict-item]
    known = sensors(configuration(pins=pins))
    assert known.kinds == {
        "ignition": "ignition",
        "switch": "crew_switch",
        "brake": "harsh_braking",
        "lift": "lift",
    }
    assert {name for name, options in known.lines.items() if options.level} == {"ignition", "switch"}
    assert known.lines["brake"].rearm_s == 2.0
    assert known.lines["ignition"].debounce_s == 0.5


def test_the_help_button_is_a_level_and_calls_when_it_is_held_as_configured() -> None:
    button = {"gpio": 5, "kind": "help_button", "hold": "2 s"}
    known = sensors(configuration(pins={**TRUCK["pins"], "help": button}))  # type: ignore[dict-item]
    assert known.lines["help"].level
    assert known.help_hold_s == 2.0


def test_a_momentary_switch_is_off_until_it_is_pressed() -> None:
    pins = {
        **TRUCK["pins"],  # type: ignore[dict-item]
        "switch": {"gpio": 22, "kind": "crew_switch", "momentary": True, "stuck_after": "60 s"},
    }
    gate = duty(configuration(pins=pins), agreement())
    gate.change(LevelChanged(1.0, "ignition", 1))
    gate.change(LevelChanged(1.0, "switch", 0))
    assert not gate.on
    gate.change(LevelChanged(2.0, "switch", 1))
    gate.change(LevelChanged(2.2, "switch", 0))
    assert gate.on


def test_braking_rules_and_gate_are_the_configured_ones() -> None:
    truck_here = configuration(
        braking={"match_within": "2 s", "severity": [{"class": "soft", "at_least": "1 m/s2"}]},
        gnss={"quality": {"hdop_max": 5, "satellites_min": 6, "speed_max": "50 m/s"}},
    )
    known = sensors(truck_here)
    assert known.braking == BrakingRules(2.0, 2.0, 1.0, (("soft", 1.0),))
    assert (known.gate.hdop_max, known.gate.satellites_min, known.gate.implied_mps_max) == (5, 6, 50)


def test_without_an_agreement_duty_needs_all_lines_and_only_the_box_is_ever_released() -> None:
    gate = duty(configuration(), None)
    gate.change(LevelChanged(0.0, "switch", 1))
    assert not gate.on
    known = terms(None)
    assert known.streams == ("box",)
    assert known.agreement.id == "none"
    assert isinstance(known.release, Daily)
    assert (known.release.size_bytes, known.release.envelopes("box")) == (BOX_SIZE_BYTES, 1)
    opens = [second for second in range(0, DAY_S, 60) if known.release.open(Moment(DAY, second))]
    assert opens == [3600 * hour + 60 * minute for hour in range(24) for minute in range(10)]


def test_the_release_is_the_agreed_one() -> None:
    daily, timed = release(agreement()), release(agreement("operations"))
    assert isinstance(daily, Daily)
    assert (daily.size_bytes, daily.envelopes("track"), daily.before_day("harsh_braking", DAY)) == (
        4096,
        agreement().file.release.envelopes["track"],  # type: ignore[union-attr]
        month_begins(DAY - 28),
    )
    assert daily.open(Moment(DAY, 4 * 3600 + 1800)) == {"truck"}
    assert daily.open(Moment(DAY, 4 * 3600 + 900)) == {"fleet"}
    assert isinstance(timed, Timed)
    assert (timed.size_bytes, timed.within_s, timed.before_day("harsh_braking", DAY)) == (
        320,
        120.0,
        month_begins(DAY - 28),
    )
    assert timed.open(Moment(DAY, 4 * 3600 + 900)) == {"truck", "fleet"}


def test_slots_are_times_of_the_day_whenever_a_service_day_begins() -> None:
    early = release(agreement(change=change("duty", "day_starts", to="03:00")))
    assert early.open(Moment(DAY, 3600 + 1800)) == {"truck"}  # 04:30
    assert early.change_s(Moment(DAY, 3600 + 1799)) == 1


def test_a_daily_release_is_silent_on_duty_unless_a_schedule_keeps_its_slots_outside() -> None:
    assert not release(agreement()).silent_on_duty
    assert release(agreement(change=lambda tree: tree["duty"].pop("schedule"))).silent_on_duty
    assert not release(agreement("operations")).silent_on_duty


def test_terms_end_with_the_agreement() -> None:
    known = terms(agreement(change=change("valid_until", to="2027-06-30")))
    assert set(known.leaving(day_number("2027-06-30"))) == set(agreement().file.agreed_streams())
    assert set(known.leaving(None)) == set(agreement().file.agreed_streams())
    assert known.leaving(day_number("2027-07-01")) == ("box",)


def test_under_stop_all_only_the_box_is_ever_released() -> None:
    assert terms(agreement(change=change("stop_all", to=True))).streams == ("box",)


@pytest.mark.parametrize(
    ("agreed_days", "configured_days", "receipts", "age"),
    [(70, 70, 70, 70), (90, 70, 70, 70), (66, 70, 66, 66), (70, 60, 60, 66), (70, 5, 5, 66)],
)
def test_nothing_stays_longer_than_agreed_and_configured_but_what_is_held_stays_until_its_month_has_left(
    agreed_days: int, configured_days: int, receipts: int, age: int
) -> None:
    agreed = agreement(change=change("limits", "device_retention", to=f"{agreed_days} days"))
    limits = retention(configuration(outbox={"maximum_age": f"{configured_days} days"}), agreed)
    agreed_retentions = {name: terms.retention for name, terms in agreed.file.agreed_streams().items()}
    assert limits.receipt_days == {name: min(receipts, days) for name, days in agreed_retentions.items()}
    assert limits.age_days_max == age


def test_a_stream_s_own_retention_may_be_shorter() -> None:
    agreed = agreement(change=change("streams", "track", "retention", to="7 days"))
    assert retention(configuration(), agreed).receipt_days["track"] == 7


def test_the_link_introduces_itself_as_configured() -> None:
    link = {
        "brokers": ["mqtts://a", "mqtts://b:1234"],
        "username": "u",
        "password_file": "/p",
        "protocol": "3.1.1",
    }
    known = configuration(link=link)
    options = link_options(known, agreement())
    assert (options.client_id, options.username, options.password_file) == (
        "fairhaul-springfield-truck-017",
        "u",
        "/p",
    )
    assert (options.protocol, options.keepalive_s, options.ca_file) == ("3.1.1", 30, None)
    assert sender(known, random.Random(1)).broker.startswith("mqtts://a")


@pytest.mark.parametrize(
    ("agreed", "told"),
    [(None, None), (agreement(), None), (agreement("operations"), "fairhaul/v1/springfield/truck-017/state")],
    ids=["none", "daily", "timed"],
)
def test_only_under_a_timed_release_a_truck_tells_when_it_is_connected(
    agreed: Agreement | None, told: str | None
) -> None:
    assert link_options(configuration(), agreed).state_topic == told


@pytest.mark.parametrize(("baud", "meant"), [("auto", None), (9600, 9600)])
def test_the_port_is_the_configured_one(baud: object, meant: int | None) -> None:
    options = port_options(configuration(gnss={"port": "/dev/x", "baud": baud, "silence": "7 s"}))
    assert (options.port, options.baud, options.silence_s) == ("/dev/x", meant, 7.0)


def test_pins_keep_their_polarity_and_pull() -> None:
    pins = {
        "switch": {"gpio": 22, "kind": "crew_switch", "active": "high", "pull": "down"},
        "lamp": {"gpio": 25, "kind": "status_led", "active": "low"},
    }
    by_name = {pin.name: pin for pin in pin_options(configuration(pins=pins))}
    assert (by_name["switch"].active_high, by_name["switch"].pull) == (True, "down")
    assert (by_name["lamp"].active_high, by_name["lamp"].pull) == (False, "none")


def track(day: int, stretch: int) -> Record:
    path = [[40.0, -4.0], [40.01, -4.0]]
    return Record("track", day, {"date": iso_date(day), "stretch": stretch, "running_s": 100, "path": path})


def with_rows(*, keep: list[Record] = [], seal: list[Record] = []) -> Outbox:  # noqa: B006
    shelf = outbox()
    if seal:
        change = sealed(terms(agreement("operations")), shelf, Moment(DAY + 5, 0), seal, "truck")
        shelf.commit(keep=change.keep, seal=change.seal, used=change.used)
    shelf.commit(keep=rows(keep))
    return shelf


@pytest.mark.parametrize(
    ("keep", "seal", "newest"),
    [
        ([], [], (0, 0)),
        ([(DAY, 1), (DAY, 2)], [], (DAY, 2)),
        ([], [(DAY, 1), (DAY, 2)], (DAY, 2)),
        ([(DAY, 3)], [(DAY, 1), (DAY, 2)], (DAY, 3)),
        ([(DAY, 9), (DAY + 1, 1)], [(DAY, 4)], (DAY + 1, 1)),
    ],
)
def test_the_newest_stretch_is_found_kept_or_sealed(
    keep: list[tuple[int, int]], seal: list[tuple[int, int]], newest: tuple[int, int]
) -> None:
    shelf = with_rows(keep=[track(*one) for one in keep], seal=[track(*one) for one in seal])
    assert newest_stretch(shelf) == newest


def test_a_track_batch_that_can_t_be_read_is_passed_over() -> None:
    from buffer.outbox import Batch

    shelf = outbox()
    shelf.commit(seal=[Batch("track", 1, DAY, b"junk")])
    assert newest_stretch(shelf) == (0, 0)


def test_the_box_says_what_it_is_and_what_was_lost() -> None:
    fields = box(agreement(), outbox())(DAY)
    assert fields == {
        "version": VERSION,
        "agreement": "routes-and-safety",
        "self_test": "none",
        "storage": "good",
        "certificate_days": -1,
        "lost": {"evicted": 0, "expired": 0, "refused": 0},
    }
    assert box(None, outbox())(DAY)["agreement"] == "none"


@pytest.mark.parametrize(("sealed_day", "replayed", "believed"), [(DAY, False, DAY), (DAY + 400, False, DAY)])
def test_a_date_wrongly_in_the_future_does_not_move_those_that_come_after_it(
    sealed_day: int, replayed: bool, believed: int
) -> None:
    shelf = outbox()
    change = sealed(terms(agreement()), shelf, Moment(sealed_day, 0), [], "truck")
    shelf.commit(seal=change.seal)
    link = Witness()
    runtime = truck(agreement(), shelf, link, replayed=replayed)
    fed(runtime, link, epochs(straight(100)))
    assert runtime.now is not None
    assert runtime.now.day == believed


def test_the_floor_of_dates_is_the_day_of_the_release() -> None:
    assert day_number("2026-01-01") < FLOOR_DAY


def test_a_configuration_without_pins_makes_a_truck_that_records_nothing() -> None:
    bare = Configuration.model_validate({**TRUCK, "pins": {}})
    assert not duty(bare, agreement()).on
    assert sensors(bare).lines == {}
