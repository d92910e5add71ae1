"""The real agent, killed and ended in every phase over a real broker; `make kills` does the same hundreds of times."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from random import Random

import pytest

from tests.kills.ledger import outcome
from tests.kills.loops import kill_over_and_over
from tests.kills.phases import PHASES, Fate, Shown, Watch
from tests.kills.stops import FEW, end_in_every_phase, stop_and_go_on, wrong
from tests.kills.yard import Yard

SEED = 3
STOPPED_S = 8.0  # the broker's patience is one and a half keepalives of 5 s, and it looks every 5 s


def test_R11_an_agent_killed_in_every_phase_loses_and_repeats_nothing(tmp_path: Path) -> None:
    with Yard(tmp_path) as yard:
        killed = kill_over_and_over(yard, len(PHASES), Random(SEED))
        assert killed.wrong == []
        assert sum(killed.phases.values()) + killed.ended == len(PHASES)
        assert len(killed.phases) >= 3
        yard.settle()
        found = outcome(yard)
    assert found.wrong == []
    assert found.batches > 0
    assert found.arrived > 0
    finds_what_is_lost(yard)


def finds_what_is_lost(yard: Yard) -> None:
    """A ledger that finds nothing wrong with anything would be worth nothing."""
    with yard.promises.open("ab") as promises:
        promises.write(b'given {"records": ["ffff"], "batches": ["eeee"]}\n')
    with sqlite3.connect(yard.city.store) as store:
        store.execute("UPDATE arrived SET last_n = last_n - 1 WHERE stream = 'live'")
        store.execute("DELETE FROM batch WHERE id = (SELECT max(id) FROM batch WHERE stream = 'live')")
    store.close()
    with sqlite3.connect(yard.outbox) as outbox:
        newest = outbox.execute("SELECT max(n) FROM batch WHERE stream = 'live'").fetchone()[0]
        for table in ("batch_first", "batch_last"):
            outbox.execute(f"DELETE FROM {table} WHERE stream = 'live' AND n = ?", (newest - 1,))
    outbox.close()
    assert [words.partition(":")[0] for words in outcome(yard).wrong] == [
        "batches that were committed and are nowhere",
        "records that were committed and are nowhere",
        "acknowledged batches that the city has not",
        "receipts that do not verify",
    ]


def test_R11_sigterm_ends_an_agent_cleanly_within_two_seconds_wherever_it_is(tmp_path: Path) -> None:
    with Yard(tmp_path) as yard:
        ended = end_in_every_phase(yard, FEW, 1, Random(SEED))
        assert wrong(ended, FEW) == []
        yard.settle()
        assert outcome(yard).wrong == []


def test_R11_an_agent_that_was_stopped_for_longer_than_anyone_waits_goes_on_quietly(tmp_path: Path) -> None:
    with Yard(tmp_path) as yard:
        assert stop_and_go_on(yard, STOPPED_S).wrong == []
        yard.settle()
        assert outcome(yard).wrong == []


@pytest.mark.parametrize("inner", ["committing", "purging"])
def test_the_innermost_phase_is_shown_unless_all_is_starting(tmp_path: Path, inner: str) -> None:
    watch, shown = Watch(Shown(tmp_path / "phase"), Fate("ending", 1, 0.0)), Shown(tmp_path / "phase")
    watch.enter("starting")
    watch.enter(inner)
    assert shown.get() == "starting"
    watch.leave()
    watch.leave()
    watch.enter(inner)
    assert shown.get() == inner
    watch.leave()
    assert shown.get() == "recording"
