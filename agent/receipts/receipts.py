"""Receipts: what has left the truck, and whether a row of it was removed, changed or put elsewhere.

Pure: what the file holds in, findings in words out. Each batch but a stream's first names the one before it: by the
hash in its `prev`, or, where it begins a release of the fleet's, by the epoch that was made from that hash. So the
batch behind vouches for every batch but the newest, which only the receiver's copy can vouch for.

Across a gap the chain goes on by the hashes that the truck wrote down with it.

Not in the chain: the day and the state of a receipt, which are the truck's own notes. Whoever may write the file can
also make all of its later batches anew, or write down a gap that never was; the receiver's copy shows it.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from agent import wire
from agent.records import day_number, iso_date
from agent.release import lane_of
from agent.sealing import fleet_epoch
from buffer.gaps import EVICTED, EXPIRED, PURGED, Gap
from buffer.rows import Head, Receipt

FORGOTTEN = "forgotten"
UNSENT = "unsent"
WHY_GONE = {
    PURGED: "gone after the agreed days",
    EVICTED: "given up when the storage was full",
    EXPIRED: "never sent, and gone at its maximum age",
    UNSENT: "not acknowledged yet: on its way, or arrived",
    FORGOTTEN: "older than what the truck remembers of its gaps",
}

Key = tuple[str, str, int]  # stream, epoch, n as published: what the receiver knows a batch by


class Link(NamedTuple):
    """A sealed batch without its records, as a link of its stream's chain.

    `n` and `day` are the truck's own number and the day of sealing, `state` is "acknowledged", "refused" or
    "unsent". `heading` is None when the payload can't be read, `why` then says why. `dates`: the dates that its records
    tell of, in days since 1970-01-01.
    """

    stream: str
    n: int
    day: int
    state: str
    length: int
    sha256: str
    heading: wire.Heading | None
    why: str
    dates: frozenset[int]

    @property
    def key(self) -> Key | None:
        """What the receiver knows it by."""
        return (self.heading.stream, self.heading.epoch, self.heading.n) if self.heading else None

    def concerns(self, day: int) -> bool:
        """Whether it left on that day or tells of it."""
        return day == self.day or day in self.dates


class Known(NamedTuple):
    """What there is beside the rows: in a truck's file, or in an exported folder, which has no secret and no start.

    `epoch` is the truck's, None when unknown; `secrets` are those of the fleet's streams; `heads` are batches that were
    the newest when they went. `starts`: whether every number from 1 on must be here or in a gap.
    """

    epoch: str | None = None
    secrets: Mapping[str, str] = {}
    heads: Mapping[str, Head] = {}
    gaps: Sequence[Gap] = ()
    gaps_forgotten: bool = False
    starts: bool = True

    def end(self, stream: str, n: int) -> Head | None:
        """The batch of this number that is gone, where its hash is on record."""
        for gap in self.gaps:
            if (gap.stream, gap.last_n) == (stream, n) and gap.last:
                return Head(n, gap.last)
        head = self.heads.get(stream)
        return head if head is not None and head.n == n else None


class Finding(NamedTuple):
    """Something that is not as it was sealed. `n` is the truck's number, `day` the day of sealing where known."""

    stream: str
    n: int
    day: int | None
    what: str
    words: str

    def __str__(self) -> str:
        day = f" of {iso_date(self.day)}" if self.day is not None else ""
        return f"{self.stream} {self.n}{day}: {self.what}: {self.words}"


class Verdict(NamedTuple):
    """Findings by stream and number, and what is rightly absent: gaps that the truck wrote down."""

    findings: list[Finding]
    absent: list[Gap]


def link(receipt: Receipt) -> Link:
    """The link that a row of the file is."""
    return link_of(receipt.stream, receipt.n, receipt.day, receipt.state, receipt.payload)


def link_of(stream: str, n: int, day: int, state: str, payload: bytes) -> Link:
    """The same from a payload that lies elsewhere."""
    heading, why, dates = None, "", frozenset[int]()
    try:
        decoded = wire.decode(payload)
        heading, dates = decoded.heading, _dates(decoded.records)
    except wire.PayloadError as error:
        why = str(error)
    return Link(stream, n, day, state, len(payload), wire.digest(payload), heading, why, dates)


def _dates(records: Iterable[Mapping[str, Any]]) -> frozenset[int]:
    """The days that records name; brakings name a month, and a call for help may name none."""
    told = {record.get("date") or (record.get("utc") or "")[:10] for record in records}
    return frozenset(day_number(date) for date in told if date)


# The chain.


