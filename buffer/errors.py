"""What can go wrong with the outbox, by who can do something about it."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator

from buffer import sqlite_file


class OutboxLost(OSError):
    """The disk would not have it: nothing of this change is in the file, and it can be tried again later."""


class OutboxFull(OutboxLost):
    """The file system has no room left, though the outbox has not reached its own limit."""


class OutboxDamaged(OutboxLost):
    """The file turned out damaged while open; opening it again sets it aside."""


class WrongNumber(RuntimeError):
    """A batch was sealed out of turn, or with kept rows that are not there."""


class TooLarge(ValueError):
    """A row is longer than its limit, or the name of its stream is."""


@contextlib.contextmanager
def disk() -> Iterator[None]:
    """Turn what SQLite and the system say about the disk into OutboxLost; their words quote no content."""
    try:
        yield
    except (sqlite3.ProgrammingError, OutboxLost):
        raise
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        raise _kind(error)(str(error)) from error
    except sqlite_file.Damaged as error:
        raise OutboxDamaged(str(error)) from error
    except OSError as error:
        raise OutboxLost(f"the outbox's file: {error.strerror}") from error


def _kind(error: BaseException) -> type[OutboxLost]:
    if sqlite_file.is_damage(error):
        return OutboxDamaged
    full = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL
    return OutboxFull if full else OutboxLost
