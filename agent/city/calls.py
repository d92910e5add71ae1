"""A crew's call for help in words, for whoever watches the city's end.

The one place where a position is put into a sentence: the crew sends it so that people come.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

CALLS_SAID_MAX = 10  # of one batch, the newest
_WORDS = {
    "raised": "HELP: {vehicle} calls for help",
    "ongoing": "HELP: {vehicle} still calls for help",
    "cleared": "Help no longer needed: {vehicle} has cleared its call",
}
_UNKNOWN = "HELP: {vehicle} calls for help in words of a later release"


def calls_in_words(vehicle: str, records: Sequence[Mapping[str, Any]]) -> list[str]:
    """One sentence for each record of `help`, the newest CALLS_SAID_MAX; nothing in it is text off the wire."""
    said = [_in_words(vehicle, record) for record in records[-CALLS_SAID_MAX:]]
    more = len(records) - len(said)
    return [f"HELP: earlier calls of {vehicle} in the same batch: {more:,}", *said] if more else said


def unreadable_call(vehicle: str) -> str:
    """What is said of a message on a truck's topic for help that is no batch."""
    return f"HELP: {vehicle} calls for help in a message that can't be read; it is put aside in the store"


def _in_words(vehicle: str, record: Mapping[str, Any]) -> str:
    what = _WORDS.get(record["state"], _UNKNOWN).format(vehicle=vehicle)
    when = f"at {record['utc']}" if "utc" in record else "at a time that the truck does not know"
    return f"{what}, {when}, {place_in_words(record)}"


def place_in_words(record: Mapping[str, Any]) -> str:
    """Latitude and longitude in degrees as a map's search box takes them."""
    if "latitude_deg" not in record or "longitude_deg" not in record:
        return "place not known (no GNSS fix yet)"
    return f"at {record['latitude_deg']:.5f}, {record['longitude_deg']:.5f}"
