"""R19: nobody can ask by driver or crew, and where the agreement is at hand its forbidden uses stand beside the answer.

That every export is logged: `tests/unit/test_receive_cli_queries.py`.
"""

from __future__ import annotations

import inspect
import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from agent.__main__ import SECTIONS, main
from agent.agreement import load_agreement
from agent.columns import STREAMS
from agent.surroundings import EXAMPLE_AGREEMENT, EXAMPLES
from agent.wire import AgreementReference, Heading
from buffer.received import Received, ReceivedStore
from tests.sim.drives import MORNING_MS, sentences, straight

PEOPLE = "driver crew loader worker employee staff person people badge roster payroll union member supervisor"
WHO = re.compile(rf"(?:^|[^a-z])(?:{'|'.join(PEOPLE.split())})s?(?:[^a-z]|$)", re.IGNORECASE)
COMMANDS = [name for commands in SECTIONS.values() for name in commands]
AGREEMENTS = sorted((EXAMPLES / "agreements").glob("*.yaml"))
CREW_S_OWN = "crew_report"  # what the crew itself says, by a button


def command(name: str) -> click.Command:
    found = main.get_command(click.Context(main), name)
    assert found is not None
    return found


def test_R19_the_words_are_found_where_they_stand() -> None:
    for text in ("--driver", "by_crew", "driver", "the drivers' names", "crew-id", "Badge", "ROSTER"):
        assert WHO.search(text)
    assert not any(WHO.search(text) for text in ("screw", "driven", "crewed", "personal"))


# Asking.


@pytest.mark.parametrize("name", COMMANDS)
def test_R19_no_command_takes_a_driver_or_a_crew(name: str) -> None:
    asked = command(name)
    each = list(asked.commands.values()) if isinstance(asked, click.Group) else [asked]
    params = [param for one in each for param in one.params]
    words = [word for param in params for word in (*param.opts, param.name or "", param.metavar or "")]
    assert words
    assert [word for word in words if WHO.search(word)] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_R19_no_command_s_help_offers_one(name: str) -> None:
    text = CliRunner().invoke(main, [name, "--help"]).stdout
    assert WHO.findall(text) == []


def test_R19_no_command_is_named_after_one() -> None:
    assert [name for name in COMMANDS if WHO.search(name)] == []


@pytest.mark.parametrize(
    "name", [name for name, method in inspect.getmembers(ReceivedStore, inspect.isfunction) if name[0] != "_"]
)
def test_R19_nothing_in_the_city_s_store_is_found_by_one(name: str) -> None:
    taken = inspect.signature(getattr(ReceivedStore, name)).parameters
    assert [each for each in taken if WHO.search(each)] == []


# What comes, and is kept.


def test_R19_no_table_or_column_of_the_city_s_store_names_one(tmp_path: Path) -> None:
    path = tmp_path / "received.db"
    with closing(ReceivedStore.open(path)):
        pass
    with closing(sqlite3.connect(path)) as db:
        tables = [
            name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
        ]
        columns = [row[1] for table in tables for row in db.execute(f"PRAGMA table_info({table})")]
    assert {"batch", "record"} <= set(tables)
    assert len(columns) > 10
    assert [name for name in (*tables, *columns) if WHO.search(name)] == []


def test_R19_no_field_on_the_wire_names_one() -> None:
    fields = {field.field for stream in STREAMS.values() for field in stream}
    words = [*STREAMS, *fields, *Heading._fields, *AgreementReference._fields]
    assert [word for word in words if WHO.search(word)] == [CREW_S_OWN]


def test_R19_no_exported_record_names_one(tmp_path: Path) -> None:
    with closing(ReceivedStore.open(None)) as store:
        for n, (stream, fields) in enumerate(STREAMS.items(), 1):
            record = {field.field: 1 for field in fields}
            vehicle = "" if stream == "harsh_braking" else "truck-7"
            store.accept(Received(vehicle, stream, "00aa", n, "0", str(n), b"", [record]))
        store.to_ndjson(tmp_path / "records.ndjson")
    records = [json.loads(line) for line in (tmp_path / "records.ndjson").read_text().splitlines()]
    assert {record["stream"] for record in records} == set(STREAMS)
    assert [key for record in records for key in record if WHO.search(key)] == []
    assert [record["stream"] for record in records if "vehicle" not in record] == ["harsh_braking"]


# What an answer may not be used for.


@pytest.mark.parametrize("path", AGREEMENTS, ids=lambda path: path.stem)
def test_R19_the_notice_card_names_every_forbidden_use(path: Path) -> None:
    said = CliRunner().invoke(main, ["explain", "--agreement", str(path)]).stdout
    said = " ".join(said.split())
    for question in load_agreement(path).file.questions:
        assert all(use in said for use in question.uses.forbidden)


def test_R19_a_replay_s_page_shows_what_its_answers_may_not_be_used_for(tmp_path: Path) -> None:
    log, page = tmp_path / "way.nmea", tmp_path / "page.html"
    log.write_bytes(b"".join(sentences(MORNING_MS + 1000 * i, spot) for i, spot in enumerate(straight(3000))))
    words = ["replay", str(log), "--agreement", str(EXAMPLE_AGREEMENT), "--report", str(page)]
    assert CliRunner().invoke(main, words).exit_code == 0
    text = page.read_text(encoding="utf-8")
    for question in load_agreement(EXAMPLE_AGREEMENT).file.questions:
        assert all(use in text for use in question.uses.forbidden)
