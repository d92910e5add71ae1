"""Which agreement is in force, and when another takes its place."""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Mapping
from typing import Any

import pytest

from agent.agreement import Agreement
from agent.records import day_number, iso_date
from agent.standing import SEEN_IDS_MAX, WARN_DAYS, Standing, Unusable
from buffer.rows import NOTE_BYTES_MAX, Note
from tests.sim.drives import agreement

DAY = 21_065
END = day_number("2028-12-31")
MISSING = Unusable("there is no file")


@functools.cache
def version(number: int, id_: str = "routes-and-safety", **more: Any) -> Agreement:
    return agreement(change=lambda tree: tree.update(version=number, id=id_, **more))


def ending(day: int, behind: Agreement | None = None) -> Agreement:
    """An agreement whose last day is `day`."""

    def change(tree: dict[str, Any]) -> None:
        tree["valid_until"] = iso_date(day)
        if behind:
            tree["behind"] = json.loads(behind.canonical)

    made = agreement("routes-and-safety" if behind else "safety-only", change)
    return Agreement(made.file, made.canonical, behind)


class Notes(dict[str, Note | None]):
    """The outbox's notes."""

    def keep(self, standing: Standing) -> None:
        self.update(standing.notes())

    def resumed(self) -> Standing:
        return Standing.resumed(self.get)


def on_duty(agreed: Agreement | None = None, day: int = DAY) -> Standing:
    """A truck that was on duty on `day` under this agreement."""
    standing = Standing()
    standing.look(agreed or MISSING)
    standing.begin_duty(day)
    return standing


def test_the_first_agreement_a_truck_ever_sees_is_in_force_at_once() -> None:
    standing = Standing()
    assert standing.in_force is None
    assert standing.look(version(1))
    assert standing.in_force is version(1)


def test_another_agreement_waits_for_the_first_duty_of_a_later_day() -> None:
    standing = on_duty(version(1))
    assert not standing.look(version(2))
    for _ in range(3):
        assert not standing.begin_duty(DAY)
    assert standing.in_force is version(1)
    assert standing.begin_duty(DAY + 1)
    assert standing.in_force is version(2)
    assert not standing.begin_duty(DAY + 1)


def test_an_agreement_under_another_name_waits_too() -> None:
    standing = on_duty(version(5))
    standing.look(version(1, "operations"))
    assert standing.begin_duty(DAY + 1)
    assert standing.in_force is version(1, "operations")


def test_a_restart_in_mid_shift_keeps_the_agreement_in_force() -> None:
    notes, standing = Notes(), on_duty(version(1))
    notes.keep(standing)
    standing.look(version(2))
    notes.keep(standing)
    again = notes.resumed()
    assert again.in_force is not None
    assert again.in_force.reference == version(1).reference
    assert not again.look(version(2))
    assert not again.begin_duty(DAY)
    assert again.in_force.reference == version(1).reference
    assert again.begin_duty(DAY + 1)
    assert again.in_force is version(2)


def test_notes_are_written_only_when_something_has_changed() -> None:
    standing = on_duty(version(1))
    assert set(standing.notes()) == {"agreement", "seen", "duty_day"}
    assert standing.notes() == {}
    standing.look(version(1))
    assert standing.notes() == {}
    standing.begin_duty(DAY + 1)
    assert standing.notes() == {"duty_day": Note(DAY + 1, b"")}


def test_stop_all_is_immediate() -> None:
    standing = on_duty(version(1))
    stop = version(2, stop_all=True)
    assert standing.look(stop)
    assert standing.in_force is stop
    assert not standing.look(version(3))
    assert not standing.begin_duty(DAY)
    assert standing.begin_duty(DAY + 1)
    assert standing.in_force is version(3)


# Failing closed.


@pytest.mark.parametrize("why", ["there is no file", "not understood"])
def test_R14_a_missing_or_unparseable_agreement_fails_closed_at_a_start_with_nothing_in_force(
    why: str,
) -> None:
    standing = Standing()
    assert not standing.look(Unusable(why))
    assert standing.on(DAY) is None
    assert not standing.begin_duty(DAY)
    assert standing.on(DAY) is None


def test_R14_a_file_that_breaks_in_mid_shift_fails_closed_at_the_next_start_of_duty() -> None:
    standing = on_duty(version(1))
    assert not standing.look(MISSING)
    assert not standing.begin_duty(DAY)
    assert standing.on(DAY) is version(1)
    assert standing.begin_duty(DAY + 1)
    assert standing.on(DAY + 1) is None


def test_R14_after_failing_closed_an_agreement_is_adopted_only_as_a_shift_begins() -> None:
    standing = on_duty(None)
    assert not standing.look(version(1))
    assert not standing.begin_duty(DAY)
    assert standing.on(DAY) is None
    assert standing.begin_duty(DAY + 1)
    assert standing.on(DAY + 1) is version(1)


def test_R14_a_rolled_back_agreement_fails_closed_even_after_a_restart() -> None:
    notes, standing = Notes(), on_duty(version(3))
    notes.keep(standing)
    again = notes.resumed()
    again.look(version(2))
    assert again.on(DAY) is not None
    assert again.begin_duty(DAY + 1)
    assert again.on(DAY + 1) is None
    again.look(version(3))
    assert again.begin_duty(DAY + 2)
    assert again.on(DAY + 2) is version(3)


def test_R14_a_version_that_was_seen_but_never_in_force_can_t_be_rolled_back_either() -> None:
    standing = on_duty(version(1))
    standing.look(version(3))
    standing.look(version(2))
    assert standing.begin_duty(DAY + 1)
    assert standing.on(DAY + 1) is None


