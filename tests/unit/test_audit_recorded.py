"""Recorded logs as vehicle-days, with what lies beside them, and files of secrets with every mistake in them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent.agreement import load_agreement
from agent.audit import recorded
from agent.audit.case import Case
from agent.audit.recorded import Given, SecretsError, given, told_by
from agent.audit.simulated import HINT_M
from agent.surroundings import Logs, agreement_for
from config.load import ConfigurationError
from drivers.replay import LogError
from drivers.simulate import Shift, shift, write
from tests.sim.drives import MORNING_MS, PLANE, Spot, sentences, straight

SEED, HOURS = 1, 1.0
STOOD_S, DROVE_M = 300, 4_000


@pytest.fixture(scope="module")
def driven() -> Shift:
    return shift(SEED, HOURS)


@pytest.fixture(scope="module")
def simulated(driven: Shift, tmp_path_factory: pytest.TempPathFactory) -> Given:
    folder = tmp_path_factory.mktemp("shift")
    write(driven, folder)
    return given([str(folder / "shift.nmea")], load_agreement(folder / "agreement.yaml"))


@pytest.fixture
def log(tmp_path: Path) -> str:
    """Eastwards at 20 m/s with a stand in the middle, and nothing beside it."""
    way = straight(DROVE_M)
    half = len(way) // 2
    way = way[:half] + [way[half]._replace(speed_mps=0.0)] * STOOD_S + way[half:]
    path = tmp_path / "monday.nmea"
    path.write_bytes(b"".join(sentences(MORNING_MS + 1000 * i, spot) for i, spot in enumerate(way)))
    return str(path)


def degrees(east_m: float, north_m: float) -> dict[str, float]:
    point = PLANE.point(east_m, north_m)
    return {"latitude_deg": point.latitude_e7 / 1e7, "longitude_deg": point.longitude_e7 / 1e7}


def secrets(folder: Path, *lines: dict[str, Any] | str) -> Path:
    path = folder / "secrets.ndjson"
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return path


BREAK = {"log": "monday.nmea", "kind": "on_route", "begins_s": 100, "ends_s": 400, **degrees(2000, 0)}


# With all that the simulator writes.


def only(found: Given) -> Case:
    (case,) = found.fairhaul.cases
    return case


def test_a_simulated_shift_is_a_vehicle_day_under_what_lies_beside_it(
    simulated: Given, driven: Shift
) -> None:
    seen = only(simulated).seen
    assert seen.vehicle != "truck-017"  # of the example configuration
    assert seen.lines
    assert {"track", "lifts", "day", "box"} <= {arrival.stream for arrival in seen.arrivals}
    assert all(line.arrived_s > driven.seconds for line in seen.lines)


def test_its_duty_is_from_the_ignition_s_first_rise_to_its_last_fall(simulated: Given, driven: Shift) -> None:
    on = [second.at_s for second in driven.truth() if second.on_duty]
    begun_s, ended_s = only(simulated).seen.duty_s
    assert begun_s <= on[0]
    assert on[-1] <= ended_s <= driven.seconds


def test_its_secrets_are_the_truth(simulated: Given, driven: Shift) -> None:
    hidden = only(simulated).secrets
    truth = list(driven.truth())
    assert len(hidden.way_m) == len(truth)
    assert hidden.speed_mps.tolist() == [second.speed_mps for second in truth]
    assert len(hidden.breaks) == len(driven.breaks) > 0
    for found, taken in zip(hidden.breaks, driven.breaks, strict=True):
        assert found[2:] == pytest.approx((taken.starts_s, taken.ends_s), abs=1.0)
    assert len(hidden.stops_m) == len({second.stop for second in truth} - {None})


@pytest.mark.parametrize("seed", [1, 2, 4])
def test_what_kind_a_break_was_is_told_by_the_truth(seed: int) -> None:
    made = shift(seed, 4.0)
    seconds = [
        {"break": second.break_index, "state": second.state, "place": second.place} for second in made.truth()
    ]
    found = list(recorded._breaks_of(seconds, np.zeros((len(seconds), 2))))
    off_limits = [made.city.off_limits_at(taken.spot) for taken in made.breaks]
    kinds = [
        "off_limits" if hidden else taken.kind for taken, hidden in zip(made.breaks, off_limits, strict=True)
    ]
    assert [taken.kind for taken in found] == kinds


def test_raw_data_beside_it_have_every_fix(simulated: Given, driven: Shift) -> None:
    (bare,) = simulated.raw.cases
    (line,) = bare.seen.lines
    assert line.seconds is not None
    assert len(line.seconds) > 0.9 * driven.seconds
    way_m = bare.secrets.way_m[line.seconds.astype(int)]
    assert np.median(np.hypot(*(line.points_m - way_m).T)) < 5.0


# With nothing beside it.


def test_without_pulses_a_log_is_on_duty_from_its_first_fix_to_its_last(log: str) -> None:
    seen = only(given([log], agreement_for(Logs([log]), None))).seen
    assert seen.duty_s == pytest.approx((0.0, DROVE_M / 20 + STOOD_S), abs=15.0)
    assert sum(line.length_m for line in seen.lines) == pytest.approx(DROVE_M, rel=0.2)


def test_without_a_truth_the_receiver_s_places_stand_for_it(log: str) -> None:
    case = only(given([log], agreement_for(Logs([log]), None)))
    assert case.secrets.breaks == []
    way_m = case.secrets.way_m
    assert way_m[-1, 0] - way_m[0, 0] == pytest.approx(DROVE_M, abs=100.0)  # the first fixes are not believed
    assert np.median(case.secrets.speed_mps[: DROVE_M // 50]) == pytest.approx(20.0, abs=0.1)
    assert len(case.secrets.stops_m) == pytest.approx(STOOD_S, abs=20)


def test_several_logs_are_days_of_one_route(log: str, tmp_path: Path) -> None:
    other = tmp_path / "tuesday.nmea"
    later_ms = MORNING_MS + 86_400_000
    other.write_bytes(
        b"".join(sentences(later_ms + 1000 * i, spot) for i, spot in enumerate(straight(DROVE_M)))
    )
    agreed = agreement_for(Logs([log, str(other)]), None)
    found = given([log, str(other)], agreed)
    assert [case.seen.date for case in found.fairhaul.cases] == ["2027-08-31", "2027-09-01"]
    assert len(found.raw.cases) == 2


@pytest.mark.parametrize("content", [b"", b"nothing of NMEA\n", sentences(MORNING_MS, Spot(0, 0, quality=0))])
def test_a_log_without_a_fix_says_so(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "empty.nmea"
    path.write_bytes(content)
    with pytest.raises(LogError, match=r"empty\.nmea: no fix in it could be published; leave it out"):
        given([str(path)], agreement_for(Logs([str(path)]), None))


def test_a_log_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="missing"):
        given([str(tmp_path / "missing.nmea")], agreement_for(Logs([]), None))


def test_a_broken_configuration_beside_a_log_is_refused(log: str) -> None:
    Path(log).with_name("agent.yaml").write_text("fleet: 5\n")
    with pytest.raises(ConfigurationError):
        given([log], agreement_for(Logs([log]), None))


# Secrets from a file.


def told(log: str, *lines: dict[str, Any] | str) -> Given:
    path = secrets(Path(log).parent, *lines)
    return given([log], agreement_for(Logs([log]), None), told_by(path, [log]))


@pytest.mark.parametrize("kind", recorded.KINDS)
def test_a_break_that_was_told_is_a_secret_of_its_log(kind: str, log: str) -> None:
    found = told(log, "", {**BREAK, "kind": kind})
    (taken,) = only(found).secrets.breaks
    assert (taken.kind, taken.begins_s, taken.ends_s) == (kind, 100.0, 400.0)
    way_m = only(found).secrets.way_m
    assert np.hypot(*(way_m - taken.place_m).T).min() < 15.0


def test_a_break_names_its_log_as_it_was_given_or_by_its_file_name(log: str, tmp_path: Path) -> None:
    other = str(tmp_path / "elsewhere" / "tuesday.nmea")
    path = secrets(tmp_path, BREAK, {**BREAK, "log": other}, {**BREAK, "log": "tuesday.nmea"})
    assert {name: len(breaks) for name, breaks in told_by(path, [log, other]).breaks.items()} == {
        log: 1,
        other: 2,
    }


def test_two_logs_of_one_file_name_are_told_apart_by_their_path(tmp_path: Path) -> None:
    names = ["monday/shift.nmea", "tuesday/shift.nmea"]
    found = told_by(secrets(tmp_path, {**BREAK, "log": names[1]}), names)
    assert list(found.breaks) == [names[1]]
    with pytest.raises(SecretsError, match=re.escape(f"as they were given: {', '.join(names)}")):
        told_by(secrets(tmp_path, {**BREAK, "log": "shift.nmea"}), names)


def test_a_place_that_was_told_is_hidden_on_a_disc_where_nothing_is_drawn(log: str) -> None:
    found = told(log, {"kind": "place", **degrees(1000, 300)})
    (hidden,) = found.fairhaul.hidden
    assert hidden.kind == "off_limits"
    assert hidden.ground.area == pytest.approx(np.pi * HINT_M**2, rel=0.01)


def test_a_place_that_was_told_is_hidden_on_the_ground_that_the_agreement_draws(
    simulated: Given, driven: Shift, tmp_path: Path
) -> None:
    write(shift(SEED, 0.1), tmp_path)
    name, agreed = str(tmp_path / "shift.nmea"), load_agreement(tmp_path / "agreement.yaml")
    zone = driven.city.off_limits[0]
    spots = [np.mean([corner[axis] for corner in zone.ring[:-1]]) for axis in (0, 1)]
    latitude_deg, longitude_deg = driven.city.origin.degrees(*spots)
    path = secrets(tmp_path, {"kind": "place", "latitude_deg": latitude_deg, "longitude_deg": longitude_deg})
    (hidden,) = given([name], agreed, told_by(path, [name])).fairhaul.hidden
    assert hidden.ground.area < np.pi * HINT_M**2
    margin_m = agreed.file.places.off_limits[0].margin
    assert hidden.ground.buffer(-margin_m - 1.0).area > 0


def test_where_a_break_off_limits_was_taken_is_a_hidden_place(log: str) -> None:
    found = told(log, {**BREAK, "kind": "off_limits"}, {**BREAK, "kind": "off_limits", "begins_s": 399})
    (hidden,) = found.fairhaul.hidden
    assert hidden.place_m == only(found).secrets.breaks[0].place_m


ONE_OBJECT = "write one JSON object a line"
ONE_KIND = "kind must be place, on_route, detour, off_limits"
ONE_LOG = "log must name one of the logs, as they were given: monday.nmea"
BAD = {
    "no JSON": ("{kind: place}", ONE_OBJECT),
    "half a line": ('{"kind": "place",', ONE_OBJECT),
    "a list": ("[1, 2]", ONE_OBJECT),
    "a number": ("5", ONE_OBJECT),
    "no latitude": ({"kind": "place", "longitude_deg": 1.0}, "latitude_deg must be a number from -90 to 90"),
    "latitude as text": ({**BREAK, "latitude_deg": "40"}, "latitude_deg must be a number from -90 to 90"),
    "latitude too far": ({**BREAK, "latitude_deg": 90.1}, "latitude_deg must be a number from -90 to 90"),
    "latitude true": ({**BREAK, "latitude_deg": True}, "latitude_deg must be a number from -90 to 90"),
    "longitude no number": (
        '{"kind": "place", "latitude_deg": 1, "longitude_deg": NaN}',
        "longitude_deg must be a number from -180 to 180",
    ),
    "no kind": (
        {key: BREAK[key] for key in BREAK if key != "kind"},
        ONE_KIND,
    ),
    "another kind": ({**BREAK, "kind": "lunch"}, ONE_KIND),
    "no beginning": (
        {key: BREAK[key] for key in BREAK if key != "begins_s"},
        "begins_s must be a number from 0 to 172800",
    ),
    "before the log": ({**BREAK, "begins_s": -1}, "begins_s must be a number from 0 to 172800"),
    "after two days": ({**BREAK, "ends_s": 172_801}, "ends_s must be a number from 0 to 172800"),
    "ends first": ({**BREAK, "ends_s": 100}, "ends_s must be later than begins_s"),
    "no log": ({key: BREAK[key] for key in BREAK if key != "log"}, ONE_LOG),
    "another log": (
        {**BREAK, "log": "sunday.nmea"},
        ONE_LOG,
    ),
    "a log by number": ({**BREAK, "log": 1}, ONE_LOG),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_line_is_refused_with_file_line_and_what_to_write(name: str, tmp_path: Path) -> None:
    line, wanted = BAD[name]
    path = secrets(tmp_path, BREAK, "", line)
    with pytest.raises(SecretsError, match=re.escape(f"{path}:3: {wanted}")) as refused:
        told_by(path, ["monday.nmea"])
    assert str(BREAK["latitude_deg"]) not in str(refused.value)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secrets.ndjson"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SecretsError, match=r"secrets\.ndjson: no text"):
        told_by(path, ["monday.nmea"])


def test_an_empty_file_tells_nothing(tmp_path: Path) -> None:
    assert told_by(secrets(tmp_path), ["monday.nmea"]) == recorded.NOTHING_TOLD
