"""A simulated shift with its pulses through the whole agent on paper, twice, and what it must never give away."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from agent.__main__ import main
from agent.agreement import load_agreement
from agent.geometry import Point, distance_m
from agent.wire import decode, digest
from drivers.simulate import shift, write

HOURS = 2.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("shift")
    write(shift(6, HOURS), made)
    return made


def replayed(folder: Path, wire: Path, *more: str) -> list[dict[str, Any]]:
    words = [
        "replay",
        folder / "shift.nmea",
        "--pulses",
        folder / "pulses.csv",
        "--wire",
        wire,
        "--out",
        f"{wire}.nd",
    ]
    result = CliRunner().invoke(main, [*map(str, words), *more])
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in Path(f"{wire}.nd").read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def wire(folder: Path) -> Path:
    replayed(folder, folder / "wire")
    return folder / "wire"


@pytest.fixture(scope="module")
def records(wire: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(f"{wire}.nd").read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def truth(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "truth.ndjson").read_text(encoding="utf-8").splitlines()]


def contents(wire: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in wire.iterdir()}


def e7(place: list[float]) -> Point:
    return Point(round(place[0] * 1e7), round(place[1] * 1e7))


def test_the_same_replay_twice_gives_byte_identical_folders(folder: Path, wire: Path, tmp_path: Path) -> None:
    replayed(folder, tmp_path / "again")
    assert contents(tmp_path / "again") == contents(wire)


def test_way_brakings_and_box_leave(records: list[dict[str, Any]]) -> None:
    streams = [record["stream"] for record in records]
    assert streams.count("track") >= 3
    assert streams.count("harsh_braking") >= 1
    assert streams.count("box") >= 1


def test_with_duty_off_only_the_box_has_anything_to_say(folder: Path, tmp_path: Path) -> None:
    assert {record["stream"] for record in replayed(folder, tmp_path / "off", "--duty", "off")} == {"box"}


def test_envelopes_are_of_one_size_and_number_with_duty_on_or_off(
    folder: Path, wire: Path, tmp_path: Path
) -> None:
    replayed(folder, tmp_path / "off", "--duty", "off")

    def first_days(of: Path) -> list[tuple[str, int, float]]:
        index = [json.loads(line) for line in (of / "index.ndjson").read_text(encoding="utf-8").splitlines()]
        return [(line["topic"], line["bytes"], line["slot_s"]) for line in index][:16]

    assert first_days(tmp_path / "off") == first_days(wire)


def test_every_payload_decodes_and_each_of_an_epoch_names_the_one_before(wire: Path) -> None:
    newest: dict[tuple[str, str], tuple[int, str]] = {}
    index = [json.loads(line) for line in (wire / "index.ndjson").read_text(encoding="utf-8").splitlines()]
    for line in index:
        payload = (wire / line["file"]).read_bytes()
        heading = decode(payload).heading
        chain = (heading.stream, heading.epoch)
        n, before = newest.get(chain, (0, "0" * 64))
        assert heading.n == n + 1
        assert before.startswith(heading.prev)
        newest[chain] = (heading.n, digest(payload))
    assert {stream for stream, _ in newest} == {
        "track",
        "day",
        "lifts",
        "site_visits",
        "harsh_braking",
        "box",
    }


def test_nothing_published_lies_off_limits_or_outside_the_service_area(
    folder: Path, records: list[dict[str, Any]]
) -> None:
    agreed = load_agreement(folder / "agreement.yaml")
    points = [e7(place) for record in records if record["stream"] == "track" for place in record["path"]]
    assert points
    assert all(agreed.allows(point) for point in points)


def test_nothing_published_lies_where_the_truck_was_only_off_duty(
    records: list[dict[str, Any]], truth: list[dict[str, Any]]
) -> None:
    on = [e7([second["latitude_deg"], second["longitude_deg"]]) for second in truth if second["on_duty"]]
    points = [e7(place) for record in records if record["stream"] == "track" for place in record["path"]]
    for point in points:
        assert min(distance_m(point, place) for place in on[::3]) < 60.0


def test_stretches_are_numbered_in_order_long_enough_and_never_too_fast(
    records: list[dict[str, Any]],
) -> None:
    tracks = [record for record in records if record["stream"] == "track"]
    by_day: dict[str, list[int]] = {}
    for track in tracks:
        by_day.setdefault(track["date"], []).append(track["stretch"])
        path = [e7(place) for place in track["path"]]
        length_m = sum(distance_m(a, b) for a, b in itertools.pairwise(path))
        assert track["running_s"] % 10 == 0
        assert track["running_s"] >= 0.9 * length_m / 25
    for numbers in by_day.values():
        assert numbers == list(range(1, len(numbers) + 1))


def test_no_record_holds_a_time_finer_than_agreed(records: list[dict[str, Any]]) -> None:
    fields = {record["stream"]: set(record) - {"stream", "batch"} for record in records}
    assert fields["track"] == {"date", "stretch", "running_s", "path"}
    assert fields["harsh_braking"] == {"month", "latitude_deg", "longitude_deg", "severity", "corroborated"}
