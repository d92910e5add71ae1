"""Looking for the level that catches a mutant, and how many examples that takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.mutants.table import MUTANTS
from tests.properties.levels.named import LEVELS
from tests.properties.levels.seen import Faulted

EXAMPLES_MAX = 2000


class Found(NamedTuple):
    """A mutant, the level that caught it (None: none did), and the examples that were needed, or used up."""

    mutant: str
    level: str | None
    examples: int


class _Caught(Exception):
    """The level does not hold any more."""


def hunted(name: str, examples_max: int = EXAMPLES_MAX, levels: Iterable[str] | None = None) -> Found:
    """Plant the mutant and try the level that is expected to catch it, then all others."""
    expected = MUTANTS[name].level
    used = 0
    with pytest.MonkeyPatch.context() as patch:
        MUTANTS[name].plant(patch)
        for level in levels if levels is not None else _from(expected):
            caught, examples = _tried(level, examples_max)
            used += examples
            if caught:
                return Found(name, level, examples)
    return Found(name, None, used)


def _from(expected: str) -> Iterator[str]:
    yield expected
    yield from (level for level in LEVELS if level != expected)


def _tried(name: str, examples_max: int) -> tuple[bool, int]:
    """Whether the level is broken, and after how many examples."""
    level = LEVELS[name]
    examples = 0

    @seed(1)
    @settings(
        max_examples=examples_max,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(level.drawn)
    def holds(drawn: object) -> None:
        nonlocal examples
        examples += 1
        try:
            wrong = level.wrong(drawn)
        except Faulted:
            raise AssertionError("the mutant does not work: the recording half failed") from None
        if wrong is not None:
            raise _Caught

    try:
        holds()
    except _Caught:
        return True, examples
    return False, examples
