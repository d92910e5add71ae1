"""Help: held for three seconds the button raises the call, held anew for ten it clears it, and nothing is kept."""

from __future__ import annotations

import datetime
import itertools

import pytest

from agent.cab import END_HOLD_S
from agent.columns import read_columns, write_columns
from agent.recording.fixes import Fix
from agent.recording.pulses import LevelChanged
from agent.records import Record
from agent.streams.help import HOLD_S, ONGOING_S, PLACE_S_MAX, Help
from tests.unit.stream_parts import DAY

NINE_MS = DAY * 86_400_000 + 9 * 3_600_000  # at second 0 of these tests
HERE = {"latitude_deg": 40.12346, "longitude_deg": -3.98765}


def fix(at: float, latitude_e7: int | None = 401_234_567, longitude_e7: int | None = -39_876_543) -> Fix:
    utc_ms = NINE_MS + round(at * 1000)
    return Fix(at, utc_ms, False, latitude_e7, longitude_e7, 0.0, None, None, 1.0, 9, "gnss")


def utc(at: float) -> str:
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=NINE_MS + round(at * 1000))
    return moment.replace(microsecond=0).isoformat() + "Z"


def idle(hold_s: float = HOLD_S) -> Help:
    """A button that was seen released."""
    help_ = Help(hold_s)
    release(help_, -1.0)
    return help_


def press(help_: Help, at: float) -> None:
    help_.change(LevelChanged(at, "help", 1))


def release(help_: Help, at: float) -> None:
    help_.change(LevelChanged(at, "help", 0))


def called(at: float = 100.0) -> Help:
    """A call whose button went down at `at`, with a fix a second before; not yet told."""
    help_ = idle()
    help_.seen(fix(at - 1))
    press(help_, at)
    release(help_, at + HOLD_S)
    return help_


def told(records: list[Record]) -> list[str]:
    return [record.fields["state"] for record in records]


def test_a_call_tells_exactly_where_and_when_it_is() -> None:
    help_ = idle()
    help_.seen(fix(99.5))
    press(help_, 100.0)
    (record,) = help_.tick(103.0, DAY)
    assert (record.stream, record.day) == ("help", DAY)
    assert record.fields == {"utc": utc(103.0), **HERE, "state": "raised"}


@pytest.mark.parametrize(("held_s", "states"), [(HOLD_S - 0.01, []), (HOLD_S, ["raised"])])
def test_the_button_counts_once_it_was_held_for_long_enough(held_s: float, states: list[str]) -> None:
    help_ = idle()
    press(help_, 10.0)
    release(help_, 10.0 + held_s)
    assert told(help_.tick(60.0)) == states
    assert help_.raised == bool(states)


def test_how_long_it_must_be_held_is_the_pin_s() -> None:
    help_ = idle(hold_s=1.0)
    press(help_, 10.0)
    assert help_.due == 11.0
    assert told(help_.tick(11.0)) == ["raised"]


def test_presses_too_short_do_not_add_up() -> None:
    help_ = idle()
    for at in range(0, 20, 2):
        press(help_, at)
        release(help_, at + 1.9)
    assert help_.tick(30.0) == []


def test_held_for_ever_it_raises_once_and_does_not_clear() -> None:
    help_ = idle()
    press(help_, 0.0)
    states = [state for now in range(0, 100) for state in told(help_.tick(now))]
    assert states == ["raised", "ongoing", "ongoing", "ongoing"]
    assert help_.raised


def test_while_it_lasts_there_is_a_record_every_thirty_seconds() -> None:
    help_ = called(100.0)
    times = [now for now in range(100, 300) for _ in help_.tick(float(now))]
    assert [b - a for a, b in itertools.pairwise(times)] == [ONGOING_S] * (len(times) - 1)
    assert help_.due == times[-1] + ONGOING_S


def test_held_again_it_is_cleared_and_everything_is_forgotten() -> None:
    help_ = called(100.0)
    help_.tick(103.0)
    press(help_, 110.0)
    assert help_.tick(120.0 - 0.01) == []
    (record,) = help_.tick(120.0)
    assert record.fields == {"utc": utc(120.0), **HERE, "state": "cleared"}
    assert not help_.raised
    assert help_.due is None
    assert vars(help_)["_place"] is None
    assert vars(help_)["_time"] is None
    assert help_.tick(1000.0) == []


