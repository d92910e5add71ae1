"""R19 at the city's end: forbidden uses stand with every export, and each export is logged where people can read it."""

from __future__ import annotations

import getpass
import json
import os
import re
import signal
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agent import wire
from agent.__main__ import main
from agent.agreement import Agreement, load_agreement
from agent.city.forbidden import HASH_DIGITS_SHOWN, named, notice
from agent.explain.card import SHORT_ID_DIGITS
from agent.wire import AgreementReference, Heading
from buffer.received import Received, ReceivedStore
from tests.unit.agreement_parts import AGREEMENTS

OPERATIONS, ROUTES = (AGREEMENTS / f"{name}.yaml" for name in ("operations", "routes-and-safety"))
DAY = {"date": "2026-11-21", "distance_m": 1000, "running_s": 600, "stretches": 1}
BRAKING = {"month": "2026-11", "latitude_deg": 40.00123, "longitude_deg": -4.00456, "severity": "hard"}
TRACK = {"date": "2026-11-21", "stretch": 1, "running_s": 610, "path": [[40.0, -4.0], [40.01, -4.0]]}
RECORDS = {"day": DAY, "harsh_braking": {**BRAKING, "corroborated": "yes"}, "track": TRACK}
NOWHERE = "mqtt://127.0.0.1:1"  # so that each run ends with status 1, after its export
LOGGED_OF_A_QUERY = {"id", "asked_at", "account", "folder", "streams", "agreements", "records"}


def batch(n: int, stream: str, reference: AgreementReference) -> Received:
    heading = Heading(stream, "0123456789abcdef", n, wire.NO_PREVIOUS, reference)
    payload = wire.encode(heading, [RECORDS[stream]], 512)
    vehicle = "" if stream == "harsh_braking" else "truck-007"
    records = wire.decode(payload).records
    return Received(vehicle, stream, heading.epoch, n, heading.prev, wire.digest(payload), payload, records)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "received.db"


@pytest.fixture(autouse=True)
def _signals_as_before() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, action in before.items():
        signal.signal(number, action)


def keep(store: Path, *batches: Received) -> None:
    with closing(ReceivedStore.open(store)) as kept:
        assert all(kept.accept_many(batches))


def export(store: Path, *agreements: Path, words: Sequence[str] = ()) -> Result:
    given = [word for path in agreements for word in ("--agreement", str(path))]
    out = str(store.with_name("out"))
    return CliRunner().invoke(main, ["receive", "--store", str(store), "--export", out, *given, *words])


def listed(store: Path) -> list[str]:
    result = CliRunner().invoke(main, ["receive", "--store", str(store), "--queries"])
    assert result.exit_code == 0
    return result.stdout.splitlines()


def written(store: Path) -> tuple[list[str], dict]:  # type: ignore[type-arg]
    """The notice beside the records, and the member of the GeoJSON."""
    out = store.with_name("out")
    beside = (out / "records.ndjson.notice.txt").read_text(encoding="utf-8").splitlines()
    return beside, json.loads((out / "records.geojson").read_text(encoding="utf-8"))["fairhaul"]


def uses(agreement: Agreement, *streams: str) -> set[str]:
    asked = (question for question in agreement.file.questions if set(streams) & set(question.needs))
    return {use for question in asked for use in question.uses.forbidden}


# What an answer may not be used for.


@pytest.mark.parametrize("words", [(), ("--broker", NOWHERE, "--for", "0")])
def test_R19_every_export_shows_what_its_streams_may_not_be_used_for(
    store: Path, words: Sequence[str]
) -> None:
    agreed = load_agreement(OPERATIONS)
    keep(store, batch(1, "track", agreed.reference), batch(1, "harsh_braking", agreed.reference))
    for _ in range(2):  # every one, not the first alone
        said = export(store, OPERATIONS, words=words).stderr
        beside, member = written(store)
        assert uses(agreed, "track", "harsh_braking") == set(member["forbidden_uses"])
        assert all(use in said and use in "\n".join(beside) for use in member["forbidden_uses"])
        assert all(line in said for line in beside)
        assert beside == member["notice"]


