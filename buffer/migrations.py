"""The schemas of the two SQLite files, and the steps that bring an older file up to date.

A schema is the list of its steps; a file carries how many of them it has seen in `user_version`, and whose file
it is in `application_id`. Each step runs in one transaction together with its new version, so that a power cut
leaves the old schema or the new one.

sqlite-utils makes the tables, imported only when a file is new or old: the hot path does not pay for it. Its own
migration register is not used, because it notes the wall clock in the file (two trucks with the same input would
then differ, and no time finer than a date belongs on this disk) and adds a table and an index.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sqlite_utils import Database
    from sqlite_utils.db import Table

SCHEMA_VERSION_MAX = 999


class Schema(NamedTuple):
    """Whose file it is and the steps that make it; the version of a schema is the number of its steps."""

    application_id: int
    steps: tuple[Callable[[Database], None], ...]

    @property
    def version(self) -> int:
        """What `user_version` says in an up-to-date file."""
        return len(self.steps)


def migrate(connection: sqlite3.Connection, schema: Schema) -> None:
    """Take the steps that the file has not seen; sqlite3's errors pass through, with nothing half done.

    `connection` must have `isolation_level=None`.
    """
    from sqlite_utils import Database

    database = Database(connection, recursive_triggers=False, execute_plugins=False)
    seen: int = connection.execute("PRAGMA user_version").fetchone()[0]
    for number, step in enumerate(schema.steps[seen:], start=seen + 1):
        with database.atomic():
            step(database)
            connection.execute(f"PRAGMA application_id = {schema.application_id}")
            connection.execute(f"PRAGMA user_version = {number}")


def _table(database: Database, name: str, columns: dict[str, type], pk: str = "id") -> Table:
    """A new table, typed strictly and without NULL, with its columns in the order given."""
    return database.table(name).create(columns, pk=pk, not_null=set(columns) - {pk}, strict=True)


def _outbox_1(database: Database) -> None:
    """The outbox's tables and views. What each column holds is told in buffer/outbox.py."""
    _table(database, "epoch", {"stream": str, "epoch": str}, pk="stream")
    kept = {"id": int, "stream": str, "day": int, "state": str, "body": bytes}
    batch = {"id": int, "stream": str, "n": int, "day": int, "since": int, "state": str, "payload": bytes}
    for name, columns in {"kept": kept, "batch": batch}.items():
        _table(database, f"{name}_first", columns)
        _table(database, f"{name}_last", columns)
        halves = (f"SELECT '{name}_{half}' AS place, * FROM {name}_{half}" for half in ("first", "last"))
        database.create_view(name, " UNION ALL ".join(halves))
    _table(database, "head", {"stream": str, "n": int, "sha256": bytes}, pk="stream")
    _table(database, "gap", {"id": int, "stream": str, "first_n": int, "last_n": int, "why": str})
    _table(database, "loss", {"kind": str, "n": int}, pk="kind")
    _table(database, "set_aside", {"id": int, "since": int})


def _outbox_2(database: Database) -> None:
    """Notes; one without a day has NULL for it."""
    columns = {"id": int, "name": str, "day": int, "state": str, "body": bytes}
    not_null = set(columns) - {"id", "day"}
    database.table("note").create(columns, pk="id", not_null=not_null, strict=True)


def _outbox_3(database: Database) -> None:
    """What the chain of receipts needs to go on across a gap; of older gaps it is not known."""
    for column in ("prev", "last"):
        database.execute(f"ALTER TABLE gap ADD COLUMN {column} BLOB NOT NULL DEFAULT x''")


def _received_1(database: Database) -> None:
    """The receiver's tables. What each column holds is told in buffer/received.py."""
    key = {"id": int, "vehicle": str, "stream": str, "epoch": str, "n": int}
    rest = {"prev": str, "sha256": str, "repeats": int, "records": int, "payload": bytes}
    batch = _table(database, "batch", key | rest)
    batch.create_index(["vehicle", "stream", "epoch", "n"], unique=True)
    record = _table(database, "record", {"id": int, "batch": int, "stream": str, "body": str})
    record.create_index(["stream"])
    conflict = _table(database, "conflict", key | {"sha256": str, "repeats": int, "payload": bytes})
    conflict.create_index(["vehicle", "stream", "epoch", "n", "sha256"], unique=True)
    _table(database, "quarantine", {"id": int, "topic": str, "reason": str, "payload": bytes})


def _received_2(database: Database) -> None:
    """The log of exports. Its triggers stop a slip, and a program that means well; who owns the file can drop them."""
    asked = {"id": int, "asked_at": str, "account": str, "folder": str}
    _table(database, "query", asked | {"streams": str, "agreements": str, "records": int})
    taken = "WHEN EXISTS (SELECT 1 FROM query WHERE id = NEW.id)"  # or REPLACE would overwrite a row
    for what, when in {"UPDATE": "", "DELETE": "", "INSERT": taken}.items():
        database.execute(
            f"CREATE TRIGGER query_no_{what.lower()} BEFORE {what} ON query {when}"
            " BEGIN SELECT RAISE(ABORT, 'a query that is logged stays as it is'); END"
        )


def _received_3(database: Database) -> None:
    """What has arrived, as ranges of numbers that outlive their batches, what was exported, and each truck's fleet."""
    series = ("vehicle", "stream", "epoch")
    ranges = {"id": int, **dict.fromkeys(series, str), "first_n": int, "last_n": int}
    _table(database, "arrived", ranges).create_index([*series, "first_n"], unique=True)
    database.execute(
        "INSERT INTO arrived (vehicle, stream, epoch, first_n, last_n)"
        " SELECT vehicle, stream, epoch, min(n), max(n) FROM (SELECT id, vehicle, stream, epoch, n,"
        " n - row_number() OVER (PARTITION BY vehicle, stream, epoch ORDER BY n) AS island FROM batch)"
        " GROUP BY vehicle, stream, epoch, island ORDER BY min(id)"
    )
    _table(database, "exported", {"id": int, "at": str, "batch": int})
    _table(database, "vehicle", {"vehicle": str, "fleet": str}, pk="vehicle")


OUTBOX = Schema(0x46484F42, (_outbox_1, _outbox_2, _outbox_3))
RECEIVED = Schema(0x46485243, (_received_1, _received_2, _received_3))
