"""Opening SQLite files so that they survive power cuts, wear the card little, and never stop the agent.

The settings and their reasons:

- `journal_mode=WAL`, `synchronous=FULL`: the one pair that lost no committed row in 41,000 rebuilt power cuts
  and is gentle to the card too. NORMAL loses rows; DELETE with FULL can lose the last commit.
- `page_size=4096`: the block of ext4 and the smallest unit a card writes.
- `wal_autocheckpoint=100`: the log stays at about 400 KiB, and a page that many commits touch (the table's last
  one) is written back once for all of them.
- `journal_size_limit`: a log that one large transaction made long is cut back.
- `secure_delete=ON`: freed cells and pages are zeroed. That alone does not do: see buffer/sweep.py.
- `auto_vacuum=NONE`: free pages are reused, the file is bounded anyway, and the other kinds keep a map whose
  page every allocation would write as well.
- `temp_store=MEMORY`: nothing spills into a temporary file in a directory that nobody bounds or purges.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

from buffer import durable, migrations

PAGE_BYTES = 4096
WAL_CHECKPOINT_PAGES = 100
WAL_BYTES_MAX = 1024 * 1024
BUSY_S = 0.25  # another process may read the file; only a purge can meet it, and the loop must not stand long
SET_ASIDE_MAX = 3
COMPANIONS = ("", "-wal", "-shm", "-journal")

_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_UNREADABLE = {
    sqlite3.SQLITE_IOERR_READ,
    sqlite3.SQLITE_IOERR_SHORT_READ,
    sqlite3.SQLITE_IOERR_CORRUPTFS,
}
_log = logging.getLogger(__name__)

Connect = Callable[[str], sqlite3.Connection]


class SchemaTooNew(RuntimeError):
    """The file was written by a newer version of this program, which knows things about it that this one doesn't."""


class Damaged(OSError):
    """The file is not what it should be; the one who opens it sets it aside or gives up."""


def plain_connect(name: str) -> sqlite3.Connection:
    """A connection without implicit transactions, for one thread."""
    return sqlite3.connect(name, timeout=BUSY_S, isolation_level=None)


def is_damage(error: BaseException) -> bool:
    """Whether the file's content is at fault, rather than the disk, its owner or another process.

    A message that quotes a damaged name makes Python raise a UnicodeDecodeError in its place.
    """
    if isinstance(error, UnicodeDecodeError | sqlite3.IntegrityError):
        return True
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and (code & 0xFF in _DAMAGE or code in _UNREADABLE)


def opened(
    path: Path | None, schema: migrations.Schema, connect: Connect = plain_connect
) -> sqlite3.Connection:
    """A connection to an up-to-date file at `path`, made when there is none; None = in memory.

    Raises Damaged, SchemaTooNew, or sqlite3's and the system's errors when the disk will not have it.
    """
    if path is not None:
        _create(path)
    connection = connect(":memory:" if path is None else str(path))
    connection.text_factory = _text
    with closed_on_error(connection):
        _prepare(connection, schema)
    return connection


@contextlib.contextmanager
def closed_on_error(connection: sqlite3.Connection, schema_is_known: bool = False) -> Iterator[None]:
    """Close the connection when what opens it fails, and say Damaged when the file is at fault.

    With `schema_is_known`, a table or column that is not there is the file's fault too: a turned bit in its name.
    """
    try:
        yield
    except BaseException as error:
        connection.close()
        absent = schema_is_known and getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR
        if absent or is_damage(error):
            raise Damaged(str(error)) from error
        raise


def _create(path: Path) -> None:
    """Make an empty file that only its owner can read; SQLite gives its log the same permissions."""
    if log_bytes(path) and not (path.exists() and path.stat().st_size):
        raise Damaged("a log without its file")  # SQLite would delete the log without a word
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, durable.OWNER_ONLY))
        durable.sync_directory(path.parent)


def _text(raw: bytes) -> str:
    """Text as stored; a byte that a failing card has turned must not raise out of a query."""
    return raw.decode("utf-8", errors="replace")