def test_R19_uses_of_streams_that_did_not_leave_are_not_shown(store: Path) -> None:
    agreed = load_agreement(OPERATIONS)
    keep(store, batch(1, "harsh_braking", agreed.reference))
    export(store, OPERATIONS)
    shown = set(written(store)[1]["forbidden_uses"])
    assert shown == uses(agreed, "harsh_braking")
    assert uses(agreed, "track") - shown == {"measuring the pace of a crew"}


def test_R19_records_of_two_agreements_show_the_uses_of_both(store: Path) -> None:
    first, second = load_agreement(OPERATIONS), load_agreement(ROUTES)
    keep(store, batch(1, "track", first.reference), batch(2, "track", second.reference))
    said = export(store, ROUTES, OPERATIONS).stderr
    beside, member = written(store)
    assert set(member["forbidden_uses"]) == uses(first, "track") | uses(second, "track")
    assert [each["id"] for each in member["agreements"]] == [first.file.id, second.file.id]
    assert all(f"The agreement {named(each.reference)} forbids" in said for each in (first, second))
    assert len(beside) > 2


def test_R19_an_agreement_that_was_not_given_is_said_and_the_records_leave(store: Path) -> None:
    reference = AgreementReference("elsewhere", 4, "ab" * 32)
    keep(store, batch(1, "track", reference))
    said = export(store, OPERATIONS).stderr
    beside, member = written(store)
    assert beside == member["notice"]
    assert "elsewhere version 4 (abababababab)" in beside[0]
    assert "--agreement FILE" in beside[0]
    assert beside[0] in said
    assert member["agreements"] == [{**reference._asdict(), "text": False}]
    assert member["forbidden_uses"] == []
    assert len((store.with_name("out") / "records.ndjson").read_text().splitlines()) == 1


def test_R19_another_text_of_the_same_id_and_version_is_not_taken_for_it(store: Path) -> None:
    other = load_agreement(OPERATIONS).reference._replace(sha256="cd" * 32)
    keep(store, batch(1, "track", other))
    assert f"{named(other)}, whose text is not at hand" in export(store, OPERATIONS).stderr


def test_R19_an_agreement_that_stands_behind_a_given_one_is_found(tmp_path: Path) -> None:
    behind, first = load_agreement(OPERATIONS), load_agreement(ROUTES)
    first.behind = behind
    payload = batch(1, "track", behind.reference).payload
    assert set(notice([payload], [first]).forbidden_uses) == uses(behind, "track")


def test_R19_a_payload_that_is_damaged_is_counted_and_no_error() -> None:
    told = notice([b"noise"], [])
    assert told.lines() == ["Under which agreement 1 batches left is not known: they can't be read any more."]
    assert told.agreements == ""


def test_R19_an_export_of_nothing_says_so(store: Path) -> None:
    keep(store)
    export(store)
    assert written(store)[0] == ["There are no records here, so nothing is forbidden."]


def test_the_lines_of_records_stay_as_they_were(store: Path) -> None:
    keep(store, batch(1, "day", load_agreement(OPERATIONS).reference))
    export(store, OPERATIONS)
    lines = (store.with_name("out") / "records.ndjson").read_text().splitlines()
    place = {"stream": "day", "vehicle": "truck-007", "epoch": "0123456789abcdef", "n": 1}
    assert [json.loads(line) for line in lines] == [{**place, **DAY}]


def test_as_many_digits_are_shown_as_on_the_notice_card() -> None:
    assert HASH_DIGITS_SHOWN == SHORT_ID_DIGITS


# Who asked.


def test_R19_each_export_is_logged_and_listed_newest_last(store: Path) -> None:
    agreed = load_agreement(OPERATIONS)
    keep(store, batch(1, "track", agreed.reference))
    export(store, OPERATIONS)
    keep(store, batch(1, "day", agreed.reference))
    said = export(store).stderr
    assert "logged as query 2 of the store" in said
    first, second = listed(store)
    who = f"{getpass.getuser()}, uid {os.getuid()}"
    end = f"into out, under {named(agreed.reference)}"
    assert re.fullmatch(
        rf" +1  \d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ  {who}: 1 records \(track\) {re.escape(end)}", first
    )
    assert second.endswith(f"{who}: 2 records (day, track) {end}")


