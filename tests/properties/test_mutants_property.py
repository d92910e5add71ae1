"""Planted leaks are caught by the level that is meant to: a few of them here, all by `make mutants`."""

from __future__ import annotations

import pytest

from tests.mutants.hunt import hunted
from tests.mutants.table import MUTANTS

EXAMPLES = 80
RARE = {  # caught too, but not so soon
    "a pulse wakes the runtime",
    "keepalive on duty",
    "label per record",
    "resend at engine-off",
    "epoch change at engine-off",
    "slots are used on duty",
    "lines remember hidden edges",
    "uncapped dwell decides stops",
    "loss of power leaves a trace",
    "first of two stops lost with the power",
    "speeds above the ceiling judge brakings",
    "faster trucks settle sooner",
}


@pytest.mark.parametrize("name", [name for name in MUTANTS if name not in RARE])
def test_a_planted_leak_is_caught(name: str) -> None:
    expected = MUTANTS[name].level
    assert hunted(name, EXAMPLES, levels=[expected]).level == expected
