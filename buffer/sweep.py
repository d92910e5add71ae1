"""Taking rows out of a table so that their bytes are really gone, and soon.

`secure_delete` zeroes what is deleted, yet deleted rows were still found in files of ours. When a deletion leaves
a page nearly empty, SQLite moves rows of its neighbours into one page and does not clear the place they came from;
when such a row dies later, only its newer copy is zeroed. So no row with content may ever be moved:

1. rows are only appended (SQLite then starts a new page and leaves the full one as it is);
2. a row is changed only to the same length (SQLite then overwrites it in place, and of a long payload only what
   differs: marking an acknowledgement writes one page, not the payload);
3. a row dies by being overwritten with zeros of its length (`blank`), and a blank row is deleted only while at
   least `MARGIN_BYTES` of other blank rows lie between it and a row with content, so that the pages SQLite merges
   hold blanks alone.

The last blanks of a table stay too, because new rows will be appended beside them. A lone row with content among
blanks keeps 24 KiB of them from being reused: therefore what is evicted last does not share a table with what is
evicted first.

The tables that hold content have `id`, `state`, and their content as the last column.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Iterable, Iterator

from buffer.sqlite_file import PAGE_BYTES

BLANK = "x"  # as long as every other state, in the file
CONTENT_COLUMN = {
    "batch_first": "payload",
    "batch_last": "payload",
    "kept_first": "body",
    "kept_last": "body",
    "note": "body",
}

# Content up to the one length lies wholly in the row's own page; of longer content at least so much does, and the
# rest in overflow pages (SQLite's file format, with pages of 4096 bytes and room for the other columns).
LOCAL_BYTES_MAX = 3_800
LOCAL_BYTES_MIN = 480
# Merging takes a page and its two neighbours, so two whole pages of blanks must lie between: three pages' worth.
MARGIN_BYTES = 3 * PAGE_BYTES


def blank(db: sqlite3.Connection, table: str, ids: Iterable[int]) -> int:
    """Overwrite the content of these rows with zeros, and say how many there were; within a transaction."""
    content = CONTENT_COLUMN[table]
    sql = f"UPDATE {table} SET state = ?, {content} = zeroblob(length({content})) WHERE id = ? AND state != ?"
    return db.executemany(sql, ((BLANK, each, BLANK) for each in ids)).rowcount


def sweep(db: sqlite3.Connection, table: str, upto: int | None = None) -> None:
    """Delete the blank rows that are far from content, up to id `upto`; within a transaction."""
    sql = f"SELECT id, state, length({CONTENT_COLUMN[table]}) FROM {table}"
    where, bounds = ("", ()) if upto is None else (" WHERE id <= ?", (upto,))
    rows = db.execute(f"{sql}{where} ORDER BY id", bounds)
    ranges = list(removable((row_id, state == BLANK, length) for row_id, state, length in rows))
    db.executemany(f"DELETE FROM {table} WHERE id BETWEEN ? AND ?", ranges)


def removable(rows: Iterable[tuple[int, bool, int]]) -> Iterator[tuple[int, int]]:
    """First and last ids of the stretches of blank rows that may be deleted.

    `rows` are (id, is blank, content bytes), by id. There is nothing to the left of the first row; to the right of
    the last one rows with content may come.
    """
    margin: deque[tuple[int, int]] = deque()  # blank rows that are still too near to what follows
    margin_bytes = 0
    left_bytes = 0  # blanks still owed to content on the left
    first = last = -1
    for row_id, is_blank, length in rows:
        if not is_blank:
            margin.clear()
            margin_bytes, left_bytes = 0, MARGIN_BYTES
            if first >= 0:
                yield first, last
            first = -1
            continue
        local = length if length <= LOCAL_BYTES_MAX else LOCAL_BYTES_MIN
        if left_bytes > 0:
            left_bytes -= local
            continue
        margin.append((row_id, local))
        margin_bytes += local
        while margin_bytes - margin[0][1] >= MARGIN_BYTES:
            last, freed = margin.popleft()
            margin_bytes -= freed
            first = last if first < 0 else first
    if first >= 0:
        yield first, last
