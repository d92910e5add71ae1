"""What the running agent says of itself: counts and states, never a place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent import VERSION
from agent.cli.status import in_words
from agent.recording.duty import FixedDuty
from agent.records import iso_date
from agent.status import status_of, status_path
from drivers.inputs import PortLost, PortOpened, Pulse, Tick
from tests.sim.drives import (
    MORNING_MS,
    Witness,
    agreement,
    by_time,
    configuration,
    epochs,
    fed,
    straight,
    switched_on,
    truck,
)

TODAY = iso_date(MORNING_MS // 86_400_000)


def test_the_status_of_a_truck_that_has_just_started() -> None:
    status = status_of(configuration(), agreement(), truck(agreement()))
    assert status["version"] == VERSION
    assert (status["date"], status["recording"], status["gnss"], status["broker"]) == (
        None,
        "off",
        "silent",
        "off",
    )
    assert status["agreement"]["id"] == "routes-and-safety"
    assert set(status["since_start"].values()) == {0}


def test_the_status_follows_duty_receiver_and_broker() -> None:
    link = Witness()
    runtime = truck(agreement("operations"), link=link)
    fed(runtime, link, [PortOpened(0.0, "usb", 9600), *by_time(switched_on(), epochs(straight(3000)))])
    status = status_of(configuration(), agreement("operations"), runtime)
    assert (status["date"], status["recording"], status["gnss"], status["broker"]) == (
        TODAY,
        "on",
        "heard",
        "up",
    )
    assert status["since_start"]["acknowledged"] == status["since_start"]["sealed"] > 0
    fed(runtime, link, [Pulse(151.0, "switch", 0), PortLost(152.0, "unplugged"), Tick(153.0)])
    status = status_of(configuration(), agreement("operations"), runtime)
    assert (status["recording"], status["gnss"]) == ("off", "silent")


def test_without_an_agreement_nothing_is_recorded_whatever_the_switch_says() -> None:
    status = status_of(configuration(), None, truck(None, duty=FixedDuty(True)))
    assert status["recording"] == "off"
    assert status["agreement"] is None


def test_the_status_shows_no_coordinates() -> None:
    link = Witness()
    runtime = truck(agreement("operations"), link=link, duty=FixedDuty(True))
    fed(runtime, link, epochs(straight(3000, 1234.0)))
    text = json.dumps(status_of(configuration(), agreement("operations"), runtime))
    for digits in ("40.0", "-3.9", "4000", "-39", "3985"):
        assert digits not in text


def test_the_status_file_lies_where_systemd_says_else_with_the_state(tmp_path: Path) -> None:
    truck_here = configuration(state=str(tmp_path))
    assert status_path(truck_here, {}) == tmp_path / "status.json"
    assert status_path(truck_here, {"RUNTIME_DIRECTORY": "/run/x"}) == Path("/run/x/status.json")


@pytest.mark.parametrize("agreed", [None, agreement()])
def test_people_read_the_status_in_words(agreed: object) -> None:
    told = in_words(json.loads(json.dumps(status_of(configuration(), agreed, truck(agreed)))))  # type: ignore[arg-type]
    assert "truck-017" in told
    assert ("routes-and-safety version 1" if agreed else "none: only box status leaves") in told
    assert "not known yet" in told
    assert len(told.splitlines()) == 9


def test_the_status_says_how_many_days_the_agreement_has_left() -> None:
    link = Witness()
    ending = agreement(
        "operations", lambda tree: tree.update(valid_until=iso_date(MORNING_MS // 86_400_000 + 7))
    )
    runtime = truck(ending, link=link)
    assert status_of(configuration(), ending, runtime)["agreement_days_left"] is None
    fed(runtime, link, by_time(switched_on(), epochs(straight(300))))
    assert status_of(configuration(), ending, runtime)["agreement_days_left"] == 7
