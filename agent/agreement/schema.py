"""The agreement between city and crews, as a file: what may leave the truck, for which question, and how.

The models refuse what they do not know: a stream, a field or a combination that this version cannot keep its
promise for makes the whole agreement invalid, and then only the box's own status leaves.
"""

from __future__ import annotations

import datetime
import zoneinfo
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from agent.agreement import promises
from agent.agreement.part import DAY_MINUTES, Name, Sentence, TimeOfDay, without
from agent.agreement.places import Places
from agent.agreement.terms import Streams, Terms
from config.located import Mistake
from config.quantities import Bytes, Days, Metres, MetresPerSecond, Seconds
from config.section import Section

QUESTIONS_MAX = 100
GROUPS_MAX = 20
SLOTS_MAX = 24
ENVELOPES_MAX = 100
DUTY_HOURS_MAX = 12


class Uses(Section):
    """What the answer may and may not be used for."""

    allowed: list[Sentence] = Field(min_length=1)
    forbidden: list[Sentence] = Field(min_length=1)


class Question(Section):
    """Something someone asked: nothing is collected that answers no question."""

    id: Name
    asks: Sentence = Field(description="the question, in plain words")
    owner: Name = Field(description="which of the groups asks")
    purpose: Sentence = Field(description="what the answer is for, in plain words")
    valid_until: datetime.date = Field(description="the last date on which it is asked")
    uses: Uses = Field(description="what the answer may and may not be used for")
    needs: list[
        Literal[
            "track",
            "stops",
            "lifts",
            "passed",
            "harsh_braking",
            "day",
            "site_visits",
            "crew_report",
            "help",
            "live",
        ]
    ] = Field(min_length=1, description="the streams that answer it")


class DailyRelease(Section):
    """Records leave on a later day, in a fixed number of envelopes of one size, at the first of fixed slots.

    Slots are kept in minutes of the day by the clock on the wall; each lasts ten.
    """

    kind: Literal["daily"]
    slots: list[TimeOfDay] = Field(min_length=1, max_length=SLOTS_MAX)
    fleet_slots: list[TimeOfDay] = Field(default=[], max_length=SLOTS_MAX)
    envelopes: dict[str, Annotated[int, Field(ge=1, le=ENVELOPES_MAX)]]
    size: Bytes = Field(ge=2048, le=8192)


class TimedRelease(Section):
    """Batches leave every so often while there is a connection, padded to a multiple of one size.

    Brakings leave within `fleet_slots` alone, kept in minutes of the day by the clock on the wall.
    """

    kind: Literal["timed"]
    every: Seconds = Field(ge=10, le=3600)
    size: Bytes = Field(ge=256, le=8192)
    fleet_slots: list[TimeOfDay] = Field(default=[], max_length=SLOTS_MAX)


def _known_zone(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"no time zone {name!r}; write one like Europe/Madrid or UTC") from None
    return name


class DutyHours(Section):
    """Hours of every day in which recording may be; past midnight where `to` is earlier than `from`."""

    from_: TimeOfDay = Field(alias="from", description='when it begins, in quotes, such as "05:30"')
    to: TimeOfDay = Field(description='when it ends, in quotes, such as "14:00"')

    @model_validator(mode="after")
    def _lasts(self) -> DutyHours:
        if self.from_ == self.to:
            raise Mistake("it ends when it begins: write when it ends, or leave the schedule out", "to")
        return self

    @property
    def minutes(self) -> int:
        """How long it lasts."""
        return (self.to - self.from_) % DAY_MINUTES

    def holds(self, minute: int) -> bool:
        """Whether a minute of the day lies within it; its end does not."""
        return (minute - self.from_) % DAY_MINUTES < self.minutes


class Duty(Section):
    """When the truck is on duty: every pin kind in `requires` must be on. Service days are of `time_zone`."""

    requires: list[Literal["ignition", "crew_switch"]] = Field(min_length=1, max_length=2)
    time_zone: Annotated[str, AfterValidator(_known_zone)] = "UTC"
    day_starts: TimeOfDay = Field(default=0, description='when a service day begins, such as "03:00"')
    schedule: list[DutyHours] = Field(default=[], max_length=DUTY_HOURS_MAX)

    @model_validator(mode="after")
    def _crew_decides(self) -> Duty:
        if "crew_switch" not in self.requires:
            raise Mistake("crew_switch is missing; the crew can always pause recording", "requires")
        return self

    def scheduled(self, minute: int) -> bool:
        """Whether the schedule, if there is one, lets the truck record in that minute of the day."""
        return not self.schedule or any(hours.holds(minute) for hours in self.schedule)


class Limits(Section):
    """Bounds that hold for every stream."""

    standstill_cap: Seconds = Field(default=20, ge=0, le=20)
    stretch_length: Metres = Field(default=1000, ge=1000, le=10_000)
    trim: Metres = Field(default=50, ge=10, le=1000)
    speed_ceiling: MetresPerSecond = Field(default=25, ge=5, le=50)
    device_retention: Days = Field(default=70, ge=1, le=365)


class AgreementFile(Section):
    """The whole file. `behind` holds the values of the agreement that follows, not the path that the file names."""

    fairhaul_agreement: Literal[1]
    id: Name
    version: int = Field(ge=1, le=1_000_000)
    city: Sentence
    groups: list[Name] = Field(min_length=2, max_length=GROUPS_MAX)
    valid_until: datetime.date = Field(description="the last date on which anything but box leaves")
    behind: dict[str, Any] | None = Field(
        default=None, description="path of the agreement that stands in when this one has expired"
    )
    stop_all: bool = False
    questions: list[Question] = Field(min_length=1, max_length=QUESTIONS_MAX)
    streams: Streams
    release: DailyRelease | TimedRelease = Field(discriminator="kind")
    places: Places
    duty: Duty
    limits: Limits = Limits()

    @model_validator(mode="after")
    def _keeps_its_word(self) -> AgreementFile:
        return without(promises.broken_by(self), self)

    def agreed_streams(self) -> Mapping[str, Terms]:
        """The terms of each stream that stands in the file, by its name."""
        return {name: terms for name in Streams.model_fields if (terms := getattr(self.streams, name))}
