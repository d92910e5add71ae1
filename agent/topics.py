"""Topics: where each stream of a truck is published, and whose stream it is."""

from __future__ import annotations

from collections.abc import Callable

CUSTODY = "custody"
DOCTOR = "doctor"
FLEET_STREAMS = frozenset({"harsh_braking"})


def topic_for(fleet: str, vehicle: str) -> Callable[[str], str]:
    """The topic of each stream; the fleet's own streams carry no vehicle."""

    def topic(stream: str) -> str:
        if stream in FLEET_STREAMS:
            return f"fairhaul/v1/{fleet}/{stream}"
        return f"fairhaul/v1/{fleet}/{vehicle}/{stream}"

    return topic


def custody_topic(fleet: str, vehicle: str) -> str:
    """Where the city's end tells a truck what has arrived."""
    return f"fairhaul/v1/{fleet}/{vehicle}/{CUSTODY}"


def state_topic(fleet: str, vehicle: str) -> str:
    """Where a truck under a timed release says whether it is connected."""
    return f"fairhaul/v1/{fleet}/{vehicle}/state"


def doctor_topic(fleet: str, vehicle: str) -> str:
    """Where `fairhaul doctor` publishes its one test message, which receivers pass over."""
    return f"fairhaul/v1/{fleet}/{vehicle}/{DOCTOR}"
