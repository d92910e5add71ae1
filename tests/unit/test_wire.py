"""Wire version 1: vectors, padding, limits, and the page that describes it."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
import zlib
from pathlib import Path
from typing import Any

import pytest

from agent import columns, wire
from agent.wire import AgreementReference, Heading, PayloadError

VECTORS = json.loads((Path(__file__).parent / "wire-vectors.json").read_text("ascii"))
PAGE = (Path(__file__).parents[2] / "docs" / "wire.md").read_text("utf-8")
EVERY_VECTOR = pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
AGREEMENT = AgreementReference("routes-and-safety", 3, "5e" * 32)
DAY = {"date": "2026-11-21", "distance_m": 41_873, "running_s": 9_870, "stretches": 38}


def heading_of(vector: dict[str, Any]) -> Heading:
    parts = dict(vector["heading"], agreement=AgreementReference(**vector["heading"]["agreement"]))
    return Heading(**parts)


def heading(stream: str = "day", n: int = 1) -> Heading:
    return Heading(stream, "0123456789abcdef", n, wire.NO_PREVIOUS, AGREEMENT)


def packed(body: object) -> bytes:
    return zlib.compress(json.dumps(body).encode())


def body_of(records: list[dict[str, Any]], stream: str = "day") -> dict[str, Any]:
    body: dict[str, Any] = json.loads(wire.text(heading(stream), records))
    return body


# Vectors.


def test_every_stream_has_an_empty_and_a_filled_vector():
    names = {vector["name"] for vector in VECTORS}
    assert names >= {f"{stream}, {kind}" for stream in columns.STREAMS for kind in ("empty", "filled")}


@EVERY_VECTOR
def test_vector_decodes_to_its_heading_and_records(vector):
    decoded = wire.decode(bytes.fromhex(vector["payload_hex"]))
    assert decoded.heading == heading_of(vector)
    assert decoded.records == vector["records"]
    assert json.dumps(decoded.records) == json.dumps(vector["records"])


@EVERY_VECTOR
def test_vector_encodes_to_its_text_and_length(vector):
    payload = wire.encode(heading_of(vector), vector["records"], vector["size_bytes"])
    assert wire.text(heading_of(vector), vector["records"]) == vector["text"]
    assert zlib.decompress(payload).decode("ascii").rstrip(" \n\t\r") == vector["text"]
    assert len(payload) == vector["payload_bytes"]


# The page.


def kind_of(field: columns.Field, column: str) -> str:
    if isinstance(field, columns.Paths | columns.PointTimes):
        return "direct" if column == "points" else "delta, one for each point"
    if isinstance(field, columns.Words):
        return "word"
    if isinstance(field, columns.Sometimes):
        inner = kind_of(field.of, column)
        return "direct" if column == field.given else f"{inner}, one for each record that has it"
    if isinstance(field, columns.Texts):
        return f"delta, {field.field}"
    return "delta" if getattr(field, "delta", True) else "direct"


def specified() -> list[tuple[str, str, str, str, float]]:
    """Stream, field, column, kind and scale of all that the code knows."""
    rows = []
    for stream, fields in columns.STREAMS.items():
        for field in fields:
            if isinstance(field, columns.Paths):
                names: tuple[str, ...] = ("points", "lat", "lon")
            elif isinstance(field, columns.PointTimes):
                names = ("s",)
            elif isinstance(field, columns.Sometimes):
                # Fields that come together share the column that says which records have them.
                shared = any(row[0] == stream and row[2] == field.given for row in rows)
                names = (field.of.column,) if shared else (field.given, field.of.column)
            else:
                names = field.columns if isinstance(field, columns.Counts) else (field.column,)
            for name in names:
                degrees = isinstance(field, columns.Paths) and name != "points"
                inner = field.of if isinstance(field, columns.Sometimes) and name != field.given else field
                scale = columns.DEGREE_SCALE if degrees else getattr(inner, "scale", 1)
                rows.append((stream, field.field, name, kind_of(field, name), scale))
    return rows


def written() -> list[tuple[str, str, str, str, float]]:
    """The same from the page's tables; what a kind says beyond its first words is for people."""
    rows, stream, field = [], "", ""
    for line in PAGE.partition("## Streams")[2].partition("## A decoder")[0].splitlines():
        if line.startswith("### "):
            stream = line[4:]
        elif line.startswith("|") and "`" in line:
            first, column, kind, scale = (cell.strip() for cell in line.strip("|").split("|"))
            field = first.strip("`") or field
            kind = re.split("[:;]", kind)[0]
            rows.append((stream, field, column.strip("`"), kind, float(scale or 1)))
    return rows


