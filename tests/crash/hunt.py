"""From one traced shift to the states that a cut could leave, and from those to a table's row."""

from __future__ import annotations

import concurrent.futures
import functools
import hashlib
import logging
import multiprocessing
import random
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from agent import standing
from agent.agreement import agreement_from_canonical
from tests.crash.card import Card, State
from tests.crash.opening import Cut, Opening, Wrong
from tests.crash.planted import NOTHING
from tests.crash.promises import Told
from tests.crash.shift import BOOTS, PAGES_MAX, agreed
from tests.crash.trace import Promise, Step, traced

PART_STEPS = 250  # so many steps are one task, whatever number of processes there is
MEMORY = Path("/dev/shm")


class Moment(NamedTuple):
    """What was promised by then, how many promises that are, and what the next ones say of the rows and the file."""

    told: Told
    promised: int
    next_rows: frozenset[str] | None
    next_file: str | None


class Shift:
    """A traced shift of one agreement, and what is known of the whole of it."""

    def __init__(self, agreement: str, steps: Sequence[Step]) -> None:
        self.agreement = agreement
        self.steps = steps
        self.said = [step.said for step in steps if isinstance(step, Promise)]
        contents = {name: each for said in self.said for name, each in said.get("records", {}).items()}
        self.records = {name: len(each) for name, each in contents.items()}
        count = Counter(record for each in contents.values() for record in set(each))
        self.once = frozenset(record for record, times in count.items() if times == 1)
        self.moments = list(self._moments())

    def _moments(self) -> Iterator[Moment]:
        """One for each step. What comes next is known from a look at all, backwards."""
        told = [Told()]
        for said in self.said:
            told.append(told[-1].after(said))
        next_rows: list[frozenset[str] | None] = [None]
        next_file: list[str | None] = [None]
        for said, after in zip(reversed(self.said), reversed(told), strict=False):
            rows = frozenset(after.rows or ()) if "add" in said else next_rows[-1]
            next_rows.append(None if "damaged" in said else rows)
            next_file.append(said["digest"] if "file" in said else next_file[-1])
        promised = 0
        for step in self.steps:
            promised += isinstance(step, Promise)
            yield Moment(told[promised], promised, next_rows[-1 - promised], next_file[-1 - promised])


class Part(NamedTuple):
    """One task: the steps of a shift from `first` on, one of so many looked at."""

    shift: int
    first: int
    every: int
    ignores_sync: bool


@dataclass
class Tally:
    """How many different states were opened, and what was wrong with them."""

    states: int = 0
    wrong: Wrong = field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        """Both together."""
        self.states += other.states
        self.wrong += other.wrong


_READ = functools.cache(agreement_from_canonical)  # the same bytes at tens of thousands of starts
_SHIFTS: list[Shift] = []  # what the processes find when they are forked: too much to send with each task


def shift_of(agreement: str, plant: str = NOTHING, boots: int = BOOTS) -> Shift:
    """Run a shift under strace, so many boots of it."""
    with tempfile.TemporaryDirectory(dir=_memory()) as home:
        return Shift(agreement, traced(agreement, plant, boots, Path(home)))


def tallied(shifts: Sequence[Shift], processes: int, *, every: int = 1, ignores_sync: bool = False) -> Tally:
    """All different states of these shifts, opened; `every`: at one step in so many."""
    _SHIFTS[:] = shifts
    for shift in shifts:
        agreed(shift.agreement)  # read once, for all processes
    parts = [
        Part(i, first, every, ignores_sync)
        for i, shift in enumerate(shifts)
        for first in range(0, len(shift.steps), PART_STEPS)
    ]
    tally = Tally()
    fork = multiprocessing.get_context("fork")
    with concurrent.futures.ProcessPoolExecutor(processes, mp_context=fork) as pool:
        for one in pool.map(_tried, parts):
            tally.add(one)
    return tally


def _tried(part: Part) -> Tally:
    logging.lastResort = None
    standing.agreement_from_canonical = _READ  # type: ignore[attr-defined]
    shift = _SHIFTS[part.shift]
    with tempfile.TemporaryDirectory(dir=_memory()) as folder:
        opening = Opening(Path(folder), agreed(shift.agreement), PAGES_MAX[shift.agreement])
        tally = Tally()
        for cut in _cuts(shift, part):
            tally.add(Tally(1, opening.judged(cut, tally.states)))
    return tally


def _memory() -> Path | None:
    return MEMORY if MEMORY.is_dir() else None


def _cuts(shift: Shift, part: Part) -> Iterator[Cut]:
    """Every choice at every moment, each state with the same promises once."""
    card, chance = Card(ignores_sync=part.ignores_sync), random.Random(f"{shift.agreement} {part.first}")
    seen: set[bytes] = set()
    for i, step in enumerate(shift.steps[: part.first + PART_STEPS]):
        card.do(step)
        if i < part.first or i % part.every:
            continue
        told, promised, next_rows, next_file = shift.moments[i]
        for kept in card.choices(chance):
            state = card.state(kept)
            if (name := _name(state, promised)) not in seen:
                seen.add(name)
                known = (shift.records, shift.once)
                yield Cut(
                    state, told, promised, next_rows, next_file, *known, keeps_word=not part.ignores_sync
                )


def _name(state: State, promised: int) -> bytes:
    found = hashlib.blake2b(promised.to_bytes(8), digest_size=16)
    for name, data in state.items():
        found.update(b"%s %d " % (name.encode(), len(data)))
        found.update(data)
    return found.digest()
