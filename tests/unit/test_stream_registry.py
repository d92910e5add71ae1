"""What an agreement names is built, and nothing else; no field of any stream says who."""

from __future__ import annotations

import re

import pytest

from agent.columns import STREAMS
from agent.streams import streams_of
from agent.streams.merging import MERGED
from agent.streams.stream import Stream
from tests.unit.stream_parts import TERMS, agreement, closed, only, placed

OF_THEIR_OWN = {"help", "box"}  # the crew's own act, and the box's own status: no filters in front of them
BUILT = sorted(STREAMS.keys() - OF_THEIR_OWN)
WHO = re.compile(
    r"driver|crew(?!_report)|badge|roster|employee|staff|person|user|name|phone|plate|vin\b|vehicle|truck|imsi|imei|iccid|mac\b|serial"
)


def test_every_stream_of_the_wire_can_be_agreed_and_is_built() -> None:
    streams = streams_of(agreement())
    assert sorted(streams) == BUILT
    assert all(stream.name == name for name, stream in streams.items())


@pytest.mark.parametrize("name", BUILT)
def test_what_is_not_agreed_is_not_built(name: str) -> None:
    assert list(streams_of(agreement(only(name)))) == [name]


def test_each_call_builds_fresh_streams() -> None:
    one = agreement()
    first, second = streams_of(one), streams_of(one)
    assert not any(first[name] is second[name] for name in first)


def test_a_stream_is_deaf_until_it_listens() -> None:
    stream = Stream()
    told = [
        stream.placed(placed(0)),
        stream.stretched(closed([(0, 0), (9, 9)])),
        stream.cut(),
        stream.close(),
    ]
    assert told == [[]] * 4
    assert stream.state() is None


def test_streams_without_an_order_of_their_own_are_merged() -> None:
    assert sorted(MERGED.keys() | {"track", "stops", "live"}) == BUILT


@pytest.mark.parametrize("name", sorted(STREAMS))
def test_R5_no_field_is_named_after_who_or_which_truck(name: str) -> None:
    assert not [field.field for field in STREAMS[name] if WHO.search(field.field)]


def test_R12_every_stream_of_the_wire_has_terms() -> None:
    assert sorted(TERMS) == sorted(STREAMS)
    assert all("retention" in terms for terms in TERMS.values())
