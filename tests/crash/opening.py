"""The agent starts on what a power cut left, goes on, and is judged by what it had been told before.

Every state is opened and compared. Where it differs from the others it goes on for a slot of the next day under a fair
broker that knows what was sent before the cut, and then for long enough that everything is past its days.
"""

from __future__ import annotations

import json
import logging
import random
import sqlite3
from collections import Counter
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import NamedTuple

from agent import wire
from agent.agreement import Agreement
from agent.paper import PaperLink, Published
from agent.status import STATUS_FILE
from buffer import durable, sqlite_file
from buffer.outbox import OUTBOX_FILE, Gap, Outbox, OutboxDamaged
from drivers.inputs import Chunk, Tick
from tests.crash.card import State
from tests.crash.promises import CONTENT, Key, Rows, Taken, Told, digest, rows_of, taken
from tests.crash.shift import KEEPSAKE, Life, opened
from tests.crash.trace import UNSEEN
from tests.sim.drives import DAY_MS, Spot, sentences

COLUMNS = {
    "lost": "committed records lost",
    "mixed": "not as committed",
    "resent": "resent under a new key",
    "unopenable": "neither opened nor set aside",
    "chain": "chain broken",
    "retention": "retention failed",
    "files": "small files lost",
}
STARTS_MAX = 3  # a start that finds damage only later sets it aside at the next
FIRST_SLOT_MS = 4 * 3_600_000 + 30_000  # of the day after; the examples' times are UTC here
HEARD_S = 4
TICKS_S = (31.0, 91.0, 875.0, 877.0)  # a slot of the truck, releases of a minute, a slot of the fleet
LATER_S = 100 * 86_400.0  # everything has had its days by then
NEEDLE_BYTES = 24
NEEDLES_AT = (40, 100, 200)
UNSENT_MAX = 10_000
UNKNOWN = b"\xa5" * 32_768  # nobody knows what mapped memory has left
ALIKE_MAX = 2  # states with the same rows, files and promises that go on
SEARCHED_OF = 4  # one state in so many that go on has its bytes searched for what was purged

Wrong = Counter[str]


class Cut(NamedTuple):
    """One state, what was promised before the cut, and what the next promises would have been.

    `promised` counts the promises, `records` the records in a row by its content; `once` are the digests of those that
    occur in one payload alone. With `keeps_word` False the card ignored syncs, and nothing is asked but to go on.
    """

    state: State
    told: Told
    promised: int
    next_rows: frozenset[str] | None
    next_file: str | None
    records: dict[str, int]
    once: frozenset[str]
    keeps_word: bool = True


class Reports(logging.Handler):
    """Whether a damaged file was reported."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.set_aside = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Counted."""
        self.set_aside += record.name == sqlite_file.__name__


class Ledger(PaperLink):
    """A fair broker that remembers what it took before the cut, and what is wrong with what comes now."""

    def __init__(self, before: dict[Key, Taken], once: frozenset[str]) -> None:
        super().__init__(self._note)
        self.taken = dict(before)
        self.wrong: Wrong = Counter()
        self._once = once
        self._known = {record: key for key, one in before.items() for record in one.records}

    def _note(self, one: Published) -> None:
        key, now = taken(one.topic, one.payload)
        before = self.taken.setdefault(key, now)
        self.wrong["resent"] += before.payload != now.payload
        for record in now.records:
            self.wrong["resent"] += record in self._once and self._known.get(record, key) != key
        previous = self.taken.get((*key[:2], key[2] - 1))
        self.wrong["chain"] += previous is not None and previous.called != now.previous


