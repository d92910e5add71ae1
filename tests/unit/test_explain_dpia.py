"""The inputs of an impact assessment: every field, every risk, every measure, out of the agreement alone."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from agent.columns import STREAMS
from agent.explain import Language, Page, card, dpia, markdown, plain
from agent.explain.remains import inferred
from agent.explain.risks import RISK_OF
from tests.unit.agreement_parts import drop, everything, put, understood
from tests.unit.explain_parts import ENGLISH, both_languages, example, unchanged

ARTICLE_35_7 = ("about", "description", "purposes", "fields", "never", "people", "risks", "decided", "open")


def rows(page: Page, key: str) -> dict[str, list[str]]:
    """The cells of a section in English, by what the row is about."""
    (found,) = [section for section in page.sections if section.key == key]
    return {
        each.about: [" ".join(ENGLISH.say(fact) for fact in cell) for cell in each.cells]
        for each in found.entries
    }


@example
def test_R22_the_sections_are_those_of_the_article(name: str) -> None:
    assert tuple(section.key for section in dpia(understood(name)).sections) == ARTICLE_35_7


@example
def test_R22_every_field_that_leaves_has_its_purpose_precision_and_retention(name: str) -> None:
    file = understood(name).file
    found = rows(dpia(understood(name)), "fields")
    clocked = file.streams.track is not None and file.streams.track.clock != "stretch"
    fields = {f"{stream}.{each.field}" for stream in file.agreed_streams() for each in STREAMS[stream]}
    assert set(found) == (fields if clocked else fields - {"track.s"})
    for about, (says, purpose, kept) in found.items():
        stream = about.partition(".")[0]
        purposes = [each.purpose for each in file.questions if stream in each.needs]
        assert says
        assert all(words in purpose for words in purposes or ["To see that the box works."])
        assert kept.startswith(f"{file.agreed_streams()[stream].retention} days; ")


@pytest.mark.parametrize(
    ("field", "path", "value", "words"),
    [
        ("track.path", ("track", "precision"), "7 m", "within 7 m"),
        ("track.s", ("track", "clock"), "exact", "to the second"),
        ("track.s", ("track", "clock"), "minute", "to the minute"),
        ("lifts.latitude_deg", ("lifts", "cell"), "170 m", "170 m"),
        ("stops.longitude_deg", ("stops",), {"precision": "17 m", "retention": "9 days"}, "17 m"),
        ("day.distance_m", ("day", "precision"), "170 m", "170 m"),
        ("site_visits.dwell_class", ("site_visits", "dwell_classes"), ["20 min"], "under 20 min"),
    ],
)
def test_R22_what_a_field_says_follows_its_terms(
    field: str, path: tuple[str, ...], value: Any, words: str
) -> None:
    def change(tree: dict[str, Any]) -> None:
        everything(tree)
        put(value, "streams", *path)(tree)

    assert words in rows(dpia(understood(change=change)), "fields")[field][0]


def test_R22_a_declared_point_and_a_call_for_help_are_no_squares() -> None:
    found = rows(dpia(understood(change=everything)), "fields")
    assert found["stops.latitude_deg"][0] == "One of 1 agreed points."
    assert found["help.latitude_deg"][0].startswith("The exact place")
    assert found["live.latitude_deg"][0] == "The centre of a square of 100 m."


@example
def test_R22_everything_that_can_still_be_found_out_is_what_remains_of_a_risk(name: str) -> None:
    agreement = understood(name)
    remains = " ".join(cells[1] for cells in rows(dpia(agreement), "risks").values())
    for fact in inferred(agreement.file):
        assert ENGLISH.say(fact) in remains


def test_every_finding_belongs_to_a_risk_and_no_other_does() -> None:
    assert set(RISK_OF) == {key for key in ENGLISH.sentences if re.match(r"(daily\.|timed\.)?found\.", key)}


@example
def test_R22_every_risk_has_measures_and_a_rest(name: str) -> None:
    found = rows(dpia(understood(name)), "risks")
    assert {"hidden", "breaks", "braking", "misuse", "kept"} <= set(found)
    assert all(measures and remains for measures, remains in found.values())


def test_R22_a_timed_release_has_no_measure_for_breaks_and_says_so() -> None:
    assert rows(dpia(understood("operations")), "risks")["breaks"][0].startswith("None: ")


@example
def test_R22_owners_groups_and_forbidden_uses_are_named(name: str) -> None:
    file, text = understood(name).file, markdown(dpia(understood(name)), ENGLISH)
    for question in file.questions:
        for words in (question.id, question.owner, question.purpose, *question.uses.forbidden):
            assert words in text
    assert all(group in text for group in file.groups)


# Markdown.


@example
@both_languages
def test_the_markdown_has_whole_tables(name: str, language: Language) -> None:
    lines = markdown(dpia(understood(name)), language).splitlines()
    assert lines[0].startswith("# ")
    tables = "\n".join(line if line.startswith("|") else "" for line in lines).split("\n\n")
    for table in filter(None, (part.strip() for part in tables)):
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(widths) == 1


def test_the_agreement_s_own_words_are_no_markup() -> None:
    text = markdown(dpia(understood(change=put("a|b <b>*c*", "questions", 0, "asks"))), ENGLISH)
    assert r"a\|b \<b\>\*c\*" in text


def test_without_sites_and_limits_of_places_nothing_is_said_of_them() -> None:
    text = markdown(dpia(understood("operations", drop("places", "off_limits"))), ENGLISH)
    assert "Declared sites" not in text
    assert "union hall" not in text


# JSON.


@example
@both_languages
@pytest.mark.parametrize("make", [card, dpia])
def test_R22_the_json_holds_every_sentence_and_the_values_behind_it(
    make: Any, name: str, language: Language
) -> None:
    page = make(understood(name, unchanged))
    told = json.loads(json.dumps(plain(page, language)))
    texts = [text["text"] for text in _facts(told["sections"])]
    assert texts == [language.say(fact) for fact in page.facts]
    assert told["agreement"]["sha256"] == page.agreement.reference.sha256
    assert told["agreement"]["streams"] == list(page.agreement.file.agreed_streams())


def _facts(value: Any) -> list[Any]:
    if isinstance(value, dict) and {"id", "text", "values"} <= set(value):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [fact for each in inner for fact in _facts(each)]


def test_figures_in_the_json_stand_as_in_an_agreement_in_any_language() -> None:
    told = plain(card(understood()), ENGLISH)
    values = {fact["id"]: fact["values"] for fact in _facts(told["sections"])}
    assert values["until"] == {"date": "2028-12-31"}
    assert values["running"] == {"stand": "30 s", "ceiling": "25 m/s"}
    assert values["never.hidden.places"]["places"] == [
        {"id": "place.margin", "values": {"name": "union hall", "margin": "50 m"}}
    ]
