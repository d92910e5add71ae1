"""R11: the power is cut in the middle of a shift; a small part of what `make crash` tries.

The program is traced as it writes, the states that a cut could leave are made from that and opened by the agent's own
start. Each bug that is planted must be caught, or the rest would show nothing.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest

from tests.crash.hunt import Shift, shift_of, tallied
from tests.crash.planted import PLANTED
from tests.crash.trace import Promise, Rename, Sync, Unlink

PROCESSES = int(os.environ.get("TEST_JOBS", "2"))


@pytest.fixture(scope="module")
def shift() -> Shift:
    return shift_of("operations")


def test_the_shift_holds_everything_that_a_cut_may_fall_into(shift: Shift) -> None:
    kinds = Counter(type(step) for step in shift.steps)
    assert min(kinds[Sync], kinds[Rename], kinds[Promise]) > 100
    assert any(isinstance(step, Unlink) and "damaged" in step.name for step in shift.steps)
    met = {why for said in shift.said for why in said.get("met", ())}
    assert met == {"evicted", "purged"}
    told = shift.moments[-1].told
    assert told.aside_over
    assert len(told.broker) > 100
    assert len(shift.once) > 100


def test_R11_nothing_is_lost_sent_anew_or_kept_too_long_wherever_the_power_is_cut(shift: Shift) -> None:
    tally = tallied([shift], PROCESSES, every=120)
    assert tally.states > 150
    assert tally.wrong == Counter()


def test_R11_a_card_that_ignores_syncs_never_stops_the_agent(shift: Shift) -> None:
    tally = tallied([shift], PROCESSES, every=120, ignores_sync=True)
    assert tally.states > 50
    assert tally.wrong == Counter()


@pytest.mark.parametrize("plant", [plant for plant, bug in PLANTED.items() if bug.shows_in])
def test_a_planted_bug_is_caught(plant: str) -> None:
    tally = tallied([shift_of("operations", plant, boots=1)], PROCESSES, every=70)
    assert tally.wrong[PLANTED[plant].shows_in] > 0
