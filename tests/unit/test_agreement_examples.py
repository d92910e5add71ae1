"""The example agreements load, name only streams that exist, and say of themselves what is so."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.agreement import load_agreement
from agent.agreement.schema import DailyRelease, TimedRelease
from agent.columns import STREAMS
from agent.records import day_number
from agent.surroundings import EXAMPLE_AGREEMENT, EXAMPLES
from drivers.simulate import shift, write

FILES = sorted((EXAMPLES / "agreements").glob("*.yaml"))
TODAY = day_number("2026-12-01")


def test_every_example_is_known_here() -> None:
    assert [path.stem for path in FILES] == ["operations", "routes-and-safety", "safety-only"]
    assert EXAMPLE_AGREEMENT in FILES


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_example_loads_and_carries_its_file_s_name(path: Path) -> None:
    assert load_agreement(path).reference.id == path.stem


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_stream_of_an_example_exists_and_answers_a_question(path: Path) -> None:
    agreed = load_agreement(path)
    assert set(agreed.file.agreed_streams()) <= set(STREAMS)
    assert agreed.collected(TODAY) == set(agreed.file.agreed_streams())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_example_forbids_discipline(path: Path) -> None:
    assert all("discipline" in question.uses.forbidden for question in load_agreement(path).file.questions)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_examples_differ_in_what_their_names_say(path: Path) -> None:
    agreed = load_agreement(path)
    assert isinstance(agreed.file.release, TimedRelease if path.stem == "operations" else DailyRelease)
    assert ("track" in agreed.file.agreed_streams()) is (path.stem != "safety-only")


def test_the_agreement_of_a_simulated_shift_loads_and_fits_its_city(tmp_path: Path) -> None:
    made = shift(5, 0.05)
    write(made, tmp_path)
    agreed = load_agreement(tmp_path / "agreement.yaml")
    assert set(agreed.file.agreed_streams()) == {"track", "harsh_braking", "box"}
    assert agreed.zone.key == made.city.time_zone
