"""What a card may hold after a power cut, given what was done to it.

Synced is what survives. Of everything else each part may have reached the card or not, in any order, and a write may
be torn between sectors of 512 bytes; names come, change and go only with the folder's own sync. A hole reads as zeros.
With `ignores_sync` the card says that it has synced and has not; what is older than its cache has reached it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tests.crash.trace import Create, Grow, Rename, Step, Sync, SyncFolder, Truncate, Unlink, Write

SECTOR_BYTES = 512
FOLDER = 0  # in the place of a file's number
CACHE_STEPS = 120  # what a card that ignores syncs may still lose
DROPPED_MAX = 3  # of the unsynced steps of one moment, so many are left out, and kept alone
NAMES_DROPPED_MAX = 4  # and of its names these
SUBSETS = 3

Content = Write | Truncate | Grow
Naming = Create | Rename | Unlink
State = dict[str, bytes]


class Kept(NamedTuple):
    """Of the unsynced steps, one that has reached the card; of a torn write only the sectors named."""

    step: Content | Naming
    sectors: frozenset[int] | None = None


class Card:
    """A card to which step after step is done."""

    def __init__(self, *, ignores_sync: bool = False) -> None:
        self._ignores_sync = ignores_sync
        self._files: dict[int, bytearray] = {}
        self._names: dict[str, int] = {}
        self._unsynced: dict[int, Content | Naming] = {}  # in the order of the steps
        self._of: dict[int, list[int]] = {}  # which of them wait for a file's sync, or the folder's
        self._steps = 0

    def do(self, step: Step) -> None:
        """One step more."""
        self._steps += 1
        if isinstance(step, Content | Naming):
            self._unsynced[self._steps] = step
            self._of.setdefault(FOLDER if isinstance(step, Naming) else step.file, []).append(self._steps)
            if self._ignores_sync and len(self._unsynced) > CACHE_STEPS:
                self._settle([next(iter(self._unsynced))])
        elif isinstance(step, Sync | SyncFolder) and not self._ignores_sync:
            self._settle(self._of.pop(FOLDER if isinstance(step, SyncFolder) else step.file, []))
            if isinstance(step, SyncFolder):
                self._forget()

    def _forget(self) -> None:
        """Files that no name leads to any more."""
        named = {*self._names.values(), FOLDER}
        for file in [each for each in self._of if each not in named]:
            for number in self._of.pop(file):
                del self._unsynced[number]

    def _settle(self, numbers: list[int]) -> None:
        _apply(self._files, self._names, [Kept(self._unsynced.pop(number)) for number in numbers])

    def state(self, kept: list[Kept]) -> State:
        """What the card holds when so much of the unsynced has reached it."""
        touched = {each.step.file for each in kept if isinstance(each.step, Content)}
        files = {file: bytearray(data) if file in touched else data for file, data in self._files.items()}
        names = dict(self._names)
        _apply(files, names, kept)
        return {name: bytes(files.get(file, b"")) for name, file in sorted(names.items())}

    def choices(self, chance: random.Random) -> Iterator[list[Kept]]:
        """Ways in which a power cut now may leave it: nothing, all, all but one, one alone, torn, subsets."""
        steps = list(self._unsynced.values())
        whole = [Kept(step) for step in steps]
        if not self._ignores_sync:
            yield []
            if not steps:
                return
            yield whole
            names = [i for i, step in enumerate(steps) if isinstance(step, Naming)]
            some = chance.sample(range(len(steps)), min(DROPPED_MAX, len(steps)))
            for i in {*some, *names[-NAMES_DROPPED_MAX:]}:
                yield whole[:i] + whole[i + 1 :]
                yield [whole[i]]
            for tear in TEARS:
                yield [*whole[:-1], *_torn(steps[-1], tear, chance)]
        for _ in range(SUBSETS):
            yield _subset(steps, chance)


def _subset(steps: list[Content | Naming], chance: random.Random) -> list[Kept]:
    """Any part of the steps, some of them torn; the names in order, as a journal keeps them, or in any."""
    likely = chance.choice([0.2, 0.5, 0.8, 0.95])
    last_name = chance.randrange(len(steps) + 1) if chance.random() < 0.5 else None
    kept: list[Kept] = []
    for i, step in enumerate(steps):
        if isinstance(step, Naming) and last_name is not None:
            kept += [Kept(step)] if i < last_name else []
        elif chance.random() < likely:
            kept += _torn(step, chance.choice(TEARS), chance) if chance.random() < 0.2 else [Kept(step)]
    return kept


def _first(sectors: int, chance: random.Random) -> frozenset[int]:
    return frozenset(range(chance.randrange(sectors)))


def _last(sectors: int, chance: random.Random) -> frozenset[int]:
    return frozenset(range(chance.randrange(1, sectors), sectors)) if sectors > 1 else frozenset()


def _any(sectors: int, chance: random.Random) -> frozenset[int]:
    return frozenset(i for i in range(sectors) if chance.random() < 0.5)


TEARS: tuple[Callable[[int, random.Random], frozenset[int]], ...] = (_first, _last, _any)


def _torn(
    step: Content | Naming, tear: Callable[[int, random.Random], frozenset[int]], chance: random.Random
) -> list[Kept]:
    """A write of which some sectors have reached the card; what is no write is whole or absent."""
    if not isinstance(step, Write):
        return []
    first, last = step.offset // SECTOR_BYTES, (step.offset + len(step.data) - 1) // SECTOR_BYTES
    return [Kept(step, frozenset(first + i for i in tear(last - first + 1, chance)))]


def _apply(files: dict[int, bytearray], names: dict[str, int], kept: list[Kept]) -> None:
    for step, sectors in kept:
        if isinstance(step, Write):
            _write(files.setdefault(step.file, bytearray()), step, sectors)
        elif isinstance(step, Truncate | Grow):
            data = files.setdefault(step.file, bytearray())
            if isinstance(step, Truncate):
                del data[step.length :]
            data.extend(bytes(step.length - len(data)))
        elif isinstance(step, Create):
            names[step.name] = step.file
        else:
            gone = step.old if isinstance(step, Rename) else step.name
            if names.get(gone) == step.file:
                del names[gone]
            if isinstance(step, Rename):
                names[step.new] = step.file


def _write(data: bytearray, step: Write, sectors: frozenset[int] | None) -> None:
    for offset, part in _parts(step, sectors):
        if len(data) < offset:
            data.extend(bytes(offset - len(data)))
        data[offset : offset + len(part)] = part


def _parts(step: Write, sectors: frozenset[int] | None) -> Iterator[tuple[int, bytes]]:
    if sectors is None:
        yield step.offset, step.data
        return
    for sector in sorted(sectors):
        since = max(step.offset, sector * SECTOR_BYTES)
        until = min(step.offset + len(step.data), (sector + 1) * SECTOR_BYTES)
        yield since, step.data[since - step.offset : until - step.offset]
