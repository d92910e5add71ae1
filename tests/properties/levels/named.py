"""`LEVELS`: every level by its name, with what it draws and what says that it does not hold.

The first four are the property itself (docs/property.md). A run of one example is two shifts and the days after them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from hypothesis import strategies as st

from tests.properties.levels.alone import apart, drift, joined_by, kink
from tests.properties.levels.levels import content, difference, duration, existence, speed


class Level(NamedTuple):
    """What is drawn, and what is wrong with it: None when the level holds."""

    drawn: st.SearchStrategy[Any]
    wrong: Callable[[Any], str | None]


LEVELS: Mapping[str, Level] = {
    "content": Level(content(), difference),
    "duration": Level(duration(), difference),
    "existence": Level(existence(), difference),
    "speed": Level(speed(), difference),
    "drift": Level(drift(), kink),
    "apart": Level(apart(), joined_by),
}
