"""Quantities as technicians write them: a number and its unit.

`silence: 10 s`, never `silence: 10`. A field says which dimension it holds (`Seconds`, `Bytes` …); whatever
unit the technician chose, the program sees the SI unit that the type is named after. Arithmetic is exact until
the last step, so that `0.1 s` and `100 ms` are the same number, and writing a value out and reading it back
gives the value again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, core_schema

from config.located import printable

TEXT_CHARACTERS_MAX = 40
"""Longest quantity that is read at all."""

_NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2})?"
_QUANTITY = re.compile(rf"({_NUMBER})\s*([^\s0-9.,+-][^\s0-9]*2?)?")
_COMMA_NUMBER = re.compile(r"([+-]?[0-9]+),([0-9]+)(\s.*|[^0-9,].*)?")
_SHOWN_DIGITS_MAX = 6


@dataclass(frozen=True, slots=True, eq=False)
class Dimension:
    """What a quantity measures. `units` holds the SI value of one of each; `shown` those used in writing."""

    name: str
    si: str
    units: dict[str, Fraction]
    shown: tuple[str, ...]
    example: str
    whole: bool = False

    def __str__(self) -> str:
        return self.name


_MINUTE, _HOUR, _DAY = Fraction(60), Fraction(3600), Fraction(86400)
_G = Fraction(980665, 100000)

DURATION = Dimension(
    "a duration",
    "s",
    {
        "ms": Fraction(1, 1000),
        "s": Fraction(1),
        "sec": Fraction(1),
        "second": Fraction(1),
        "seconds": Fraction(1),
        "min": _MINUTE,
        "minute": _MINUTE,
        "minutes": _MINUTE,
        "h": _HOUR,
        "hour": _HOUR,
        "hours": _HOUR,
        "day": _DAY,
        "days": _DAY,
        "d": _DAY,
    },
    ("h", "min", "s", "ms"),
    "10 s",
)
AGE = Dimension(
    "a number of days",
    "days",
    {
        "day": Fraction(1),
        "days": Fraction(1),
        "d": Fraction(1),
        "week": Fraction(7),
        "weeks": Fraction(7),
    },
    ("days",),
    "60 days",
    whole=True,
)
LENGTH = Dimension(
    "a length",
    "m",
    {
        "mm": Fraction(1, 1000),
        "cm": Fraction(1, 100),
        "m": Fraction(1),
        "km": Fraction(1000),
    },
    ("km", "m"),
    "5 m",
)
SIZE = Dimension(
    "a size",
    "B",
    {
        "B": Fraction(1),
        "kB": Fraction(10**3),
        "MB": Fraction(10**6),
        "GB": Fraction(10**9),
        "KiB": Fraction(2**10),
        "MiB": Fraction(2**20),
        "GiB": Fraction(2**30),
    },
    ("GiB", "MiB", "KiB", "B"),
    "256 MiB",
    whole=True,
)
SPEED = Dimension(
    "a speed",
    "m/s",
    {
        "m/s": Fraction(1),
        "km/h": Fraction(1000, 3600),
        "kn": Fraction(1852, 3600),
    },
    ("m/s",),
    "25 m/s",
)
ACCELERATION = Dimension(
    "an acceleration",
    "m/s2",
    {
        "m/s2": Fraction(1),
        "m/s²": Fraction(1),
        "m/s^2": Fraction(1),
        "g": _G,
    },
    ("m/s2",),
    "2.7 m/s2",
)
FREQUENCY = Dimension("a frequency", "Hz", {"Hz": Fraction(1), "kHz": Fraction(1000)}, ("kHz", "Hz"), "50 Hz")

DIMENSIONS = (DURATION, AGE, LENGTH, SIZE, SPEED, ACCELERATION, FREQUENCY)

_MEANT = {
    ("m", DURATION): "min",
    ("M", DURATION): "min",
    ("D", AGE): "days",
    ("kph", SPEED): "km/h",
    ("kmh", SPEED): "km/h",
    ("kmph", SPEED): "km/h",
    ("mps", SPEED): "m/s",
    ("m/s", ACCELERATION): "m/s2",
    ("K", SIZE): "KiB",
    ("M", SIZE): "MiB",
    ("G", SIZE): "GiB",
    ("b", SIZE): "B",
}


def parse(value: object, dimension: Dimension) -> float | int:
    """The SI value of a quantity such as `10 s`; an int where the dimension counts whole units.

    Raises ValueError with a sentence that says what to write instead.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"write {dimension} with its unit, for example {dimension.example}")
    if not isinstance(value, str):
        raise ValueError(_without_unit(str(value), dimension))
    number, unit = _split(value.strip(), dimension)
    si = Fraction(number) * _factor(number, unit, dimension)
    if not dimension.whole:
        return float(si)
    if si.denominator != 1:
        raise ValueError(f"'{value}' is not a whole number of {_plural(dimension)}")
    return int(si)


