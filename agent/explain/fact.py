"""Facts that an agreement makes true, before any language says them."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from agent.agreement import Agreement
from config.quantities import AGE, DURATION, LENGTH, SIZE, SPEED, Dimension


class Told(str):
    """Words of the agreement itself: shown as they stand there, in whatever language."""

    __slots__ = ()


@dataclass(frozen=True)
class Amount:
    """A quantity in SI units (days and bytes where the dimension counts those)."""

    value: float
    dimension: Dimension


Value: TypeAlias = "str | int | datetime.date | Amount | Fact | tuple[Value, ...]"


@dataclass(frozen=True)
class Fact:
    """One sentence's worth: `key` is the sentence in every language, `values` is what it says it of."""

    key: str
    values: Mapping[str, Value] = field(default_factory=dict)


def fact(key: str, **values: Value) -> Fact:
    """A fact with its values by name."""
    return Fact(key, values)


def days(value: int) -> Amount:
    """A number of days."""
    return Amount(value, AGE)


def metres(value: float) -> Amount:
    """A length."""
    return Amount(value, LENGTH)


def seconds(value: float) -> Amount:
    """A duration."""
    return Amount(value, DURATION)


def speed(value_mps: float) -> Amount:
    """A speed."""
    return Amount(value_mps, SPEED)


def size(value_bytes: int) -> Amount:
    """A size in bytes."""
    return Amount(value_bytes, SIZE)


def told(texts: Iterable[str]) -> tuple[Told, ...]:
    """Several words of the agreement."""
    return tuple(Told(text) for text in texts)


class Entry(NamedTuple):
    """What is said of one thing. `about` is its id, "" for none; `cells` are its facts, one cell for each column."""

    cells: tuple[tuple[Fact, ...], ...]
    about: str = ""
    label: Fact | None = None

    @property
    def facts(self) -> list[Fact]:
        """All of them, in order."""
        return [each for cell in self.cells for each in cell]


class Section(NamedTuple):
    """Entries under one heading; `columns` names their cells, and is empty where each has just one."""

    key: str
    entries: tuple[Entry, ...]
    columns: tuple[str, ...] = ()


class Page(NamedTuple):
    """A whole page and the agreement that it explains. `kind` is `card` or `dpia`."""

    kind: str
    agreement: Agreement
    sections: tuple[Section, ...]

    @property
    def facts(self) -> list[Fact]:
        """All of them, in order."""
        return [each for section in self.sections for entry in section.entries for each in entry.facts]


def entry(*facts: Fact) -> Entry:
    """An entry of one cell, about nothing in particular."""
    return Entry((facts,))
