"""What the agents promised, and what came of it: read when all of them have ended."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from agent import wire
from buffer import read_only
from tests.crash.promises import records_in, said
from tests.kills.yard import WAIT_S, Yard


@dataclass
class Ledger:
    """What commits were about to hold, and what those held that were done; digests of records and of batches."""

    about: Counter[str] = field(default_factory=Counter)
    records: set[str] = field(default_factory=set)
    batches: set[str] = field(default_factory=set)
    commits: int = 0

    @classmethod
    def read(cls, path: Path) -> Ledger:
        """From the file of promises."""
        told = cls()
        for line in path.read_bytes().splitlines():
            what, _, rest = line.partition(b" ")
            promised = json.loads(rest)
            if what == b"about":
                told.about.update(promised["batches"])
                continue
            told.commits += 1
            told.records.update(promised["records"])
            told.batches.update(promised["batches"])
        return told


@dataclass
class Outcome:
    """What came of the promises. `wrong` is everything that must not be, in words; empty when all is well."""

    commits: int = 0
    records: int = 0
    batches: int = 0
    arrived: int = 0
    waiting: int = 0
    repeats: int = 0
    wrong: list[str] = field(default_factory=list)

    def count(self, what: str, number: int) -> None:
        """So many of something that must not be."""
        if number:
            self.wrong.append(f"{what}: {number}")


def outcome(yard: Yard) -> Outcome:
    """Compare promises, outbox and the city's store."""
    told, found = Ledger.read(yard.promises), Outcome()
    found.commits, found.records, found.batches = told.commits, len(told.records), len(told.batches)
    there: set[str] = set()
    with read_only.outbox(yard.outbox) as file:
        receipts, waiting = list(file.receipts()), file.unsent(2**20)
        for each in file.kept_days():
            for row in file.kept(each.stream, each.day + 1):
                there.update(records_in("kept_first", (0, each.stream, row.body)))
        found.waiting = len(waiting)
        found.count("numbers that are gone from the outbox", len(file.gaps()))
        found.count("lost by the outbox's own count", sum(file.losses()))
    unsent = {wire.digest(batch.payload) for batch in waiting}
    for batch in waiting:
        there.update(said(batch.stream, wire.decode(batch.payload).records))
    with read_only.received(yard.city.store) as store:
        stored, payloads, totals = list(store.batches()), list(store.payloads()), store.totals()
        found.count("numbers that came with two contents", store.conflicts())
        found.count("unreadable at the city", store.quarantined())
    came = Counter(batch.sha256 for batch in stored)
    found.arrived, found.repeats = len(stored), sum(batch.repeats for batch in stored)
    for payload in payloads:
        if wire.digest(payload) not in unsent:
            there.update(_records(payload))
    found.count("batches that were committed and are nowhere", len(told.batches - set(came) - unsent))
    found.count("records that were committed and are nowhere", len(told.records - there))
    found.count(
        "acknowledged batches that the city has not", len({r.sha256.hex() for r in receipts} - set(came))
    )
    found.count("batches that nobody sealed", len(set(came) - set(told.about)))
    found.count("numbers missing at the city", sum(total.missing_count for total in totals))
    found.count("second series of numbers", len(totals) - len({total.stream for total in totals}))
    found.count("stretches that were counted twice", _twice(payloads))
    found.count("set aside", len(list(yard.outbox.parent.glob("*.damaged*"))))
    found.count("receipts that do not verify", int(_verify(yard) != 0))
    return found


def _records(payload: bytes) -> list[str]:
    heading, records = wire.decode(payload)
    return said(heading.stream, records)


def _twice(payloads: list[bytes]) -> int:
    """Stretches of the track whose number was used before, or is lower than the one before it."""
    tracks = [opened for opened in map(wire.decode, payloads) if opened.heading.stream == "track"]
    tracks.sort(key=lambda opened: opened.heading.n)
    numbers = [record["stretch"] for opened in tracks for record in opened.records]
    return sum(one >= other for one, other in pairwise(numbers))


def _verify(yard: Yard) -> int:
    """`fairhaul receipts verify`, with the city's store to vouch for the newest."""
    words = ["receipts", "verify", "--outbox", str(yard.outbox), "--received", str(yard.city.store)]
    with yard.log.open("ab") as log:
        command = [sys.executable, "-m", "agent", *words]
        return subprocess.run(command, stdout=log, stderr=log, timeout=WAIT_S, check=False).returncode
