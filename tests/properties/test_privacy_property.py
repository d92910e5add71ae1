"""The property of PRIVACY at its levels: what is secret changes no byte of what can be seen.

`make properties` runs PROPERTY_EXAMPLES=20000 of each level, freshly drawn; a plain run is small and always the same.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.properties.levels.named import LEVELS
from tests.properties.levels.parts import Shift
from tests.properties.levels.public import before, behind, drawn_public, shift_of
from tests.properties.levels.secrets import dense, drawn_secret
from tests.properties.levels.seen import bytes_of
from tests.properties.levels.worlds import DOORS

SMALL = 40
EXAMPLES = int(os.environ.get("PROPERTY_EXAMPLES", SMALL))

thorough = settings(
    max_examples=EXAMPLES,
    derandomize="PROPERTY_EXAMPLES" not in os.environ,
    database=None,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("name", sorted(LEVELS))
def test_what_is_secret_changes_no_byte(name: str) -> None:
    level = LEVELS[name]

    @thorough
    @given(level.drawn)
    def holds(drawn: object) -> None:
        wrong = level.wrong(drawn)
        assert wrong is None, wrong

    holds()


@settings(max_examples=20, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_the_shifts_of_these_tests_are_published(data: st.DataObject) -> None:
    door = data.draw(st.sampled_from(DOORS))
    public = drawn_public(data.draw, before(data.draw, door.place), behind(data.draw, door.place))
    seen = bytes_of(shift_of(public, drawn_secret(data.draw, "off duty", 5.0, dense)))
    assert {event[1] for event in seen.link} == {"connect", "publish", "disconnect"}
    assert any(row[0].startswith("batch") for _, _, rows, _ in seen.disk for row in rows)
    assert seen.commits
    assert seen.status
