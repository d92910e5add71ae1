"""The notice card fits on a page, is easy to read, and says the same in both languages."""

from __future__ import annotations

import string

from agent.explain import Language, card, card_text, dpia
from tests.unit.agreement_parts import TIMED, Tree, everything, put, understood
from tests.unit.explain_parts import (
    ENGLISH,
    SPANISH,
    both_languages,
    card_of,
    day_alone,
    ease,
    example,
    grade,
    keys,
    own_words,
    said,
    timed_instead,
)
from tests.unit.test_explain_changes import CHANGES

LINES_MAX, CHARACTERS_MAX = 60, 100
GRADE_MAX = 7.0  # read at the age of 12
EASE_MIN = 60.0  # what a school book has


@example
@both_languages
def test_R22_the_card_of_an_example_fits_on_one_page(name: str, language: Language) -> None:
    lines = card_text(card_of(name), language).splitlines()
    assert len(lines) <= LINES_MAX
    assert max(map(len, lines)) <= CHARACTERS_MAX


@example
def test_R22_a_child_of_twelve_can_read_the_english_card(name: str) -> None:
    assert grade(own_words(card_of(name), ENGLISH)) <= GRADE_MAX


@example
def test_R22_the_spanish_card_is_as_easy_as_a_school_book(name: str) -> None:
    assert ease(own_words(card_of(name), SPANISH)) >= EASE_MIN


def test_what_is_hard_to_read_is_measured_as_hard() -> None:
    english = "Notwithstanding contractual obligations, organisations may retain identifiable information."
    spanish = (
        "No obstante las obligaciones contractuales, las organizaciones conservarán informaciones personales."
    )
    assert grade(english) > 2 * GRADE_MAX
    assert ease(spanish) < EASE_MIN / 2


def test_R22_every_english_sentence_has_its_spanish_one_and_both_name_the_same_things() -> None:
    assert set(ENGLISH.sentences) == set(SPANISH.sentences)
    assert set(ENGLISH.titles) == set(SPANISH.titles)
    for key, english in ENGLISH.sentences.items():
        assert names(english) == names(SPANISH.sentences[key]), key


def names(sentence: str) -> list[str]:
    return sorted(name for _, name, _, _ in string.Formatter().parse(sentence) if name)


def brakings_with_a_clock(tree: Tree) -> None:
    """A timed release of which nothing tells of places."""
    tree["release"] = dict(TIMED)
    tree["streams"] = {name: tree["streams"][name] for name in ("harsh_braking", "box")}
    tree["questions"] = [each for each in tree["questions"] if each["needs"] == ["harsh_braking"]]


def test_no_sentence_is_left_that_no_agreement_needs() -> None:
    agreements = [understood(name, change) for name, change, _, _ in CHANGES.values()]
    others = (everything, timed_instead, day_alone, brakings_with_a_clock, put([], "places", "off_limits"))
    agreements += [understood(change=change) for change in others]
    agreements.append(understood("safety-only"))
    used: set[str] = {"behind"}  # needs a file of its own
    for agreement in agreements:
        used |= set(keys(card(agreement))) | set(keys(dpia(agreement)))
    assert set(ENGLISH.sentences) - used == set()


def test_a_list_in_spanish_joins_by_ear() -> None:
    listed = SPANISH.listed
    assert listed([]) == ""
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b y c"
    assert listed(["legal", "it"]) == "legal e it"
    assert listed(["agua", "hielo"]) == "agua y hielo"


def test_a_day_is_one_and_a_date_has_its_month_in_words() -> None:
    words = said(card_of("operations", put("1 day", "streams", "live", "retention")), SPANISH)
    assert "1 / 1 día)" in words
    assert "31 de diciembre de 2028" in words


def test_the_agreement_s_own_words_can_t_act_on_a_terminal_or_break_a_line() -> None:
    text = card_text(card_of(change=put("a\x1b[2J\nb\u202ec", "city")), ENGLISH)
    assert "TRUCK: a [2J b c. Data" in text
