"""Topics: where each stream of a truck is published."""

from __future__ import annotations

from collections.abc import Callable

FLEET_STREAMS = frozenset({"harsh_braking"})


def topic_for(fleet: str, vehicle: str) -> Callable[[str], str]:
    """The topic of each stream; the fleet's own streams carry no vehicle."""

    def topic(stream: str) -> str:
        if stream in FLEET_STREAMS:
            return f"fairhaul/v1/{fleet}/{stream}"
        return f"fairhaul/v1/{fleet}/{vehicle}/{stream}"

    return topic