def _prepare(connection: sqlite3.Connection, schema: migrations.Schema) -> None:
    """Settings, then a look at whose file it is, whether it is whole, and its schema."""
    for setting in (
        f"page_size = {PAGE_BYTES}",
        "auto_vacuum = NONE",
        "temp_store = MEMORY",
        "secure_delete = ON",
        "cache_size = -256",  # KiB: the check at the start reads the whole file and would keep 8 MiB of it
        "journal_mode = WAL",
        "synchronous = FULL",
        f"wal_autocheckpoint = {WAL_CHECKPOINT_PAGES}",
        f"journal_size_limit = {WAL_BYTES_MAX}",
    ):
        connection.execute(f"PRAGMA {setting}").close()
    if _version(connection, schema) < schema.version:
        migrations.migrate(connection, schema)


def _version(connection: sqlite3.Connection, schema: migrations.Schema) -> int:
    """Which of the schema's steps the file has seen, 0 for an empty one, once it is known to be whole and ours."""
    problems: str = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if problems != "ok":
        raise Damaged("the check of its pages failed")
    version, owner, tables = (
        int(connection.execute(sql).fetchone()[0])
        for sql in ("PRAGMA user_version", "PRAGMA application_id", "SELECT count(*) FROM sqlite_schema")
    )
    if version == 0 and tables == 0:
        return 0
    if owner != schema.application_id or not 0 < version <= migrations.SCHEMA_VERSION_MAX:
        raise Damaged("not a file of this program")
    if version > schema.version:
        raise SchemaTooNew(f"the file has schema {version}, this program knows {schema.version}")
    return version


def page_count(connection: sqlite3.Connection) -> int:
    """Pages of the file as the open transaction would leave it."""
    return int(connection.execute("PRAGMA page_count").fetchone()[0])


def free_count(connection: sqlite3.Connection) -> int:
    """Pages of the file that hold nothing and will be used before it grows."""
    return int(connection.execute("PRAGMA freelist_count").fetchone()[0])


def log_bytes(path: Path | None) -> int:
    """Size of the log beside the file at `path`; 0 when there is none."""
    try:
        return 0 if path is None else _beside(path, "-wal").stat().st_size
    except FileNotFoundError:
        return 0


def data_version(connection: sqlite3.Connection) -> int:
    """A number that changes when another connection has written the file."""
    return int(connection.execute("PRAGMA data_version").fetchone()[0])


def truncate_log(connection: sqlite3.Connection) -> bool:
    """Bring everything into the file and empty the log; False when a reader stood in the way."""
    busy: int = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    return busy == 0


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing: BEGIN IMMEDIATE, then COMMIT, or ROLLBACK on any exception."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # Does nothing when a full or failing disk has rolled back by itself; must not hide the first failure.
        with contextlib.suppress(sqlite3.Error):
            connection.rollback()
        raise


def set_aside(path: Path) -> Path:
    """Rename a damaged file, log included, to `<stem>.damaged-<k><suffix>`; the newest has the largest k.

    At most SET_ASIDE_MAX of them stay, the oldest go. Raises OSError when the disk will not have it.
    """
    places = [path.with_name(f"{path.stem}.damaged-{k + 1}{path.suffix}") for k in range(SET_ASIDE_MAX)]
    if _exists(places[-1]):
        remove(places[0])
        for older, newer in itertools.pairwise(places):
            _move(newer, older)
    place = places[max((k + 1 for k, taken in enumerate(map(_exists, places)) if taken), default=0)]
    _move(path, place)
    durable.sync_directory(path.parent)
    _log.error("%s is damaged; set aside as %s", path.name, place.name)
    return place


def damaged_files(path: Path) -> list[Path]:
    """What has been set aside for `path` and is still there, oldest first; a log counts even where it lies alone."""
    name = f"{path.stem}.damaged-[0-9]{path.suffix}"
    found = {
        each.with_name(each.name.removesuffix(suffix))
        for suffix in COMPANIONS
        for each in path.parent.glob(name + suffix)
    }
    return sorted(found)


def remove(path: Path) -> None:
    """Delete a file and what SQLite keeps beside it; absent is fine."""
    for suffix in COMPANIONS:
        _beside(path, suffix).unlink(missing_ok=True)


def _move(old: Path, new: Path) -> None:
    # The file moves first: after a cut in between, a log without its file is set aside as well. A file without its
    # log might still open, only older, and use again numbers that have left already.
    for suffix in COMPANIONS:
        with contextlib.suppress(FileNotFoundError):
            _beside(old, suffix).replace(_beside(new, suffix))


def _exists(path: Path) -> bool:
    return any(_beside(path, suffix).exists() for suffix in COMPANIONS)


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)
