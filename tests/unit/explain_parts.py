"""What the tests of the notice card are made of: pages of changed examples, and how hard they are to read."""

from __future__ import annotations

import re

import pyphen
import pytest

from agent.explain import LANGUAGES, Language, Page, card
from agent.explain.fact import Fact, Told, Value
from tests.unit.agreement_parts import TIMED, Change, Tree, understood

EXAMPLES = ("routes-and-safety", "operations", "safety-only")
ENGLISH, SPANISH = LANGUAGES["en"], LANGUAGES["es"]
_OF_THE_FILE = {"identity"}
"""Facts that change with any change, because they name the file."""


def unchanged(tree: object) -> None:
    """The example as it is."""


def card_of(name: str = "routes-and-safety", change: Change = unchanged) -> Page:
    return card(understood(name, change))


def said(page: Page, language: Language) -> str:
    """All that a page says, but for what names the file; a sentence a line."""
    return "\n".join(language.say(each) for each in page.facts if each.key not in _OF_THE_FILE)


example = pytest.mark.parametrize("name", EXAMPLES)
both_languages = pytest.mark.parametrize("language", [ENGLISH, SPANISH], ids=lambda language: language.code)


def timed_instead(tree: Tree) -> None:
    """What the recommended example lets out, released as it happens."""
    tree["release"] = dict(TIMED)


def day_alone(tree: Tree) -> None:
    """The day's totals without the way."""
    for stream in ("track", "lifts"):
        del tree["streams"][stream], tree["release"]["envelopes"][stream]
    tree["questions"][0]["needs"] = ["day"]


def keys(page: Page) -> list[str]:
    """The keys of all facts and labels, those inside of other facts too."""
    entries = [entry for section in page.sections for entry in section.entries]
    labels = [entry.label for entry in entries if entry.label]
    return [key for each in (*page.facts, *labels) for key in _keys(each)]


def _keys(value: Value) -> list[str]:
    if isinstance(value, Fact):
        return [value.key, *(key for each in value.values.values() for key in _keys(each))]
    return [key for each in value for key in _keys(each)] if isinstance(value, tuple) else []


# Reading.


def own_words(page: Page, language: Language) -> str:
    """What the page says in words of its own: where it quotes the agreement, one short word stands."""
    return " ".join(language.say(_without_quotes(each)) for each in page.facts)


def _without_quotes(fact: Fact) -> Fact:
    return Fact(fact.key, {name: _own(value) for name, value in fact.values.items()})


def _own(value: Value) -> Value:
    if isinstance(value, Told):
        return Told("x")
    if isinstance(value, Fact):
        return _without_quotes(value)
    if isinstance(value, tuple):
        return (Told("x"),) if any(isinstance(each, Told) for each in value) else tuple(map(_own, value))
    return value


def counted(text: str, language: Language) -> tuple[float, float]:
    """Words a sentence and syllables a word, as formulas of readability want them."""
    words = re.findall(r"[^\W_]+(?:[’'-][^\W_]+)*", text)
    sentences = len(re.findall(r"[.!?](?=[\s)]|$)", text))
    return len(words) / sentences, sum(_syllables(word, language) for word in words) / len(words)


_HYPHENS = {"en": pyphen.Pyphen(lang="en_US"), "es": pyphen.Pyphen(lang="es")}
_VOWELS = {"en": r"[aeiouy]+(?!e$)", "es": r"[iuü]?[aeoáéó][iuyü]?(?![aeoáéíóú])|[aeoáéíóú]|[iuü]+"}


def _syllables(word: str, language: Language) -> int:
    """The more of what hyphenation and a count of the vowels say: each alone counts too few, never too many."""
    hyphens = len(_HYPHENS[language.code].positions(word.lower())) + 1
    return max(1, hyphens, len(re.findall(_VOWELS[language.code], word.lower())))


def grade(text: str) -> float:
    """The school year that reads an English text: Kincaid et al., Research Branch Report 8-75, 1975."""
    words, syllables = counted(text, ENGLISH)
    return 0.39 * words + 11.8 * syllables - 15.59


def ease(text: str) -> float:
    """How easy a Spanish text is, of 100; from 60 on it is of school: Fernández Huerta, Consigna 214, 1959.

    In the form that counts syllables and words a hundred words: 206.84 - 60 P - 1.02 F.
    """
    words, syllables = counted(text, SPANISH)
    return 206.84 - 60 * syllables - 1.02 * words
