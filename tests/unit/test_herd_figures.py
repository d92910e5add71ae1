"""The herd bench counts what its trucks told, and its sender is planted with what the agent's chance prevents."""

from __future__ import annotations

from collections import Counter

from agent.sending.backoff import Backoff
from agent.sending.refusals import Rule
from tests.herd.figures import Told, returned, table, time_line
from tests.herd.trucks import Lockstep

TOLD = [
    Told(-5.5, "attempt", 1, ""),
    Told(-5.4, "down", 1, "connection refused"),
    Told(0.2, "attempt", 1, ""),
    Told(0.3, "down", 1, "no answer in time"),
    Told(1.2, "attempt", 1, ""),
    Told(1.7, "up", 1, ""),
    Told(2.0, "drained", 1, ""),
    Told(1.9, "attempt", 2, ""),
    Told(2.1, "up", 2, ""),
]
KEPT = Counter({b"1 1": 1, b"1 2": 3})


def test_a_return_counts_attempts_connections_failures_and_what_arrived() -> None:
    found = returned(TOLD, 2, 10.0, 2, KEPT, 0.5)
    assert found.away_attempts == {4: 1}
    assert found.attempts == {0: 1, 1: 2}
    assert found.ups == {1: 1, 2: 1}
    assert [round(seconds, 3) for seconds in found.connect_s] == [0.5, 0.2]
    assert found.up_at == [1.7, 2.1]
    assert found.drained_at == [2.0]
    assert found.failures == {"no answer in time": 1}
    assert (found.batches, found.arrived, found.repeats) == (4, 2, 2)


def test_the_table_says_what_was_lost() -> None:
    lines = table({"one": returned(TOLD, 2, 10.0, 2, KEPT, 0.5)})
    assert "| batches lost | 2 |" in lines
    assert "| an attempt until accepted, ms: median / 95 % / most | 350 / 500 / 500 |" in lines


def test_the_time_line_has_a_bar_for_each_stretch() -> None:
    lines = time_line(returned(TOLD, 2, 10.0, 2, KEPT, 0.5))
    assert lines[1] == "   0 s     1 attempts #"
    assert lines[3] == "   1 s     2 attempts ##"
    assert lines[4] == "           1 accepted #"


def test_the_planted_back_off_leaves_nothing_to_chance() -> None:
    backoff = Backoff(1.0, 60.0, 1, Lockstep())
    assert [backoff.wait_s(Rule.RETRY) for _ in range(8)] == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]
