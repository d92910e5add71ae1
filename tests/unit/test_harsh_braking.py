"""A harsh braking leaves as a square, a class and a month."""

from __future__ import annotations

import pytest

from agent.recording.braking import STANDING, Braking
from agent.streams.cells import Cells
from agent.streams.harsh_braking import HarshBraking
from tests.unit.stream_parts import DAY, ORIGIN, PLANE, placed

CELLS = Cells(ORIGIN, 100.0)


def braking(
    x_m: float = 130.0, y_m: float = -20.0, refused: str | None = None, second: int = 40_000
) -> Braking:
    return Braking(12.5, "yes", "hard", refused, placed(x_m, y_m, second=second))


def test_a_record_has_exactly_the_fields_of_the_stream() -> None:
    (record,) = HarshBraking(CELLS).braked(braking())
    assert (record.stream, record.day) == ("harsh_braking", DAY)
    assert list(record.fields) == ["month", "latitude_deg", "longitude_deg", "severity", "corroborated"]
    assert record.fields["month"] == "2027-09"
    assert (record.fields["severity"], record.fields["corroborated"]) == ("hard", "yes")


def test_all_places_and_times_of_a_cell_give_the_same_record() -> None:
    stream = HarshBraking(CELLS)
    places = [(100.1, -99.9), (150.0, -50.0), (199.9, -0.1)]
    records = [stream.braked(braking(*place, second=second)) for place in places for second in (0, 86_399)]
    assert all(record == records[0] for record in records)
    centre = PLANE.point(150.0, -50.0)
    assert records[0][0].fields["latitude_deg"] == pytest.approx(centre.latitude_e7 / 1e7, abs=5.1e-6)
    assert records[0][0].fields["longitude_deg"] == pytest.approx(centre.longitude_e7 / 1e7, abs=5.1e-6)


def test_an_implausible_braking_leaves_nothing() -> None:
    assert HarshBraking(CELLS).braked(braking(refused=STANDING)) == []


@pytest.mark.parametrize("where", [None, object(), (1, 2)])
def test_R7_a_braking_without_a_publishable_place_leaves_nothing(where: object) -> None:
    assert HarshBraking(CELLS).braked(Braking(1.0, "yes", "hard", None, where)) == []
