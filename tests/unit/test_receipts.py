"""Receipts: what was removed, changed or put elsewhere is found, from the file alone or from the receiver's copy."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent import wire
from agent.receipts.receipts import (
    FORGOTTEN,
    UNSENT,
    WHY_GONE,
    Finding,
    Key,
    Known,
    Link,
    compare,
    link,
    verify,
    wanted,
)
from agent.release import LANES, Daily, Timed
from agent.sealing import Terms, fleet_epoch, sealed
from agent.service_day import Moment
from buffer.gaps import EVICTED, EXPIRED, PURGED, Gap
from buffer.outbox import Head, Outbox, Receipt
from tests.sim.drives import outbox

TODAY = 20_700
DAYS = 4
AGREED = wire.AgreementReference("routes", 1, "a" * 64)
STREAMS = ("track", "harsh_braking", "box")
ENVELOPES = {"track": 2, "harsh_braking": 1, "box": 1}


def truck(
    days: int = DAYS, envelopes: dict[str, int] = ENVELOPES, seed: int = 1, unanswered: int | None = None
) -> Outbox:
    """An outbox after so many daily releases, all of them acknowledged but those of the day `unanswered`."""
    shelf = outbox(seed)
    terms = Terms(AGREED, STREAMS, Daily({}, envelopes, 512, {"harsh_braking": 2}))
    for day in range(TODAY, TODAY + days):
        for lane in LANES:
            change = sealed(terms, shelf, Moment(day, 0), [], lane)
            shelf.commit(seal=change.seal)
            if day != unanswered:
                shelf.commit(acknowledged=[(batch.stream, batch.n) for batch in change.seal], today=day)
    return shelf


def known(shelf: Outbox) -> Known:
    return Known(
        epoch=shelf.epoch("track"),
        secrets={"harsh_braking": shelf.secret("harsh_braking")},
        heads=shelf.heads_on_record(),
        gaps=shelf.gaps(),
        gaps_forgotten=shelf.gaps_forgotten(),
    )


SHELF = truck()
ROWS = list(SHELF.sealed())
KNOWN = known(SHELF)
NEWEST = {row.stream: row.n for row in ROWS}
NOT_NEWEST = [place for place, row in enumerate(ROWS) if row.n < NEWEST[row.stream]]


def found(rows: Sequence[Receipt], what: Known = KNOWN) -> list[Finding]:
    return verify(map(link, rows), what).findings


def told(findings: Sequence[Finding]) -> list[tuple[str, int, str]]:
    return [(finding.stream, finding.n, finding.what) for finding in findings]


def test_an_untouched_file_has_no_findings() -> None:
    assert {row.stream for row in ROWS} == set(STREAMS)
    assert len(NOT_NEWEST) > 10
    assert verify(map(link, ROWS), KNOWN) == ([], [])


@pytest.mark.parametrize("place", NOT_NEWEST)
def test_any_removed_row_but_the_newest_is_found(place: int) -> None:
    gone = ROWS[place]
    findings = found(ROWS[:place] + ROWS[place + 1 :])
    assert told(findings) == [(gone.stream, gone.n, "missing")]
    assert "no reason" in findings[0].words


@settings(deadline=None)
@given(place=st.sampled_from(NOT_NEWEST), where=st.integers(0, 511), change=st.integers(1, 255))
def test_any_changed_byte_of_any_but_the_newest_is_found(place: int, where: int, change: int) -> None:
    row = ROWS[place]
    changed = bytearray(row.payload)
    changed[where] ^= change
    rows = [*ROWS[:place], row._replace(payload=bytes(changed)), *ROWS[place + 1 :]]
    assert (row.stream, row.n, "changed") in told(found(rows))


@settings(deadline=None)
@given(places=st.lists(st.sampled_from(range(len(ROWS))), min_size=2, max_size=2, unique=True))
def test_two_payloads_in_each_other_s_place_are_found(places: list[int]) -> None:
    one, other = places
    rows = list(ROWS)
    rows[one] = rows[one]._replace(payload=ROWS[other].payload)
    rows[other] = rows[other]._replace(payload=ROWS[one].payload)
    assert found(rows)


@settings(deadline=None)
@given(st.data())
def test_two_rows_of_a_stream_in_each_other_s_place_are_found(data: st.DataObject) -> None:
    stream = data.draw(st.sampled_from(STREAMS))
    of_it = [place for place, row in enumerate(ROWS) if row.stream == stream]
    one, other = data.draw(st.lists(st.sampled_from(of_it), min_size=2, max_size=2, unique=True))
    rows = list(ROWS)
    rows[one], rows[other] = rows[other], rows[one]
    findings = found(rows)
    assert {finding.stream for finding in findings} == {stream}
    assert "reordered" in {finding.what for finding in findings}
    numbered = list(ROWS)
    numbered[one], numbered[other] = (
        ROWS[one]._replace(n=ROWS[other].n),
        ROWS[other]._replace(n=ROWS[one].n),
    )
    assert found(numbered)


@settings(deadline=None)
@given(place=st.sampled_from(NOT_NEWEST), chance=st.integers(0, 2**32))
def test_a_braking_s_or_track_s_payload_made_anew_is_found(place: int, chance: int) -> None:
    """Whoever can encode makes a payload that fits what lies before it; what comes behind tells."""
    row = ROWS[place]
    decoded = wire.decode(row.payload)
    agreement = wire.AgreementReference("other", chance, "b" * 64)
    forged = wire.encode(decoded.heading._replace(agreement=agreement), decoded.records, 512)
    rows = [*ROWS[:place], row._replace(payload=forged), *ROWS[place + 1 :]]
    assert told(found(rows)) == [(row.stream, row.n, "changed")]


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("other", STREAMS)
def test_even_the_newest_is_no_payload_of_another_place(stream: str, other: str) -> None:
    newest = {row.stream: place for place, row in enumerate(ROWS)}
    elsewhere = newest[other] if other != stream else [row.stream for row in ROWS].index(stream)
    payload = ROWS[elsewhere].payload
    rows = list(ROWS)
    rows[newest[stream]] = rows[newest[stream]]._replace(payload=payload)
    pair = {(stream, NEWEST[stream] - 1), (stream, NEWEST[stream])}
    assert {finding[:2] for finding in found(rows)} <= pair
    assert found(rows)


@pytest.mark.parametrize(
    ("place", "words"), [("box", "is one of box"), ("track", "says that it is number 1")]
)
def test_a_payload_that_no_other_row_knows_of_still_says_where_it_belongs(place: str, words: str) -> None:
    """The rows round it are gone, so no link tells."""
    elsewhere = next(row for row in ROWS if row.stream == place)
    row = elsewhere._replace(stream="track", n=5)
    gaps = [Gap("track", 1, 4, PURGED)]
    findings = [finding for finding in found([row], KNOWN._replace(gaps=gaps)) if finding.stream == "track"]
    assert [(finding.n, finding.what) for finding in findings] == [(5, "changed")]
    assert words in findings[0].words


def test_another_truck_s_receipts_are_found_out() -> None:
    others = [row for row in truck(seed=2).sealed() if row.stream != "harsh_braking"]
    findings = found([row for row in ROWS if row.stream == "harsh_braking"] + others)
    assert {finding.what for finding in findings} == {"changed"}
    assert all("not this truck's" in finding.words for finding in findings)


def test_a_row_that_is_there_twice_is_found() -> None:
    assert (ROWS[0].stream, ROWS[0].n, "there twice") in told(found([ROWS[0], *ROWS]))


def test_a_finding_says_in_words_what_is_wrong_and_where() -> None:
    place = next(place for place in NOT_NEWEST if ROWS[place].stream == "track")
    row = ROWS[place]._replace(payload=ROWS[place].payload[:-1])
    words = [str(finding) for finding in found([*ROWS[:place], row, *ROWS[place + 1 :]])]
    day = "2026-09-04"
    assert f"track 1 of {day}: changed: its payload cannot be read: cut short" in words[0]
    assert (
        words[1]
        == f"track 1 of {day}: changed: it is not what number 2 was sealed behind, or that one was changed"
    )


# The fleet's releases.


def test_releases_of_brakings_of_more_than_one_envelope_are_one_chain() -> None:
    shelf = truck(envelopes={**ENVELOPES, "harsh_braking": 3})
    rows, what = list(shelf.sealed()), known(shelf)
    assert verify(map(link, rows), what) == ([], [])
    brakings = [place for place, row in enumerate(rows) if row.stream == "harsh_braking"]
    assert len(brakings) == 3 * DAYS
    for place in brakings[:-1]:
        decoded = wire.decode(rows[place].payload)
        forged = wire.encode(decoded.heading, decoded.records, 1024)
        changed = [*rows[:place], rows[place]._replace(payload=forged), *rows[place + 1 :]]
        assert told(found(changed, what)) == [("harsh_braking", rows[place].n, "changed")]


def test_the_newest_braking_of_a_release_is_in_no_other_release() -> None:
    shelf = truck(envelopes={**ENVELOPES, "harsh_braking": 3})
    rows, what = list(shelf.sealed()), known(shelf)
    decoded = wire.decode(rows[-1].payload)
    assert (rows[-1].stream, decoded.heading.n) == ("harsh_braking", 3)
    for heading in (decoded.heading._replace(epoch="0" * 16), decoded.heading._replace(n=2)):
        forged = rows[-1]._replace(payload=wire.encode(heading, [], 512))
        assert told(found([*rows[:-1], forged], what)) == [("harsh_braking", 3 * DAYS - 1, "changed")]


def test_without_the_secret_no_two_releases_of_brakings_are_tied_to_each_other() -> None:
    brakings = [wire.decode(row.payload).heading for row in ROWS if row.stream == "harsh_braking"]
    assert len({heading.epoch for heading in brakings}) == len(brakings)
    assert {(heading.n, heading.prev) for heading in brakings} == {(1, wire.NO_PREVIOUS)}
    newest = Head(3, bytes(32))
    assert fleet_epoch("0" * 32, newest) != fleet_epoch("1" + "0" * 31, newest)
    assert fleet_epoch("0" * 32, newest) != fleet_epoch("0" * 32, newest._replace(sha256=b"\1" + bytes(31)))
    assert fleet_epoch("0" * 32, newest) != fleet_epoch("0" * 32, newest._replace(n=4))


# What is rightly absent.


def test_R11_what_the_agreed_days_have_taken_is_no_error_and_is_listed() -> None:
    shelf = truck()
    shelf.purge(TODAY + 2, receipt_days={"track": 0}, receipt_days_default=60, age_days_max=60)
    verdict = verify(map(link, shelf.sealed()), known(shelf))
    assert verdict.findings == []
    assert [gap[:4] for gap in verdict.absent] == [("track", 1, 4, PURGED)]


def test_when_all_have_had_their_days_the_head_still_vouches_for_what_comes_next() -> None:
    shelf = truck()
    shelf.purge(TODAY + 99, receipt_days={}, receipt_days_default=1, age_days_max=60)
    assert verify(map(link, shelf.sealed()), known(shelf)).findings == []
    terms = Terms(AGREED, STREAMS, Timed(60, 512, {}))
    for lane in LANES:
        change = sealed(terms, shelf, Moment(TODAY + 99, 0), [], lane)
        assert change.seal == []
    daily = Terms(AGREED, STREAMS, Daily({}, ENVELOPES, 512, {}))
    for lane in LANES:
        shelf.commit(seal=sealed(daily, shelf, Moment(TODAY + 99, 0), [], lane).seal)
    what, rows = known(shelf), list(shelf.sealed())
    assert verify(map(link, rows), what).findings == []
    forged = what._replace(
        heads={stream: Head(head.n, bytes(32)) for stream, head in what.heads.items()},
        gaps=[gap._replace(last=b"") for gap in what.gaps],
    )
    assert sorted(told(found(rows, forged))) == [
        ("box", DAYS + 1, "changed"),
        ("harsh_braking", DAYS + 1, "changed"),
        ("track", 2 * DAYS + 1, "changed"),
    ]


def test_a_number_that_the_head_tells_of_and_that_no_gap_explains_is_missing() -> None:
    what = KNOWN._replace(heads={"day": Head(3, bytes(32))})
    assert told(found(ROWS, what)) == [("day", 1, "missing")]


@pytest.mark.parametrize("why", [EVICTED, EXPIRED, PURGED])
def test_a_hole_with_a_gap_on_record_is_no_error(why: str) -> None:
    rows = [row for row in ROWS if not (row.stream == "track" and row.n in (3, 4))]
    gap = Gap("track", 3, 4, why)
    verdict = verify(map(link, rows), KNOWN._replace(gaps=[gap]))
    assert verdict == ([], [gap])
    assert WHY_GONE[why]
    short = KNOWN._replace(gaps=[gap._replace(last_n=3)])
    assert told(found(rows, short)) == [("track", 4, "missing")]


def with_a_hole() -> tuple[list[Receipt], Known]:
    """What is left when the second day was never sent and has had its time: a gap amid each stream."""
    shelf = truck(unanswered=TODAY + 1)
    shelf.purge(TODAY + 9, receipt_days={}, receipt_days_default=60, age_days_max=3)
    return list(shelf.sealed()), known(shelf)


def test_the_chain_goes_on_across_a_gap() -> None:
    rows, what = with_a_hole()
    assert verify(map(link, rows), what).findings == []
    assert [gap[:4] for gap in what.gaps] == [
        ("box", 2, 2, EXPIRED),
        ("harsh_braking", 2, 2, EXPIRED),
        ("track", 3, 4, EXPIRED),
    ]
    assert [(len(gap.prev), len(gap.last)) for gap in what.gaps] == [(16, 32)] * 3


@pytest.mark.parametrize("stream", STREAMS)
def test_the_last_batch_before_a_gap_changed_is_found(stream: str) -> None:
    rows, what = with_a_hole()
    place = next(i for i, row in enumerate(rows) if row.stream == stream and row.n == ENVELOPES[stream])
    decoded = wire.decode(rows[place].payload)
    agreement = wire.AgreementReference("other", 1, "b" * 64)
    forged = wire.encode(decoded.heading._replace(agreement=agreement), decoded.records, 512)
    changed = [*rows[:place], rows[place]._replace(payload=forged), *rows[place + 1 :]]
    assert told(found(changed, what)) == [(stream, rows[place].n, "changed")]
    older = what._replace(gaps=[gap._replace(prev=b"", last=b"") for gap in what.gaps])
    assert found(changed, older) == []  # as in files of version 0.4, whose gaps carry no hashes


@pytest.mark.parametrize("stream", STREAMS)
def test_a_gap_that_holds_another_payload_than_was_there_is_found(stream: str) -> None:
    rows, what = with_a_hole()
    gaps = [gap._replace(last=bytes(32)) if gap.stream == stream else gap for gap in what.gaps]
    first_behind = 2 * ENVELOPES[stream] + 1
    assert told(found(rows, what._replace(gaps=gaps))) == [(stream, first_behind, "changed")]


def test_gaps_that_had_to_be_forgotten_excuse_the_beginning_and_nothing_else() -> None:
    what = KNOWN._replace(gaps=[Gap("track", 3, 3, EVICTED)], gaps_forgotten=True)
    rows = [row for row in ROWS if row.stream != "track" or row.n > 3]
    verdict = verify(map(link, rows), what)
    assert verdict == ([], [Gap("track", 1, 2, FORGOTTEN), Gap("track", 3, 3, EVICTED)])
    amid = [row for row in rows if not (row.stream == "track" and row.n == 6)]
    assert told(found(amid, what)) == [("track", 6, "missing")]


def test_gaps_that_overlap_what_is_here_hide_nothing_and_are_no_error() -> None:
    gaps = [Gap("track", 1, 6, PURGED), Gap("track", 2, 2, EVICTED)]
    for there in (ROWS, [row for row in ROWS if row.stream != "track" or row.n > 6]):
        assert found(there, KNOWN._replace(gaps=gaps)) == []
    rows = [row for row in ROWS if row.stream != "track" or row.n != 7]
    assert told(found(rows, KNOWN._replace(gaps=gaps))) == [("track", 7, "missing")]


def test_a_number_without_end_is_found_without_counting_up_to_it() -> None:
    far = ROWS[0]._replace(n=2**53)
    assert (far.stream, NEWEST[far.stream] + 1, "missing") in told(found([*ROWS, far]))


def test_what_waits_for_an_answer_is_in_the_chain_too() -> None:
    shelf = truck()
    change = sealed(
        Terms(AGREED, STREAMS, Daily({}, ENVELOPES, 512, {})), shelf, Moment(TODAY + 9, 0), [], "truck"
    )
    shelf.commit(seal=change.seal)
    shelf.commit(refused=[("track", 2 * DAYS + 1)])
    rows = list(shelf.sealed())
    assert [row.state for row in rows[-3:]] == ["refused", UNSENT, UNSENT]
    assert list(shelf.receipts()) == rows[:-2]
    assert verify(map(link, rows), known(shelf)) == ([], [])


# The receiver's copy.


def arrived(rows: Sequence[Receipt]) -> dict[Key, str]:
    return {each.key: each.sha256 for each in map(link, rows) if each.key}


def compared(
    rows: Sequence[Receipt], received: dict[Key, str], what: Known = KNOWN
) -> list[tuple[str, int, str]]:
    links = list(map(link, rows))
    epochs = wanted(links, what)
    looked_for = {key: sha256 for key, sha256 in received.items() if key[1] in epochs}
    return told(compare(links, what, looked_for).findings)


def test_a_receiver_that_has_it_all_has_nothing_to_say() -> None:
    links = [link(row) for row in ROWS]
    assert compare(links, KNOWN, arrived(ROWS)) == ([], [])


@pytest.mark.parametrize("stream", STREAMS)
def test_a_newest_that_was_removed_is_found_by_the_receiver_s_copy(stream: str) -> None:
    rows = [row for row in ROWS if row.n < NEWEST[row.stream] or row.stream != stream]
    assert found(rows) == []  # the file alone can't tell
    assert compared(rows, arrived(ROWS)) == [(stream, NEWEST[stream], "missing")]


@pytest.mark.parametrize("stream", STREAMS)
def test_a_stream_that_was_removed_as_a_whole_is_found_by_the_receiver_s_copy(stream: str) -> None:
    rows = [row for row in ROWS if row.stream != stream]
    assert found(rows) == []
    assert compared(rows, arrived(ROWS)) == [(stream, 1, "missing")]


@pytest.mark.parametrize("stream", STREAMS)
def test_a_newest_that_was_changed_is_found_by_the_receiver_s_copy(stream: str) -> None:
    place = max(place for place, row in enumerate(ROWS) if row.stream == stream)
    decoded = wire.decode(ROWS[place].payload)
    forged = ROWS[place]._replace(payload=wire.encode(decoded.heading, decoded.records, 1024))
    rows = [*ROWS[:place], forged, *ROWS[place + 1 :]]
    assert found(rows) == []
    assert compared(rows, arrived(ROWS)) == [(stream, NEWEST[stream], "changed")]


def test_a_release_of_brakings_that_lost_its_end_is_found_by_the_receiver_s_copy() -> None:
    shelf = truck(envelopes={**ENVELOPES, "harsh_braking": 3})
    rows = list(shelf.sealed())
    short = [row for row in rows if row.n < 3 * DAYS or row.stream != "harsh_braking"]
    assert compared(short, arrived(rows), known(shelf)) == [("harsh_braking", 3 * DAYS, "missing")]


def test_what_a_broker_took_and_the_receiver_lacks_among_later_ones_was_lost() -> None:
    received = arrived(
        [row for row in ROWS if (row.stream, row.n) not in (("track", 3), ("track", 2 * DAYS))]
    )
    links = [link(row) for row in ROWS]
    comparison = compare(links, KNOWN, received)
    assert told(comparison.findings) == [("track", 3, "not received")]
    assert [(each.stream, each.n) for each in comparison.not_there] == [("track", 2 * DAYS)]


def test_what_the_receiver_had_and_let_go_was_received() -> None:
    let_go = {key: "" if key[2] in (3, 4) else sha256 for key, sha256 in arrived(ROWS).items()}
    assert compare([link(row) for row in ROWS], KNOWN, let_go) == ([], [])


def test_other_trucks_at_the_receiver_are_none_of_this_truck_s() -> None:
    others = {("track", "f" * 16, 99): "0" * 64, ("harsh_braking", "f" * 16, 1): "0" * 64}
    assert compared(ROWS, arrived(ROWS) | others) == []


def test_a_link_knows_which_days_it_concerns() -> None:
    own: Link = link(ROWS[0])._replace(dates=frozenset({TODAY - 1}))
    assert [day for day in range(TODAY - 3, TODAY + 3) if own.concerns(day)] == [TODAY - 1, TODAY]
