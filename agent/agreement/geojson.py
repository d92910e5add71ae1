"""Geometries that an agreement names by file: `area: {file: area.geojson}`, read and put in place of the name.

A file holds a bare geometry, a Feature or a FeatureCollection, of areas alone or of points alone. What stands in
it becomes part of the agreement's values, and so of its identity.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from config.located import KeyPath, Located, Place, place, problem_at, value_at, with_value
from config.wording import shown

FILE_BYTES_MAX = 1024 * 1024
AREAS = ("Polygon", "MultiPolygon")
POINTS = ("Point", "MultiPoint")
WORLD = ("CRS84", "EPSG::4326", "EPSG:4326")
COORDINATES_DEEP_MAX = 4
"""Of a MultiPolygon: polygons, rings, positions, numbers."""

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+')

Part = tuple[KeyPath, str, Any]
"""One geometry of a document: the path of its coordinates, its kind, its coordinates."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A geometry that came from a file: where in the agreement it went, and from where in the file."""

    file: str
    text: str
    moved: tuple[tuple[KeyPath, KeyPath], ...]  # path in the file, path in the agreement


class _Refused(ValueError):
    """The file can't be used; line and column count from 1, and line 0 stands for the line that names it."""

    def __init__(self, says: str, line: int = 1, column: int = 1) -> None:
        super().__init__(says)
        self.line, self.column = line, column


def inlined(located: Located) -> tuple[Located, list[Drawing]]:
    """`located` with every geometry that it names by file in its place; mistakes are added to its flaws."""
    drawings: list[Drawing] = []
    for path in list(_named_by_file(located.tree)):
        located, drawing = _inlined_at(located, path)
        drawings += [drawing] if drawing else []
    return located, drawings


def with_places(located: Located, drawings: list[Drawing]) -> Located:
    """`located`, knowing for each value of a drawing where in its file it stands. Slow: for messages only."""
    values = dict(located.values)
    for drawing in drawings:
        for found, line, column in _values_in(drawing.text):
            for there, here in drawing.moved:
                if found[: len(there)] == there:
                    values[here + found[len(there) :]] = Place(drawing.file, line, column)
    files = (*located.files, *(drawing.file for drawing in drawings))
    return replace(located, values=values, files=files)


def _named_by_file(tree: Any) -> Iterator[KeyPath]:
    """The paths at which a geometry may stand and a mapping with `file` does."""
    candidates: list[KeyPath] = [("places", "service_area"), ("streams", "stops", "snapped_to")]
    for key in ("off_limits", "sites"):
        entries = value_at(tree, ("places", key))
        candidates += [
            ("places", key, n, "area") for n in range(len(entries) if isinstance(entries, list) else 0)
        ]
    for path in candidates:
        geometry = value_at(tree, path)
        if isinstance(geometry, dict) and "file" in geometry:
            yield path


def _inlined_at(located: Located, path: KeyPath) -> tuple[Located, Drawing | None]:
    naming = (*path, "file")
    name = ""
    try:
        name = _file_named(value_at(located.tree, path), Path(located.file).parent)
        text = _text(name)
        kind, coordinates, moved = _geometry(_document(text))
    except _Refused as refused:
        where = Place(name, refused.line, refused.column) if refused.line else place(located, naming)
        flaw = problem_at(where, path, str(refused))
        return replace(located, flaws=(*located.flaws, flaw), unread=located.unread | {path}), None
    geometry = {"type": kind, "coordinates": coordinates}
    drawing = Drawing(name, text, tuple((there, (*path, "coordinates", *here)) for there, here in moved))
    return replace(located, tree=with_value(located.tree, path, geometry)), drawing


def _file_named(geometry: dict[str, Any], directory: Path) -> str:
    name = geometry["file"]
    if len(geometry) > 1:
        raise _Refused("write either `file:` alone or the geometry itself", line=0)
    if not isinstance(name, str) or not name or "\0" in name:
        raise _Refused(f"found {shown(name)}: write the name of one GeoJSON file", line=0)
    return str(directory / name)


def _text(name: str) -> str:
    try:
        with Path(name).open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        raise _Refused("there is no such file; the path starts from this one's directory", line=0) from None
    except OSError as error:
        reason = error.strerror or "it is no file"
        raise _Refused(f"the file can't be read: {reason}", line=0) from None
    if len(content) > FILE_BYTES_MAX:
        raise _Refused(f"the file is larger than {FILE_BYTES_MAX // 1024} KiB, the most that is read")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _Refused("the file is not saved as UTF-8") from None


