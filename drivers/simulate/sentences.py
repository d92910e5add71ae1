"""Readings as NMEA 0183 sentences, nine for each, in the order and with the fields of a u-blox M8 (NMEA 4.10).

RMC, VTG, GGA, GSA, three GSV, GLL, ZDA; talker GN, satellites as GP and GL. In a cold start the time is known
(the receiver keeps a clock) and nothing else is. RMC's last field is the navigation status, always V.
Source: u-blox M8 receiver description, NMEA protocol.
"""

from __future__ import annotations

import datetime
import functools
import operator
import random
from typing import Literal, NamedTuple

from drivers.simulate.plane import Origin, Spot

KNOT_MPS = 1852 / 3600
GEOID_M = 47.0
COURSE_FROM_MPS = 0.3  # slower, and the receiver leaves the course empty
GPS, GLONASS = 8, 4

Mode = Literal["A", "E", "N"]  # as in RMC: autonomous, estimated, none


class Satellite(NamedTuple):
    """One satellite in view: number, elevation and azimuth in degrees, signal in dB-Hz."""

    number: int
    elevation_deg: float
    azimuth_deg: float
    signal: int


class Constellation:
    """The satellites in view, and the sentences that name them, made once for each minute."""

    def __init__(self, rng: random.Random, satellites: list[Satellite] | None = None) -> None:
        self.rng = rng
        self.satellites = satellites or _rise(rng)
        self.dop = round(rng.uniform(0.75, 0.95), 2)
        self.gsv = _gsv("GP", self.satellites[:GPS]) + _gsv("GL", self.satellites[GPS:])
        used_in_canyon = sorted(self.satellites, key=lambda sat: -sat.elevation_deg)[:7]
        self.gsa = _gsa(self.satellites, self.dop)
        self.gsa_in_canyon = _gsa(used_in_canyon, round(self.dop * 2.1, 2))
        self.gsa_without = with_checksum("GNGSA,A,1,,,,,,,,,,,,,99.99,99.99,99.99,1")

    def later(self) -> Constellation:
        """The same sky a minute on."""
        moved = [
            Satellite(
                sat.number,
                min(89.0, max(6.0, sat.elevation_deg + self.rng.uniform(-0.4, 0.4))),
                (sat.azimuth_deg + 0.3) % 360,
                min(48, max(24, sat.signal + self.rng.randint(-1, 1))),
            )
            for sat in self.satellites
        ]
        return Constellation(self.rng, moved)


class Reading(NamedTuple):
    """What the receiver reports; without a fix (mode N) only the satellites mean anything."""

    mode: Mode
    spot: Spot
    altitude_m: float
    speed_mps: float
    course_deg: float
    satellites: Constellation
    canyon: bool


def _rise(rng: random.Random) -> list[Satellite]:
    """GPS satellites 1-32 and GLONASS satellites 65-88, as numbered in NMEA."""
    numbers = sorted(rng.sample(range(1, 33), GPS)) + sorted(rng.sample(range(65, 89), GLONASS))
    return [Satellite(n, rng.uniform(10, 85), rng.uniform(0, 359), rng.randint(28, 46)) for n in numbers]


def _gsv(talker: str, satellites: list[Satellite]) -> list[bytes]:
    parts = [satellites[i : i + 4] for i in range(0, len(satellites), 4)]
    lines = []
    for number, part in enumerate(parts, 1):
        fields = "".join(
            f",{sat.number:02d},{int(sat.elevation_deg):02d},{int(sat.azimuth_deg):03d},{sat.signal:02d}"
            for sat in part
        )
        lines.append(with_checksum(f"{talker}GSV,{len(parts)},{number},{len(satellites):02d}{fields},1"))
    return lines


def _gsa(used: list[Satellite], dop: float) -> bytes:
    numbers = [f"{sat.number:02d}" for sat in used] + [""] * (12 - len(used))
    return with_checksum(f"GNGSA,A,3,{','.join(numbers)},{dop * 1.9:.2f},{dop:.2f},{dop * 1.6:.2f},1")


def with_checksum(body: str) -> bytes:
    """A whole sentence: dollar sign, body, exclusive-or of the body in hexadecimal, line end."""
    raw = body.encode("ascii")
    return b"$%b*%02X\r\n" % (raw, functools.reduce(operator.xor, raw))


def angle(degrees: float, degree_digits: int, hemispheres: str) -> str:
    """Degrees as NMEA writes them, degrees and minutes to 1e-5 minutes, and the hemisphere's letter."""
    whole, minutes_e5 = divmod(round(abs(degrees) * 6_000_000), 6_000_000)
    minutes, fraction = divmod(minutes_e5, 100_000)
    return f"{whole:0{degree_digits}d}{minutes:02d}.{fraction:05d},{hemispheres[degrees < 0]}"


def sentences(reading: Reading, origin: Origin, utc: datetime.datetime) -> list[bytes]:
    """The nine sentences of a reading."""
    time, date = f"{utc:%H%M%S}.{utc.microsecond // 10_000:02d}", f"{utc:%d%m%y}"
    if reading.mode == "N":
        return _without_fix(reading, time, date)
    latitude_deg, longitude_deg = origin.degrees(*reading.spot)
    place = f"{angle(latitude_deg, 2, 'NS')},{angle(longitude_deg, 3, 'EW')}"
    speed_mps, mode, sky = reading.speed_mps, reading.mode, reading.satellites
    course = f"{reading.course_deg:.2f}" if speed_mps >= COURSE_FROM_MPS else ""
    knots = f"{speed_mps / KNOT_MPS:.3f}"
    used, dop = (7, sky.dop * 2.1) if reading.canyon else (GPS + GLONASS, sky.dop)
    quality = 6 if mode == "E" else 1
    gsa = sky.gsa_without if mode == "E" else sky.gsa_in_canyon if reading.canyon else sky.gsa
    return [
        with_checksum(f"GNRMC,{time},A,{place},{knots},{course},{date},,,{mode},V"),
        with_checksum(f"GNVTG,{course},T,,M,{knots},N,{speed_mps * 3.6:.3f},K,{mode}"),
        with_checksum(
            f"GNGGA,{time},{place},{quality},{used:02d},{dop:.2f},{reading.altitude_m:.1f},M,{GEOID_M},M,,"
        ),
        gsa,
        *sky.gsv,
        with_checksum(f"GNGLL,{place},{time},A,{mode}"),
        with_checksum(f"GNZDA,{time},{utc:%d,%m,%Y},00,00"),
    ]


def _without_fix(reading: Reading, time: str, date: str) -> list[bytes]:
    return [
        with_checksum(f"GNRMC,{time},V,,,,,,,{date},,,N,V"),
        with_checksum("GNVTG,,,,,,,,,N"),
        with_checksum(f"GNGGA,{time},,,,,0,00,99.99,,,,,,"),
        reading.satellites.gsa_without,
        *reading.satellites.gsv,
        with_checksum(f"GNGLL,,,,,{time},V,N"),
        with_checksum("GNZDA,,,,,00,00"),
    ]
