"""The outbox as its users see it, always looked at again after the file was reopened."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from buffer import rows
from buffer.outbox import (
    Batch,
    Head,
    Kept,
    KeptDay,
    Losses,
    Note,
    Outbox,
    TooLarge,
    WrongNumber,
)

TODAY = 20_000
SIZE_BYTES_MAX = 16 * 1024 * 1024
NO_LIMIT: dict[str, Any] = {"receipt_days": {}, "receipt_days_default": 10_000, "age_days_max": 10_000}


def opened(path: Path | None, **changes: Any) -> Outbox:
    seeds = iter(range(1, 100))
    settings: dict[str, Any] = {
        "random_bytes": lambda length: next(seeds).to_bytes(length, "big"),
        "size_bytes_max": SIZE_BYTES_MAX,
    }
    return Outbox.open(path, **(settings | changes))


def seen(outbox: Outbox) -> dict[str, Any]:
    """All that the outbox tells about its content."""
    streams = ("track", "box", "harsh_braking")
    return {
        "epochs": [outbox.epoch(stream) for stream in streams],
        "heads": [outbox.head(stream) for stream in streams],
        "losses": outbox.losses(),
        "counts": outbox.counts()[:4],
        "kept": [tuple(row) for stream in streams for row in outbox.kept(stream, 1_000_000)],
        "kept_days": outbox.kept_days(),
        "unsent": [tuple(batch) for batch in outbox.unsent(10_000)],
        "receipts": [tuple(receipt) for receipt in outbox.receipts()],
        "gaps": outbox.gaps(),
        "notes": [outbox.note(name) for name in ("checkpoint", "agreement")],
    }


def numbers(outbox: Outbox) -> list[tuple[str, int, int, str]]:
    """The gaps without their hashes."""
    return [(gap.stream, gap.first_n, gap.last_n, gap.why) for gap in outbox.gaps()]


def payload(stream: str, n: int, length: int = 512) -> bytes:
    return f"<{stream} {n}>".encode().ljust(length, b".")


def batch(stream: str, n: int, day: int = TODAY, length: int = 512) -> Batch:
    return Batch(stream, n, day, payload(stream, n, length))


@pytest.fixture
def outbox(path: Path) -> Iterator[Outbox]:
    """Two kept rows; track 1 acknowledged, track 2 and box 1 unsent."""
    with closing(opened(path)) as made:
        made.commit(keep=[Kept("track", TODAY, b"first"), Kept("box", TODAY + 1, b"second")])
        made.commit(seal=[batch("track", 1), batch("track", 2), batch("box", 1)])
        made.commit(acknowledged=[("track", 1)], today=TODAY)
        made.commit(notes={"checkpoint": Note(TODAY, b"so far"), "agreement": Note(None, b"text")})
        yield made


MUTATORS: dict[str, Callable[[Outbox], None]] = {
    "keep": lambda outbox: outbox.commit(keep=[Kept("track", TODAY, b"third")]),
    "keep nothing in it": lambda outbox: outbox.commit(keep=[Kept("track", TODAY, b"")]),
    "seal": lambda outbox: outbox.commit(seal=[batch("track", 3), batch("harsh_braking", 1)]),
    "seal what was kept": lambda outbox: outbox.commit(
        seal=[batch("track", 3)], used=[row.id for row in outbox.kept("track", TODAY + 1)]
    ),
    "seal all that was kept": lambda outbox: outbox.commit(
        seal=[batch("track", 3)],
        used=[row.id for stream in ("track", "box") for row in outbox.kept(stream, TODAY + 9)],
        keep=[Kept("track", TODAY, b"fourth")],
    ),
    "seal the longest": lambda outbox: outbox.commit(seal=[batch("track", 3, length=rows.BATCH_BYTES_MAX)]),
    "acknowledge": lambda outbox: outbox.commit(acknowledged=[("track", 2)], today=TODAY + 3),
    "refuse": lambda outbox: outbox.commit(refused=[("box", 1)]),
    "note": lambda outbox: outbox.commit(notes={"checkpoint": Note(TODAY + 1, b"further")}),
    "remove a note": lambda outbox: outbox.commit(notes={"agreement": None}),
    "purge receipts": lambda outbox: outbox.purge(TODAY + 2, receipt_days={"track": 1}, age_days_max=99),
    "purge all": lambda outbox: outbox.purge(TODAY + 99, receipt_days={}, age_days_max=9),
    "purge nothing": lambda outbox: outbox.purge(TODAY, **NO_LIMIT),
}


@pytest.mark.parametrize("name", MUTATORS)
def test_what_a_mutator_did_is_there_after_reopening(outbox: Outbox, path: Path, name: str) -> None:
    MUTATORS[name](outbox)
    told = seen(outbox)
    with closing(opened(path)) as again:
        assert seen(again) == told
        assert again.set_aside is None


@pytest.mark.parametrize("name", sorted(set(MUTATORS) - {"purge nothing"}))
def test_a_mutator_changes_what_is_there(outbox: Outbox, name: str) -> None:
    before = seen(outbox)
    MUTATORS[name](outbox)
    assert seen(outbox) != before


def test_no_arguments_touch_no_byte_of_the_disk(outbox: Outbox, path: Path) -> None:
    wal = path.with_name("outbox.db-wal")
    before = path.read_bytes(), wal.read_bytes()
    outbox.commit()
    assert (path.read_bytes(), wal.read_bytes()) == before


def test_a_new_outbox_is_empty() -> None:
    with closing(opened(None)) as outbox:
        assert outbox.head("track") == Head(0, None)
        assert outbox.losses() == Losses(0, 0, 0)
        assert outbox.counts()[:4] == (0, 0, 0, 0)
        assert outbox.unsent(10) == []
        assert list(outbox.receipts()) == []


def test_only_the_owner_reads_the_file_and_its_log(outbox: Outbox, path: Path) -> None:
    for each in (path, path.with_name("outbox.db-wal"), path.with_name("outbox.db-shm")):
        assert stat.S_IMODE(each.stat().st_mode) == 0o600


def test_the_epoch_is_made_with_the_file_and_braking_has_its_own(outbox: Outbox, path: Path) -> None:
    assert outbox.epoch("track") == outbox.epoch("box") == f"{1:016x}"
    assert outbox.epoch("harsh_braking") == f"{2:016x}"
    with closing(opened(path, random_bytes=lambda length: b"\xff" * length)) as again:
        assert again.epoch("track") == f"{1:016x}"
        assert again.epoch("harsh_braking") == f"{2:016x}"


def test_a_stream_that_becomes_separate_later_gets_an_epoch_then(outbox: Outbox, path: Path) -> None:
    settings: dict[str, Any] = {"separate_epoch": ["lifts"], "random_bytes": lambda length: b"\xab" * length}
    with closing(opened(path, **settings)) as again:
        assert again.epoch("lifts") == "ab" * 8
        assert again.epoch("harsh_braking") == f"{2:016x}"


def test_the_head_is_number_and_hash_of_the_newest_batch(outbox: Outbox) -> None:
    assert outbox.head("track") == Head(2, hashlib.sha256(payload("track", 2)).digest())
    assert outbox.head("harsh_braking") == Head(0, None)


@pytest.mark.parametrize("n", [0, 1, 2, 4])
def test_a_batch_out_of_turn_is_a_broken_promise_and_changes_nothing(outbox: Outbox, n: int) -> None:
    before = seen(outbox)
    with pytest.raises(WrongNumber):
        outbox.commit(keep=[Kept("track", TODAY, b"lost?")], seal=[batch("track", n)])
    assert seen(outbox) == before


def test_kept_rows_that_are_not_there_cannot_be_used_twice(outbox: Outbox) -> None:
    used = [row.id for row in outbox.kept("track", TODAY + 1)]
    outbox.commit(seal=[batch("track", 3)], used=used)
    before = seen(outbox)
    with pytest.raises(WrongNumber):
        outbox.commit(seal=[batch("track", 4)], used=used)
    assert seen(outbox) == before


def test_the_id_of_a_kept_row_is_not_given_out_again_when_all_are_gone(outbox: Outbox) -> None:
    used = {row.id for stream in ("track", "box") for row in outbox.kept(stream, TODAY + 9)}
    outbox.commit(seal=[batch("track", 3)], used=used)
    outbox.commit(keep=[Kept("track", TODAY, b"new")])
    assert {row.id for row in outbox.kept("track", TODAY + 1)}.isdisjoint(used)


def test_kept_gives_the_days_before_one_oldest_first(outbox: Outbox) -> None:
    outbox.commit(keep=[Kept("track", TODAY - 1, b"late"), Kept("track", TODAY + 1, b"tomorrow's")])
    assert [row.body for row in outbox.kept("track", TODAY + 1)] == [b"late", b"first"]
    assert outbox.kept_days() == [
        KeptDay("track", TODAY - 1, 1, 4),
        KeptDay("track", TODAY, 1, 5),
        KeptDay("box", TODAY + 1, 1, 6),
        KeptDay("track", TODAY + 1, 1, 10),
    ]


def test_unsent_gives_the_oldest_first_without_those_to_skip(outbox: Outbox) -> None:
    outbox.commit(seal=[batch("track", 3)])
    assert [each[:2] for each in outbox.unsent(10)] == [("track", 2), ("box", 1), ("track", 3)]
    assert [each[:2] for each in outbox.unsent(2)] == [("track", 2), ("box", 1)]
    assert [each[:2] for each in outbox.unsent(1, skip={("track", 2)})] == [("box", 1)]
    assert outbox.unsent(0) == []
    assert outbox.unsent(1)[0].payload == payload("track", 2)


def test_an_acknowledged_batch_is_a_receipt_and_not_sent_again(outbox: Outbox) -> None:
    assert [(each.stream, each.n, each.state) for each in outbox.receipts()] == [("track", 1, "acknowledged")]
    receipt = next(outbox.receipts("track"))
    assert receipt.payload == payload("track", 1)
    assert receipt.sha256 == hashlib.sha256(receipt.payload).digest()
    assert list(outbox.receipts("box")) == []


def test_an_acknowledgement_may_come_twice_or_for_what_never_was(outbox: Outbox) -> None:
    outbox.commit(acknowledged=[("track", 2), ("track", 2), ("track", 1), ("track", 9), ("none", 1)])
    assert outbox.counts()[:4] == (2, 1, 2, 0)


def test_an_acknowledgement_after_reopening_finds_its_batch(outbox: Outbox, path: Path) -> None:
    with closing(opened(path)) as again:
        again.commit(acknowledged=[("box", 1)])
        assert [each[:2] for each in again.unsent(10)] == [("track", 2)]


def test_a_refused_batch_is_set_apart_counted_and_blocks_nothing(outbox: Outbox) -> None:
    outbox.commit(refused=[("track", 2)])
    assert outbox.losses() == Losses(0, 0, 1)
    assert outbox.counts()[:4] == (2, 1, 1, 1)
    assert [each[:2] for each in outbox.unsent(10)] == [("box", 1)]
    assert [each.state for each in outbox.receipts()] == ["acknowledged", "refused"]


def test_the_outbox_goes_on_where_another_connection_left_it(outbox: Outbox, path: Path) -> None:
    with closing(opened(path)) as other:
        other.commit(seal=[batch("track", 3)])
    with pytest.raises(WrongNumber):
        outbox.commit(seal=[batch("track", 3)])
    outbox.commit(seal=[batch("track", 4)])
    assert outbox.counts().unsent == 4


@pytest.mark.parametrize(
    ("largest", "one_past"),
    [
        (
            {"seal": [batch("track", 3, length=rows.BATCH_BYTES_MAX)]},
            {"seal": [batch("track", 3, length=rows.BATCH_BYTES_MAX + 1)]},
        ),
        (
            {"keep": [Kept("track", TODAY, bytes(rows.KEPT_BYTES_MAX))]},
            {"keep": [Kept("track", TODAY, bytes(rows.KEPT_BYTES_MAX + 1))]},
        ),
        (
            {"keep": [Kept("s" * rows.STREAM_CHARS_MAX, TODAY, b"")]},
            {"keep": [Kept("s" * (rows.STREAM_CHARS_MAX + 1), TODAY, b"")]},
        ),
    ],
)
def test_a_row_at_its_limit_is_taken_and_one_past_it_is_not(
    outbox: Outbox, largest: dict[str, Any], one_past: dict[str, Any]
) -> None:
    before = seen(outbox)
    with pytest.raises(TooLarge):
        outbox.commit(**one_past)
    assert seen(outbox) == before
    outbox.commit(**largest)
    assert seen(outbox) != before


def test_a_receipt_stays_for_its_days_and_not_one_more(outbox: Outbox) -> None:
    outbox.purge(TODAY + 5, receipt_days={"track": 5}, age_days_max=99)
    assert outbox.counts().receipts == 1
    outbox.purge(TODAY + 6, receipt_days={"track": 5}, age_days_max=99)
    assert outbox.counts().receipts == 0
    assert numbers(outbox) == [("track", 1, 1, "purged")]
    assert outbox.losses() == Losses(0, 0, 0)


def test_a_receipt_keeps_its_days_from_its_acknowledgement(outbox: Outbox) -> None:
    outbox.commit(acknowledged=[("track", 2)], today=TODAY + 30)
    outbox.purge(TODAY + 35, receipt_days={"track": 5}, age_days_max=99)
    assert [receipt.n for receipt in outbox.receipts()] == [2]
    outbox.purge(TODAY + 36, receipt_days={"track": 5}, age_days_max=99)
    assert list(outbox.receipts()) == []


@pytest.mark.parametrize("today", [None, TODAY - 7_000, 5, 40_000])
def test_a_receipt_keeps_its_own_day_when_today_is_unknown_or_odd(outbox: Outbox, today: int | None) -> None:
    outbox.commit(acknowledged=[("track", 2)], today=today)
    outbox.purge(TODAY + 6, receipt_days={"track": 5}, age_days_max=99)
    assert list(outbox.receipts()) == []


def test_other_streams_keep_the_default_days(outbox: Outbox) -> None:
    outbox.commit(acknowledged=[("box", 1)])
    outbox.purge(TODAY + 60, receipt_days={"track": 5}, age_days_max=99)
    assert [receipt.stream for receipt in outbox.receipts()] == ["box"]
    outbox.purge(TODAY + 61, receipt_days={"track": 5}, age_days_max=99)
    assert list(outbox.receipts()) == []


def test_what_is_unsent_goes_past_its_age_and_is_counted(outbox: Outbox) -> None:
    outbox.purge(TODAY + 9, receipt_days={}, age_days_max=9)
    assert outbox.losses() == Losses(0, 0, 0)
    outbox.purge(TODAY + 10, receipt_days={}, age_days_max=9)
    assert outbox.losses() == Losses(evicted=0, expired=3, refused=0)
    assert outbox.counts()[:4] == (1, 0, 1, 0)
    assert numbers(outbox) == [("box", 1, 1, "expired"), ("track", 2, 2, "expired")]


def test_numbering_goes_on_after_all_is_gone(outbox: Outbox, path: Path) -> None:
    heads = [outbox.head(stream) for stream in ("track", "box")]
    outbox.purge(TODAY + 99, receipt_days={}, age_days_max=0)
    assert outbox.counts()[:4] == (0, 0, 0, 0)
    with closing(opened(path)) as again:
        assert [again.head(stream) for stream in ("track", "box")] == heads
        again.commit(seal=[batch("track", 3)])
        assert again.head("track").n == 3


def test_a_purge_of_more_rows_than_one_transaction_takes_finishes(outbox: Outbox) -> None:
    outbox.commit(seal=[batch("track", n, length=40) for n in range(3, 1_203)])
    outbox.purge(TODAY + 99, receipt_days={}, age_days_max=9)
    assert outbox.losses().expired == 1_204
    assert ("track", 2, 1_202, "expired") in numbers(outbox)


def test_the_kept_rows_of_a_commit_cannot_be_read_from_a_repr() -> None:
    secret = b"52.52000"
    for value in (Kept("track", TODAY, secret), batch("track", 1)._replace(payload=secret)):
        assert "52.5" not in f"{value!r} {value} {value!s}"
