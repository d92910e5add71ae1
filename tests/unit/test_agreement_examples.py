"""The example agreements load, name only streams that exist, and say of themselves what is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agent.agreement import Agreement, load_agreement
from agent.agreement.schema import DailyRelease, Limits, TimedRelease
from agent.columns import STREAMS
from agent.records import day_number
from agent.surroundings import EXAMPLE_AGREEMENT
from config.load import load_yaml
from config.shape import fields
from drivers.simulate import shift, write
from tests.unit.agreement_parts import AGREEMENTS

FILES = sorted(AGREEMENTS.glob("*.yaml"))
TODAY = day_number("2026-12-01")
DAY_BYTES_MAX = 100_000
FRAMING_BYTES = 200
"""More than MQTT and TCP add to an envelope of one segment: topic, headers, acknowledgement."""

STREAMS_OF = {
    "routes-and-safety": {"track", "lifts", "harsh_braking", "day", "site_visits", "help", "box"},
    "operations": {"track", "stops", "passed", "harsh_braking", "crew_report", "help", "live", "box"},
    "safety-only": {"harsh_braking", "box"},
}

example = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def test_every_example_is_known_here() -> None:
    assert {path.stem for path in FILES} == set(STREAMS_OF)
    assert EXAMPLE_AGREEMENT in FILES


@example
def test_an_example_loads_and_carries_its_file_s_name(path: Path) -> None:
    assert load_agreement(path).reference.id == path.stem


@example
def test_R12_every_stream_of_an_example_exists_and_answers_a_question(path: Path) -> None:
    agreed = load_agreement(path)
    assert set(agreed.file.agreed_streams()) == STREAMS_OF[path.stem] <= set(STREAMS)
    assert agreed.collected(TODAY) == STREAMS_OF[path.stem]


@example
def test_an_example_forbids_discipline(path: Path) -> None:
    assert all("discipline" in question.uses.forbidden for question in load_agreement(path).file.questions)


@example
def test_an_example_is_released_as_its_name_says(path: Path) -> None:
    release = load_agreement(path).file.release
    assert isinstance(release, TimedRelease if path.stem == "operations" else DailyRelease)


@example
def test_an_example_says_in_one_sentence_what_it_gives_away(path: Path) -> None:
    comment = re.sub(r"\n# ?", " ", path.read_text(encoding="utf-8").partition("\n\n")[0])
    (sentence,) = re.findall(r"What it gives away: [^.]+\.", comment)
    assert 20 < len(sentence.split()) < 120
    assert comment.count("What it gives away:") == 1


@example
def test_an_example_shows_every_limit_and_what_is_said_of_stopping(path: Path) -> None:
    tree = load_yaml(path).tree
    assert set(tree["limits"]) == set(fields(Limits))
    assert tree["stop_all"] is False
    assert {"requires", "time_zone", "day_starts"} <= set(tree["duty"])


@example
def test_R20_a_day_of_an_example_stays_below_a_hundred_kilobytes(path: Path) -> None:
    release = load_agreement(path).file.release
    if isinstance(release, DailyRelease):
        assert sum(release.envelopes.values()) * (release.size + FRAMING_BYTES) < DAY_BYTES_MAX


def test_the_recommended_example_shows_no_breaks_as_places_or_hours() -> None:
    agreed = load_agreement(EXAMPLE_AGREEMENT)
    assert not {"stops", "passed", "live"} & set(agreed.file.agreed_streams())
    assert agreed.file.duty.schedule


def test_the_line_that_puts_another_behind_the_recommended_one_is_right(tmp_path: Path) -> None:
    for path in FILES:
        (tmp_path / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    mine = tmp_path / EXAMPLE_AGREEMENT.name
    text = mine.read_text(encoding="utf-8")
    assert text.count("\n# behind: ") == 1
    mine.write_text(text.replace("\n# behind: ", "\nbehind: "), encoding="utf-8")
    behind = load_agreement(mine).behind
    assert behind is not None
    assert behind.reference.id == "safety-only"


# The agreement of a simulated shift.


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Agreement:
    folder = tmp_path_factory.mktemp("shift")
    write(shift(5, 0.05), folder)
    return load_agreement(folder / "agreement.yaml")


def test_the_agreement_of_a_simulated_shift_is_like_the_recommended_one(simulated: Agreement) -> None:
    assert set(simulated.file.agreed_streams()) == STREAMS_OF["routes-and-safety"] - {"help"}
    assert simulated.zone.key == shift(5, 0.05).city.time_zone
    release = simulated.file.release
    assert isinstance(release, DailyRelease)
    assert sum(release.envelopes.values()) * (release.size + FRAMING_BYTES) < DAY_BYTES_MAX


def test_a_simulated_shift_may_be_of_any_hour(simulated: Agreement) -> None:
    assert all(simulated.scheduled(second) for second in range(0, 86_400, 60))


def test_the_simulated_landfill_may_be_visited_and_the_depot_is_nobody_s_business(
    simulated: Agreement,
) -> None:
    city = shift(5, 0.05).city
    origin = simulated.file.places.origin.point
    for site in city.sites:
        latitude_deg, longitude_deg = city.origin.degrees(*site.gate)
        gate = origin._replace(latitude_e7=round(latitude_deg * 1e7), longitude_e7=round(longitude_deg * 1e7))
        landfill = site.kind == "landfill"
        assert simulated.allows(gate) is landfill
        assert simulated.site_of(gate) == ("landfill" if landfill else None)
