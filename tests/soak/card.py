"""The truck's memory card: real SQLite files, and what goes wrong with them.

Statements fail before they reach SQLite, as a full or failing disk would make them; power goes between two
statements, so that SQLite's own recovery decides what was committed; and what a process leaves behind when it dies is
the bytes of its files at that moment. It does not model torn sectors or reordered writes: `make crash` does.
"""

from __future__ import annotations

import contextlib
import random
import shutil
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

from buffer.outbox import Outbox
from buffer.sqlite_file import BUSY_S, PAGE_BYTES
from tests.sim.drives import SIZE_BYTES

FULL = 2  # what `PRAGMA synchronous` answers
WRITES = ("INSERT", "UPDATE", "DELETE")
TROUBLES = {  # which statements fail, and with what code
    "full": (WRITES, sqlite3.SQLITE_FULL, "database or disk is full"),
    "write": (("BEGIN", *WRITES), sqlite3.SQLITE_IOERR_WRITE, "disk I/O error"),
    "sync": (("COMMIT",), sqlite3.SQLITE_IOERR_FSYNC, "disk I/O error"),
    "read": (("SELECT",), sqlite3.SQLITE_IOERR, "disk I/O error"),
}


class Died(BaseException):
    """The process is gone in the middle of whatever it did."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class _Wire(sqlite3.Connection):
    """A connection that asks the card before and after each statement."""

    card: Card

    def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
        self.card.before(sql)
        cursor = super().execute(sql, *arguments)
        self.card.after(sql)
        return cursor

    def executemany(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
        self.card.before(sql)
        return super().executemany(sql, *arguments)


class Card:
    """One card. `trouble` names what fails now (of TROUBLES), `pages` bounds the outbox; `felt` counts what failed.

    `cut_in` is after how many statements of a transaction power goes; -1: right behind the next COMMIT.
    """

    def __init__(self, folder: Path, chance: random.Random, pages: int | None = None) -> None:
        self.trouble: str | None = None
        self.cut_in: int | None = None
        self.felt: Counter[str] = Counter()
        self._folder = folder
        self._chance = chance
        self._pages = pages
        self._life = 0
        self._db: sqlite3.Connection | None = None

    @property
    def path(self) -> Path:
        """Where the outbox's file is now."""
        return self._folder / str(self._life) / "outbox.db"

    def opened(self) -> Outbox:
        """The outbox, as a start of the agent opens it. Raises OutboxLost."""
        self.path.parent.mkdir(exist_ok=True)
        outbox = Outbox.open(
            self.path,
            random_bytes=self._chance.randbytes,
            size_bytes_max=SIZE_BYTES,
            connect=self._connect,
        )
        if self._pages is not None:  # less than `open` lets anyone ask for, so that two weeks fill it
            outbox._pages_max = max(self._pages, self.path.stat().st_size // PAGE_BYTES)
        return outbox

    def _connect(self, name: str) -> sqlite3.Connection:
        db = sqlite3.connect(name, timeout=BUSY_S, isolation_level=None, factory=_Wire)
        db.card = self
        self._db = db
        return db

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What a look past the agent finds."""
        return [] if self._db is None else sqlite3.Connection.execute(self._db, sql).fetchall()

    # What fails.

    def before(self, sql: str) -> None:
        """A statement is about to run."""
        if self.trouble is not None:
            which, code, words = TROUBLES[self.trouble]
            if sql.lstrip().startswith(which):
                self.felt[f"disk {self.trouble}"] += 1
                error = sqlite3.OperationalError(words)
                error.sqlite_errorcode = code
                raise error
        if self.cut_in is not None and self.cut_in >= 0 and self._db is not None and self._db.in_transaction:
            if self.cut_in == 0:
                self.cut_in = None
                self.felt["power cut in a commit"] += 1
                raise Died("power")
            self.cut_in -= 1

    def after(self, sql: str) -> None:
        """A statement has run."""
        if self.cut_in == -1 and sql == "COMMIT":
            self.cut_in = None
            self.felt["power cut behind a commit"] += 1
            raise Died("power")

    # The end of a life.

    def died(self, why: str) -> None:
        """The process is gone, or all power is: the next one finds what was in the files."""
        old = self.path
        self._life += 1
        self.path.parent.mkdir()
        for found in old.parent.iterdir():
            if not found.name.endswith("-shm"):
                shutil.copyfile(found, self.path.parent / found.name)
        if why == "power" and not self._synced():
            self._drop_unsynced()
        self.closed()
        shutil.rmtree(old.parent)

    def closed(self) -> None:
        """Nothing has the file open any more."""
        if self._db is not None:
            with contextlib.suppress(sqlite3.Error):
                self._db.close()
        self._db = None

    def _synced(self) -> bool:
        """Whether each commit was; a file that would not even open holds none of this life."""
        try:
            return self._db is None or self.rows("PRAGMA synchronous")[0][0] >= FULL
        except sqlite3.ProgrammingError:
            return True

    def _drop_unsynced(self) -> None:
        """Without a sync at each commit the log may be as short as at any moment since the last checkpoint."""
        log = self.path.with_name("outbox.db-wal")
        if log.exists():
            with log.open("r+b") as file:
                file.truncate(self._chance.randrange(log.stat().st_size + 1))

    def damage(self) -> None:
        """Bytes of the file turn while nothing has it open."""
        if not self.path.exists():
            return
        for suffix in ("-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        raw = bytearray(self.path.read_bytes())
        for page in range(0, len(raw), PAGE_BYTES):
            raw[page : page + 8] = self._chance.randbytes(8)
        self.path.write_bytes(raw)
        self.felt["file damaged"] += 1
