"""Single NMEA 0183 fields as readings: text in, a number or None out. Nothing here raises.

An empty field is None without a word; nonsense is None and counted in `defects`. Text is read digit by digit
and never by `float` where a place or a time depends on it: Python reads 1_0, nan and full-width digits too.
"""

from __future__ import annotations

import math
from collections import Counter
from datetime import date
from functools import lru_cache

FRACTION_DIGITS_MAX = 12
"""Digits after the decimal point of a coordinate; high-precision receivers send 8."""

SPEED_MPS_MAX = 515.0
"""Civil receivers stop at 1,000 knots; anything above is noise."""

HDOP_UNKNOWN_FROM = 99.0
"""Receivers say 99.99 (or 0) when they do not know their HDOP."""

MPS_PER_KNOT = 1852 / 3600
MPS_PER_KMH = 1 / 3.6
EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


def place_in(
    latitude: str, north_south: str, longitude: str, east_west: str, defects: Counter[str]
) -> tuple[int, int] | tuple[None, None]:
    """Latitude and longitude in 1e-7 degrees, both or neither."""
    if not (latitude or longitude):
        return None, None
    latitude_e7 = _angle_e7(latitude, 900_000_000)
    longitude_e7 = _angle_e7(longitude, 1_800_000_000)
    signs = _HEMISPHERES.get(north_south + east_west)
    if latitude_e7 is None or longitude_e7 is None or signs is None:
        defects["bad_position"] += 1
        return None, None
    return signs[0] * latitude_e7, signs[1] * longitude_e7


_HEMISPHERES = {"NE": (1, 1), "NW": (1, -1), "SE": (-1, 1), "SW": (-1, -1)}


@lru_cache(maxsize=4)  # RMC and GGA of an epoch repeat the same two texts
def _angle_e7(text: str, limit_e7: int) -> int | None:
    """`dddmm.mmmm` as an exact integer of 1e-7 degrees, half away from zero; None when it is none."""
    whole, _, fraction = text.partition(".")
    if not (whole.isdigit() and fraction.isdigit()):
        return None
    if not (3 <= len(whole) <= 5 and len(fraction) <= FRACTION_DIGITS_MAX):
        return None
    scale = 10 ** len(fraction)
    minutes = int(whole[-2:] + fraction)
    if minutes >= 60 * scale:
        return None
    angle_e7 = int(whole[:-2]) * 10_000_000 + (minutes * 10_000_000 + 30 * scale) // (60 * scale)
    return angle_e7 if angle_e7 <= limit_e7 else None


def time_of_day_ms_in(text: str, defects: Counter[str]) -> int | None:
    """`hhmmss.sss` as milliseconds of the day; None when empty or nonsense."""
    if not text:
        return None
    found = clock_ms(text)
    if found is None:
        defects["bad_time"] += 1
    return found


@lru_cache(maxsize=8)
def clock_ms(text: str) -> int | None:
    """`hhmmss` or `hhmmss.sss` as milliseconds of the day, 0..86_400_999 (a leap second); else None."""
    whole, _, fraction = text.partition(".")
    if len(whole) != 6 or not whole.isdigit() or (fraction and not fraction.isdigit()):
        return None
    hour, minute, second = int(whole[:2]), int(whole[2:4]), int(whole[4:])
    if hour > 23 or minute > 59 or second > 60:
        return None
    return (hour * 3600 + minute * 60 + second) * 1000 + int((fraction + "000")[:3])


def short_date_in(text: str, defects: Counter[str]) -> int | None:
    """`ddmmyy` as days since 1970-01-01, years 80..99 being 19yy; None when empty or nonsense."""
    if not text:
        return None
    found = _short_day(text)
    if found is None:
        defects["bad_date"] += 1
    return found


@lru_cache(maxsize=4)
def _short_day(text: str) -> int | None:
    if len(text) != 6 or not text.isdigit():
        return None
    century = "19" if text[4:] >= "80" else "20"
    return date_of(text[:2], text[2:4], century + text[4:])


def date_of(day: str, month: str, year: str) -> int | None:
    """Days since 1970-01-01; None when there is no such day."""
    if not (day.isdigit() and month.isdigit() and year.isdigit()) or len(day) > 2 or len(month) > 2:
        return None
    try:
        return date(int(year), int(month), int(day)).toordinal() - EPOCH_ORDINAL
    except ValueError:
        return None


def number_in(text: str, defects: Counter[str]) -> float | None:
    """A finite number; None when empty or nonsense such as `0NaN`."""
    if not text:
        return None
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found) or "_" in text:  # Python reads 1_0 as ten
        defects["bad_number"] += 1
        return None
    return found


def speed_mps_in(text: str, unit_mps: float, defects: Counter[str]) -> float | None:
    """A speed of `unit_mps` metres a second each; None when empty, negative or above SPEED_MPS_MAX."""
    found = number_in(text, defects)
    if found is None or not 0.0 <= found * unit_mps <= SPEED_MPS_MAX:
        return None
    return found * unit_mps


def course_deg_in(text: str, defects: Counter[str]) -> float | None:
    """True course in degrees, 0 up to but not 360; None when empty or outside."""
    found = number_in(text, defects)
    if found is None or not 0.0 <= found <= 360.0:
        return None
    return found if found < 360.0 else 0.0


def altitude_m_in(text: str, defects: Counter[str]) -> float | None:
    """Metres above mean sea level, -1,000..100,000; None when empty or outside."""
    found = number_in(text, defects)
    return found if found is not None and -1_000.0 <= found <= 100_000.0 else None


def hdop_in(text: str, defects: Counter[str]) -> float | None:
    """HDOP; None for what receivers send when they do not know it: empty, 0.00, 99.99, `0NaN`."""
    found = number_in(text, defects)
    return found if found is not None and 0.0 < found < HDOP_UNKNOWN_FROM else None


def satellites_in(text: str, defects: Counter[str]) -> int | None:
    """Satellites used, 0..999; None when empty or nonsense."""
    if not text:
        return None
    if not text.isdigit() or len(text) > 3:
        defects["bad_number"] += 1
        return None
    return int(text)
