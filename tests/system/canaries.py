"""Places that must not be found, and a search that would find them however they were written.

A canary's coordinates are looked for as NMEA digits, as degrees and as scaled whole numbers in text, as 4- and
8-byte integers and doubles of both byte orders, in what zlib unpacks of any of it, and, in JSON, as two numbers side
by side that lie near it in degrees, scaled degrees or metres from the origin.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import re
import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

from agent.geometry import Plane, Point

NEAR_M = 15.0
UNPACKED_BYTES_MAX = 1 << 20
PAIR_BYTES = 64  # so near each other two 4-byte numbers are no coincidence
_STREAM = re.compile(rb"\x78[\x01\x5e\x9c\xda]")
_E7 = 10_000_000


def unpacked(data: bytes) -> Iterator[bytes]:
    """What zlib makes of the data from every place where a stream might begin, as far as it goes."""
    for start in (match.start() for match in _STREAM.finditer(data)):
        inflate, plain = zlib.decompressobj(), b""
        with contextlib.suppress(zlib.error):
            for part in range(start, len(data), 64):
                plain += inflate.decompress(data[part : part + 64], UNPACKED_BYTES_MAX)
                if inflate.eof or len(plain) >= UNPACKED_BYTES_MAX:
                    break
        if plain:
            yield plain


def side_by_side(tree: Any) -> Iterator[tuple[float, float]]:
    """Every two numbers that follow one another in a JSON value."""
    if isinstance(tree, dict):
        tree = list(tree.values())
    if not isinstance(tree, list):
        return
    for first, second in itertools.pairwise(tree):
        if all(isinstance(each, int | float) and not isinstance(each, bool) for each in (first, second)):
            yield float(first), float(second)
    for each in tree:
        yield from side_by_side(each)


class Canaries:
    """Some places, and where they turn up. `plane` is the one that the agreement's cells lie on."""

    def __init__(self, places: Iterable[Point], plane: Plane) -> None:
        self._places = list(places)
        self._plane = plane
        self._xy_m = [plane.xy_m(place) for place in self._places]
        self._text = re.compile(b"|".join(sorted({each for place in self._places for each in _texts(place)})))
        self._packed = {each for place in self._places for each in _packed(place)}
        self._pairs = [pair for place in self._places for pair in _pairs(place)]

    def found(self, data: bytes) -> list[str]:
        """In which forms some canary is in the data or in what it unpacks to; [] for in none."""
        hits = self._plain(data)
        for plain in unpacked(data):
            hits += [f"unpacked {hit}" for hit in self._plain(plain)]
            with contextlib.suppress(ValueError):
                hits += self.in_json(json.loads(plain))
        return hits

    def in_json(self, tree: Any) -> list[str]:
        """Whether two numbers side by side are near a canary."""
        for pair in side_by_side(tree):
            for scale in (1.0, 1e5, 1e6, 1e7):
                if self._is_near(self._degrees(pair[0] / scale, pair[1] / scale)):
                    return [f"two numbers of JSON, in {scale:g} to a degree"]
            if self._is_near(pair):
                return ["two numbers of JSON, in metres"]
        return []

    def _degrees(self, latitude_deg: float, longitude_deg: float) -> tuple[float, float] | None:
        if abs(latitude_deg) > 90 or abs(longitude_deg) > 180:
            return None
        return self._plane.xy_m(Point(round(latitude_deg * _E7), round(longitude_deg * _E7)))

    def _is_near(self, xy_m: tuple[float, float] | None) -> bool:
        return xy_m is not None and any(math.dist(xy_m, each) <= NEAR_M for each in self._xy_m)

    def _plain(self, data: bytes) -> list[str]:
        hits = ["text"] if self._text.search(data) else []
        hits += ["8 bytes"] if any(each in data for each in self._packed) else []
        return hits + (["4 bytes, twice"] if any(_both(data, *pair) for pair in self._pairs) else [])


def _texts(place: Point) -> Iterator[bytes]:
    """Patterns for one place: a coordinate with at least four decimals of a degree, or of a minute."""
    for e7 in (abs(place.latitude_e7), abs(place.longitude_e7)):
        for decimals in (4, 5, 6, 7):
            unit = 10 ** (7 - decimals)
            for cut in {e7 // unit, (e7 + unit // 2) // unit}:
                degrees, rest = divmod(cut, 10**decimals)
                yield rb"(?<![0-9.])%d\.%0*d" % (degrees, decimals, rest)
                if decimals > 4:
                    yield rb"(?<![0-9a-f.])%d(?![0-9a-f.])" % cut
        degrees, rest_e7 = divmod(e7, _E7)
        minutes, fraction = divmod(rest_e7 * 6, 1_000_000)
        yield rb"(?<![1-9.])0{0,2}%d%02d\.%04d" % (degrees, minutes, fraction // 100)
        yield rb"(?<![1-9.])0{0,2}%d%02d%06d" % (degrees, minutes, fraction)


def _packed(place: Point) -> Iterator[bytes]:
    for e7 in place:
        for order in "<>":
            yield struct.pack(f"{order}d", e7 / 1e7)
            yield struct.pack(f"{order}d", math.radians(e7 / 1e7))
            for unit in (1, 10, 100):
                yield struct.pack(f"{order}q", round(e7 / unit))


def _pairs(place: Point) -> Iterator[tuple[bytes, bytes]]:
    for order in "<>":
        for unit in (1, 10, 100):
            latitude, longitude = (struct.pack(f"{order}i", round(e7 / unit)) for e7 in place)
            yield latitude, longitude
        latitude, longitude = (struct.pack(f"{order}f", e7 / 1e7) for e7 in place)
        yield latitude, longitude


def _both(data: bytes, first: bytes, second: bytes) -> bool:
    """Whether both are in the data, near each other."""
    start = data.find(first)
    while start >= 0:
        if second in data[max(0, start - PAIR_BYTES) : start + PAIR_BYTES]:
            return True
        start = data.find(first, start + 1)
    return False
