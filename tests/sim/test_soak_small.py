"""A few seeds of the soak, and what it is worth: the same seed twice is the same, and planted bugs are found."""

from __future__ import annotations

import pytest

from tests.soak.__main__ import main
from tests.soak.bugs import BUGS, hunted
from tests.soak.run import soaked

DAYS = 4


@pytest.mark.parametrize("seed", range(6))
def test_whole_days_with_faults_lose_nothing_and_bring_nothing_twice(seed: int) -> None:
    outcome = soaked(1000 + seed, DAYS)
    assert outcome.broken is None
    assert outcome.happened["batches at the city"] > 0
    assert outcome.happened["lives"] > 0


def test_a_seed_replays_itself_to_the_byte() -> None:
    assert soaked(7, DAYS) == soaked(7, DAYS)


@pytest.mark.parametrize("bug", ["sealed rows stay", "acknowledged when published"])
def test_planted_bugs_are_found_within_a_few_seeds(bug: str) -> None:
    assert bug in BUGS
    assert hunted(bug, 8).broken is not None


def test_a_seed_that_breaks_prints_itself_and_what_replays_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.soak.rules.ATTEMPTS_AN_HOUR_MAX", 0)
    monkeypatch.setattr("tests.soak.run.DAYS", (1, 1))
    assert main(["--seed", "3"]) == 1
    told = capsys.readouterr().out
    assert "seed 3 BROKEN" in told
    assert "make soak SEED=3" in told
