"""NMEA 0183 as trucks really send it: bytes to lines, lines to sentences. Pure, and never raises.

`Splitter` finds the sentences in a byte stream that may be cut anywhere and hold anything between them.
`decode` reads the seven kinds that say where, when or how well; pynmea2 checks the form and the checksum,
the fields are read here as text, because pynmea2's own attribute reads raise, return the raw string or make
0.0 of nothing.

What it does not do: satellites in view, proprietary sentences, AIS, and sentences without a checksum, which
may be cut short and then read as a wrong place.

Source: NMEA 0183 4.11; field order as in the u-blox and Quectel receiver manuals.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple, NoReturn

import pynmea2

from drivers.nmea_fields import (
    MPS_PER_KMH,
    MPS_PER_KNOT,
    altitude_m_in,
    course_deg_in,
    date_of,
    hdop_in,
    place_in,
    satellites_in,
    short_date_in,
    speed_mps_in,
    time_of_day_ms_in,
)

SENTENCE_BYTES_MAX = 512
"""Longest sentence taken, from "$" to the line's end; the standard says 82, 402 were seen."""

QUALITIES = ("none", "simulated", "estimated", "gnss", "dgnss", "float", "rtk")
"""Every quality a sentence may state, worst first."""

QUALITY_RANK = {quality: rank for rank, quality in enumerate(QUALITIES)}

_SENTENCE = re.compile(rb"\$[^$\r\n]*(?=[$\r\n])")
_LINE_END = re.compile(rb"[\r\n]")
_KINDS = frozenset((b"RMC,", b"GGA,", b"GNS,", b"GLL,", b"ZDA,", b"VTG,", b"GSA,"))
_GGA_QUALITY = {
    "0": "none",
    "1": "gnss",
    "2": "dgnss",
    "3": "gnss",  # PPS, the precise military service
    "4": "rtk",
    "5": "float",
    "6": "estimated",
    "7": "simulated",  # entered by hand: as little a place as a simulated one
    "8": "simulated",
    "9": "dgnss",  # some survey receivers number SBAS so
}
_MODE_QUALITY = {
    "N": "none",
    "A": "gnss",
    "D": "dgnss",
    "P": "gnss",
    "R": "rtk",
    "F": "float",
    "E": "estimated",
    "M": "simulated",
    "S": "simulated",
}


class Splitter:
    """Bytes in any cut to candidate sentences, resynchronising on "$".

    A sentence starts at a "$" and ends before the next carriage return, line feed or "$". What lies outside
    is dropped. At most SENTENCE_BYTES_MAX are kept between feeds; `overlong` counts the starts given up for
    length.
    """

    def __init__(self) -> None:
        self.overlong = 0
        self._tail = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The sentences that `data` completes, each from its "$", without line end."""
        buffer = self._tail + data
        lines = _SENTENCE.findall(buffer)
        self._tail = self._unfinished(buffer)
        if lines and len(max(lines, key=len)) > SENTENCE_BYTES_MAX:
            whole = len(lines)
            lines = [line for line in lines if len(line) <= SENTENCE_BYTES_MAX]
            self.overlong += whole - len(lines)
        return lines

    def _unfinished(self, buffer: bytes) -> bytes:
        """The start of a sentence whose end has not come yet; empty when it is already too long."""
        start = buffer.rfind(b"$")
        if start < 0 or buffer[-1:] == b"\n" or _LINE_END.search(buffer, start):
            return b""
        if len(buffer) - start > SENTENCE_BYTES_MAX:
            self.overlong += 1
            return b""
        return buffer[start:]


class Sentence(NamedTuple):
    """One decoded sentence; a reading is None where the field is empty, nonsense, or not of this kind.

    `time_of_day_ms` is 0..86_400_999 (a leap second is 23:59:60), `date` days since 1970-01-01 as
    transmitted, latitude and longitude exact integers of 1e-7 degrees, north and east positive, both or
    neither. `quality` is one of QUALITIES, or None where this kind says nothing of it.
    """

    kind: str
    talker: str
    time_of_day_ms: int | None = None
    date: int | None = None
    latitude_e7: int | None = None
    longitude_e7: int | None = None
    speed_mps: float | None = None
    course_deg: float | None = None
    altitude_m: float | None = None
    satellites: int | None = None
    hdop: float | None = None
    quality: str | None = None

    def __repr__(self) -> str:
        """Kind and quality only: a log must never show where a truck was."""
        return f"Sentence({self.talker}{self.kind} {self.quality or '-'})"

    def __str__(self) -> str:
        return repr(self)

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Sentence tells where a truck was: it is neither pickled nor copied")


def decode(line: bytes, defects: Counter[str]) -> Sentence | None:
    """Read one line of the splitter; None when it is not for us or not to be believed.

    `defects` counts why: no_checksum, bad_checksum, not_ascii, unreadable (nothing is returned); bad_time,
    bad_date, bad_position, bad_number (the reading is None, the rest is returned). Never raises.
    """
    if line[3:7] not in _KINDS or line[1:2] == b"P":
        return None
    fields = _fields(line, defects)
    if fields is None:
        return None
    kind = fields[0]
    return _READERS[kind](fields, defects)


def checksum_of(line: bytes) -> int:
    """The NMEA checksum (exclusive or of the bytes) of what lies between "$" and "*"; 0..255."""
    star = line.find(b"*")
    body = line[1 : star if star >= 0 else len(line)]
    folded = int.from_bytes(body, "big")
    width = 1 << (len(body) - 1).bit_length()
    while width > 1:
        width >>= 1
        folded = (folded >> (8 * width)) ^ (folded & ((1 << (8 * width)) - 1))
    return folded


def is_sound(line: bytes) -> bool:
    """Whether the line has the checksum that it states."""
    try:
        return int(line.partition(b"*")[2][:2], 16) == checksum_of(line)
    except ValueError:  # it states none
        return False


def _fields(line: bytes, defects: Counter[str]) -> list[str] | None:
    """Kind, talker, then the sentence's own fields from index 2, padded: a short one reads as empty."""
    star = line.find(b"*", 7)
    if star < 0 or len(line) < star + 3:
        defects["no_checksum"] += 1
        return None
    try:
        message = pynmea2.parse(line[: star + 3].decode("ascii"), check=True)
        return [message.sentence_type, message.talker, *message.data, *_PADDING]
    except UnicodeDecodeError:
        defects["not_ascii"] += 1
    except pynmea2.ChecksumError:
        defects["bad_checksum"] += 1
    except (ValueError, TypeError, LookupError, AttributeError):
        defects["unreadable"] += 1
    return None


