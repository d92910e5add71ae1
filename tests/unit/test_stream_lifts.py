"""Lifts and crew reports: a cell, a date, and nothing of when."""

from __future__ import annotations

import pytest

from agent.records import iso_date
from agent.streams.cells import Cells, degrees
from agent.streams.crew_report import KINDS, CrewReport
from agent.streams.lifts import Lifts
from agent.streams.merging import MERGED
from tests.unit.stream_parts import DAY, ORIGIN, PLANE, placed

CELLS = Cells(ORIGIN, 100.0)
CELL = degrees(PLANE.point(150.0, 50.0))


def test_a_lift_counts_one_in_its_cell_at_once() -> None:
    (record,) = Lifts(CELLS).pulsed("lift", placed(101.0, 99.0))
    assert (record.stream, record.day) == ("lifts", DAY)
    assert record.fields == {"date": iso_date(DAY), **CELL, "count": 1}


def test_lifts_of_a_cell_and_date_add_up_exactly() -> None:
    lifts = Lifts(CELLS)
    records = [r.fields for i in range(240) for r in lifts.pulsed("lift", placed(10.0 * (i % 24), 5.0))]
    assert [fields["count"] for fields in MERGED["lifts"](records)] == [100, 100, 40]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_crew_report_has_the_cell_and_the_kind(kind: str) -> None:
    (record,) = CrewReport(CELLS).pulsed(kind, placed(101.0, 99.0))
    assert (record.stream, record.day) == ("crew_report", DAY)
    assert record.fields == {"date": iso_date(DAY), **CELL, "kind": kind}


def test_each_stream_leaves_the_other_s_pulses_alone() -> None:
    assert CrewReport(CELLS).pulsed("lift", placed(0.0)) == []
    assert [Lifts(CELLS).pulsed(kind, placed(0.0)) for kind in sorted(KINDS)] == [[], [], []]


def test_R4_the_second_of_a_pulse_changes_nothing() -> None:
    early, late = (placed(101.0, 99.0, second=second) for second in (0, 86_399))
    assert Lifts(CELLS).pulsed("lift", early) == Lifts(CELLS).pulsed("lift", late)
    assert CrewReport(CELLS).pulsed("hazard", early) == CrewReport(CELLS).pulsed("hazard", late)
