"""Payloads: whatever goes in comes out, and whatever comes in ends in records or PayloadError."""

from __future__ import annotations

import datetime
import json
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent import wire
from agent.columns import (
    STREAMS,
    Counts,
    Field,
    Numbers,
    Paths,
    PointTimes,
    Sometimes,
    Texts,
)
from agent.wire import AgreementReference, Heading, PayloadError

FEW = settings(deadline=None, max_examples=60)
MANY = settings(deadline=None, max_examples=200)

hexadecimal = st.text("0123456789abcdef", min_size=64, max_size=64)
latitude = st.integers(-9_000_000, 9_000_000).map(lambda whole: whole / 100_000)
longitude = st.integers(-18_000_000, 18_000_000).map(lambda whole: whole / 100_000)
whole_number = st.integers(0, 2**40)
TEXTS = {
    "date": st.dates().map(datetime.date.isoformat),
    "month": st.dates().map(lambda date: date.isoformat()[:7]),
    "utc": st.datetimes().map(lambda moment: moment.replace(microsecond=0).isoformat() + "Z"),
}


def values(field: Field) -> st.SearchStrategy[Any]:
    """All that a field may hold."""
    if isinstance(field, Texts):
        return TEXTS[field.field]
    if isinstance(field, Paths):
        return st.lists(st.tuples(latitude, longitude).map(list), max_size=12)
    if isinstance(field, Counts):
        return st.fixed_dictionaries(dict.fromkeys(field.columns, whole_number))
    if isinstance(field, Numbers):
        places = {"latitude_deg": latitude, "longitude_deg": longitude}
        return places.get(field.field, whole_number.map(lambda number: number * field.step))
    return st.text(max_size=12)


def one_record(stream: str) -> st.SearchStrategy[dict[str, Any]]:
    """A record of a stream, its fields in their order; what it may lack comes and goes by groups."""
    fields = [field for field in STREAMS[stream] if not isinstance(field, PointTimes)]
    whole = st.fixed_dictionaries(
        {field.field: values(field.of if isinstance(field, Sometimes) else field) for field in fields}
    )
    groups = sorted({field.given for field in fields if isinstance(field, Sometimes)})

    def without(record: dict[str, Any], lacking: set[str]) -> dict[str, Any]:
        gone = {field.field for field in fields if isinstance(field, Sometimes) and field.given in lacking}
        return {name: value for name, value in record.items() if name not in gone}

    if not groups:
        return whole
    return st.builds(without, whole, st.sets(st.sampled_from(groups)))


def records(stream: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Records of a stream; a track with times has them throughout."""
    plain = st.lists(one_record(stream), max_size=12)
    return st.one_of(plain, plain.map(timed)) if stream == "track" else plain


def timed(untimed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        dict(record, s=[(37 * number) % 86_400 for number in range(len(record["path"]))])
        for record in untimed
    ]


@st.composite
def batches(draw: st.DrawFn, of: str | None = None) -> tuple[Heading, list[dict[str, Any]]]:
    stream = of or draw(st.sampled_from(sorted(STREAMS)))
    agreement = AgreementReference(
        draw(st.from_regex(r"[a-z0-9][a-z0-9-]{0,62}", fullmatch=True)),
        draw(st.integers(0, wire.INTEGER_MAX)),
        draw(hexadecimal),
    )
    heading = Heading(
        stream,
        draw(hexadecimal)[:16],
        draw(st.integers(1, wire.INTEGER_MAX)),
        draw(hexadecimal)[:32],
        agreement,
    )
    return heading, draw(records(stream))


@pytest.mark.parametrize("stream", STREAMS)
@FEW
@given(st.data(), st.integers(64, 4096))
def test_what_is_encoded_decodes_to_the_same(stream, data, size_bytes):
    heading, published = data.draw(batches(stream))
    payload = wire.encode(heading, published, size_bytes)
    assert len(payload) % size_bytes == 0
    if len(payload) <= wire.PAYLOAD_BYTES_MAX:
        assert wire.decode(payload) == (heading, published)


@FEW
@given(batches(), st.integers(wire.PADDABLE_FROM_BYTES, 5000))
def test_every_paddable_size_is_reached_exactly(batch, gap):
    heading, published = batch
    size_bytes = wire.packed_bytes(heading, published) + gap
    payload = wire.encode(heading, published, size_bytes)
    assert len(payload) == size_bytes
    assert zlib.decompress(payload).decode() == wire.text(heading, published)


@MANY
@given(batches(), st.integers(1, 60))
def test_any_size_however_small_is_a_divisor_of_the_length(batch, size_bytes):
    assert len(wire.encode(*batch, size_bytes)) % size_bytes == 0


@FEW
@given(batches(), st.integers(256, 1024))
def test_what_fits_fits_and_one_more_would_not(batch, size_bytes):
    heading, published = batch
    published = published * 8
    taken = wire.fitting(heading, published, size_bytes)
    assert bool(taken) == bool(published)
    if taken > 1:
        assert len(wire.encode(heading, published[:taken], size_bytes)) == size_bytes


def read(payload: bytes) -> None:
    """Decode; records must be JSON-able, as the receiver stores them."""
    try:
        decoded = wire.decode(payload)
    except PayloadError:
        return
    json.dumps(decoded.records)
    assert decoded.heading.stream in STREAMS


@MANY
@given(st.binary(max_size=300))
def test_arbitrary_bytes_raise_only_payload_errors(data):
    read(data)


@MANY
@given(batches(), st.data())
def test_mutated_payloads_raise_only_payload_errors(batch, data):
    payload = bytearray(wire.encode(*batch, 256))
    for _ in range(data.draw(st.integers(1, 4))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    read(bytes(payload))


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**30), 10**30)
    | st.floats()
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@st.composite
def mutated_bodies(draw: st.DrawFn) -> Any:
    """A good body in which up to three parts, at any depth, are replaced by anything."""
    body: dict[str, Any] = json.loads(wire.text(*draw(batches())))
    for _ in range(draw(st.integers(1, 3))):
        part: Any = body
        while True:
            keys = sorted(part) if isinstance(part, dict) else list(range(len(part)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(part[key], dict | list) and draw(st.booleans()):
                part = part[key]
                continue
            part[key] = draw(anything)
            break
    return body


@MANY
@given(mutated_bodies())
def test_mutated_texts_raise_only_payload_errors(body):
    read(zlib.compress(json.dumps(body).encode()))


@settings(deadline=None, max_examples=12)
@given(st.integers(1, 20), st.sampled_from([b"0", b"[", b"[0,", b'{"v":', b" ", b'"\\u0000']))
def test_bombs_are_refused_within_their_limit(megabytes, unit):
    read(zlib.compress(unit * (megabytes * 250_000)))
