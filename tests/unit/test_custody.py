"""Custody: what is told of arrived numbers, what nonsense says, and what a truck is asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.sending.custody import BYTES_MAX, N_MAX, RANGES_MAX, Range, Series, asked, decode, encode, series

EPOCH = "0123456789abcdef"
VECTOR = json.loads((Path(__file__).parent / "custody-vector.json").read_text("ascii"))
STREAMS = ["track", "day", "box", "help", "harsh_braking"]

numbers = st.sets(st.integers(1, 60) | st.integers(N_MAX - 5, N_MAX), min_size=1, max_size=40)


def ranges(found: set[int]) -> list[Range]:
    """Numbers as ranges that do not touch."""
    made: list[Range] = []
    for n in sorted(found):
        if made and made[-1][1] == n - 1:
            made[-1] = (made[-1][0], n)
        else:
            made.append((n, n))
    return made


@given(st.sets(st.integers(1, 60), min_size=1))
def test_a_series_says_exactly_which_numbers_have_not_come(found: set[int]) -> None:
    told = series(ranges(found))
    missing = {n for first, last in told.missing for n in range(first, last + 1)}
    assert missing == set(range(1, max(found))) - found
    assert told.newest == max(found)
    assert set(range(1, told.upto + 1)) <= found
    assert told.upto + 1 not in found


@given(st.dictionaries(st.sampled_from(STREAMS), numbers, max_size=5))
def test_what_is_told_is_what_is_read(found: dict[str, set[int]]) -> None:
    custody = {EPOCH: {stream: series(ranges(each)) for stream, each in found.items()}}
    read = decode(encode(custody))
    assert read is not None
    for stream, known in custody[EPOCH].items():
        told = read[EPOCH][stream]
        assert (told.upto, told.newest) == (known.upto, known.newest)
        assert set(told.missing) <= set(known.missing)
    if sum(len(known.missing) for known in custody[EPOCH].values()) <= RANGES_MAX:
        assert read == custody


def test_of_too_many_ranges_the_newest_of_each_stream_are_told_in_turn() -> None:
    gaps = [(n, n) for n in range(2, 1_001, 2)]
    few = series([(1, 1), (3, 3)])
    payload = encode({EPOCH: {"track": Series(1, 1_001, tuple(gaps)), "box": few}})
    read = decode(payload)
    assert read is not None
    assert read[EPOCH]["box"] == few
    assert read[EPOCH]["track"].missing == tuple(gaps[-(RANGES_MAX - 1) :])
    assert len(payload) <= BYTES_MAX


def test_the_longest_numbers_fit() -> None:
    top = N_MAX - 4 * RANGES_MAX
    gaps = tuple((top + 2 * n, top + 2 * n) for n in range(RANGES_MAX))
    streams = {f"stream_{'x' * 6}_{chr(97 + n)}": Series(1, N_MAX, gaps) for n in range(12)}
    payload = encode({EPOCH: streams, EPOCH[::-1]: streams})
    assert len(payload) <= BYTES_MAX
    assert decode(payload) is not None


def test_the_vector_of_the_page_is_what_is_made_and_read() -> None:
    custody = {
        epoch: {stream: series([(a, b) for a, b in each]) for stream, each in streams.items()}
        for epoch, streams in VECTOR["arrived"].items()
    }
    assert encode(custody) == VECTOR["payload"].encode("ascii")
    assert decode(VECTOR["payload"].encode("ascii")) == custody


def told(**fields: Any) -> bytes:
    known = {"upto": 1, "newest": 9, "missing": [[2, 3], [5, 5]], **fields}
    return json.dumps({"v": 1, "epochs": {EPOCH: {"track": known}}}).encode()


def test_the_message_that_the_nonsense_is_made_of_is_read() -> None:
    assert decode(told()) == {EPOCH: {"track": Series(1, 9, ((2, 3), (5, 5)))}}


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff",
        b"null",
        b"[]",
        b"[" * BYTES_MAX,
        b"9" * BYTES_MAX,
        told() + b" " * BYTES_MAX,
        told().replace(b'"v": 1', b'"v": 2'),
        told().replace(EPOCH.encode(), b"0123456789ABCDEF"),
        told().replace(b"track", b"../../etc"),
        told(upto=-1),
        told(upto=10),
        told(upto=True),
        told(newest=N_MAX + 1),
        told(newest="9"),
        told(newest=4),
        told(missing=[[3, 2]]),
        told(missing=[[1, 2]]),
        told(missing=[[5, 5], [2, 3]]),
        told(missing=[[2.0, 3.0]]),
        told(missing=[[2, 3, 4]]),
        told(missing=None),
        told(newest=N_MAX, missing=[[n, n] for n in range(2, 2 * RANGES_MAX + 4, 2)]),
        json.dumps({"v": 1, "epochs": {f"{n:016x}": {} for n in range(3)}}).encode(),
    ],
)
def test_nonsense_says_nothing(payload: bytes) -> None:
    assert decode(payload) is None


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
)


@given(st.binary(max_size=200) | anything.map(lambda body: json.dumps({"v": 1, "epochs": body}).encode()))
def test_no_bytes_make_the_reader_fail(payload: bytes) -> None:
    decode(payload)


@given(
    st.dictionaries(st.sampled_from(STREAMS), numbers),
    st.dictionaries(st.sampled_from(STREAMS), st.integers(0, 50)),
    st.sets(st.sampled_from(STREAMS)),
    st.booleans(),
)
def test_nothing_is_asked_for_but_what_was_sealed_of_streams_that_may_leave(
    found: dict[str, set[int]], heads: dict[str, int], streams: set[str], live: bool
) -> None:
    known = {stream: series(ranges(each)) for stream, each in found.items()}
    wanted = asked(known, heads, streams, live=live)
    assert set(wanted) <= streams - {"harsh_braking"}
    for stream in streams - {"harsh_braking"}:
        head, have = heads.get(stream, 0), found.get(stream, set())
        top = head if live else min(head, max(have, default=0))
        numbers_asked = [n for a, b in wanted.get(stream, ()) for n in range(a, b + 1)]
        assert numbers_asked == sorted(set(range(1, top + 1)) - have)
