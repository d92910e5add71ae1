from __future__ import annotations

import re

import pytest
from pydantic import BaseModel, Field, ValidationError

from config.quantities import (
    ACCELERATION,
    AGE,
    DURATION,
    FREQUENCY,
    LENGTH,
    SIZE,
    SPEED,
    TEXT_CHARACTERS_MAX,
    Bytes,
    Days,
    Dimension,
    Seconds,
    parse,
    written,
)

UNDERSTOOD = [
    ("10 s", DURATION, 10.0),
    ("10s", DURATION, 10.0),
    ("  10   s ", DURATION, 10.0),
    ("20 ms", DURATION, 0.02),
    ("0.1 s", DURATION, 0.1),
    (".5 s", DURATION, 0.5),
    ("5 min", DURATION, 300.0),
    ("2 h", DURATION, 7200.0),
    ("1e3 s", DURATION, 1000.0),
    ("-5 s", DURATION, -5.0),
    ("60 days", AGE, 60),
    ("1 day", AGE, 1),
    ("8 weeks", AGE, 56),
    ("5 m", LENGTH, 5.0),
    ("1.5 km", LENGTH, 1500.0),
    ("256 MiB", SIZE, 268435456),
    ("4096 B", SIZE, 4096),
    ("1.5 KiB", SIZE, 1536),
    ("1 MB", SIZE, 1000000),
    ("25 m/s", SPEED, 25.0),
    ("90 km/h", SPEED, 25.0),
    ("2.7 m/s2", ACCELERATION, 2.7),
    ("2.7 m/s²", ACCELERATION, 2.7),
    ("2.7 m/s^2", ACCELERATION, 2.7),
    ("0.3 g", ACCELERATION, 2.941995),
    ("1 Hz", FREQUENCY, 1.0),
    ("0.5 Hz", FREQUENCY, 0.5),
]


@pytest.mark.parametrize(("text", "dimension", "si"), UNDERSTOOD)
def test_a_quantity_is_its_exact_si_value(text: str, dimension: Dimension, si: float) -> None:
    assert parse(text, dimension) == si


REFUSED = [
    (10, DURATION, "10 has no unit: write 10 s"),
    (2.5, ACCELERATION, "2.5 has no unit: write 2.5 m/s2"),
    ("60", AGE, "60 has no unit: write 60 days"),
    (True, DURATION, "write a duration with its unit, for example 10 s"),
    (None, SIZE, "write a size with its unit, for example 256 MiB"),
    ("5 m", DURATION, "'5 m' is a length, but a duration belongs here: write 5 min"),
    ("5 s", LENGTH, "'5 s' is a duration, but a length belongs here: write for example 5 m"),
    ("3 m/s", ACCELERATION, "'3 m/s' is a speed, but an acceleration belongs here: write 3 m/s2"),
    ("2,5 s", DURATION, "'2,5 s' has a decimal comma: write 2.5 s"),
    ("2,5", LENGTH, "'2,5' has a decimal comma: write 2.5 m"),
    ("1 000 s", DURATION, "'1 000 s' is not a duration: write a number and its unit, for example 10 s"),
    ("", DURATION, "'' is not a duration: write a number and its unit, for example 10 s"),
    (
        "10 S",
        DURATION,
        "'S' is not a unit of duration: allowed are ms, s, min, h, day; did you mean '10 s'?",
    ),
    (
        "10 fortnights",
        DURATION,
        "'fortnights' is not a unit of duration: allowed are ms, s, min, h, day",
    ),
    ("0.5 B", SIZE, "'0.5 B' is not a whole number of bytes"),
    ("1.5 days", AGE, "'1.5 days' is not a whole number of days"),
]


@pytest.mark.parametrize(("value", "dimension", "says"), REFUSED)
def test_what_is_no_quantity_is_refused_with_what_to_write(
    value: object, dimension: Dimension, says: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(says)}$"):
        parse(value, dimension)


def test_the_longest_text_is_read_and_one_character_more_is_not() -> None:
    longest = "1." + "0" * (TEXT_CHARACTERS_MAX - 4) + " s"
    assert len(longest) == TEXT_CHARACTERS_MAX
    assert parse(longest, DURATION) == 1.0
    with pytest.raises(ValueError, match="is not a duration"):
        parse(longest.replace(" s", "0 s"), DURATION)


def test_an_absurd_exponent_costs_nothing() -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse("1e999999999 s", DURATION)


WRITTEN = [
    (0.02, DURATION, "20 ms"),
    (10.0, DURATION, "10 s"),
    (90.0, DURATION, "1.5 min"),
    (300.0, DURATION, "5 min"),
    (0.0, DURATION, "0 s"),
    (268435456, SIZE, "256 MiB"),
    (1000000, SIZE, "1000000 B"),
    (60, AGE, "60 days"),
    (1, AGE, "1 day"),
    (2.7, ACCELERATION, "2.7 m/s2"),
    (0.1 + 0.2, DURATION, "0.30000000000000004 s"),
]


@pytest.mark.parametrize(("value", "dimension", "text"), WRITTEN)
def test_a_value_is_written_in_the_largest_unit_that_stays_exact(
    value: float, dimension: Dimension, text: str
) -> None:
    assert written(value, dimension) == text
    assert parse(written(value, dimension), dimension) == value


class Watch(BaseModel):
    silence: Seconds = Field(default=10.0, ge=1, le=600)
    size: Bytes = 1024
    age: Days | None = None


def test_a_file_must_write_units_and_python_may_leave_them_out() -> None:
    assert Watch.model_validate_json('{"silence": "5 min", "size": "1 KiB", "age": "2 weeks"}') == Watch(
        silence=300.0, size=1024, age=14
    )
    with pytest.raises(ValidationError, match="10 has no unit"):
        Watch.model_validate_json('{"silence": 10}')


def test_limits_hold_for_the_si_value() -> None:
    assert Watch.model_validate_json('{"silence": "10 min"}').silence == 600.0
    with pytest.raises(ValidationError, match="less than or equal to 600"):
        Watch.model_validate_json('{"silence": "601 s"}')


def test_a_model_writes_its_quantities_with_units() -> None:
    assert Watch(age=3).model_dump(mode="json") == {"silence": "10 s", "size": "1 KiB", "age": "3 days"}
    assert Watch().model_dump() == {"silence": 10.0, "size": 1024, "age": None}
