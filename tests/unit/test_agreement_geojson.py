"""Areas that an agreement names by file are as if they stood in it, and their mistakes are told where they stand."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from agent.agreement import Agreement, agreement_from_canonical, geojson, load_agreement
from agent.agreement.geojson import FILE_BYTES_MAX
from config.load import ConfigurationError
from tests.unit.agreement_parts import AGREEMENTS

TEXT = (AGREEMENTS / "routes-and-safety.yaml").read_text(encoding="utf-8")
RING = [[-4.1, 39.95], [-3.9, 39.95], [-3.9, 40.05], [-4.1, 40.05], [-4.1, 39.95]]
OTHER = [[-3.8, 39.95], [-3.7, 39.95], [-3.7, 40.05], [-3.8, 39.95]]
INLINE = """\
  service_area:
    type: Polygon
    coordinates: [[[-4.10, 39.95], [-3.90, 39.95], [-3.90, 40.05], [-4.10, 40.05], [-4.10, 39.95]]]
"""
AREA_LINE = TEXT[: TEXT.index(INLINE)].count("\n") + 1
POLYGON = {"type": "Polygon", "coordinates": [RING]}
BOTH = {"type": "MultiPolygon", "coordinates": [[RING], [OTHER]]}


def feature(geometry: Any) -> dict[str, Any]:
    return {
        "type": "Feature",
        "properties": {"name": 'a "city", [here]', "of": [[1, 2]]},
        "geometry": geometry,
    }


def collection(*geometries: Any) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": [feature(each) for each in geometries]}


def agreement(folder: Path, area: str = "{file: city.geojson}") -> Path:
    assert INLINE in TEXT
    path = folder / "agreement.yaml"
    path.write_text(TEXT.replace(INLINE, f"  service_area: {area}\n"), encoding="utf-8")
    return path


def with_file(folder: Path, drawn: Any, text: str | None = None) -> Path:
    (folder / "city.geojson").write_text(json.dumps(drawn) if text is None else text, encoding="utf-8")
    return agreement(folder)


def inline(folder: Path, drawn: Any) -> Agreement:
    return load_agreement(agreement(folder, json.dumps(drawn)))


def problems(path: Path) -> list[tuple[str, int, int, str, str]]:
    with pytest.raises(ConfigurationError) as caught:
        load_agreement(path)
    return [
        (Path(each.file).name, each.line, each.column, each.key, each.says) for each in caught.value.problems
    ]


# What a file may hold.


@pytest.mark.parametrize(
    ("drawn", "same"),
    [
        (POLYGON, POLYGON),
        (POLYGON | {"bbox": [-4.1, 39.95, -3.9, 40.05], "name": "city"}, POLYGON),
        (feature(POLYGON), POLYGON),
        (collection(POLYGON), POLYGON),
        (BOTH, BOTH),
        (collection(BOTH), BOTH),
        (collection(POLYGON, {"type": "Polygon", "coordinates": [OTHER]}), BOTH),
        (
            collection(
                {"type": "MultiPolygon", "coordinates": [[RING]]}, {"type": "Polygon", "coordinates": [OTHER]}
            ),
            BOTH,
        ),
        (
            feature(POLYGON)
            | {"crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}},
            POLYGON,
        ),
    ],
    ids=[
        "bare",
        "with a box",
        "feature",
        "collection",
        "multi",
        "collection of a multi",
        "two",
        "mixed",
        "wgs 84",
    ],
)
def test_a_geometry_by_file_is_as_if_it_stood_in_the_agreement(drawn: Any, same: Any, tmp_path: Path) -> None:
    agreed = load_agreement(with_file(tmp_path, drawn))
    assert agreed.reference == inline(tmp_path, same).reference
    assert agreement_from_canonical(agreed.canonical).reference == agreed.reference


def test_the_content_of_the_file_is_part_of_the_identity_and_its_name_is_not(tmp_path: Path) -> None:
    one = load_agreement(with_file(tmp_path, POLYGON)).reference
    (tmp_path / "city.geojson").rename(tmp_path / "town.json")
    assert load_agreement(agreement(tmp_path, "{file: town.json}")).reference == one
    moved = [[longitude_deg, latitude_deg + 0.001] for longitude_deg, latitude_deg in RING]
    assert load_agreement(with_file(tmp_path, POLYGON | {"coordinates": [moved]})).reference != one


def test_a_file_is_found_from_the_agreement_and_not_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "areas").mkdir()
    (tmp_path / "areas/city.geojson").write_text(json.dumps(POLYGON), encoding="utf-8")
    path = agreement(tmp_path, "{file: areas/city.geojson}")
    monkeypatch.chdir("/")
    assert load_agreement(path)


def test_points_sites_and_places_off_limits_may_come_from_files(tmp_path: Path) -> None:
    points = collection(*({"type": "Point", "coordinates": [-4.0, 40.01 + i / 1000]} for i in range(3)))
    hall = [[-4.002, 40.001], [-4.000, 40.001], [-4.000, 40.002], [-4.002, 40.001]]
    for name, drawn in {
        "stops": points,
        "hall": {"type": "Polygon", "coordinates": [hall]},
        "gate": {"type": "Polygon", "coordinates": [hall]},
    }.items():
        (tmp_path / f"{name}.geojson").write_text(json.dumps(drawn), encoding="utf-8")
    tree = json.loads(load_agreement(AGREEMENTS / "operations.yaml").canonical)
    tree["streams"]["stops"]["snapped_to"] = {"file": "stops.geojson"}
    tree["places"]["off_limits"][0]["area"] = {"file": "hall.geojson"}
    tree["places"]["sites"] = [{"id": "gate", "kind": "depot", "area": {"file": "gate.geojson"}}]
    path = tmp_path / "operations.yaml"
    path.write_text(json.dumps(tree), encoding="utf-8")
    file = load_agreement(path).file
    assert file.streams.stops is not None
    assert file.streams.stops.snapped_to is not None
    assert [point.latitude_e7 for point in file.streams.stops.snapped_to.points()] == [
        400_100_000,
        400_110_000,
        400_120_000,
    ]
    assert file.places.off_limits[0].area.positions == file.places.sites[0].area.positions == 3


# What it may not, and where that is said.


def test_a_mistake_in_a_file_is_told_at_its_line_there(tmp_path: Path) -> None:
    drawn = collection(POLYGON, {"type": "Polygon", "coordinates": [[*OTHER[:2], [400, 40], *OTHER[3:]]]})
    text = json.dumps(drawn, indent=1)
    line = text.splitlines().index("       400,")
    says = (
        "polygon 2, ring 1, position 3 is out of range; GeoJSON writes the longitude first, then the latitude"
    )
    assert problems(with_file(tmp_path, None, text)) == [
        ("city.geojson", line, 7, "places.service_area.coordinates[2][1][3]", says)
    ]


def test_a_file_of_one_line_has_columns(tmp_path: Path) -> None:
    text = json.dumps(feature({"type": "Polygon", "coordinates": [RING[:-1]]}))
    says = "ring 1 is not closed: repeat its first position at its end"
    assert problems(with_file(tmp_path, None, text)) == [
        ("city.geojson", 1, text.index("[-4.1, 40.05]") + 1, "places.service_area.coordinates[1][4]", says)
    ]


def test_a_mistake_in_the_agreement_is_told_at_its_line_there(tmp_path: Path) -> None:
    crossed = [RING[0], RING[2], RING[1], RING[3], RING[0]]
    says = (
        "ring 1 crosses or touches itself: the edge from position 1 meets the one from position 3; "
        "draw it without crossing"
    )
    path = agreement(tmp_path, json.dumps({"type": "Polygon", "coordinates": [crossed]}))
    column = path.read_text().splitlines()[AREA_LINE - 1].index("[-4.1, 39.95]") + 1
    assert problems(path) == [
        ("agreement.yaml", AREA_LINE, column, "places.service_area.coordinates[1][1]", says)
    ]


def test_mistakes_of_file_and_agreement_come_together(tmp_path: Path) -> None:
    path = with_file(tmp_path, POLYGON | {"coordinates": [RING[:-1]]})
    path.write_text(path.read_text().replace("trim: 50 m", "trim: 5 m"))
    assert [each[0] for each in problems(path)] == ["agreement.yaml", "city.geojson"]


NO_GEOJSON = (
    "this is no GeoJSON with areas or points: save it as a geometry, a Feature or a FeatureCollection"
)
DEEP = "its coordinates are no lists of positions: save it as GeoJSON"
IN_FILE: dict[str, tuple[str, int, int, str]] = {
    "no JSON": ('{\n "type": Polygon}', 2, 10, "this is not JSON that can be read"),
    "nothing": ("", 1, 1, "this is not JSON that can be read"),
    "a text": ('"city"', 1, 1, NO_GEOJSON),
    "another object": ('{"name": "city"}', 1, 1, NO_GEOJSON),
    "a line": (json.dumps({"type": "LineString", "coordinates": RING}), 1, 1, NO_GEOJSON),
    "a feature without geometry": (json.dumps(feature(None)), 1, 1, NO_GEOJSON),
    "a feature in a feature": (json.dumps(feature(feature(POLYGON))), 1, 1, NO_GEOJSON),
    "a collection of nothing": (json.dumps(collection()), 1, 1, "it holds no geometry: draw at least one"),
    "areas and points": (
        json.dumps(collection(POLYGON, {"type": "Point", "coordinates": [0, 0]})),
        1,
        1,
        "it holds areas and points: save areas alone, or points alone",
    ),
    "another coordinate system": (
        json.dumps(
            POLYGON | {"crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::25830"}}}
        ),
        1,
        1,
        "its coordinates are of another system (`crs`): save it as WGS 84, longitude and latitude",
    ),
    "not a number": (
        json.dumps({"type": "Polygon", "coordinates": [[[float("nan"), 0]]]}),
        1,
        1,
        "NaN is no number that GeoJSON has",
    ),
    "too large a number": (
        '{"type": "Polygon", "coordinates": [[[1e999, 0]]]}',
        1,
        1,
        "a number in it is too large",
    ),
    "too long a number": (
        '{"type": "Polygon", "coordinates": [[[%s, 0]]]}' % ("9" * 5000),
        1,
        1,
        "a number in it is too long",
    ),
    "coordinates too deep": (json.dumps({"type": "Polygon", "coordinates": [[[[[1]]]]]}), 1, 1, DEEP),
    "coordinates with keys": (json.dumps({"type": "Polygon", "coordinates": [{"a": 1}]}), 1, 1, DEEP),
    "coordinates much too deep": (
        '{{"type": "Polygon", "coordinates": {}1{}}}'.format("[" * 900, "]" * 900),
        1,
        1,
        DEEP,
    ),
    "nested without end": ("[" * 200_000, 1, 1, "this is nested too deep to be GeoJSON"),
}


@pytest.mark.parametrize("name", list(IN_FILE))
def test_what_is_no_geometry_is_refused_at_its_place_in_the_file(name: str, tmp_path: Path) -> None:
    text, line, column, says = IN_FILE[name]
    assert problems(with_file(tmp_path, None, text)) == [
        ("city.geojson", line, column, "places.service_area", says)
    ]


NO_LIST = "write a list, each entry on a line of its own after '- '"


@pytest.mark.parametrize(
    ("drawn", "key", "says"),
    [
        ({"type": "Polygon"}, "coordinates", f"found null: {NO_LIST}"),
        ({"type": "Polygon", "coordinates": 7}, "coordinates", f"found 7: {NO_LIST}"),
        (
            {"type": "Point", "coordinates": [0, 0]},
            "type",
            "found 'MultiPoint': write Polygon or MultiPolygon; did you mean 'MultiPolygon'?",
        ),
    ],
    ids=["without coordinates", "with a number", "a point"],
)
def test_a_geometry_that_is_no_area_is_refused_like_one_in_the_agreement(
    drawn: Any, key: str, says: str, tmp_path: Path
) -> None:
    told = problems(with_file(tmp_path, drawn))
    assert (f"places.service_area.{key}", says) in [each[3:] for each in told]


@pytest.mark.parametrize(
    ("area", "says"),
    [
        ("{file: nowhere.geojson}", "there is no such file; the path starts from this one's directory"),
        ("{file: .}", "the file can't be read: Is a directory"),
        ("{file: 7}", "found 7: write the name of one GeoJSON file"),
        ('{file: ""}', "found '': write the name of one GeoJSON file"),
        ("{file: [a]}", "found a list: write the name of one GeoJSON file"),
        ("{file: city.geojson, type: Polygon}", "write either `file:` alone or the geometry itself"),
    ],
)
def test_a_name_that_leads_nowhere_is_refused_where_it_stands(area: str, says: str, tmp_path: Path) -> None:
    with_file(tmp_path, POLYGON)
    ((file, line, column, key, said),) = problems(agreement(tmp_path, area))
    assert (file, line, key) == ("agreement.yaml", AREA_LINE, "places.service_area")
    assert column == len("  service_area: {file: ") + 1
    assert said == says


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
def test_a_file_that_may_not_be_read_is_said(tmp_path: Path) -> None:
    path = with_file(tmp_path, POLYGON)
    (tmp_path / "city.geojson").chmod(0)
    ((_, _, _, _, says),) = problems(path)
    assert says == "the file can't be read: Permission denied"


@pytest.mark.parametrize(("spare", "fits"), [(0, True), (1, False)])
def test_a_file_may_be_so_large_and_no_larger(spare: int, fits: bool, tmp_path: Path) -> None:
    text = json.dumps(POLYGON)
    path = with_file(tmp_path, None, text + " " * (FILE_BYTES_MAX + spare - len(text)))
    if fits:
        assert load_agreement(path)
    else:
        assert problems(path)[0][-1] == "the file is larger than 1024 KiB, the most that is read"


def test_a_file_that_is_not_utf_8_is_said(tmp_path: Path) -> None:
    path = with_file(tmp_path, POLYGON)
    (tmp_path / "city.geojson").write_bytes(b"\xff" + json.dumps(POLYGON).encode())
    assert problems(path)[0][-1] == "the file is not saved as UTF-8"


def test_a_byte_order_mark_is_no_part_of_it(tmp_path: Path) -> None:
    path = with_file(tmp_path, POLYGON)
    (tmp_path / "city.geojson").write_bytes(b"\xef\xbb\xbf" + json.dumps(POLYGON).encode())
    assert load_agreement(path)


def test_places_in_a_large_file_are_found_in_little_time() -> None:
    positions = [[i / 1e4, (i * i % 7919) / 1e4] for i in range(30_000)]
    for indent in (None, 0):
        text = json.dumps({"type": "Polygon", "coordinates": [positions]}, indent=indent)
        began = time.process_time()
        found = list(geojson._values_in(text))
        assert time.process_time() - began < 3.0
        path, line, column = found[-2]
        assert path == ("coordinates", 0, 29_999, 0)
        assert text.splitlines()[line - 1][column - 1 :].startswith(str(positions[-1][0]))