_PADDING = ("",) * 18


def _rmc(f: list[str], defects: Counter[str]) -> Sentence:
    """RMC: time, status, position, knots, course, date, variation, mode (2.3), navigation status (4.1)."""
    quality = _stated(f[3], f[13])
    latitude_e7, longitude_e7 = place_in(f[4], f[5], f[6], f[7], defects)
    return Sentence(
        "RMC",
        f[1],
        time_of_day_ms_in(f[2], defects),
        short_date_in(f[10], defects) if f[3] == "A" else None,
        latitude_e7,
        longitude_e7,
        speed_mps_in(f[8], MPS_PER_KNOT, defects),
        course_deg_in(f[9], defects),
        None,
        None,
        None,
        quality,
    )


def _gga(f: list[str], defects: Counter[str]) -> Sentence:
    """GGA: time, position, quality, satellites used, HDOP, altitude above mean sea level."""
    latitude_e7, longitude_e7 = place_in(f[3], f[4], f[5], f[6], defects)
    return Sentence(
        "GGA",
        f[1],
        time_of_day_ms_in(f[2], defects),
        None,
        latitude_e7,
        longitude_e7,
        None,
        None,
        altitude_m_in(f[10], defects),
        satellites_in(f[8], defects),
        hdop_in(f[9], defects),
        # Some receivers leave the quality empty and say all in RMC; a digit nobody defined is no fix.
        _GGA_QUALITY.get(f[7], "none") if f[7] else None,
    )


def _gns(f: list[str], defects: Counter[str]) -> Sentence:
    """GNS: time, position, one mode letter a constellation, satellites used, HDOP, altitude."""
    latitude_e7, longitude_e7 = place_in(f[3], f[4], f[5], f[6], defects)
    return Sentence(
        "GNS",
        f[1],
        time_of_day_ms_in(f[2], defects),
        None,
        latitude_e7,
        longitude_e7,
        None,
        None,
        altitude_m_in(f[10], defects),
        satellites_in(f[8], defects),
        hdop_in(f[9], defects),
        _of_constellations(f[7]),
    )


def _gll(f: list[str], defects: Counter[str]) -> Sentence:
    """GLL: position, time, status, mode (2.3)."""
    latitude_e7, longitude_e7 = place_in(f[2], f[3], f[4], f[5], defects)
    return Sentence(
        "GLL",
        f[1],
        time_of_day_ms_in(f[6], defects),
        None,
        latitude_e7,
        longitude_e7,
        # Before NMEA 2.0 it said nothing of its worth.
        quality=_stated(f[7], f[8]) if f[7] or f[8] else None,
    )


def _zda(f: list[str], defects: Counter[str]) -> Sentence:
    """ZDA: time, day, month, four-digit year. It has no status: judge it by the fix beside it."""
    day, month, year = f[3], f[4], f[5]
    date = date_of(day, month, year) if len(year) == 4 else None
    if date is None and (day or month or year):
        defects["bad_date"] += 1
    return Sentence("ZDA", f[1], time_of_day_ms_in(f[2], defects), date)


def _vtg(f: list[str], defects: Counter[str]) -> Sentence:
    """VTG: true course, magnetic course, knots, km/h, mode (2.3); no time of its own."""
    if f[10] == "N":
        return Sentence("VTG", f[1])
    speed_mps = speed_mps_in(f[6], MPS_PER_KNOT, defects)
    if speed_mps is None:
        speed_mps = speed_mps_in(f[8], MPS_PER_KMH, defects)
    return Sentence("VTG", f[1], speed_mps=speed_mps, course_deg=course_deg_in(f[2], defects))


def _gsa(f: list[str], defects: Counter[str]) -> Sentence:
    """GSA: selection, 2D or 3D, twelve satellites, PDOP, HDOP, VDOP; no time of its own."""
    return Sentence("GSA", f[1], hdop=hdop_in(f[17], defects))


_READERS: dict[str, Callable[[list[str], Counter[str]], Sentence]] = {
    "RMC": _rmc,
    "GGA": _gga,
    "GNS": _gns,
    "GLL": _gll,
    "ZDA": _zda,
    "VTG": _vtg,
    "GSA": _gsa,
}


def _stated(status: str, mode: str) -> str:
    """Quality of a status and mode pair. The standard wants status V beside modes E, M and S."""
    quality = _MODE_QUALITY.get(mode, "none") if mode else "gnss"
    if status == "A" or quality in ("estimated", "simulated"):
        return quality
    return "none"


def _of_constellations(modes: str) -> str:
    """Quality of GNS mode letters: anything estimated or simulated spoils it, else the best of them."""
    stated = [_MODE_QUALITY.get(mode, "none") for mode in modes] or ["none"]
    for spoiled in ("simulated", "estimated"):
        if spoiled in stated:
            return spoiled
    return max(stated, key=QUALITY_RANK.__getitem__)
