"""`fairhaul receipts` over a truck's real outbox: what it published is listed, shown, exported and checked."""

from __future__ import annotations

import hashlib
import json
import random
import re
import shutil
import sqlite3
import stat
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner, Result

from agent import wire
from agent.__main__ import main
from agent.paper import Published
from agent.records import iso_date
from agent.replaying import replay
from buffer.outbox import Batch, Outbox
from buffer.received import Received, ReceivedStore
from tests.sim.drives import (
    DAY_MS,
    MORNING_MS,
    SIZE_BYTES,
    TRUCK,
    Witness,
    agreement,
    braking,
    by_time,
    epochs,
    straight,
    switched_on,
    truck,
)

DRIVEN = iso_date(MORNING_MS // DAY_MS)
LEFT = iso_date(MORNING_MS // DAY_MS + 1)


class Truck(NamedTuple):
    """An outbox behind a drive and the days after it, and what was published meanwhile."""

    outbox: Path
    published: list[Published]


@pytest.fixture(scope="module")
def driven(tmp_path_factory: pytest.TempPathFactory) -> Truck:
    path = tmp_path_factory.mktemp("truck") / "outbox.db"
    link = Witness()
    chance = random.Random(1)
    with closing(Outbox.open(path, random_bytes=chance.randbytes, size_bytes_max=SIZE_BYTES)) as box:
        entries = by_time(switched_on(), epochs(straight(3000, -1900)), braking(60))
        replay(truck(agreement(), box, link), link, entries)
    return Truck(path, link.published)


@pytest.fixture
def outbox(driven: Truck, tmp_path: Path) -> Path:
    """A copy that may be changed."""
    return Path(shutil.copy(driven.outbox, tmp_path / "outbox.db"))


@pytest.fixture(scope="module")
def exported(driven: Truck, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("union") / "tuesday"
    result = receipts("export", "--day", DRIVEN, "--out", folder, "--outbox", driven.outbox)
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture
def store(driven: Truck, tmp_path: Path) -> Path:
    """The receiver's, with all that was published."""
    path = tmp_path / "received.db"
    with closing(ReceivedStore.open(path)) as made:
        made.accept_many(map(arrived, driven.published))
    return path


def arrived(one: Published) -> Received:
    heading, records = wire.decode(one.payload)
    vehicle = "" if heading.stream == "harsh_braking" else "truck-017"
    key = (vehicle, heading.stream, heading.epoch, heading.n)
    return Received(*key, heading.prev, wire.digest(one.payload), one.payload, records)


def receipts(*words: object) -> Result:
    return CliRunner().invoke(main, ["receipts", *map(str, words)])


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def changed(path: Path, *commands: str) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        for command in commands:
            assert db.execute(command).rowcount > 0


# List and show.


def test_everything_that_was_published_is_listed(driven: Truck) -> None:
    listed = lines(receipts("list", "--json", "--outbox", driven.outbox).stdout)
    assert [line["sha256"] for line in listed] == [wire.digest(one.payload) for one in driven.published]
    assert {line["state"] for line in listed} == {"acknowledged"}
    assert {line["topic"] for line in listed} == {None}


def test_with_the_truck_s_configuration_the_topics_are_known(driven: Truck, tmp_path: Path) -> None:
    (tmp_path / "outbox.db").write_bytes(driven.outbox.read_bytes())
    config = tmp_path / "agent.yaml"
    config.write_text(json.dumps({**TRUCK, "state": str(tmp_path)}), encoding="utf-8")
    listed = lines(receipts("list", "--json", "--config", config).stdout)
    assert [line["topic"] for line in listed] == [one.topic for one in driven.published]


def test_people_see_a_line_for_each_that_left_on_a_day_or_tells_of_it(driven: Truck) -> None:
    result = receipts("list", "--outbox", driven.outbox, "--day", DRIVEN, "--stream", "track")
    assert (result.exit_code, result.stdout) == (0, "")
    told = result.stderr.splitlines()
    assert any(line.startswith(f"{LEFT} track") and line.endswith(DRIVEN) for line in told)
    assert all(DRIVEN in line for line in told[1:-1])
    assert told[-1] == f"{len(told) - 2} on the truck"


def test_a_batch_is_shown_record_by_record(driven: Truck) -> None:
    published = next(p for p in (wire.decode(one.payload) for one in driven.published) if p.records)
    heading = published.heading
    result = receipts("show", heading.stream, heading.n, "--outbox", driven.outbox)
    assert result.exit_code == 0
    assert lines(result.stdout) == [
        {"stream": heading.stream, "batch": heading.batch, **record} for record in published.records
    ]


def test_a_batch_that_is_gone_says_why(outbox: Path) -> None:
    with closing(Outbox.open(outbox, random_bytes=bytes, size_bytes_max=SIZE_BYTES)) as box:
        box.purge(40_000, receipt_days={}, receipt_days_default=1, age_days_max=9)
    result = receipts("show", "track", 1, "--outbox", outbox)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "track 1: gone after the agreed days\n"
    listed = receipts("list", "--outbox", outbox)
    assert "not here: track 1 to" in listed.stderr
    assert receipts("show", "track", 999_999, "--outbox", outbox).stderr == (
        "track 999999: this truck has no such batch\n"
    )


# Export.


def test_R17_an_export_is_exactly_what_was_published_for_the_day(driven: Truck, exported: Path) -> None:
    index = [line for line in lines((exported / "index.ndjson").read_text("ascii")) if "file" in line]
    payloads = [(exported / line["file"]).read_bytes() for line in index]
    published = [one.payload for one in driven.published]
    tells = [one for one in published if DRIVEN in {r.get("date") for r in wire.decode(one).records}]
    assert tells
    assert set(tells) <= set(payloads) <= set(published)
    assert [line["sha256"] for line in index] == [hashlib.sha256(one).hexdigest() for one in payloads]
    assert [line["bytes"] for line in index] == [len(one) for one in payloads]
    assert [line["prev"] for line in index] == [wire.decode(one).heading.prev for one in payloads]
    track = [line for line in index if line["stream"] == "track"]
    assert [line["n"] for line in track] == list(range(track[0]["n"], track[-1]["n"] + 1))
    assert [line["day"] for line in track if DRIVEN in line["dates"]] == [LEFT]
    assert track[-1]["dates"] == []  # the one behind the last, which vouches for it
    assert stat.S_IMODE(exported.stat().st_mode) == 0o700


def test_R17_a_union_checks_an_export_with_stock_tools_as_its_page_says(exported: Path) -> None:
    page = (exported / "README.txt").read_text("utf-8")
    commands = re.findall(r"^ {3}((?:sha256sum|python3).*)$", page, re.MULTILINE)
    chain = re.search(r"^python3 - <<'END'\n.*?^END$", page, re.MULTILINE | re.DOTALL)
    assert len(commands) == 2
    assert chain is not None
    said = []
    for step in [*commands, chain.group()]:
        done = subprocess.run(step, shell=True, cwd=exported, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        said.append(done.stdout)
    assert said[0].count(": OK\n") == len(list(exported.glob("*.bin"))) + 1
    assert json.loads(said[1])["v"] == 1
    named = re.search(r"; (\d+) of the files name the one before", said[2])
    assert named is not None
    assert int(named.group(1)) > 0


def test_R17_what_was_changed_in_an_export_shows_with_stock_tools(exported: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(exported, tmp_path / "copy"))
    file = sorted(folder.glob("track-*.bin"))[0]
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    done = subprocess.run(
        ["sha256sum", "-c", "SHA256SUMS"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert f"{file.name}: FAILED" in done.stdout


def test_R17_an_export_verifies_by_itself_and_against_the_receiver(exported: Path, store: Path) -> None:
    alone = receipts("verify", exported)
    assert (alone.exit_code, alone.stdout) == (0, "")
    both = receipts("verify", exported, "--received", store)
    assert both.exit_code == 0
    assert both.stderr.endswith("in this folder: nothing removed, changed or put elsewhere\n")


def _cut(folder: Path) -> None:
    file = sorted(folder.glob("track-*.bin"))[1]
    file.write_bytes(file.read_bytes()[:-1])


def _removed(folder: Path) -> None:
    sorted(folder.glob("track-*.bin"))[1].unlink()


def _removed_with_its_line(folder: Path) -> None:
    file = sorted(folder.glob("track-*.bin"))[1]
    file.unlink()
    index = folder / "index.ndjson"
    index.write_text("".join(s for s in index.read_text().splitlines(True) if file.name not in s))


def _swapped(folder: Path) -> None:
    one, other, *_ = sorted(folder.glob("track-*.bin"))
    first = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(first)


def _changed_with_its_line(folder: Path) -> None:
    file = sorted(folder.glob("track-*.bin"))[-2]  # with the day's records
    payload = file.read_bytes()
    decoded = wire.decode(payload)
    forged = wire.encode(decoded.heading, decoded.records, len(payload) + 512)
    file.write_bytes(forged)
    index = folder / "index.ndjson"
    index.write_text(index.read_text().replace(wire.digest(payload), wire.digest(forged)))


def _added(folder: Path) -> None:
    (folder / "track-000999.bin").write_bytes(b"more")


@pytest.mark.parametrize(
    "what", [_cut, _removed, _removed_with_its_line, _swapped, _changed_with_its_line, _added]
)
def test_what_was_done_to_an_export_is_found(
    exported: Path, tmp_path: Path, what: Callable[[Path], None]
) -> None:
    folder = Path(shutil.copytree(exported, tmp_path / "copy"))
    what(folder)
    result = receipts("verify", folder, "--json")
    assert result.exit_code == 1
    assert {line["stream"] for line in lines(result.stdout)} == {"track"}


def test_an_export_tells_which_numbers_wait_and_which_are_gone(outbox: Path, tmp_path: Path) -> None:
    with closing(Outbox.open(outbox, random_bytes=bytes, size_bytes_max=SIZE_BYTES)) as box:
        n = box.head("help").n
        row = next(box.receipts("track"))
        batches = [Batch("help", n + i, row.day, row.payload) for i in (1, 2, 3)]
        box.commit(seal=batches)
        box.commit(acknowledged=[("help", n + 1), ("help", n + 3)])
    folder = tmp_path / "out"
    day = iso_date(row.day)
    assert receipts("export", "--day", day, "--out", folder, "--outbox", outbox).exit_code == 0
    told = [line for line in lines((folder / "index.ndjson").read_text("ascii")) if line["stream"] == "help"]
    assert [line.get("file") for line in told] == [f"help-{n + 1:06d}.bin", None, f"help-{n + 3:06d}.bin"]
    assert told[1] == {"stream": "help", "first_n": n + 2, "last_n": n + 2, "gone": "unsent"}
    assert not (folder / f"help-{n + 2:06d}.bin").exists()


def test_a_day_of_which_nothing_is_here_makes_no_folder(outbox: Path, tmp_path: Path) -> None:
    result = receipts("export", "--day", "2001-01-01", "--out", tmp_path / "out", "--outbox", outbox)
    assert result.exit_code == 1
    assert result.stderr == "nothing on this truck left on 2001-01-01 or tells of it\n"
    assert not (tmp_path / "out").exists()


def test_an_export_goes_into_a_new_folder_only(outbox: Path, tmp_path: Path) -> None:
    result = receipts("export", "--day", DRIVEN, "--out", tmp_path, "--outbox", outbox)
    assert result.exit_code == 2
    assert "name a new folder" in result.stderr


# Verify.


def test_an_untouched_outbox_verifies_and_says_what_it_cannot_tell(driven: Truck) -> None:
    result = receipts("verify", "--outbox", driven.outbox)
    assert result.exit_code == 0
    assert "the newest of each kind" in result.stderr


def test_an_untouched_outbox_verifies_against_the_receiver(driven: Truck, store: Path) -> None:
    result = receipts("verify", "--outbox", driven.outbox, "--received", store)
    assert result.exit_code == 0, result.stderr
    assert result.stderr.endswith("on the truck: nothing removed, changed or put elsewhere\n")


TRACK_3 = "stream = 'track' AND n = 3"
BRAKING_1 = "stream = 'harsh_braking' AND n = 1"
OTHER = "(SELECT payload FROM batch_first WHERE stream = 'track' AND n = 5)"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (f"DELETE FROM batch_first WHERE {TRACK_3}", "track 3: missing"),
        (f"UPDATE batch_first SET state = 'x' WHERE {TRACK_3}", "track 3: missing"),
        (
            f"UPDATE batch_first SET payload = {OTHER} WHERE {TRACK_3}",
            "changed: its payload says that it is number 5",
        ),
        (
            f"UPDATE batch_first SET payload = zeroblob(9) WHERE {TRACK_3}",
            "changed: its payload cannot be read",
        ),
        (f"UPDATE batch_first SET id = id + 100000 WHERE {TRACK_3}", "reordered: it lies behind"),
        (f"DELETE FROM batch_last WHERE {BRAKING_1}", "harsh_braking 1: missing"),
        (
            "UPDATE batch_last SET payload = (SELECT payload FROM batch_last WHERE stream = 'harsh_braking' AND n = 2)"
            f" WHERE {BRAKING_1}",
            "changed: what it names is not what lay before it",
        ),
    ],
)
def test_what_was_done_to_an_outbox_is_found_and_said(outbox: Path, command: str, words: str) -> None:
    changed(outbox, command)
    result = receipts("verify", "--outbox", outbox)
    assert result.exit_code == 1
    assert words in result.stderr
    assert "ask who may write to it" in result.stderr


def test_a_removed_newest_is_found_with_the_receiver_s_copy(outbox: Path, store: Path) -> None:
    changed(
        outbox, "DELETE FROM batch_first WHERE n = (SELECT max(n) FROM batch_first WHERE stream = 'track')"
    )
    assert receipts("verify", "--outbox", outbox).exit_code == 0
    result = receipts("verify", "--outbox", outbox, "--received", store, "--json")
    assert result.exit_code == 1
    assert [(line["stream"], line["what"]) for line in lines(result.stdout)] == [("track", "missing")]


def test_what_the_receiver_lacks_at_the_end_may_be_on_its_way(driven: Truck, tmp_path: Path) -> None:
    path = tmp_path / "received.db"
    with closing(ReceivedStore.open(path)) as made:
        made.accept_many(map(arrived, driven.published[:-20]))
    result = receipts("verify", "--outbox", driven.outbox, "--received", path)
    assert result.exit_code == 0
    assert "20 acknowledged by a broker and not (yet) in the receiver's copy" in result.stderr


def test_what_the_receiver_has_exported_and_let_go_is_not_missing(driven: Truck, store: Path) -> None:
    with closing(ReceivedStore.open(store)) as made:
        made.note_exported("2027-10-01", made.newest_batch() - 10)
        assert made.purge("2027-12-01", 1) == len(driven.published) - 10
    result = receipts("verify", "--outbox", driven.outbox, "--received", store)
    assert result.exit_code == 0
    assert "acknowledged by a broker" not in result.stderr


# The file.


def test_the_agent_may_run_meanwhile_and_nothing_is_written(outbox: Path) -> None:
    with closing(Outbox.open(outbox, random_bytes=bytes, size_bytes_max=SIZE_BYTES)) as box:
        n = box.head("track").n + 1
        box.commit(seal=[Batch("track", n, 30_000, b"not of the chain")])
        before = {path.name: path.read_bytes() for path in outbox.parent.iterdir() if "shm" not in path.name}
        result = receipts("list", "--json", "--outbox", outbox)
        after = {path.name: path.read_bytes() for path in outbox.parent.iterdir() if "shm" not in path.name}
        assert lines(result.stdout)[-1]["n"] == n
        assert after == before
        box.commit(acknowledged=[("track", n)])


def test_a_file_that_nobody_has_open_gets_no_log_beside_it(outbox: Path) -> None:
    assert receipts("verify", "--outbox", outbox).exit_code == 0
    assert [path.name for path in outbox.parent.iterdir()] == ["outbox.db"]


def test_files_that_cannot_be_read_are_said_with_exit_status_3(
    outbox: Path, store: Path, tmp_path: Path
) -> None:
    text = tmp_path / "text.db"
    text.write_text("no database " * 99)
    newer = Path(shutil.copy(outbox, tmp_path / "newer.db"))
    changed_version(newer, 900)
    older = Path(shutil.copy(outbox, tmp_path / "older.db"))
    changed_version(older, 1)
    (tmp_path / "index.ndjson").write_text('{"file": "../x.bin", "n": 1}\n')
    for words, why in [
        (("--outbox", tmp_path / "none.db"), f"there is no file {tmp_path / 'none.db'}\n"),
        (("--outbox", tmp_path), "cannot read"),
        (("--outbox", text), "is not a truck's outbox, or it is damaged"),
        (("--outbox", store), "is not a truck's outbox"),
        (("--outbox", newer), "newer version"),
        (("--outbox", older), "older version"),
        (("--outbox", outbox, "--received", outbox), "is not a receiver's store"),
        ((tmp_path / "nowhere",), "there is no "),
        ((tmp_path,), "index.ndjson is not one of an export of receipts"),
    ]:
        result = receipts("verify", *words)
        assert (result.exit_code, result.stdout) == (3, ""), (words, result.output)
        assert why in result.stderr


def changed_version(path: Path, version: int) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {version}")


@pytest.mark.parametrize(
    "words",
    [
        ("list", "--day", "yesterday"),
        ("export", "--out", "x"),
        ("show", "track", "0"),
        ("verify", "folder", "--outbox", "outbox.db"),
        ("burn",),
    ],
)
def test_bad_usage_is_exit_status_2(words: tuple[str, ...]) -> None:
    assert receipts(*words).exit_code == 2
