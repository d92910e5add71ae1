"""The demo's own parts; the demo itself is run by `make demo`, and end to end by the server tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.cli.demo import demo
from agent.demo import morning, with_switch_off
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


def test_the_morning_is_half_a_minute_of_fixes_so_many_days_later(truck: Path, tmp_path: Path) -> None:
    def days_of(log: Path) -> list[int]:
        receiver = Receiver()
        with open_log(log) as opened:
            fixes = [fix for chunk in replay(opened) for fix in receiver.feed(chunk.at, chunk.data)]
        assert not receiver.defects
        return [fix.utc_ms // 86_400_000 for fix in fixes if fix.utc_ms is not None]

    log = tmp_path / "morning.nmea"
    log.write_bytes(b"".join(morning(truck / "shift.nmea", 3)))
    assert days_of(log) == [days_of(truck / "shift.nmea")[-1] + 3] * 29


def test_with_the_switch_off_only_the_switch_is_changed(truck: Path, tmp_path: Path) -> None:
    silent = tmp_path / "off.csv"
    with_switch_off(truck / "pulses.csv", silent)
    before, after = list(pulses(truck / "pulses.csv")), list(pulses(silent))
    assert len(before) == len(after)
    assert all(one == other or one.pin == "crew_switch" for one, other in zip(before, after, strict=True))
    assert {pulse.level for pulse in after if pulse.pin == "crew_switch"} == {0}
