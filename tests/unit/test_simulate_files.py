"""The five files of a simulated shift, and the command that writes them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML
from shapely.geometry import Point, shape

from agent.cli.simulate import simulate
from drivers.simulate import shift, write
from drivers.simulate.files import FILES, agreement_yaml

TRUTH_KEYS = [
    "at_s", "utc", "latitude_deg", "longitude_deg", "speed_mps", "street", "place", "state", "on_duty", "stop",
    "brakings", "lifts", "break",
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("shift")
    write(shift(8, 1.5), directory)
    return directory


def test_five_files_are_written_and_twice_the_same(folder: Path, tmp_path: Path) -> None:
    paths = write(shift(8, 1.5), tmp_path / "made" / "on the way")
    assert [path.name for path in paths] == list(FILES)
    for path in paths:
        assert path.read_bytes() == (folder / path.name).read_bytes()


def test_progress_ends_at_the_whole(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    write(shift(8, 0.5), tmp_path, lambda done, whole: told.append((done, whole)))
    assert told[-1] == (1800, 1800)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_truth_has_a_line_for_each_second_with_the_documented_keys(folder: Path) -> None:
    lines = [json.loads(line) for line in (folder / "truth.ndjson").read_text().splitlines()]
    assert len(lines) == 1.5 * 3600
    assert all(list(line) == TRUTH_KEYS for line in lines)
    assert lines[60]["utc"].endswith("Z")


def test_pulses_start_with_a_header_and_the_state_of_each_line(folder: Path) -> None:
    with (folder / "pulses.csv").open() as table:
        rows = list(csv.reader(table))
    assert rows[0] == ["at_s", "pin", "level"]
    assert [row[0] for row in rows[1:5]] == ["0.000"] * 4
    assert sorted(row[1] for row in rows[1:5]) == ["brake", "crew_switch", "ignition", "lift"]
    assert {row[2] for row in rows[1:]} == {"0", "1"}


def test_the_agreement_fits_the_city(folder: Path) -> None:
    agreement = YAML(typ="safe", pure=True).load((folder / "agreement.yaml").read_text())
    area = shape(agreement["places"]["service_area"])
    assert area.is_valid
    needed = {stream for question in agreement["questions"] for stream in question["needs"]}
    assert needed | {"box"} == set(agreement["streams"])
    for place in agreement["places"]["off_limits"]:
        zone = shape(place["area"])
        assert zone.is_valid
        assert area.contains(zone)
    assert agreement["release"]["slots"] == ["05:00", "06:00"]
    for line in (folder / "truth.ndjson").read_text().splitlines():
        second = json.loads(line)
        spot = Point(second["longitude_deg"], second["latitude_deg"])
        if second["at_s"] % 20 == 0 and second["place"] in ("district", "road", "depot"):
            assert area.covers(spot) == (second["place"] == "district")


def test_rings_are_closed_and_longitude_comes_first(folder: Path) -> None:
    drive = shift(8, 1.5)
    agreement = YAML(typ="safe", pure=True).load((folder / "agreement.yaml").read_text())
    places = [
        agreement["places"]["service_area"],
        *(each["area"] for each in agreement["places"]["off_limits"]),
    ]
    for place in places:
        parts = place["coordinates"] if place["type"] == "MultiPolygon" else [place["coordinates"]]
        assert all(ring[0] == ring[-1] for part in parts for ring in part)
        assert parts[0][0][0][0] == pytest.approx(drive.city.origin.longitude_deg, abs=0.05)
        assert parts[0][0][0][1] == pytest.approx(drive.city.origin.latitude_deg, abs=0.05)


def test_the_landfill_is_a_site_inside_the_service_area_and_where_the_truck_dumps() -> None:
    drive = shift(3, 8)
    agreement = YAML(typ="safe", pure=True).load(agreement_yaml(drive.city))
    (site,) = agreement["places"]["sites"]
    assert site["kind"] == "landfill"
    landfill = shape(site["area"])
    assert shape(agreement["places"]["service_area"]).buffer(1e-9).covers(landfill)
    dumping = [second for second in drive.truth() if second.state == "dumping"]
    assert dumping
    assert all(landfill.covers(Point(second.longitude_deg, second.latitude_deg)) for second in dumping)


def test_the_configuration_names_the_agreement_and_the_pins_of_the_pulses(folder: Path) -> None:
    agent = YAML(typ="safe", pure=True).load((folder / "agent.yaml").read_text())
    assert (folder / agent["agreement"]).is_file()
    assert set(agent["pins"]) == {"ignition", "crew_switch", "brake", "lift"}


def test_agent_and_agreement_are_understood_by_the_agent(folder: Path) -> None:
    from agent.agreement import load_agreement
    from config.load import load_configuration

    assert load_configuration(folder / "agent.yaml").fleet == "simulated-city"
    assert load_agreement(folder / "agreement.yaml").file.id == "simulated-city"


def test_the_command_says_what_it_wrote_and_what_to_try_next(tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = CliRunner().invoke(simulate, ["--seed", "4", "--hours", "0.1", "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert done.stdout == ""
    assert "3,240 sentences" in done.stderr
    assert f"fairhaul replay {out / 'shift.nmea'}" in done.stderr
    assert sorted(path.name for path in out.iterdir()) == sorted(FILES)


@pytest.mark.parametrize(
    "options", [["--hours", "0.04"], ["--hours", "15"], ["--rate", "11"], ["--break-minutes", "0"]]
)
def test_the_command_refuses_what_is_out_of_range_as_bad_usage(tmp_path: Path, options: list[str]) -> None:
    done = CliRunner().invoke(simulate, [*options, "--out", str(tmp_path)])
    assert done.exit_code == 2
    assert "range" in done.stderr


def test_the_command_fails_with_a_sentence_where_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = CliRunner().invoke(simulate, ["--hours", "0.05", "--out", str(tmp_path / "file" / "deeper")])
    assert done.exit_code == 1
    assert "Traceback" not in done.output
