"""Schemas: made in steps, each whole or not at all, and never guessed at when newer."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from buffer import migrations, sqlite_file
from buffer.gaps import Gap
from buffer.migrations import OUTBOX, RECEIVED, SCHEMA_VERSION_MAX, Schema
from buffer.outbox import Batch, Outbox, SchemaTooNew
from buffer.received import ReceivedStore


def opened(path: Path | None, schema: Schema) -> sqlite3.Connection:
    return sqlite_file.opened(path, schema)


def value(db: sqlite3.Connection, sql: str) -> Any:
    return db.execute(sql).fetchone()[0]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.db"


def with_version(path: Path, version: int) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {version}")


@pytest.mark.parametrize("schema", [OUTBOX, RECEIVED])
def test_a_new_file_says_whose_it_is_and_which_version(schema: Schema, path: Path) -> None:
    with closing(opened(path, schema)) as db:
        assert value(db, "PRAGMA application_id") == schema.application_id
        assert value(db, "PRAGMA user_version") == schema.version == len(schema.steps)


def test_the_settings_are_those_that_survive_power_cuts_and_spare_the_card(path: Path) -> None:
    with closing(opened(path, OUTBOX)) as db:
        names = (
            "journal_mode",
            "synchronous",
            "page_size",
            "wal_autocheckpoint",
            "secure_delete",
            "auto_vacuum",
        )
        assert [value(db, f"PRAGMA {name}") for name in names] == ["wal", 2, 4096, 100, 1, 0]
        assert value(db, "PRAGMA temp_store") == 2


def test_every_table_is_strict_and_none_has_autoincrement(path: Path) -> None:
    with closing(opened(path, OUTBOX)) as db:
        tables = [sql for (sql,) in db.execute("SELECT sql FROM sqlite_schema WHERE type = 'table'")]
        assert tables
        assert all("STRICT" in sql and "AUTOINCREMENT" not in sql for sql in tables)


def test_the_tables_that_every_commit_writes_have_no_index(path: Path) -> None:
    with closing(opened(path, OUTBOX)) as db:
        indexed = {name for (name,) in db.execute("SELECT tbl_name FROM sqlite_schema WHERE type = 'index'")}
    assert not indexed & {"kept_first", "kept_last", "batch_first", "batch_last"}


def test_a_later_step_keeps_the_rows_and_is_taken_once(path: Path) -> None:
    with closing(Outbox.open(path, random_bytes=bytes, size_bytes_max=1 << 20)) as outbox:
        outbox.commit(seal=[Batch("track", 1, 20_000, b"payload")])
    taken = []

    def add_custody(database: Any) -> None:
        taken.append("custody")
        database["custody"].create({"stream": str, "n": int}, pk="stream")

    later = Schema(OUTBOX.application_id, (*OUTBOX.steps, add_custody))
    for _ in range(2):
        with closing(opened(path, later)) as db:
            assert value(db, "SELECT payload FROM batch") == b"payload"
            assert value(db, "SELECT count(*) FROM custody") == 0
            assert value(db, "PRAGMA user_version") == later.version
    assert taken == ["custody"]


def test_gaps_of_an_older_file_stay_and_carry_no_hashes(path: Path) -> None:
    with closing(opened(path, Schema(OUTBOX.application_id, OUTBOX.steps[:2]))) as db:
        db.execute("INSERT INTO gap (stream, first_n, last_n, why) VALUES ('track', 2, 3, 'evicted')")
    with closing(Outbox.open(path, random_bytes=bytes, size_bytes_max=1 << 20)) as outbox:
        assert outbox.gaps() == [Gap("track", 2, 3, "evicted", b"", b"")]


def test_a_step_that_fails_leaves_the_schema_of_before(path: Path) -> None:
    opened(path, OUTBOX).close()

    def fails(database: Any) -> None:
        database["half"].create({"id": int})
        raise RuntimeError("power")

    with pytest.raises(RuntimeError, match="power"):
        opened(path, Schema(OUTBOX.application_id, (*OUTBOX.steps, fails)))
    with closing(opened(path, OUTBOX)) as db:
        assert value(db, "PRAGMA user_version") == OUTBOX.version
        assert value(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'half'") == 0


@pytest.mark.parametrize("version", [OUTBOX.version + 1, SCHEMA_VERSION_MAX])
def test_a_newer_schema_is_refused_and_the_file_left_as_it_is(path: Path, version: int) -> None:
    with closing(Outbox.open(path, random_bytes=bytes, size_bytes_max=1 << 20)):
        pass
    with_version(path, version)
    before = path.read_bytes()
    with pytest.raises(SchemaTooNew, match=str(version)):
        Outbox.open(path, random_bytes=bytes, size_bytes_max=1 << 20)
    assert path.read_bytes() == before
    assert list(path.parent.glob("*damaged*")) == []


@pytest.mark.parametrize("version", [-1, SCHEMA_VERSION_MAX + 1])
def test_a_version_that_cannot_be_is_damage(path: Path, version: int) -> None:
    opened(path, OUTBOX).close()
    with_version(path, version)
    with pytest.raises(sqlite_file.Damaged):
        opened(path, OUTBOX)


def test_the_receivers_file_is_not_taken_for_an_outbox(path: Path) -> None:
    ReceivedStore.open(path).close()
    with pytest.raises(sqlite_file.Damaged):
        opened(path, OUTBOX)


def test_sqlite_utils_is_imported_only_to_make_or_change_a_schema(path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from buffer.outbox import Outbox\n"
        "Outbox.open(Path(sys.argv[1]), random_bytes=bytes, size_bytes_max=1 << 20).close()\n"
        "sys.exit(10 + ('sqlite_utils' in sys.modules))"
    )
    root = Path(migrations.__file__).parent.parent
    runs = [
        subprocess.run([sys.executable, "-c", program, path], cwd=root, check=False).returncode
        for _ in range(2)
    ]
    assert runs == [11, 10]
