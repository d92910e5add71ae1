"""What a log is replayed under when nothing is said: what lies beside it, else the examples round it."""

from __future__ import annotations

import gzip
import io
import math
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from agent.agreement import load_agreement
from agent.geometry import HALF_TURN_E7, TURN_E7, Point
from agent.records import day_number
from agent.surroundings import (
    EXAMPLE_AGREEMENT,
    EXAMPLE_CONFIGURATION,
    Logs,
    agreement_for,
    configuration_for,
)
from config.load import ConfigurationError, load_configuration
from drivers.replay import LogError
from tests.sim.drives import MORNING_MS, sentences


def log(path: Path, points: list[Point]) -> Logs:
    path.write_bytes(b"".join(sentences(MORNING_MS + 1000 * i, point) for i, point in enumerate(points)))
    return Logs([str(path)])


def line(start: Point, count: int = 12) -> list[Point]:
    """Eastwards at about 20 m/s."""
    step_e7 = round(1800 / math.cos(math.radians(start.latitude_e7 / 1e7)))
    longitudes_e7 = [start.longitude_e7 + i * step_e7 for i in range(count)]
    return [
        Point(start.latitude_e7, (each + HALF_TURN_E7) % TURN_E7 - HALF_TURN_E7) for each in longitudes_e7
    ]


@pytest.mark.parametrize(
    "start",
    [
        Point(404_168_000, -37_038_000),
        Point(-338_000_000, 1_511_000_000),
        Point(-180_000_000, HALF_TURN_E7 - 10_000),
        Point(849_990_000, 10_000),
        Point(1, 1),
    ],
    ids=["Madrid", "Sydney", "across the antimeridian", "far north", "Gulf of Guinea"],
)
def test_the_example_s_service_area_is_laid_round_the_log(start: Point, tmp_path: Path) -> None:
    points = line(start)
    agreed = agreement_for(log(tmp_path / "a.nmea", points), None)
    assert agreed.reference.id == "routes-and-safety"
    assert all(agreed.allows(point) for point in points[3:-1])
    assert agreed.allows(Point(start.latitude_e7, points[6].longitude_e7))
    beyond_e7 = 200_000
    assert not agreed.allows(Point(start.latitude_e7 + beyond_e7, points[6].longitude_e7))


def test_what_belongs_to_the_example_s_own_city_is_left_out(tmp_path: Path) -> None:
    agreed = agreement_for(log(tmp_path / "a.nmea", line(Point(404_168_000, -37_038_000))), None)
    assert all(agreed.scheduled(second) for second in range(0, 86_400, 60))
    assert (agreed.file.places.off_limits, agreed.file.places.sites, agreed.behind) == ([], [], None)
    kept = set(load_agreement(EXAMPLE_AGREEMENT).file.agreed_streams()) - {"site_visits"}
    assert agreed.collected(day_number("2027-01-01")) == kept


@pytest.mark.parametrize("content", [b"", b"nothing of the kind\n", b"$GPRMC,junk*00\r\n"])
def test_a_log_without_a_fix_still_has_an_agreement(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.nmea").write_bytes(content)
    assert agreement_for(Logs([str(tmp_path / "a.nmea")]), None).allows(Point(0, 0))


def test_what_lies_beside_the_log_is_taken(tmp_path: Path) -> None:
    logs = log(tmp_path / "a.nmea", line(Point(0, 10_000)))
    text = EXAMPLE_AGREEMENT.read_text(encoding="utf-8")
    (tmp_path / "agreement.yaml").write_text(
        text.replace("id: routes-and-safety", "id: mine"), encoding="utf-8"
    )
    configured = EXAMPLE_CONFIGURATION.read_text(encoding="utf-8").replace(
        "vehicle: truck-017", "vehicle: mine"
    )
    (tmp_path / "agent.yaml").write_text(configured, encoding="utf-8")
    assert agreement_for(logs, None).reference.id == "mine"
    assert configuration_for(logs, None).vehicle == "mine"


def test_what_is_named_goes_before_what_lies_beside(tmp_path: Path) -> None:
    logs = log(tmp_path / "a.nmea", line(Point(0, 10_000)))
    (tmp_path / "agreement.yaml").write_text("broken", encoding="utf-8")
    assert agreement_for(logs, EXAMPLE_AGREEMENT).reference.id == "routes-and-safety"
    with pytest.raises(ConfigurationError):
        agreement_for(logs, None)


def test_the_example_configuration_is_the_last_resort(tmp_path: Path) -> None:
    logs = log(tmp_path / "a.nmea", [])
    assert configuration_for(logs, None) == load_configuration(EXAMPLE_CONFIGURATION)


def test_standard_input_can_be_read_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stdin:
        buffer = io.BytesIO(b"some bytes")

    monkeypatch.setattr(sys, "stdin", Stdin())
    logs = Logs(["-"])
    for _ in range(2):
        (opened,) = logs.open()
        with opened:
            assert opened.read(100) == b"some bytes"
    assert logs.beside("agent.yaml") is None


def test_a_packed_log_is_read_directly(tmp_path: Path) -> None:
    plain = tmp_path / "a.nmea"
    log(plain, line(Point(404_168_000, -37_038_000)))
    with plain.open("rb") as source, gzip.open(tmp_path / "b.nmea.gz", "wb") as packed:
        shutil.copyfileobj(source, packed)
    packed_too = agreement_for(Logs([str(tmp_path / "b.nmea.gz")]), None)
    assert packed_too.reference == agreement_for(Logs([str(plain)]), None).reference


@pytest.mark.parametrize("name", ["missing.nmea", ".", "a.nmea/b"])
def test_what_can_t_be_read_is_said(name: str, tmp_path: Path) -> None:
    (tmp_path / "a.nmea").write_bytes(b"")
    with pytest.raises(LogError, match=r".+"):
        agreement_for(Logs([str(tmp_path / name)]), None)


def test_the_area_holds_every_fix_with_a_kilometre_to_spare(tmp_path: Path) -> None:
    far = [*line(Point(0, 10_000)), *line(Point(9_000_000, 10_000), 30)]  # a jump that persists is believed
    agreed: Any = agreement_for(log(tmp_path / "a.nmea", far), None)
    assert agreed.allows(Point(9_000_000 + 89_000, 40_000))
    assert not agreed.allows(Point(9_000_000 + 91_000, 40_000))