def test_R19_a_receiver_that_exports_nothing_logs_nothing(store: Path) -> None:
    words = ["receive", "--broker", NOWHERE, "--store", str(store), "--for", "0"]
    CliRunner().invoke(main, words)
    assert listed(store) == ["no export since the store keeps this log"]


def test_R19_an_export_that_cannot_be_logged_does_not_leave(store: Path) -> None:
    keep(store, batch(1, "track", load_agreement(OPERATIONS).reference))
    with closing(sqlite3.connect(store)) as db:
        db.execute("CREATE TRIGGER full BEFORE INSERT ON query BEGIN SELECT RAISE(ABORT, 'no room'); END")
    result = export(store, OPERATIONS)
    assert result.exit_code == 1
    assert "no room" in result.stderr
    assert not store.with_name("out").exists()


def test_R19_an_export_that_fails_after_it_was_logged_stays_logged(store: Path) -> None:
    keep(store)
    store.with_name("out").write_text("a file where the folder should be")
    assert export(store).exit_code == 1
    assert len(listed(store)) == 1


def test_R19_the_notice_is_there_before_the_records_are(store: Path) -> None:
    keep(store)
    (store.with_name("out") / "records.ndjson").mkdir(parents=True)  # nothing can be put in its place
    assert export(store).exit_code == 1
    assert {path.name for path in store.with_name("out").iterdir()} == {
        "records.ndjson",
        "records.ndjson.notice.txt",
    }


def test_R19_what_is_logged_of_a_query_is_this_and_no_more(store: Path) -> None:
    keep(store, batch(1, "track", load_agreement(OPERATIONS).reference))
    export(store, OPERATIONS)
    with closing(sqlite3.connect(store)) as db:
        assert {row[1] for row in db.execute("PRAGMA table_info(query)")} == LOGGED_OF_A_QUERY
        row = db.execute("SELECT * FROM query").fetchone()
    assert not any("truck-007" in str(cell) or "40.0" in str(cell) for cell in row)


def test_a_folder_s_name_cannot_forge_a_line_of_the_list(store: Path) -> None:
    out = store.with_name("out\n   9  2026-11-02T06:15:00Z  nobody")
    words = ["receive", "--broker", NOWHERE, "--store", str(store), "--for", "0", "--export", str(out)]
    CliRunner().invoke(main, words)
    assert len(listed(store)) == 1


# Usage.


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        (["--store", "received.db"], 2, "--broker URL is missing"),
        (["--store", "nowhere.db", "--queries"], 3, "nowhere.db: no such file"),
        (["--store", "nowhere.db", "--export", "out"], 3, "nowhere.db: no such file"),
        (["--store", "nowhere.db", "--status", "--export", "out"], 2, "leave them out to --export"),
        (["--store", "nowhere.db", "--export", "out", "--keep-days", "9"], 2, "go with --broker"),
        (["--store", "nowhere.db", "--export", "out", "--fleet", "north"], 2, "go with --broker"),
        (["--store", "received.db", "--broker", NOWHERE, "--agreement", "no.yaml"], 2, "no.yaml"),
    ],
)
def test_bad_usage_is_told_and_makes_no_store(
    words: list[str], status: int, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["receive", *words])
    assert (result.exit_code, sentence in result.stderr) == (status, True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("queries", [["--queries"], ["--broker", NOWHERE, "--for", "0"]])
def test_a_store_that_is_something_else_is_left_alone(store: Path, queries: list[str]) -> None:
    store.write_bytes(b"a letter to the mayor" * 100)
    result = CliRunner().invoke(main, ["receive", "--store", str(store), *queries])
    assert result.exit_code == 1
    assert store.read_bytes() == b"a letter to the mayor" * 100