def test_after_it_is_cleared_it_can_be_raised_again() -> None:
    help_ = called(100.0)
    help_.tick(103.0)
    for at, held_s in ((110.0, END_HOLD_S), (130.0, HOLD_S)):
        press(help_, at)
        release(help_, at + held_s)
        help_.tick(at + held_s)
        assert help_.raised == (held_s == HOLD_S)


@pytest.mark.parametrize(("age_s", "placed"), [(PLACE_S_MAX, True), (PLACE_S_MAX + 0.1, False)])
def test_a_place_that_is_too_old_is_not_where_help_is_needed(age_s: float, placed: bool) -> None:
    help_ = idle()
    help_.seen(fix(103.0 - age_s))
    press(help_, 100.0)
    (record,) = help_.tick(103.0)
    assert ("latitude_deg" in record.fields) == ("longitude_deg" in record.fields) == placed
    assert record.fields["utc"] == utc(103.0)


def test_without_any_fix_the_call_is_heard_all_the_same() -> None:
    help_ = idle()
    press(help_, 0.0)
    (record,) = help_.tick(3.0)
    assert record == Record("help", 0, {"state": "raised"})


def test_the_place_follows_as_soon_as_there_is_one() -> None:
    help_ = idle()
    press(help_, 0.0)
    help_.tick(3.0)
    help_.seen(fix(7.0))
    assert help_.due == 7.0
    (record,) = help_.tick(7.2)
    assert record.fields == {"utc": utc(7.2), **HERE, "state": "ongoing"}
    help_.seen(fix(8.0))
    assert help_.tick(8.0) == []


def test_a_fix_without_a_place_tells_the_time_and_leaves_the_place() -> None:
    help_ = idle()
    help_.seen(fix(90.0))
    for nowhere in ((None, None), (0, 0), (900_000_001, 0), (0, 1_800_000_001)):
        help_.seen(fix(95.0, *nowhere))
    press(help_, 100.0)
    assert help_.tick(103.0)[0].fields == {"utc": utc(103.0), **HERE, "state": "raised"}


def test_a_level_that_cannot_be_known_neither_raises_nor_clears() -> None:
    help_ = idle()
    press(help_, 0.0)
    help_.change(LevelChanged(1.0, "help", None))
    assert help_.tick(10.0) == []


def test_a_button_that_cannot_be_read_is_said_once_and_so_is_its_recovery(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    help_ = Help()
    assert not help_.at_fault
    for at, level in enumerate((0, None, None, 1, 0)):
        help_.change(LevelChanged(float(at), "help", level))
        assert help_.at_fault is (level is None)
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "line help is at fault: nobody can call for help until it is well"),
        ("INFO", "line help is well again"),
    ]


def test_before_it_is_held_only_the_newest_place_is_kept() -> None:
    help_, fresh = idle(), idle()
    for at in range(1000):
        help_.seen(fix(at, 400_000_000 + at))
    fresh.seen(fix(999, 400_000_999))
    assert vars(help_) | {"_button": None} == vars(fresh) | {"_button": None}


def test_no_text_of_it_shows_a_place() -> None:
    help_ = called()
    text = f"{help_} {help_!r} {vars(help_)} {help_.tick(200.0)}"
    assert "401234567" not in text
    assert "40.12" not in text


def test_records_with_and_without_place_or_time_come_over_the_wire() -> None:
    help_ = idle()
    press(help_, 0.0)
    records = help_.tick(3.0)
    help_.seen(fix(7.0))
    records += help_.tick(7.0) + help_.tick(7.0 + PLACE_S_MAX + ONGOING_S)
    fields = [record.fields for record in records]
    assert len(fields) == 3
    assert read_columns("help", write_columns("help", fields)) == fields


def test_a_fix_without_a_time_tells_the_place() -> None:
    help_ = idle()
    help_.seen(fix(99.0)._replace(utc_ms=None))
    press(help_, 100.0)
    assert help_.tick(103.0)[0].fields == {**HERE, "state": "raised"}
