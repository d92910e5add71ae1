"""Named values that are written over and over: what an agent must find again after its power was cut.

Every rewrite costs the pages that differ and no other, and leaves no older copy in the file: a note's row is padded
to a length of its own and overwritten in place (rule 2 of buffer/sweep.py). A note that outgrows its row is blanked
there and moves to a longer one; a blanked row is used again under the same name.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from buffer import sweep
from buffer.errors import TooLarge
from buffer.rows import NOTE_BYTES_MAX, STREAM_CHARS_MAX, TWO_BYTE_DAYS, Note
from buffer.sqlite_file import PAGE_BYTES

NOTES_MAX = 16

_LENGTH_BYTES = 4  # before the content: a column of its own would change the row's length
# A row of that content has a page of its own at most, and is followed by full overflow pages only.
_LOCAL_BYTES = 7 * 512
_STEP_BYTES = 512
_OVERFLOW_BYTES = PAGE_BYTES - 4


def read(db: sqlite3.Connection, name: str) -> Note | None:
    """The note of that name; None when there is none."""
    sql = "SELECT day, body FROM note WHERE state = 'k' AND name = ? LIMIT 1"
    row = db.execute(sql, (name,)).fetchone()
    if row is None:
        return None
    length = int.from_bytes(row[1][:_LENGTH_BYTES])
    return Note(row[0], row[1][_LENGTH_BYTES : _LENGTH_BYTES + length])


def check(notes: Mapping[str, Note | None]) -> None:
    """Raise TooLarge for a body or a name beyond its limit."""
    if any(len(name) > STREAM_CHARS_MAX for name in notes):
        raise TooLarge(f"the name of a note has more than {STREAM_CHARS_MAX} characters")
    if any(note is not None and len(note.body) > NOTE_BYTES_MAX for note in notes.values()):
        raise TooLarge(f"a note has more than {NOTE_BYTES_MAX} bytes")


def write(db: sqlite3.Connection, notes: Mapping[str, Note | None]) -> None:
    """Put each note in the place of the one of its name, None in the place of any; within a transaction.

    Raises TooLarge when there would be more than NOTES_MAX.
    """
    for name, note in notes.items():
        _put(db, name, note)
    if db.execute("SELECT count(*) FROM note WHERE state = 'k'").fetchone()[0] > NOTES_MAX:
        raise TooLarge(f"more than {NOTES_MAX} notes")


def past_their_time(db: sqlite3.Connection, oldest_day: int) -> list[int]:
    """The rows of notes of days before `oldest_day`; a note without a day stays."""
    return [row[0] for row in db.execute("SELECT id FROM note WHERE state = 'k' AND day < ?", (oldest_day,))]


def _put(db: sqlite3.Connection, name: str, note: Note | None) -> None:
    sql = "SELECT id, state, day, length(body) FROM note WHERE name = ? ORDER BY state"
    rows = db.execute(sql, (name,)).fetchall()
    fits = [(row_id, room) for row_id, _, day, room in rows if note is not None and _fits(note, day, room)]
    row_id, room = fits[0] if fits else (None, 0)
    sweep.blank(db, "note", [each for each, state, *_ in rows if state != sweep.BLANK and each != row_id])
    if note is None:
        return
    body = (len(note.body).to_bytes(_LENGTH_BYTES) + note.body).ljust(room or _room(len(note.body)), b"\0")
    if row_id is None:
        db.execute("INSERT INTO note (name, day, state, body) VALUES (?, ?, 'k', ?)", (name, note.day, body))
    else:
        db.execute("UPDATE note SET day = ?, state = 'k', body = ? WHERE id = ?", (note.day, body, row_id))


def _fits(note: Note, day: int | None, room: int) -> bool:
    """Whether the note would leave a row as long as it is."""
    low, high = TWO_BYTE_DAYS
    days = (note.day, day)
    same = note.day == day or all(each is not None and low <= each <= high for each in days)
    return same and _LENGTH_BYTES + len(note.body) <= room


def _room(length: int) -> int:
    """Bytes of a new row's body for a note of `length` bytes: whole steps, from a page on whole pages."""
    wanted = _LENGTH_BYTES + length
    if wanted <= _LOCAL_BYTES:
        return -(-wanted // _STEP_BYTES) * _STEP_BYTES
    return _LOCAL_BYTES - (_LOCAL_BYTES - wanted) // _OVERFLOW_BYTES * _OVERFLOW_BYTES