def _document(text: str) -> Any:
    """The JSON in `text`. Raises _Refused."""

    def refuse(constant: str) -> Any:
        raise _Refused(f"{constant} is no number that GeoJSON has")

    try:
        return json.loads(text, parse_constant=refuse, parse_float=_finite)
    except json.JSONDecodeError as error:
        raise _Refused("this is not JSON that can be read", error.lineno, error.colno) from None
    except RecursionError:
        raise _Refused("this is nested too deep to be GeoJSON") from None
    except ValueError as error:  # a number of thousands of digits
        raise error if isinstance(error, _Refused) else _Refused("a number in it is too long") from None


def _finite(number: str) -> float:
    value = float(number)
    if math.isinf(value):
        raise _Refused("a number in it is too large")
    return value


def _geometry(document: Any) -> tuple[str, Any, list[tuple[KeyPath, KeyPath]]]:
    """Kind and coordinates of all that the document holds, and which path in it went to which of coordinates."""
    _refuse_other_worlds(document)
    parts = list(_parts(document, ()))
    kinds = {kind for _, kind, _ in parts}
    if not parts:
        raise _Refused("it holds no geometry: draw at least one")
    if not (kinds <= set(AREAS) or kinds <= set(POINTS)):
        raise _Refused("it holds areas and points: save areas alone, or points alone")
    if len(parts) == 1 and parts[0][1] != "Point":
        there, kind, coordinates = parts[0]
        return kind, coordinates, [(there, ())]
    return _together("MultiPolygon" if kinds <= set(AREAS) else "MultiPoint", parts)


def _together(kind: str, parts: list[Part]) -> tuple[str, Any, list[tuple[KeyPath, KeyPath]]]:
    """Several geometries as one."""
    coordinates: list[Any] = []
    moved: list[tuple[KeyPath, KeyPath]] = []
    for there, single, each in parts:
        if single != kind:
            moved.append((there, (len(coordinates),)))
            coordinates.append(each)
            continue
        for number, one in enumerate(each if isinstance(each, list) else [each]):
            moved.append(((*there, number), (len(coordinates),)))
            coordinates.append(one)
    return kind, coordinates, moved


def _refuse_other_worlds(document: Any) -> None:
    """Older GeoJSON can name a coordinate system; only longitude and latitude of WGS 84 are understood."""
    if isinstance(document, dict) and "crs" in document:
        name = value_at(document, ("crs", "properties", "name"))
        if not (isinstance(name, str) and name.endswith(WORLD)):
            raise _Refused(
                "its coordinates are of another system (`crs`): save it as WGS 84, longitude and latitude"
            )


def _parts(document: Any, path: KeyPath) -> Iterator[Part]:
    features = document.get("features") if isinstance(document, dict) else None
    if isinstance(features, list):
        for number, feature in enumerate(features):
            yield _part(feature, (*path, "features", number))
    else:
        yield _part(document, path)


def _part(node: Any, path: KeyPath) -> Part:
    """One geometry, bare or in a Feature."""
    if isinstance(node, dict) and node.get("type") == "Feature":
        node, path = node.get("geometry"), (*path, "geometry")
    kind = node.get("type") if isinstance(node, dict) else None
    if not isinstance(kind, str) or kind not in (*AREAS, *POINTS):
        raise _Refused(
            "this is no GeoJSON with areas or points: save it as a geometry, a Feature or a FeatureCollection"
        )
    coordinates = node.get("coordinates")
    _refuse_depths(coordinates)
    return (*path, "coordinates"), kind, coordinates


def _refuse_depths(coordinates: Any) -> None:
    """Raise _Refused where coordinates are anything but numbers in lists, and those in few more."""
    level = [coordinates]
    for _ in range(COORDINATES_DEEP_MAX):
        if any(isinstance(each, dict) for each in level):
            break
        level = [inner for each in level if isinstance(each, list) for inner in each]
    if any(isinstance(each, dict | list) for each in level):
        raise _Refused("its coordinates are no lists of positions: save it as GeoJSON")


def _values_in(text: str) -> Iterator[tuple[KeyPath, int, int]]:
    """The path of every value in JSON that was read before, with its line and column from 1."""
    path: list[str | int] = []
    key: str | None = None
    line, line_start, counted = 1, 0, 0
    for token in _TOKEN.finditer(text):
        found, start = token[0], token.start()
        if lines := text.count("\n", counted, start):
            line, line_start = line + lines, text.rfind("\n", counted, start) + 1
        counted = start
        if found in "]}":
            path.pop()
        elif found == ",":
            if isinstance(path[-1], int):
                path[-1] += 1
            else:
                key = None
        elif found == ":":
            pass
        elif path and isinstance(path[-1], str) and key is None:
            key = path[-1] = str(json.loads(found))
        else:
            yield tuple(path), line, start - line_start + 1
            if found in "[{":
                path.append(0 if found == "[" else "")
                key = None
