"""The demo's own parts; the demo itself is run by `make demo`, and end to end by the server tests."""

from __future__ import annotations

import datetime
import zoneinfo
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent import two_breaks
from agent.cli.demo import demo
from agent.demo import last_fix, morning, with_switch_off
from agent.paper import Published
from agent.publication import WireFolder
from agent.recording.fixes import Receiver
from drivers.replay import open_log, pulses, replay
from drivers.simulate import shift, write


@pytest.fixture(scope="module")
def truck(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("truck")
    write(shift(7, 0.1), folder)
    return folder


def test_a_folder_with_somebodys_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    result = CliRunner().invoke(demo, ["--out", str(tmp_path)])
    assert result.exit_code == 2
    assert "name another folder with --out" in result.stderr
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_the_morning_is_half_a_minute_of_fixes_so_many_days_later(truck: Path, tmp_path: Path) -> None:
    def days_of(log: Path) -> list[int]:
        receiver = Receiver()
        with open_log(log) as opened:
            fixes = [fix for chunk in replay(opened) for fix in receiver.feed(chunk.at, chunk.data)]
        assert not receiver.defects
        return [fix.utc_ms // 86_400_000 for fix in fixes if fix.utc_ms is not None]

    log = tmp_path / "morning.nmea"
    log.write_bytes(b"".join(morning(last_fix(truck / "shift.nmea"), 3, 6 * 60 + 15, datetime.UTC)))
    assert days_of(log) == [days_of(truck / "shift.nmea")[-1] + 3] * 29


def test_the_morning_begins_at_a_minute_of_the_city_s_clock(truck: Path) -> None:
    madrid = zoneinfo.ZoneInfo("Europe/Madrid")
    first = next(morning(last_fix(truck / "shift.nmea"), 1, 6 * 60 + 15, madrid)).decode("ascii").split(",")
    utc = datetime.datetime.strptime(first[9] + first[1], "%d%m%y%H%M%S.00").replace(tzinfo=datetime.UTC)
    assert utc.astimezone(madrid).time() == datetime.time(6, 15)


def test_with_the_switch_off_only_the_switch_is_changed(truck: Path, tmp_path: Path) -> None:
    silent = tmp_path / "off.csv"
    with_switch_off(truck / "pulses.csv", silent)
    before, after = list(pulses(truck / "pulses.csv")), list(pulses(silent))
    assert len(before) == len(after)
    assert all(one == other or one.pin == "crew_switch" for one, other in zip(before, after, strict=True))
    assert {pulse.level for pulse in after if pulse.pin == "crew_switch"} == {0}


TRACK, BRAKINGS = "fairhaul/v1/city/truck/track", "fairhaul/v1/city/harsh_braking"


def wire(folder: Path, *left: Published) -> Path:
    """A folder as `replay --wire` writes it."""
    written = WireFolder(folder)
    for one in left:
        written.add(one)
    written.close()
    return folder


def test_breaks_of_ten_and_of_forty_minutes_leave_the_same_bytes_at_the_same_moments(tmp_path: Path) -> None:
    said: list[str] = []
    found = two_breaks.compare(tmp_path, 7, 0.6, said.append)
    assert found.same
    assert {"track", "box"} <= set(found.streams)
    assert all(short == long and short is not None for short, long in found.streams.values())
    assert [
        minutes for minutes in ("10", "40") if any(f"every break {minutes} " in line for line in said)
    ] == [
        "10",
        "40",
    ]
    logs = [(tmp_path / f"break-of-{minutes}-min" / "shift.nmea").stat().st_size for minutes in (10, 40)]
    assert logs[1] > logs[0]  # they are two shifts
    assert two_breaks.told(found)[-1].startswith("Nothing that leaves")


def test_one_byte_more_or_another_moment_is_told(tmp_path: Path) -> None:
    short = wire(tmp_path / "a", Published(1.0, TRACK, b"one"), Published(1.0, BRAKINGS, b"two"))
    same = wire(tmp_path / "b", Published(1.0, TRACK, b"one"), Published(1.0, BRAKINGS, b"two"))
    other_byte = wire(tmp_path / "c", Published(1.0, TRACK, b"onf"), Published(1.0, BRAKINGS, b"two"))
    later = wire(tmp_path / "d", Published(301.0, TRACK, b"one"), Published(1.0, BRAKINGS, b"two"))
    nothing = wire(tmp_path / "e")
    assert two_breaks.compared(short, same).same
    for wrong in (other_byte, later, nothing):
        found = two_breaks.compared(short, wrong)
        assert not found.same
        assert any("DIFFERENT" in line for line in two_breaks.told(found))
        assert (
            two_breaks.told(found)[-1]
            == "They differ: what leaves tells the two shifts apart. That must not be."
        )


def test_two_shifts_of_which_nothing_leaves_show_nothing(tmp_path: Path) -> None:
    assert not two_breaks.compared(wire(tmp_path / "a"), wire(tmp_path / "b")).same