def verify(links: Iterable[Link], known: Known) -> Verdict:
    """What is wrong with these links, given in the order in which they lie in the file."""
    streams: dict[str, list[Link]] = {
        stream: [] for stream in (*known.heads, *(gap.stream for gap in known.gaps))
    }
    for each in links:
        streams.setdefault(each.stream, []).append(each)
    findings: list[Finding] = []
    absent = list(known.gaps)  # in the order in which they came to be
    for stream, rows in streams.items():
        forgotten = _forgotten(stream, rows, known)
        absent = [*forgotten, *absent]
        ordered = sorted(rows, key=lambda each: each.n)
        findings += [
            *_out_of_order(rows),
            *(finding for each in ordered for finding in _own(each, known)),
            *_broken(ordered, known),
            *_changed_before_gaps(ordered, known),
            *_missing(stream, ordered, known, forgotten),
        ]
    return Verdict(in_order(findings), absent)


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """By stream and number."""
    return sorted(findings, key=lambda finding: finding[:2])


def _out_of_order(rows: Sequence[Link]) -> Iterator[Finding]:
    for before, row in itertools.pairwise(rows):
        if row.n == before.n:
            yield _found(row, "there twice", "two rows bear this number")
        elif row.n < before.n:
            yield _found(row, "reordered", f"it lies behind number {before.n}")


def _own(row: Link, known: Known) -> Iterator[Finding]:
    """What a payload says of itself against where it lies."""
    heading = row.heading
    if heading is None:
        yield _found(row, "changed", f"its payload cannot be read: {row.why}")
        return
    if heading.stream != row.stream:
        yield _found(row, "changed", f"its payload is one of {heading.stream}")
    elif is_fleet(row):
        if heading.n == 1 and heading.prev != wire.NO_PREVIOUS:
            yield _found(row, "changed", "it begins a release, yet names a payload before it")
    elif known.epoch not in (None, heading.epoch):
        yield _found(row, "changed", f"its payload bears the epoch {heading.epoch}, not this truck's")
    elif heading.n != row.n:
        yield _found(row, "changed", f"its payload says that it is number {heading.n}")


def _broken(ordered: Sequence[Link], known: Known) -> Iterator[Finding]:
    """Links that the next one does not vouch for."""
    for before, row in zip((None, *ordered), ordered, strict=False):
        behind = _behind(before, row, known)
        if row.heading is None or behind is None or _vouches(row, row.heading, before, behind, known):
            continue
        if before is None or before.n != row.n - 1:
            yield _found(row, "changed", "what it names is not what lay before it")
        else:
            yield _found(
                before, "changed", f"it is not what number {row.n} was sealed behind, or that one was changed"
            )


def _behind(before: Link | None, row: Link, known: Known) -> Head | None:
    """What lay before a row; None when that is gone."""
    if row.n == 1:
        return Head(0, None)
    if before is not None and before.n == row.n - 1:
        return Head(before.n, bytes.fromhex(before.sha256))
    return known.end(row.stream, row.n - 1)


def _changed_before_gaps(ordered: Sequence[Link], known: Known) -> Iterator[Finding]:
    """Batches that are not what the truck wrote down when those behind them went."""
    rows = {row.n: row for row in ordered}
    for gap in known.gaps:
        row = rows.get(gap.first_n - 1)
        if row is not None and row.stream == gap.stream and not row.sha256.startswith(gap.prev.hex()):
            yield _found(row, "changed", "it is not what lay there when those behind it went")


def _vouches(row: Link, heading: wire.Heading, before: Link | None, behind: Head, known: Known) -> bool:
    prev = wire.previous(behind.sha256.hex()) if behind.sha256 else wire.NO_PREVIOUS
    if not is_fleet(row):
        return heading.prev == prev
    if heading.n == 1:
        secret = known.secrets.get(row.stream)
        return secret is None or heading.epoch == fleet_epoch(secret, behind)
    same_release = (
        before is None or before.n != row.n - 1 or before.key == (row.stream, heading.epoch, heading.n - 1)
    )
    return heading.prev == prev and same_release


def is_fleet(row: Link) -> bool:
    """Whether it is of a stream of the fleet's, whose releases have epochs of their own."""
    return lane_of(row.stream) == "fleet"


def _found(row: Link, what: str, words: str) -> Finding:
    return Finding(row.stream, row.n, row.day, what, words)


# Numbers that are not here.


def _missing(
    stream: str, ordered: Sequence[Link], known: Known, forgotten: Sequence[Gap]
) -> Iterator[Finding]:
    """Runs of numbers that are neither here nor in a gap, up to the newest that anything tells of."""
    spans = _spans(stream, ordered, known, forgotten)
    next_n = 1 if known.starts else min((first for first, _ in spans), default=1)
    for first, last in spans:
        if first > next_n:
            yield _hole(stream, next_n, first - 1)
        next_n = max(next_n, last + 1)
    head = known.heads.get(stream)
    if head is not None and head.n >= next_n:
        yield _hole(stream, next_n, head.n)