def test_page_specifies_exactly_the_streams_and_columns_of_the_code():
    assert written() == specified()


@pytest.mark.parametrize(
    "limit", [wire.PAYLOAD_BYTES_MAX, wire.DECODED_BYTES_MAX, wire.COLUMN_NUMBERS_MAX], ids=str
)
def test_page_names_every_limit(limit):
    assert f"{limit:,}" in PAGE


def test_page_names_every_key_of_a_payload():
    body = json.loads(VECTORS[0]["text"]) | {"words": {}}
    assert [key for key in body if f"| `{key}` |" not in PAGE] == []


def program(language: str) -> str:
    return "\n".join(re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL))


DIRECT = {"points", "count", "window", "visits", "certificate_days", "timed", "placed"}


def column_values(vector: dict[str, Any]) -> dict[str, list[Any]]:
    """A vector's columns as values, from its records and without the code under test."""
    body = json.loads(vector["text"])
    values: dict[str, list[Any]] = {}
    for name, numbers in body["cols"].items():
        if name in body.get("words", {}):
            values[name] = [body["words"][name][number] for number in numbers]
        elif name in DIRECT:
            values[name] = numbers
        else:
            factor = {"lat": 100_000, "lon": 100_000}.get(name, 1)
            values[name] = [total / factor for total in itertools.accumulate(numbers)]
    return values


@pytest.fixture(scope="module")
def page_program() -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(program("python"), names)
    return names


@EVERY_VECTOR
def test_python_decoder_of_the_page_reads_every_vector(page_program, vector):
    body, values = page_program["columns"](bytes.fromhex(vector["payload_hex"]))
    assert body["stream"] == vector["heading"]["stream"]
    assert values == column_values(vector)
    for record_number, record in enumerate(vector["records"]):
        assert all(
            values[name][record_number] == value
            for name, value in record.items()
            if name in values and name not in ("date", "month", "utc", "s")
        )


def test_python_decoder_of_the_page_sets_gaps_where_a_record_lacks_a_field(page_program):
    for vector in VECTORS:
        if vector["heading"]["stream"] == "help":
            _, values = page_program["columns"](bytes.fromhex(vector["payload_hex"]))
            latitudes = page_program["sometimes"](values["placed"], values["lat"])
            assert latitudes == [record.get("latitude_deg") for record in vector["records"]]


def test_python_decoder_of_the_page_cuts_paths(page_program):
    for vector in VECTORS:
        if vector["heading"]["stream"] == "track":
            _, values = page_program["columns"](bytes.fromhex(vector["payload_hex"]))
            paths = [[list(point) for point in path] for path in page_program["paths"](values)]
            assert paths == [record["path"] for record in vector["records"]]


