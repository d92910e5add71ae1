"""A language: the sentence for each kind of fact, and how it writes figures, dates and lists."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from agent.explain.fact import Amount, Fact, Told, Value
from config.quantities import SPEED, written

KMH_PER_MPS = 3.6


@dataclass(frozen=True)
class Language:
    """`sentences` by the facts' keys, with the values' names in braces; `titles` of pages, sections and columns.

    `units` translates what units are called; `listed` joins words.
    """

    code: str
    sentences: Mapping[str, str]
    titles: Mapping[str, str]
    months: tuple[str, ...]
    date: str
    units: Mapping[str, str]
    listed: Callable[[list[str]], str]

    def say(self, fact: Fact) -> str:
        """The fact as a sentence. Raises KeyError for one that this language does not know."""
        values = {name: self.word(value) for name, value in fact.values.items()}
        return self.sentences[fact.key].format_map(values)

    def word(self, value: Value) -> str:
        """A value as it stands in a sentence."""
        if isinstance(value, Fact):
            return self.say(value)
        if isinstance(value, Amount):
            return self._amount(value)
        if isinstance(value, datetime.date):
            return self.date.format(day=value.day, month=self.months[value.month - 1], year=value.year)
        if isinstance(value, tuple):
            return self.listed([self.word(each) for each in value])
        return one_line(value) if isinstance(value, Told) else str(value)

    def _amount(self, amount: Amount) -> str:
        if amount.dimension is SPEED:
            return f"{amount.value * KMH_PER_MPS:g} km/h"
        number, _, unit = written(amount.value, amount.dimension).partition(" ")
        return f"{number} {self.units.get(unit, unit)}"


def one_line(text: str) -> str:
    """The agreement's words without what a terminal acts on, on one line."""
    return " ".join("".join(mark if mark.isprintable() else " " for mark in text).split())
