"""What every stream keeps to, whatever it is told: the contract of its kind, over the registry."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent import wire
from agent.columns import STREAMS
from agent.filters.placed import Placed
from agent.recording.braking import STANDING, Braking
from agent.recording.way import PublishedStretch
from agent.records import Record
from agent.streams import streams_of
from agent.streams.merging import MERGED
from agent.streams.stream import Stream
from agent.wire import AgreementReference, Heading
from tests.unit.stream_parts import DAY, DEPOT_M, LANDFILL_M, PLANE, XY, agreement, closed, placed

FEW = settings(deadline=None, max_examples=25)
SOME = settings(deadline=None, max_examples=60)
HEADING = ("0123456789abcdef", 1, "0" * 32, AgreementReference("a", 1, "0" * 64))
SOMETIMES = {"s"}  # fields that only some agreements ask for
TEXT_SHAPES = re.compile(
    r"\d{4}-\d{2}(-\d{2})?|\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z"  # date, month, utc
    r"|landfill-east|depot-1|under 10 min|10 to 30 min|over 30 min"
    r"|unrated|harsh|severe|yes|no|unknown|hazard|blocked|nothing_out"
)
COUNTS = {"count", "visits", "distance_m", "running_s", "stretches"}
BINS_M = [(100.0, 0.0), (130.0, 0.0), *((200.0 * i, 40.0) for i in range(-5, 6))]


def _daily(tree: dict[str, Any]) -> None:
    """Every stream that a daily release may have."""
    streams = tree["streams"]
    del streams["passed"], streams["live"]
    streams["track"] = {**streams["track"], "clock": "stretch"}
    points = [PLANE.point(*xy) for xy in BINS_M]
    declared = {
        "type": "MultiPoint",
        "coordinates": [[each.longitude_e7 / 1e7, each.latitude_e7 / 1e7] for each in points],
    }
    streams["stops"] = {**streams["stops"], "snapped_to": declared, "gives_away_breaks": "accepted"}
    tree["questions"][0]["needs"] = [name for name in streams if name != "box"]
    tree["release"] = {
        "kind": "daily",
        "slots": ["02:00"],
        "fleet_slots": ["04:00"],
        "envelopes": {name: 1 for name in streams if name != "help"},
        "size": "4 kB",
    }


TIMED, DAILY = agreement(), agreement(_daily)
OF_TIMED, OF_DAILY = sorted(streams_of(TIMED)), sorted(streams_of(DAILY))


# What may happen.


class Stayed(NamedTuple):
    """A truck that was at one place for a while."""

    placed: Placed
    fixes: int


class Pulsed(NamedTuple):
    """A pulse of some kind."""

    kind: str
    placed: Placed


CUT, CLOSE = "cut", "close"
Happening = Stayed | Pulsed | Braking | PublishedStretch | str

metres = st.sampled_from([0.0, 99.9, 100.0, 999.0, LANDFILL_M[0], DEPOT_M[0], DEPOT_M[1]]) | st.floats(
    -1500, 1500
)
places: st.SearchStrategy[XY] = (
    st.sampled_from([LANDFILL_M, DEPOT_M]) | st.sampled_from(BINS_M) | st.tuples(metres, metres)
)
days = st.sampled_from([DAY, DAY, DAY, DAY + 1])
placeds = st.builds(
    lambda xy, elapsed_ms, day, second: placed(*xy, elapsed_s=elapsed_ms / 1000, day=day, second=second),
    places,
    st.sampled_from([0, 1, 200, 1000, 9999]),
    days,
    st.integers(0, 86_399),
)


@st.composite
def stretches(draw: st.DrawFn) -> PublishedStretch:
    """A closed stretch of up to six points."""
    way = draw(st.lists(places, min_size=2, max_size=6))
    first = draw(st.integers(0, 80_000))
    return closed(
        way,
        day=draw(days),
        number=draw(st.integers(1, 99)),
        running_s=10 * draw(st.integers(0, 100)),
        seconds=list(itertools.accumulate([first, *(draw(st.integers(0, 900)) for _ in way[1:])])),
        stands_m=draw(st.lists(places, max_size=4)),
        run_m=draw(st.floats(0, 1e6)),
    )


brakings = st.builds(
    Braking,
    st.floats(0, 1e6),
    st.sampled_from(["yes", "no", "unknown"]),
    st.sampled_from(["unrated", "harsh", "severe"]),
    st.sampled_from([None, None, STANDING]),
    placeds | st.none(),
)
happenings: st.SearchStrategy[Happening] = st.one_of(
    st.builds(Stayed, placeds, st.sampled_from([1, 7, 60, 70])),
    st.builds(Pulsed, st.sampled_from(["lift", "hazard", "blocked", "nothing_out"]), placeds),
    brakings,
    stretches(),
    st.sampled_from([CLOSE, CLOSE, CUT]),
)
histories = st.lists(happenings, max_size=12)


def told(stream: Stream, history: Iterable[Happening]) -> list[Record]:
    return [record for happening in history for record in _told(stream, happening)]


def _told(stream: Stream, happening: Happening) -> list[Record]:
    if isinstance(happening, Stayed):
        return [record for _ in range(happening.fixes) for record in stream.placed(happening.placed)]
    if isinstance(happening, Pulsed):
        return stream.pulsed(happening.kind, happening.placed)
    if isinstance(happening, Braking):
        return stream.braked(happening)
    if isinstance(happening, PublishedStretch):
        return stream.stretched(happening)
    return stream.cut() if happening == CUT else stream.close()


def build(name: str, daily: bool = False) -> Stream:
    return streams_of(DAILY if daily else TIMED)[name]


def texts(tree: Any) -> Iterator[str]:
    if isinstance(tree, str):
        yield tree
    for inner in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from texts(inner)


# The contract.


@pytest.mark.parametrize("name", OF_TIMED)
@FEW
@given(histories)
def test_every_record_has_exactly_the_fields_of_its_stream(name: str, history: list[Happening]) -> None:
    wanted = [field.field for field in STREAMS[name]]
    for record in told(build(name), history):
        assert (record.stream, record.day in (DAY, DAY + 1)) == (name, True)
        assert list(record.fields) in (wanted, [field for field in wanted if field not in SOMETIMES])


@pytest.mark.parametrize("name", OF_TIMED)
@FEW
@given(histories)
def test_every_record_comes_through_json_and_over_the_wire_as_it_is(
    name: str, history: list[Happening]
) -> None:
    fields = [record.fields for record in told(build(name), history)]
    assert json.loads(json.dumps(fields)) == fields
    assert wire.decode(wire.encode(Heading(name, *HEADING), fields, 512)).records == fields


@pytest.mark.parametrize("name", OF_TIMED)
@FEW
@given(histories)
def test_R5_no_text_in_a_record_could_name_anyone(name: str, history: list[Happening]) -> None:
    for record in told(build(name), history):
        assert all(TEXT_SHAPES.fullmatch(text) for text in texts(record.fields))


@pytest.mark.parametrize("name", OF_TIMED)
@SOME
@given(histories, histories, histories)
def test_what_was_before_a_cut_changes_nothing_behind_it(
    name: str, one: list[Happening], other: list[Happening], after: list[Happening]
) -> None:
    first, second = build(name), build(name)
    told(first, [*one, CUT])
    told(second, [*other, CUT])
    assert told(first, after) == told(second, after)
    assert first.state() == second.state()


@pytest.mark.parametrize(
    "name", sorted(set(OF_TIMED) - {"live"})
)  # live forgets its newest place with the power
@SOME
@given(histories, histories)
def test_a_loss_of_power_changes_nothing(name: str, before: list[Happening], after: list[Happening]) -> None:
    through, lost, resumed = build(name), build(name), build(name)
    assert told(through, before) == told(lost, before)
    state = json.loads(json.dumps(lost.state()))
    if state is not None:
        resumed.resume(state)
    assert told(resumed, [*after, CUT]) == told(through, [*after, CUT])


@pytest.mark.parametrize("name", OF_DAILY)
@SOME
@given(histories, st.integers(0, 86_399))
def test_R4_under_a_daily_agreement_no_second_of_the_day_changes_a_record(
    name: str, history: list[Happening], later_s: int
) -> None:
    moved = [_at_second(happening, later_s) for happening in history]
    assert told(build(name, daily=True), moved) == told(build(name, daily=True), history)


def _at_second(happening: Happening, second: int) -> Happening:
    def set_(placed_: Placed) -> Placed:
        return placed_._replace(second=second, utc_ms=1000 * second)

    if isinstance(happening, Stayed | Pulsed):
        return happening._replace(placed=set_(happening.placed))
    if isinstance(happening, Braking):
        where = set_(happening.where) if isinstance(happening.where, Placed) else None
        return happening._replace(at=float(second), where=where)
    if isinstance(happening, PublishedStretch):
        return happening._replace(spots=[spot._replace(second=second) for spot in happening.spots])
    return happening


@pytest.mark.parametrize("name", OF_TIMED)
@FEW
@given(histories)
def test_R8_of_the_way_only_what_is_published_counts(name: str, history: list[Happening]) -> None:
    """Neither the exact places behind the published points nor the metres and seconds run have a part in it."""
    moved = [
        one._replace(spots=[spot._replace(x_m=-9e5, y_m=9e5, run_m=1e6, running_s=1e6) for spot in one.spots])
        if isinstance(one, PublishedStretch)
        else one
        for one in history
    ]
    assert told(build(name), moved) == told(build(name), history)


# Merging.


@pytest.mark.parametrize("name", sorted(MERGED))
@SOME
@given(st.data(), histories)
def test_merging_knows_no_order_and_what_was_merged_stays(
    name: str, data: st.DataObject, history: list[Happening]
) -> None:
    merge: Callable[[Iterable[dict[str, Any]]], list[dict[str, Any]]] = MERGED[name]
    fields = [record.fields for record in told(build(name), [*history, *history, CUT])]
    whole = merge(fields)
    assert merge(data.draw(st.permutations(fields))) == whole
    cut = data.draw(st.integers(0, len(fields)))
    assert merge([*merge(fields[:cut]), *fields[cut:]]) == whole
    assert merge([*merge(fields[:cut]), *merge(fields[cut:])]) == whole
    assert merge(whole) == whole


@pytest.mark.parametrize("name", sorted(MERGED))
@FEW
@given(histories)
def test_merging_loses_no_count_and_leaves_what_it_was_given_alone(
    name: str, history: list[Happening]
) -> None:
    fields = [record.fields for record in told(build(name), [*history, CUT])]
    before = json.dumps(fields)
    merged = MERGED[name](fields)
    assert json.dumps(fields) == before
    for count in COUNTS & {name for each in fields for name in each}:
        assert sum(each[count] for each in merged) == sum(each[count] for each in fields)
    assert all(list(each) == list(fields[0]) for each in merged)
