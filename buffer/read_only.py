"""Looking into one of the SQLite files without changing it, also while its owner writes it.

Nothing is written, made, migrated or set aside. While the owner has the file open its log lies beside it; SQLite
then shows the state of one moment, whatever is written meanwhile. Without a log nobody has the file open, and it is
read as it lies there: SQLite would else make a log of its own beside it.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from buffer import migrations, sqlite_file
from buffer.errors import OutboxLost
from buffer.reading import Reading
from buffer.received import ReceivedStore, StoreLost


class NotReadable(OSError):
    """The file can't be looked into; the text says why, and what to do."""


@contextlib.contextmanager
def outbox(path: Path) -> Iterator[Reading]:
    """A truck's outbox as it is at this moment. Raises NotReadable, also out of the block."""
    with _looked_into(path, migrations.OUTBOX, "a truck's outbox") as db:
        yield Reading(db, path)


def first_problem(path: Path) -> str | None:
    """What the check of an outbox's pages finds first, None when it is whole. Raises NotReadable."""
    with _looked_into(path, migrations.OUTBOX, "a truck's outbox") as db:
        found: str = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    return None if found == "ok" else found


@contextlib.contextmanager
def received(path: Path) -> Iterator[ReceivedStore]:
    """A receiver's store as it is at this moment. Raises NotReadable, also out of the block."""
    with _looked_into(path, migrations.RECEIVED, "a receiver's store") as db:
        yield ReceivedStore(db)


@contextlib.contextmanager
def _looked_into(path: Path, schema: migrations.Schema, what: str) -> Iterator[sqlite3.Connection]:
    try:
        with contextlib.closing(_connected(path, what)) as db:
            db.execute("PRAGMA temp_store = MEMORY")  # what is sorted must not spill into a file
            db.execute("BEGIN")
            _check(db, path, schema, what)
            yield db
    except (sqlite3.ProgrammingError, NotReadable):
        raise
    except (sqlite3.DatabaseError, UnicodeDecodeError, OutboxLost, StoreLost, sqlite_file.Damaged) as error:
        raise NotReadable(_in_words(error, path, what)) from error


def _connected(path: Path, what: str) -> sqlite3.Connection:
    try:
        with path.open("rb"):  # whose errors say more than SQLite's
            pass
    except OSError as error:
        raise NotReadable(_in_words(error, path, what)) from error
    how = "mode=ro" if path.with_name(f"{path.name}-wal").exists() else "immutable=1"
    uri = f"{path.absolute().as_uri()}?{how}"
    return sqlite3.connect(uri, uri=True, timeout=sqlite_file.BUSY_S, isolation_level=None)


def _in_words(error: Exception, path: Path, what: str) -> str:
    cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
    if isinstance(error, FileNotFoundError):
        return f"there is no file {path}"
    if isinstance(error, PermissionError):
        return f"only its owner may read {path}: put sudo before the command"
    if isinstance(error, sqlite_file.Damaged) or sqlite_file.is_damage(cause):
        return f"{path} is not {what}, or it is damaged"
    return f"cannot read {path}: {error}; a copy of it, with what lies beside it, can be read anywhere"


def _check(db: sqlite3.Connection, path: Path, schema: migrations.Schema, what: str) -> None:
    version, owner = (
        int(db.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("user_version", "application_id")
    )
    if owner != schema.application_id:
        raise NotReadable(f"{path} is not {what}")
    if version > schema.version:
        raise NotReadable(f"{path} was written by a newer version of Fairhaul: look into it with that one")
    if version < schema.version:
        raise NotReadable(
            f"{path} was last written by an older version of Fairhaul: start this version's program once,"
            " which brings it up to date"
        )