def _spans(
    stream: str, ordered: Sequence[Link], known: Known, forgotten: Sequence[Gap]
) -> list[tuple[int, int]]:
    gone = [(gap.first_n, gap.last_n) for gap in (*known.gaps, *forgotten) if gap.stream == stream]
    return sorted([*gone, *((row.n, row.n) for row in ordered)])


def _hole(stream: str, first_n: int, last_n: int) -> Finding:
    upto = f", up to {last_n}," if last_n > first_n else ""
    return Finding(
        stream, first_n, None, "missing", f"it{upto} is not here, and the truck has written down no reason"
    )


def _forgotten(stream: str, rows: Sequence[Link], known: Known) -> list[Gap]:
    """The numbers at a stream's beginning whose gaps the truck has had to forget."""
    spans = _spans(stream, rows, known, ())
    if not known.gaps_forgotten or not spans or spans[0][0] == 1:
        return []
    return [Gap(stream, 1, spans[0][0] - 1, FORGOTTEN)]


# The receiver's copy.


class Comparison(NamedTuple):
    """What a receiver's copy says of the receipts: findings, and acknowledged batches that it does not have (yet)."""

    findings: list[Finding]
    not_there: list[Link]


def wanted(links: Sequence[Link], known: Known) -> set[str]:
    """The epochs to look for at the receiver: this truck's, those of its releases, and that of the next one."""
    own = {known.epoch} if known.epoch else set()
    return (
        own | {each.heading.epoch for each in links if each.heading} | {key[1] for key in _next(links, known)}
    )


def compare(links: Sequence[Link], known: Known, received: Mapping[Key, str]) -> Comparison:
    """The receipts beside what has arrived: `received` gives the SHA-256 of each batch of the epochs `wanted`.

    "" stands for one that has come and is no longer kept there.
    """
    findings = list(_newer_there(links, known, received))
    not_there: list[Link] = []
    for _, rows in itertools.groupby(sorted(links, key=lambda each: each[:2]), key=lambda each: each.stream):
        found, waiting = _compared(list(rows), received)
        findings += found
        not_there += waiting
    return Comparison(in_order(findings), not_there)


def _compared(rows: Sequence[Link], received: Mapping[Key, str]) -> tuple[list[Finding], list[Link]]:
    """One stream's. What is not there among batches that are was lost; at either end it may be on its way, or old."""
    there = [received.get(row.key) if row.key else None for row in rows]
    places = [place for place, sha256 in enumerate(there) if sha256 is not None]
    findings, waiting = [], []
    for place, (row, sha256) in enumerate(zip(rows, there, strict=True)):
        if sha256 and sha256 != row.sha256:
            findings.append(_found(row, "changed", "the receiver has other bytes under its number"))
        elif sha256 is None and row.state == "acknowledged":
            if places and places[0] < place < places[-1]:
                findings.append(
                    _found(row, "not received", "a broker took it, and the receiver does not have it")
                )
            else:
                waiting.append(row)
    return findings, waiting


def _newer_there(links: Sequence[Link], known: Known, received: Collection[Key]) -> Iterator[Finding]:
    """Batches that have arrived and are newer than all that the file has of their stream."""
    if not known.starts:
        return
    newest = {stream: head.n for stream, head in _newest(links, known).items()}
    newer = {key[0] for key in received if key[1] == known.epoch and key[2] > newest.get(key[0], 0)}
    newer |= {key[0] for key in _next(links, known) if key in received}
    for stream in sorted(newer):
        words = "the receiver has it, and this file ends before it"
        yield Finding(stream, newest.get(stream, 0) + 1, None, "missing", words)


def _next(links: Sequence[Link], known: Known) -> set[Key]:
    """How the batch behind the newest of each of the fleet's streams would be known: of a new release, or the same."""
    newest = _newest(links, known)
    keys = {
        (stream, fleet_epoch(secret, newest.get(stream, Head(0, None))), 1)
        for stream, secret in known.secrets.items()
    }
    ends = {each.stream: each.key for each in links if is_fleet(each) and each.n == newest[each.stream].n}
    return keys | {(key[0], key[1], key[2] + 1) for key in ends.values() if key}


def _newest(links: Sequence[Link], known: Known) -> dict[str, Head]:
    """The newest batch of each stream, here or gone."""
    found = dict(known.heads)
    for each in links:
        if each.n > found.get(each.stream, Head(0, None)).n:
            found[each.stream] = Head(each.n, bytes.fromhex(each.sha256))
    return found
