"""What the program under test says of itself while it runs: one line of JSON for each promise, on a descriptor.

A promise is made as soon as the program was told that something is safe: a transaction that is committed, with every
row that it changed; a payload that the broker has taken; a small file that is replaced; a damaged file that was
reported as set aside. What the next promise will say may be true already, so the reader is shown both.
"""

from __future__ import annotations

import functools
import hashlib
import json
import marshal
import os
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from agent import sealing, wire

DIGEST_BYTES = 12
CONTENT = {"kept_first": "body", "kept_last": "body", "batch_first": "payload", "batch_last": "payload"}

Rows = dict[str, "Row"]


class Row(NamedTuple):
    """One row of the outbox: of which table, and what identifies its content whatever its state; "" for none."""

    table: str
    content: str


def digest(data: bytes) -> str:
    """Short, and long enough."""
    return hashlib.blake2b(data, digest_size=DIGEST_BYTES).hexdigest()


def rows_of(execute: Callable[[str], Iterable[Any]]) -> Rows:
    """Every row of every table, by the digest of all that is in it."""
    tables = [name for (name,) in execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    found: Rows = {}
    for table in tables:
        for row in execute(f"SELECT * FROM {table}"):
            found[digest(marshal.dumps((table, *row), 2))] = Row(table, content_of(table, row))
    return found


def content_of(table: str, row: tuple[Any, ...]) -> str:
    """The digest of a row's blob, where the row holds records."""
    return digest(row[-1]) if table in CONTENT and row[-1].count(0) != len(row[-1]) else ""


def records_in(table: str, row: tuple[Any, ...]) -> list[str]:
    """The digests of the records in a row; one for what can't be read."""
    try:
        found = sealing.opened(row[-1]) if table.startswith("kept") else wire.decode(row[-1]).records
    except ValueError:
        return [digest(row[-1])]
    return said(row[1], found)


def said(stream: str, records: Iterable[Mapping[str, Any]]) -> list[str]:
    """The digests of records of a stream."""
    return [digest(json.dumps([stream, record]).encode()) for record in records]


class Teller:
    """Writes promises to a descriptor."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._rows: Rows | None = None

    def tell(self, **promise: Any) -> None:
        """One promise."""
        os.write(self._descriptor, json.dumps(promise).encode("ascii") + b"\n")

    def committed(self, connection: sqlite3.Connection) -> None:
        """A transaction is over: which rows came and which went, at the first of a process all that there are."""
        before = self._rows or {}

        def execute(sql: str) -> Iterable[Any]:
            return sqlite3.Connection.execute(connection, sql)

        rows = rows_of(execute)
        fresh = {row.content for each, row in rows.items() if each not in before and row.content}
        records = {
            digest(row[-1]): records_in(table, row)
            for table in CONTENT
            if fresh
            for row in execute(f"SELECT * FROM {table}")
            if digest(row[-1]) in fresh
        }
        self.tell(
            add={each: row for each, row in rows.items() if each not in before},
            gone=[each for each in before if each not in rows],
            records=records,
            is_all=self._rows is None,
        )
        self._rows = rows


Key = tuple[str, str, int]  # topic, epoch and number of a payload


class Taken(NamedTuple):
    """What the broker has of a payload: its digest, what the next one must call it, what it calls the one before,
    the digests of its records."""

    payload: str
    called: str
    previous: str
    records: tuple[str, ...]


@functools.lru_cache(maxsize=4096)
def taken(topic: str, payload: bytes) -> tuple[Key, Taken]:
    """A payload as the broker's ledger has it."""
    heading, records = wire.decode(payload)
    called = wire.previous(wire.digest(payload))
    one = Taken(digest(payload), called, heading.prev, tuple(said(heading.stream, records)))
    return (topic, heading.epoch, heading.n), one


@dataclass(frozen=True)
class Told:
    """All that was promised until a moment.

    `rows`: the outbox after its last transaction, None while it is known to be damaged. `aside`: the damaged file
    that was reported; `aside_over`: whether its days are over. `files`: digests of replaced files. `now_ms`: UTC.
    """

    rows: Mapping[str, Row] | None = field(default_factory=dict)
    broker: Mapping[Key, Taken] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    aside: str | None = None
    aside_over: bool = False
    now_ms: int = 0

    def after(self, promise: Mapping[str, Any]) -> Told:
        """With one promise more."""
        (kind, *_) = promise
        change: dict[str, Callable[[], Told]] = {
            "add": lambda: replace(self, rows=self._changed(promise)),
            "damaged": lambda: replace(self, rows=None),
            "took": lambda: replace(self, broker={**self.broker, **_ledger(promise["took"])}),
            "file": lambda: replace(self, files={**self.files, promise["file"]: promise["digest"]}),
            "aside": lambda: replace(self, aside=promise["aside"], aside_over=False),
            "aside_over": lambda: replace(self, aside=None, aside_over=True),
            "met": lambda: self,
            "now_ms": lambda: replace(self, now_ms=promise["now_ms"]),
        }
        return change[kind]()

    def _changed(self, promise: Mapping[str, Any]) -> Mapping[str, Row]:
        gone = set(promise["gone"])
        before = {} if promise["is_all"] else self.rows or {}
        rows = {each: row for each, row in before.items() if each not in gone}
        return rows | {each: Row(*row) for each, row in promise["add"].items()}


def _ledger(entry: list[Any]) -> dict[Key, Taken]:
    (topic, epoch, n), (payload, called, previous, records) = entry
    return {(topic, epoch, n): Taken(payload, called, previous, tuple(records))}
