"""What the parts of an agreement have in common: names, sentences, times of the day."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, Field

from config.located import Mistake
from config.quantities import Days, Metres
from config.section import gathered

CELL_M_MIN, CELL_M_MAX = 100, 10_000
RETENTION_DAYS_MAX = 3650
DAY_MINUTES = 1440

Whole = TypeVar("Whole")


def without(mistakes: Iterable[Mistake], whole: Whole) -> Whole:
    """`whole`, if there are no `mistakes`; else they are raised, all at once, as pydantic wants them."""
    checked: Whole = gathered(whole, lambda value: value, mistakes)
    return checked


def _minute_of_day(value: Any) -> int:
    if isinstance(value, str) and (match := re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)", value, re.ASCII)):
        return int(match[1]) * 60 + int(match[2])
    raise ValueError('write the time of day in quotes as "HH:MM", for example "05:30"')


def written_minute(minute: int) -> str:
    """`05:30` for a minute of the day."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


Name = Annotated[
    str,
    Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$", description="a name of 1 to 63 of a-z, 0-9 and -"),
]
Sentence = Annotated[str, Field(min_length=1, max_length=500)]
TimeOfDay = Annotated[int, BeforeValidator(_minute_of_day)]
"""Minutes of the day by the agreement's clock on the wall."""

Retention = Annotated[
    Days,
    Field(
        ge=1,
        le=RETENTION_DAYS_MAX,
        description="how long receipts stay on the truck and the city may keep it, such as 60 days",
    ),
]
Cell = Annotated[
    Metres,
    Field(
        ge=CELL_M_MIN,
        le=CELL_M_MAX,
        description="edge of the square that stands for the place, such as 100 m",
    ),
]
