"""Two agents never share an outbox."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from buffer.lock import LOCK_FILE, OutboxInUse, agent_runs, held, kept_off

AGENT = 54321  # a user and group that is nobody's here
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="gives files away: root only")


def test_a_second_holder_is_turned_away_and_the_next_one_is_not(tmp_path: Path) -> None:
    with held(tmp_path), pytest.raises(OutboxInUse, match="another agent is running"), held(tmp_path):
        pytest.fail("two held it")
    with held(tmp_path):
        pass


@as_root
def test_a_lock_that_root_makes_belongs_to_whoever_has_the_folder(tmp_path: Path) -> None:
    os.chown(tmp_path, AGENT, AGENT)
    with held(tmp_path):
        made = (tmp_path / LOCK_FILE).stat()
    assert (made.st_uid, made.st_gid, made.st_mode & 0o777) == (AGENT, AGENT, 0o644)


@as_root
def test_a_lock_that_was_there_is_given_to_nobody(tmp_path: Path) -> None:
    somebodys = tmp_path / "somebody's"
    somebodys.touch()
    state = tmp_path / "state"
    state.mkdir()
    (state / LOCK_FILE).hardlink_to(somebodys)
    os.chown(state, AGENT, AGENT)
    with held(state):
        assert somebodys.stat().st_uid == 0


def test_whoever_only_asks_whether_the_agent_runs_makes_no_lock(tmp_path: Path) -> None:
    assert agent_runs(tmp_path) is False
    assert list(tmp_path.iterdir()) == []


def test_while_somebody_looks_at_the_lines_no_agent_starts_and_others_may_look(tmp_path: Path) -> None:
    """An agent that found a line taken would run on without it, off duty until it is started anew."""
    with held(tmp_path):
        assert agent_runs(tmp_path) is True
    with kept_off(tmp_path) as running, kept_off(tmp_path) as also:
        assert (running, also) == (False, False)
        with pytest.raises(OutboxInUse), held(tmp_path):
            pytest.fail("the agent started")
    with held(tmp_path):
        pass
