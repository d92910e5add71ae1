"""The demo's own parts; the demo itself is run by `make demo`, and end to end by the server tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.cli.demo import demo
from agent.demo import mornings, with_switch_off
from agent.fixes import Receiver
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


def test_mornings_are_half_a_minute_of_fixes_on_each_of_the_next_days(truck: Path, tmp_path: Path) -> None:
    log = tmp_path / "mornings.nmea"
    log.write_bytes(b"".join(mornings(truck / "shift.nmea", 3)))
    receiver = Receiver()
    with open_log(log) as opened:
        fixes = [fix for chunk in replay(opened) for fix in receiver.feed(chunk.at, chunk.data)]
    days = [fix.utc_ms // 86_400_000 for fix in fixes if fix.utc_ms is not None]
    assert sorted(set(days)) == [days[0], days[0] + 1, days[0] + 2]
    assert len(fixes) == 3 * 30 - 1
    assert not receiver.defects


def test_with_the_switch_off_only_the_switch_is_changed(truck: Path, tmp_path: Path) -> None:
    silent = tmp_path / "off.csv"
    with_switch_off(truck / "pulses.csv", silent)
    before, after = list(pulses(truck / "pulses.csv")), list(pulses(silent))
    assert len(before) == len(after)
    assert all(one == other or one.pin == "crew_switch" for one, other in zip(before, after, strict=True))
    assert {pulse.level for pulse in after if pulse.pin == "crew_switch"} == {0}
