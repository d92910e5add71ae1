"""The notice card says all that is agreed and nothing else, and promises no more than the release can keep."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agent.agreement import load_agreement
from agent.explain import Language, Page, card, card_text, dpia
from tests.unit.agreement_parts import (
    AGREEMENTS,
    EVERY_STREAM,
    TIMED,
    Tree,
    drop,
    everything,
    put,
    understood,
)
from tests.unit.explain_parts import (
    ENGLISH,
    EXAMPLES,
    both_languages,
    card_of,
    day_alone,
    example,
    keys,
    said,
    timed_instead,
)


def section(page: Page, key: str) -> dict[str, str]:
    """What a section of the card says in English, by what it says it of."""
    (found,) = [each for each in page.sections if each.key == key]
    return {each.about: " ".join(ENGLISH.say(fact) for fact in each.facts) for each in found.entries}


# Everything that is agreed, and nothing else.


@example
def test_R22_every_agreed_stream_stands_on_the_card_and_no_other(name: str) -> None:
    assert list(section(card_of(name), "leaves")) == list(understood(name).file.agreed_streams())


@example
def test_R22_every_stream_comes_with_its_questions_its_retention_and_the_truck_s(name: str) -> None:
    file = understood(name).file
    for stream, words in section(card_of(name), "leaves").items():
        asking = [str(number) for number, each in enumerate(file.questions, 1) if stream in each.needs]
        told = re.findall(r"\((?:questions? ([^;]+)|no question); (\d+) / (\d+) days\)", words)
        retention = file.agreed_streams()[stream].retention
        truck = min(retention, file.limits.device_retention)
        assert told == [(" and ".join(asking), str(retention), str(truck))]


@example
def test_R22_every_question_comes_with_its_owner_its_purpose_and_its_uses(name: str) -> None:
    file, told = understood(name).file, section(card_of(name), "questions")
    assert list(told) == [question.id for question in file.questions]
    for question in file.questions:
        words = told[question.id]
        for part in (question.asks, question.owner, question.purpose, *question.uses.allowed):
            assert part in words
        assert all(use in words.partition("Forbidden:")[2] for use in question.uses.forbidden)


PRECISIONS = {
    "track": ("precision", "5 m", "7 m"),
    "stops": ("precision", "10 m", "17 m"),
    "lifts": ("cell", "100 m", "170 m"),
    "passed": ("cell", "100 m", "170 m"),
    "harsh_braking": ("cell", "100 m", "170 m"),
    "day": ("precision", "100 m", "170 m"),
    "crew_report": ("cell", "100 m", "170 m"),
    "live": ("cell", "100 m", "170 m"),
}


@pytest.mark.parametrize("stream", PRECISIONS)
@both_languages
def test_R22_a_stream_s_precision_is_that_of_the_agreement(stream: str, language: Language) -> None:
    key, before, after = PRECISIONS[stream]

    def change(tree: Tree, value: str) -> None:
        everything(tree)
        del tree["streams"]["stops"]["snapped_to"]
        tree["streams"][stream][key] = value

    was = said(card_of(change=lambda tree: change(tree, before)), language).splitlines()
    now = said(card_of(change=lambda tree: change(tree, after)), language).splitlines()
    (changed,) = set(now) - set(was)
    assert after in changed


@pytest.mark.parametrize("stream", [name for name in EVERY_STREAM if name != "box"])
@both_languages
def test_R22_what_is_said_of_a_stream_goes_with_it(stream: str, language: Language) -> None:
    def without(tree: Tree) -> None:
        everything(tree)
        del tree["streams"][stream]
        tree["questions"][0]["needs"].remove(stream)
        if stream == "harsh_braking":
            tree["release"]["fleet_slots"] = []

    whole, less = card_of(change=everything), card_of(change=without)
    assert stream in section(whole, "leaves")
    assert stream not in section(less, "leaves")
    assert OF_STREAMS[stream] <= set(keys(whole))
    assert not OF_STREAMS[stream] & set(keys(less))
    assert said(whole, language) != said(less, language)


OF_STREAMS = {
    "track": {"track", "timed.track.stretch", "timed.found.gap", "timed.pause.gap"},
    "stops": {"stops.declared", "found.stops.declared"},
    "lifts": {"lifts", "found.lifts"},
    "passed": {"timed.passed"},
    "harsh_braking": {"harsh_braking", "fleet.slots", "found.square.joined"},
    "day": {"day"},
    "site_visits": {"site_visits", "class.under", "class.over", "found.sites"},
    "crew_report": {"crew_report"},
    "help": {"help", "help.at_once", "never.help"},
    "live": {"timed.live", "timed.found.live"},
}


def test_R22_day_totals_alone_say_what_a_running_time_is() -> None:
    assert "counts 30 s of a stop" in section(card_of(change=day_alone), "leaves")["day"]


# Two modes.


@example
def test_R22_nothing_of_one_release_is_said_of_the_other(name: str) -> None:
    kind = understood(name).file.release.kind
    other = {"daily": "timed", "timed": "daily"}[kind]
    for page in (card_of(name), dpia(understood(name))):
        found = keys(page)
        assert any(key.startswith(f"{kind}.") for key in found)
        assert not any(key.startswith(f"{other}.") for key in found)


PROMISES = (
    "no time of day",
    "no trace",
    "is silent",
    "leave on a later day",
    "stay hidden",
    "not how long it was",
    "no speed at a place",
    "and how long it takes, changes nothing",
)
ADMISSIONS = (
    "your breaks show",
    "how long it takes can be seen",
    "how long you pause can be seen",
    "your speed can be",
)


def test_R22_a_timed_card_promises_nothing_that_only_a_daily_one_can() -> None:
    daily = said(card_of(), ENGLISH).lower()
    timed = said(card_of(change=timed_instead), ENGLISH).lower()
    for words in PROMISES:
        assert words in daily
        assert words not in timed
    for words in ADMISSIONS:
        assert words in timed
        assert words not in daily


def test_R22_a_timed_card_says_that_breaks_show_whatever_is_agreed() -> None:
    brakings_alone = card_of("safety-only", put(TIMED, "release"))
    assert "your breaks show: when, and how long" in said(brakings_alone, ENGLISH)
    assert "your breaks show: when, where and how long" in said(card_of("operations"), ENGLISH)


def test_R22_a_daily_agreement_without_hours_says_that_the_start_of_a_shift_can_show() -> None:
    assert "daily.found.duty" in keys(card_of(change=put([], "duty", "schedule")))
    assert "daily.found.duty" not in keys(card_of())


def test_R22_where_no_stream_tells_of_places_the_card_says_so() -> None:
    assert "Not where your truck went." in said(card_of("safety-only"), ENGLISH)
    assert "Not where your truck went." not in said(card_of(), ENGLISH)


def test_R22_a_break_at_an_undeclared_place_is_a_stop_only_where_any_place_is_named() -> None:
    assert "timed.found.stops" in keys(card_of("operations"))
    declared = put(EVERY_STREAM["stops"], "streams", "stops")
    assert "timed.found.stops" not in keys(card_of("operations", declared))


# Stopped, ended, followed.


def test_R22_a_stopped_agreement_is_said_before_all_else() -> None:
    text = card_text(card_of(change=put(True, "stop_all")), ENGLISH)
    assert text.index("STOPPED") < text.index("Agreed by") < text.index("WHAT LEAVES (")


def test_R22_the_end_of_an_agreement_is_said_and_that_then_only_the_box_is_left() -> None:
    says = "Its last day is 31 December 2028.\nThen only the state of the box leaves."
    assert says in said(card_of(), ENGLISH)


@both_languages
def test_R22_what_stands_behind_is_said_with_its_own_end(language: Language, tmp_path: Path) -> None:
    for name in EXAMPLES:
        text = (AGREEMENTS / f"{name}.yaml").read_text(encoding="utf-8")
        (tmp_path / f"{name}.yaml").write_text(text.replace("\n# behind:", "\nbehind:"), encoding="utf-8")
    agreement = load_agreement(tmp_path / "routes-and-safety.yaml")
    assert agreement.behind
    words = said(card(agreement), language)
    for part in ("safety-only", "2029", agreement.behind.reference.sha256[:12]):
        assert part in words


def test_R22_the_card_carries_version_and_short_id() -> None:
    agreement = understood(change=put(7, "version"))
    text = " ".join(card_text(card(agreement), ENGLISH).split())
    assert f"routes-and-safety, version 7, short id {agreement.reference.sha256[:12]}. " in text


def test_a_stream_that_no_question_needs_any_more_is_said_with_its_end() -> None:
    def ends_early(tree: Tree) -> None:
        tree["questions"][2]["valid_until"] = "2027-03-05"

    told = section(card_of(change=ends_early), "leaves")
    assert "Only until 5 March 2027." in told["harsh_braking"]
    assert "Only until" not in told["track"]


def test_off_limits_may_be_empty() -> None:
    words = said(card_of("operations", drop("places", "off_limits")), ENGLISH)
    assert "or from outside the service area." in words
    assert "place off limits:" not in words