NODE_LOOP = """
const payloads = JSON.parse(require("node:fs").readFileSync(0));
console.log(JSON.stringify(payloads.map((hex) => columns(Buffer.from(hex, "hex")).values)));
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed on this machine")
def test_node_decoder_of_the_page_reads_every_vector():
    done = subprocess.run(
        ["node", "-e", program("js") + NODE_LOOP],
        input=json.dumps([vector["payload_hex"] for vector in VECTORS]),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert json.loads(done.stdout) == [column_values(vector) for vector in VECTORS]


# Padding and packing.


def test_every_length_from_the_first_paddable_on_is_reached_exactly():
    shortest = wire.packed_bytes(heading(), [DAY])
    sizes = range(shortest + wire.PADDABLE_FROM_BYTES, shortest + 400)
    assert [len(wire.encode(heading(), [DAY], size)) for size in sizes] == list(sizes)


def test_shorter_gaps_give_the_size_or_its_double():
    shortest = wire.packed_bytes(heading(), [DAY])
    for gap in range(wire.PADDABLE_FROM_BYTES):
        size = shortest + gap
        payload = wire.encode(heading(), [DAY], size)
        assert len(payload) in (size, 2 * size)
        assert wire.decode(payload).records == [DAY]


def test_padding_shows_the_fillers_that_the_page_names():
    payload = wire.encode(heading(), [DAY], 512)
    assert b"\x00\x00\x00\xff\xff" * 10 in payload
    assert "00 00 00 ff ff" in PAGE
    assert "02 00 00 00 ff ff" in PAGE


def test_same_batch_gives_the_same_bytes():
    assert wire.encode(heading(), [DAY] * 9, 1024) == wire.encode(heading(), [DAY] * 9, 1024)


def test_fitting_takes_as_many_records_as_the_size_holds():
    records = [dict(DAY, distance_m=number * number * 7919 % 100_003) for number in range(500)]
    taken = wire.fitting(heading(), records, 1024)
    assert 1 < taken < 500
    assert len(wire.encode(heading(), records[:taken], 1024)) == 1024
    assert wire.packed_bytes(heading(), records[: taken + 1]) + wire.PADDABLE_FROM_BYTES > 1024


def test_fitting_packs_no_more_of_a_long_backlog_than_twice_what_fits(monkeypatch):
    packed_counts = []
    pack = wire.packed_bytes

    def counted(of, records):
        packed_counts.append(len(records))
        return pack(of, records)

    monkeypatch.setattr(wire, "packed_bytes", counted)
    taken = wire.fitting(heading(), [DAY | {"distance_m": n * 7919 % 100_003} for n in range(10_000)], 1024)
    assert max(packed_counts) <= 2 * taken + 2


def test_fitting_takes_one_record_that_is_too_long_and_none_of_none():
    path = [[40 + number * number % 997 / 1e5, -4.0] for number in range(400)]
    record = {"date": "2026-11-21", "stretch": 1, "running_s": 60, "path": path}
    assert wire.fitting(heading("track"), [record, record], 256) == 1
    assert len(wire.encode(heading("track"), [record], 256)) % 256 == 0
    assert wire.fitting(heading("track"), [], 256) == 0


# What is refused.


def test_payload_at_the_byte_limit_is_read_and_one_past_it_refused():
    assert wire.decode(wire.encode(heading(), [DAY], wire.PAYLOAD_BYTES_MAX)).records == [DAY]
    with pytest.raises(PayloadError, match="longer than 262144 bytes"):
        wire.decode(wire.encode(heading(), [DAY], wire.PAYLOAD_BYTES_MAX + 1))


def test_text_at_the_limit_is_read_and_one_past_it_refused():
    plain = wire.text(heading(), [DAY])
    room = wire.DECODED_BYTES_MAX - len(plain)
    assert wire.decode(zlib.compress((plain + " " * room).encode())).records == [DAY]
    with pytest.raises(PayloadError, match="more than 4194304 bytes of text"):
        wire.decode(zlib.compress((plain + " " * (room + 1)).encode()))


def test_bomb_is_refused_without_being_unpacked():
    bomb = zlib.compress(b"0" * 200_000_000)
    assert len(bomb) < wire.PAYLOAD_BYTES_MAX
    with pytest.raises(PayloadError, match="bytes of text inside"):
        wire.decode(bomb)


@pytest.mark.parametrize(
    ("count", "read"), [(wire.COLUMN_NUMBERS_MAX, True), (wire.COLUMN_NUMBERS_MAX + 1, False)]
)
def test_column_at_the_limit_is_read_and_one_past_it_refused(count, read):
    body = body_of([], "live")
    body["cols"] = {name: [0] * count for name in ("utc", "lat", "lon")}
    if read:
        assert len(wire.decode(packed(body)).records) == count
    else:
        with pytest.raises(PayloadError, match="longer than 100000 numbers"):
            wire.decode(packed(body))


@pytest.mark.parametrize(("number", "read"), [(wire.INTEGER_MAX, True), (wire.INTEGER_MAX + 1, False)])
def test_number_at_the_limit_is_read_and_one_past_it_refused(number, read):
    for name, change in (
        ("n", lambda body: body.update(n=number)),
        ("version", lambda body: body["agreement"].update(version=number)),
        ("distance_m", lambda body: body["cols"].update(distance_m=[number])),
        ("distance_m", lambda body: body["cols"].update(distance_m=[-number])),
    ):
        body = body_of([DAY])
        change(body)
        if read:
            assert wire.decode(packed(body)).heading.stream == "day", name
        else:
            with pytest.raises(PayloadError):
                wire.decode(packed(body))


def changed(path: str, value: object, stream: str = "day") -> bytes:
    records = {vector["name"]: vector["records"] for vector in VECTORS}[f"{stream}, filled"]
    body = body_of(records, stream)
    part: dict[str, Any] = body
    *way, last = path.split(".")
    for key in way:
        part = part[key]
    part[last] = value
    return packed(body)


REFUSED = {
    "nothing": (b"", "cut short"),
    "no zlib": (b"fairhaul", "not a zlib stream"),
    "plain JSON": (b'{"v":1}', "not a zlib stream"),
    "cut short": (wire.encode(heading(), [DAY], 512)[:-1], "cut short"),
    "bytes behind the end": (wire.encode(heading(), [DAY], 512) + b"\0", "behind its end"),
    "no JSON": (zlib.compress(b"{"), "JSONDecodeError"),
    "no text": (zlib.compress(b"\xff\xff\xff"), "UnicodeDecodeError"),
    "nested without end": (zlib.compress(b"[" * 100_000), "RecursionError"),
    "a list": (packed([]), "no version inside"),
    "no version": (packed({}), "no version inside"),
    "version true": (packed({"v": True}), "no version inside"),
    "version 2": (packed({"v": 2}), "version 2 inside, this reader knows version 1"),
    "version only": (packed({"v": 1}), "KeyError"),
    "unknown stream": (changed("stream", "odometer"), "stream that this reader does not know"),
    "stream of another shape": (changed("stream", []), "TypeError"),
    "another stream's columns": (changed("stream", "live"), "KeyError"),
    "no agreement": (changed("agreement", None), "TypeError"),
    "agreement by name": (changed("agreement", "operations"), "TypeError"),
    "agreement id with a line break": (changed("agreement.id", "a\nb"), "without an agreement's id"),
    "agreement version in text": (changed("agreement.version", "1"), "without an agreement's version"),
    "agreement version of half": (changed("agreement.version", 1.5), "without an agreement's version"),
    "agreement hash too short": (changed("agreement.sha256", "5e"), "without an agreement's SHA-256"),
    "epoch too long": (changed("epoch", "0" * 17), "without an epoch"),
    "epoch in capitals": (changed("epoch", "ABCDEF0123456789"), "without an epoch"),
    "epoch that is no text": (changed("epoch", 0), "without an epoch"),
    "n of zero": (changed("n", 0), "without a batch number"),
    "n in text": (changed("n", "1"), "without a batch number"),
    "n true": (changed("n", True), "without a batch number"),
    "n of half": (changed("n", 1.5), "without a batch number"),
    "prev one digit short": (changed("prev", "0" * 31), "payload before"),
    "prev one digit long": (changed("prev", "0" * 33), "payload before"),
    "prev in capitals": (changed("prev", "A" * 32), "payload before"),
    "no prev": (changed("prev", None), "payload before"),
    "columns as a list": (changed("cols", []), "without columns"),
    "no columns": (changed("cols", {}), "KeyError"),
    "scale as a list": (changed("scale", []), "without columns"),
    "words as text": (changed("words", "hard"), "without columns"),
    "column of half numbers": (changed("cols.lat", [0.5, 0], "live"), "something else than whole numbers"),
    "column of truths": (changed("cols.lat", [True, False], "live"), "something else than whole numbers"),
    "column of NaN": (changed("cols.lat", [float("nan"), 0], "live"), "something else than whole numbers"),
    "column of text": (changed("cols.lat", "12", "live"), "something else than whole numbers"),
    "column that is no list": (changed("cols.lat", 12, "live"), "something else than whole numbers"),
    "column too short": (changed("cols.lat", [0], "live"), "ValueError"),
    "scale of zero": (changed("scale.lat", 0, "live"), "scale is out of range"),
    "scale below zero": (changed("scale.lat", -1e-5, "live"), "scale is out of range"),
    "scale of NaN": (changed("scale.lat", float("nan"), "live"), "scale is out of range"),
    "scale without end": (changed("scale.lat", float("inf"), "live"), "scale is out of range"),
    "scale in text": (changed("scale.lat", "1e-5", "live"), "scale is out of range"),
    "past the north pole": (changed("cols.lat", [9_000_001, 0], "live"), "ValueError"),
    "past the antimeridian": (changed("cols.lon", [-18_000_001, 0], "live"), "ValueError"),
    "path past the south pole": (changed("cols.lat", [-9_000_001] + [0] * 8, "track"), "ValueError"),
    "date without end": (changed("cols.date", [10**12, 0]), "OverflowError"),
    "month without end": (changed("cols.month", [10**12, 0, 0], "harsh_braking"), "Error"),
    "month before all": (changed("cols.month", [-(10**12), 0, 0], "harsh_braking"), "Error"),
    "moment without end": (changed("cols.utc", [10**15, 0], "live"), "OverflowError"),
    "more points than there are": (changed("cols.points", [3, 2, 5], "track"), "ValueError"),
    "fewer points than there are": (changed("cols.points", [3, 2, 3], "track"), "ValueError"),
    "points below zero": (changed("cols.points", [10, 2, -3], "track"), "ValueError"),
    "word past the end": (changed("cols.severity", [0, 1, 2], "harsh_braking"), "IndexError"),
    "word before the beginning": (changed("cols.severity", [0, 1, -1], "harsh_braking"), "ValueError"),
    "place of a call that has none": (changed("cols.placed", [0, 1, 1], "help"), "ValueError"),
    "call with half a place": (changed("cols.lon", [-400_456, 6], "help"), "ValueError"),
    "call that says nothing of its place": (changed("cols.placed", [], "help"), "ValueError"),
    "words that are no text": (changed("words.severity", [{}, []], "harsh_braking"), "no list of text"),
    "words that are no list": (changed("words.severity", "ab", "harsh_braking"), "no list of text"),
    "no words": (changed("words", {}, "harsh_braking"), "KeyError"),
}


@pytest.mark.parametrize(("payload", "why"), REFUSED.values(), ids=REFUSED)
def test_bad_payload_is_refused_in_words(payload, why):
    with pytest.raises(PayloadError, match=why):
        wire.decode(payload)


def test_unknown_keys_and_columns_are_passed_over():
    body = body_of([DAY])
    body["note"] = "of a later release"
    body["cols"]["later"] = [1, 2, 3]
    assert wire.decode(packed(body)).records == [DAY]


def test_refusal_shows_nothing_of_what_was_inside():
    body = body_of([], "live")
    body["cols"] = {"utc": [0], "lat": [4_041_234.5], "lon": [0]}
    with pytest.raises(PayloadError) as caught:
        wire.decode(packed(body))
    assert "41234" not in str(caught.value)


def test_heading_names_its_batch():
    assert heading(n=7).batch == "0123456789abcdef-7"
    assert "0123456789abcdef-7" not in wire.text(heading(n=7), [DAY])


def test_digest_is_the_sha256_of_the_payload():
    assert wire.digest(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_previous_is_the_first_128_bits_of_the_digest():
    assert wire.previous(wire.digest(b"")) == "e3b0c44298fc1c149afbf4c8996fb924"
    assert len(bytes.fromhex(wire.NO_PREVIOUS)) * 8 == 128
    assert f"the first {wire.PREVIOUS_DIGITS} hexadecimal digits of the SHA-256" in PAGE
