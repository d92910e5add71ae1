"""The terms of each stream: how precise, on which clock, how long it is kept."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from agent.agreement.part import Cell, Retention
from agent.agreement.places import Points
from config.located import Mistake
from config.quantities import DURATION, Days, Metres, Seconds, written
from config.section import Section

DWELL_CLASSES_MAX = 6
DWELL_STEP_S_MIN = 300
HELD_DAYS_MAX = 327  # and a month and a week more make the longest device retention


class TrackTerms(Section):
    """The simplified way: how far it may lie from the fixes, which clock its points carry, how long it is kept."""

    precision: Metres = Field(
        ge=2, le=100, description="how far the line may lie from where the truck drove, such as 5 m"
    )
    clock: Literal["stretch", "minute", "exact"] = "stretch"
    retention: Retention


class StopsTerms(Section):
    """Standstills as places. Under a daily release only at declared points, and only if breaks may show."""

    precision: Metres = Field(ge=5, le=1000, description="how exact the place is, such as 10 m")
    retention: Retention
    snapped_to: Points | None = None
    gives_away_breaks: Literal["accepted"] | None = None


class CellTerms(Section):
    """What is told by cell."""

    cell: Cell
    retention: Retention


class LiftsTerms(CellTerms):
    """How often the lift worked, by cell."""


class PassedTerms(CellTerms):
    """Which cells the truck passed, by two-hour window."""


class BrakingTerms(Section):
    """Harsh brakings: how coarse the place is, how long each is held on the truck, how long it is kept."""

    cell: Cell
    held: Days = Field(default=28, ge=1, le=HELD_DAYS_MAX)
    retention: Retention


class DayTerms(Section):
    """Totals of the day; the distance is rounded to `precision`."""

    precision: Metres = Field(ge=10, le=10_000, description="what the distance is rounded to, such as 100 m")
    retention: Retention


def _apart(classes: list[float]) -> list[float]:
    for number, (shorter, longer) in enumerate(pairwise([0.0, *classes])):
        if longer - shorter < DWELL_STEP_S_MIN:
            least = written(DWELL_STEP_S_MIN, DURATION)
            raise Mistake(f"write a time that is at least {least} longer than the one before it", number)
    return classes


class SiteVisitsTerms(Section):
    """Visits to declared sites; `dwell_classes` are the times, in seconds, at which one class ends."""

    dwell_classes: Annotated[list[Seconds], AfterValidator(_apart)] = Field(
        min_length=1,
        max_length=DWELL_CLASSES_MAX,
        description="the times that part one class from the next, such as [10 min, 30 min]",
    )
    retention: Retention


class CrewReportTerms(CellTerms):
    """What the crew reports by a button, by cell."""


class HelpTerms(Section):
    """The crew's call for help: exact, at once, until cleared."""

    precision: Literal["exact"] = Field(description="write exact: help must be found")
    retention: Retention


class LiveTerms(CellTerms):
    """The cell the truck is in now."""


class BoxTerms(Section):
    """The box's own status."""

    retention: Retention


Terms = (
    TrackTerms
    | StopsTerms
    | LiftsTerms
    | PassedTerms
    | BrakingTerms
    | DayTerms
    | SiteVisitsTerms
    | CrewReportTerms
    | HelpTerms
    | LiveTerms
    | BoxTerms
)


class Streams(Section):
    """The streams agreed on; what is left out is not collected."""

    track: TrackTerms | None = None
    stops: StopsTerms | None = None
    lifts: LiftsTerms | None = None
    passed: PassedTerms | None = None
    harsh_braking: BrakingTerms | None = None
    day: DayTerms | None = None
    site_visits: SiteVisitsTerms | None = None
    crew_report: CrewReportTerms | None = None
    help: HelpTerms | None = None
    live: LiveTerms | None = None
    box: BoxTerms = Field(description="the box's own status; every agreement has it")