class Opening:
    """One worker's place: a folder in which state after state is opened."""

    def __init__(self, folder: Path, paper: Agreement, pages_max: int) -> None:
        self._folder = folder
        self._paper = paper
        self._pages_max = pages_max
        self._reports = Reports()
        self._headings: dict[str, wire.Heading] = {}
        self._lived_on: Counter[Hashable] = Counter()
        logging.getLogger(sqlite_file.__name__).addHandler(self._reports)

    def judged(self, cut: Cut, number: int) -> Wrong:
        """What is wrong, by column."""
        self._put(cut.state)
        wrong: Wrong = Counter()
        try:
            self._go_on(cut, number, wrong)
        except Exception as error:  # noqa: BLE001 - whatever stops the agent is what is looked for
            wrong["unopenable"] += 1
            wrong[f"{type(error).__name__}: {error}"[:100]] += 1
        return +wrong

    def _put(self, state: State) -> None:
        for entry in self._folder.iterdir():
            entry.unlink()
        for name, data in state.items():
            (self._folder / name).write_bytes(UNKNOWN if name.endswith(UNSEEN) else data)

    def _go_on(self, cut: Cut, number: int, wrong: Wrong) -> None:
        for start in range(STARTS_MAX):
            chance = random.Random(f"start {number} {start}")
            reported = self._reports.set_aside
            connections: list[sqlite3.Connection] = []

            def connect(name: str, made: list[sqlite3.Connection] = connections) -> sqlite3.Connection:
                made.append(sqlite_file.plain_connect(name))
                return made[-1]

            box = opened(self._folder, self._pages_max, chance, connect)
            try:
                wrong["unopenable"] += (box.set_aside is not None) != (self._reports.set_aside > reported)
                rows = rows_of(connections[-1].execute)
                if cut.keeps_word:
                    self._compare(cut, box, rows, wrong)
                if self._is_new(cut, rows):
                    self._live_on(cut, box, rows, connections[-1], number, wrong)
                return
            except OutboxDamaged:
                if cut.keeps_word:
                    raise
            finally:
                box.close()
        wrong["unopenable"] += 1

    def _is_new(self, cut: Cut, rows: Rows) -> bool:
        """Whether going on could show anything: SQLite has made the same pages of all states with the same rows."""
        alike = (cut.promised, frozenset(rows), frozenset(each.name for each in self._folder.iterdir()))
        self._lived_on[alike] += 1
        return not cut.keeps_word or self._lived_on[alike] <= ALIKE_MAX

    # What is there.

    def _compare(self, cut: Cut, box: Outbox, rows: Rows, wrong: Wrong) -> None:
        if cut.told.rows is not None:
            wrong.update(_missing(cut, rows))
        acknowledged = [one for one in box.receipts() if one.state == "acknowledged"]
        arrived = {one.payload for one in cut.told.broker.values()}
        wrong["lost"] += sum(
            max(1, cut.records.get(digest(one.payload), 1))
            for one in acknowledged
            if digest(one.payload) not in arrived
        )
        sealed = [(one.stream, one.n, one.payload) for one in box.receipts()]
        sealed += [(one.stream, one.n, one.payload) for one in box.unsent(UNSENT_MAX)]
        wrong["chain"] += self._broken(sealed, box.gaps())
        wrong["files"] += self._files_lost(cut)

    def _broken(self, sealed: list[tuple[str, int, bytes]], gaps: list[Gap]) -> int:
        """How many payloads name neither the one before them nor stand behind a gap."""
        headings = [self._heading(payload) for *_, payload in sealed]
        by_key = {
            (heading.stream, heading.epoch, heading.n): wire.previous(wire.digest(payload))
            for heading, (*_, payload) in zip(headings, sealed, strict=True)
        }
        broken = 0
        for heading, (stream, n, _) in zip(headings, sealed, strict=True):
            before = by_key.get((stream, heading.epoch, heading.n - 1))
            if heading.n == 1:
                before = wire.NO_PREVIOUS
            is_gap = any(gap.stream == stream and gap.first_n < n <= gap.last_n + 1 for gap in gaps)
            broken += heading.prev != before if before else not is_gap
        return broken

    def _heading(self, payload: bytes) -> wire.Heading:
        name = digest(payload)
        if name not in self._headings:
            self._headings[name] = wire.decode(payload).heading
        return self._headings[name]

    def _files_lost(self, cut: Cut) -> int:
        keepsake = cut.state.get(KEEPSAKE)
        before = cut.told.files.get(KEEPSAKE)
        allowed = {before, cut.next_file}
        lost = (None if keepsake is None else digest(keepsake)) not in allowed
        aside = cut.told.aside
        return lost + (aside is not None and aside not in {each.name for each in self._aside()})

    def _aside(self) -> list[Path]:
        return list(self._folder.glob("*.damaged-*"))

    # What comes then.

    def _live_on(
        self, cut: Cut, box: Outbox, rows: Rows, db: sqlite3.Connection, number: int, wrong: Wrong
    ) -> None:
        link = Ledger(dict(cut.told.broker), cut.once) if cut.keeps_word else PaperLink(lambda _: None)
        life = Life(box, link, self._paper, self._folder, random.Random(f"life {number}"))
        begins_ms = (cut.told.now_ms // DAY_MS + 1) * DAY_MS + FIRST_SLOT_MS
        contents = list(_contents(db)) if number % SEARCHED_OF == 0 else []
        losses = box.losses()
        for second in range(HEARD_S):
            life.step(Chunk(float(second), sentences(begins_ms + second * 1000, Spot(0, 0, 0.0))))
        for at in TICKS_S:
            life.step(Tick(at))
        if isinstance(link, Ledger):
            wrong.update(link.wrong)
            evicted = sum(box.losses()) - sum(losses)
            wrong["lost"] += _vanished(rows, rows_of(db.execute), link, evicted)
            wrong["retention"] += cut.told.aside_over and bool(self._aside())
        durable.replace(self._folder / KEEPSAKE, b"again")
        life.step(Tick(LATER_S))
        if cut.keeps_word:
            wrong["retention"] += self._kept_too_long(rows_of(db.execute), rows)
            wrong["retention"] += self._still_holds(contents, b"".join(_contents(db)))
        json.loads((self._folder / STATUS_FILE).read_bytes())

    def _kept_too_long(self, later: Rows, rows: Rows) -> bool:
        old = {row.content for row in rows.values() if row.content}
        return bool(self._aside()) or any(row.content in old for row in later.values())

    def _still_holds(self, contents: list[bytes], live: bytes) -> bool:
        """Whether bytes of what was purged are still in the files; what is padding is in what is live, too."""
        needles = {
            one[at : at + NEEDLE_BYTES]
            for one in contents
            for at in NEEDLES_AT
            if len(one) > at + NEEDLE_BYTES
        }
        held = b"".join(each.read_bytes() for each in self._folder.glob(f"{OUTBOX_FILE}*"))
        return any(needle in held and needle not in live for needle in needles)


def _missing(cut: Cut, rows: Rows) -> Wrong:
    """What was promised and is not there. Until the file has its first content, more may be there."""
    told = cut.told.rows or {}
    is_new = not any(row.table == "epoch" for row in told.values())
    if rows.keys() in (told.keys(), cut.next_rows) or (is_new and rows.keys() >= told.keys()):
        return Counter()
    there = {row.content for row in rows.values()}
    missing = {row.content for row in told.values()} - there
    lost = sum(max(1, cut.records.get(each, 1)) for each in missing)
    return Counter(lost=lost) if lost else Counter(mixed=1)


def _vanished(rows: Rows, later: Rows, link: Ledger, evicted: int) -> int:
    """Sealed rows from before the cut that neither arrived nor are there still, but for those evicted since."""
    arrived = {one.payload for one in link.taken.values()}
    there = {row.content for row in later.values()}
    sealed = {row.content for row in rows.values() if row.table.startswith("batch") and row.content}
    return max(0, len(sealed - arrived - there) - evicted)


def _contents(db: sqlite3.Connection) -> Iterator[bytes]:
    """The blobs of everything that the outbox holds."""
    for table in CONTENT:
        yield from (row[-1] for row in db.execute(f"SELECT * FROM {table} WHERE state != 'x'"))