def written(value: float, dimension: Dimension) -> str:
    """The quantity as a technician would write it, in the largest unit that keeps it short and exact."""
    if dimension is AGE and value == 1:
        return "1 day"
    for unit in dimension.shown if value else ():
        amount = Fraction(value) / dimension.units[unit]
        text = f"{float(amount):.{_SHOWN_DIGITS_MAX}g}"
        if "e" not in text and abs(amount) >= 1 and float(Fraction(text) * dimension.units[unit]) == value:
            return f"{text} {unit}"
    return f"{value!r} {dimension.si}" if value else f"0 {dimension.si}"


def _split(text: str, dimension: Dimension) -> tuple[str, str]:
    """Number and unit of a quantity's text."""
    comma = _COMMA_NUMBER.fullmatch(text) if len(text) <= TEXT_CHARACTERS_MAX else None
    if comma:
        rest = (comma[3] or f" {dimension.si}").strip()
        raise ValueError(f"'{printable(text)}' has a decimal comma: write {comma[1]}.{comma[2]} {rest}")
    found = _QUANTITY.fullmatch(text) if len(text) <= TEXT_CHARACTERS_MAX else None
    if found is None:
        raise ValueError(
            f"'{printable(text)}' is not {dimension}: write a number and its unit, "
            f"for example {dimension.example}"
        )
    if found[2] is None:
        raise ValueError(_without_unit(found[1], dimension))
    return found[1], found[2]


def _factor(number: str, unit: str, dimension: Dimension) -> Fraction:
    """SI value of one `unit`, or a sentence why it is none of this dimension's."""
    if unit in dimension.units:
        return dimension.units[unit]
    meant = _meant(unit, dimension)
    others = [other.name for other in DIMENSIONS if unit in other.units]
    if others:
        hint = f"write {number} {meant}" if meant else f"write for example {dimension.example}"
        raise ValueError(f"'{number} {unit}' is {others[0]}, but {dimension} belongs here: {hint}")
    known = ", ".join(_offered(dimension))
    hint = f"; did you mean '{number} {meant}'?" if meant else ""
    raise ValueError(f"'{unit}' is not a unit of {_bare(dimension)}: allowed are {known}{hint}")


def _meant(unit: str, dimension: Dimension) -> str | None:
    """The unit that was probably meant: a usual slip, or one that differs only in its capitals."""
    same = (known for known in dimension.units if known.lower() == unit.lower())
    return _MEANT.get((unit, dimension)) or next(same, None)


def _without_unit(number: str, dimension: Dimension) -> str:
    return f"{number} has no unit: write {number} {dimension.example.partition(' ')[2]}"


def _offered(dimension: Dimension) -> list[str]:
    """One spelling of each unit of a dimension, smallest unit first."""
    spellings: dict[Fraction, str] = {}
    for unit, factor in dimension.units.items():
        spellings.setdefault(factor, unit)
    return [spellings[factor] for factor in sorted(spellings)]


def _bare(dimension: Dimension) -> str:
    return "days" if dimension is AGE else dimension.name.split(" ", 1)[1]


def _plural(dimension: Dimension) -> str:
    return "bytes" if dimension is SIZE else dimension.si


class Quantity:
    """Marks a pydantic type as a quantity of one dimension.

    From a file (JSON mode) only text with a unit is taken; from Python the plain SI number as well. Written
    out as JSON it is text with a unit again.
    """

    def __init__(self, dimension: Dimension) -> None:
        self.dimension = dimension

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_before_validator_function(
            self._validated,
            handler(source),
            serialization=core_schema.plain_serializer_function_ser_schema(self.written, when_used="json"),
        )

    def __get_pydantic_json_schema__(self, _: CoreSchema, __: GetJsonSchemaHandler) -> dict[str, Any]:
        units = "|".join(re.escape(unit) for unit in self.dimension.units)
        return {
            "type": "string",
            "pattern": rf"^\s*{_NUMBER}\s*({units})\s*$",
            "examples": [self.dimension.example],
        }

    def written(self, value: float) -> str:
        """`value` (SI) with its unit."""
        return written(value, self.dimension)

    def _validated(self, value: object, info: ValidationInfo) -> object:
        if info.mode == "python" and not isinstance(value, str):
            return value
        return parse(value, self.dimension)


Seconds = Annotated[float, Quantity(DURATION)]
Days = Annotated[int, Quantity(AGE)]
Metres = Annotated[float, Quantity(LENGTH)]
Bytes = Annotated[int, Quantity(SIZE)]
MetresPerSecond = Annotated[float, Quantity(SPEED)]
MetresPerSecondSquared = Annotated[float, Quantity(ACCELERATION)]
Hertz = Annotated[float, Quantity(FREQUENCY)]