def test_R14_an_older_stop_all_stops_nothing_at_once() -> None:
    standing = on_duty(version(3))
    assert not standing.look(version(2, stop_all=True))
    assert standing.on(DAY) is version(3)


@pytest.mark.parametrize("body", [b"", b"{", b"[1,2]", b'[{"a":"x"},["",0]]', b"null"])
def test_a_note_of_versions_that_is_none_of_ours_is_as_none(body: bytes) -> None:
    standing = Standing.resumed({"seen": Note(None, body)}.get)
    assert standing.look(version(1))


@pytest.mark.parametrize("body", [b"", b"garbage", b"x\x9c\x03\x00\x00\x00\x00\x01"])
def test_R14_a_kept_agreement_that_is_not_understood_any_more_fails_closed(body: bytes) -> None:
    notes: Mapping[str, Note] = {"agreement": Note(None, body), "duty_day": Note(DAY, b"")}
    standing = Standing.resumed(notes.get)
    assert standing.on(DAY) is None
    assert not standing.look(version(1))
    assert standing.begin_duty(DAY + 1)


def test_versions_of_only_so_many_names_are_remembered() -> None:
    standing = Standing()
    for number in range(SEEN_IDS_MAX + 1):
        standing._checked(version(2, f"name-{number}"))
    assert isinstance(standing._checked(version(1, "name-1")), Unusable)
    assert isinstance(standing._checked(version(1, "name-0")), Agreement)


def test_an_agreement_too_long_for_its_note_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for length, usable in ((NOTE_BYTES_MAX, True), (NOTE_BYTES_MAX + 1, False)):
        monkeypatch.setattr("agent.standing._written", lambda _, length=length: bytes(length))
        assert isinstance(Standing()._checked(version(1)), Agreement) is usable


def test_a_date_gone_wrong_holds_up_no_change_for_years() -> None:
    standing = on_duty(version(1), DAY + 4000)
    standing.look(version(2))
    assert standing.begin_duty(DAY)
    assert standing.in_force is version(2)


def test_a_date_that_goes_back_by_a_day_adopts_nothing() -> None:
    standing = on_duty(version(1))
    standing.look(version(2))
    assert not standing.begin_duty(DAY - 1)
    assert not standing.begins(DAY - 1)


# The end.


def test_R14_behind_its_end_an_agreement_lets_only_the_box_out_and_stays_in_force() -> None:
    standing = Standing(ending(DAY))
    assert standing.on(DAY) is standing.on(DAY + 1) is standing.in_force
    assert standing.in_force is not None
    assert standing.in_force.collected(DAY + 1) == {"box"}


def test_R14_a_narrower_agreement_stands_behind_an_expired_one_from_the_next_service_day_on() -> None:
    narrow = ending(DAY + 100)
    standing = Standing(ending(DAY, behind=narrow))
    assert narrow.narrower_than(standing.in_force) is None  # type: ignore[arg-type]
    assert standing.on(None) is standing.on(DAY) is standing.in_force
    assert standing.on(DAY + 1) is standing.on(DAY + 101) is narrow


def test_R14_a_wider_agreement_never_stands_behind_an_expired_one() -> None:
    wide = agreement(change=lambda tree: tree["limits"].update(speed_ceiling="30 m/s"))
    standing = Standing(ending(DAY, behind=wide))
    assert wide.narrower_than(standing.in_force) is not None  # type: ignore[arg-type]
    assert standing.on(DAY + 1) is standing.in_force


def test_what_stands_behind_survives_a_restart() -> None:
    notes = Notes()
    narrow = ending(DAY + 100)
    standing = Standing()
    standing.look(ending(DAY, behind=narrow))
    notes.keep(standing)
    again = notes.resumed().on(DAY + 1)
    assert again is not None
    assert again.reference == narrow.reference


@pytest.mark.parametrize("kind", WARN_DAYS)
def test_R14_the_end_is_warned_of_60_30_and_7_days_before_once_each(
    kind: int, caplog: pytest.LogCaptureFixture
) -> None:
    notes, standing = Notes(), Standing(ending(END))
    standing.warn(END - kind - 1)
    earlier = len(caplog.records)
    for _ in range(3):
        standing.warn(END - kind)
    assert [record.getMessage() for record in caplog.records[earlier:]] == [
        f"the agreement ends in {kind} days; then only the box's status leaves"
    ]
    notes.keep(standing)
    again = notes.resumed()
    again.in_force = standing.in_force
    again.warn(END - kind + 1)
    assert len(caplog.records) == earlier + 1


def test_R14_a_truck_that_was_away_is_warned_when_it_comes_back(caplog: pytest.LogCaptureFixture) -> None:
    standing = Standing(ending(END))
    standing.warn(END - 100)
    standing.warn(END - 20)
    standing.warn(END - 3)
    standing.warn(END + 1)
    assert [record.args for record in caplog.records] == [(20,), (3,)]


def test_the_days_that_are_left_are_counted_from_the_service_day() -> None:
    standing = Standing(ending(END))
    assert [standing.days_left(day) for day in (None, END - 60, END, END + 1)] == [None, 60, 0, -1]
    assert Standing().days_left(DAY) is None


def test_the_log_says_each_change_once_and_no_more(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    standing = Standing()
    standing.look(version(1))
    standing.begin_duty(DAY)
    standing.look(MISSING)
    standing.look(MISSING)
    standing.look(version(2))
    standing.begin_duty(DAY + 1)
    assert [record.getMessage() for record in caplog.records] == [
        "the agreement routes-and-safety version 1 is in force",
        "no agreement that can be used: there is no file",
        "the agreement routes-and-safety version 2 waits for the next start of duty",
        "the agreement routes-and-safety version 2 is in force",
    ]
