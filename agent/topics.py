"""Topics: where each stream of a truck is published, and whose stream it is."""

from __future__ import annotations

# What a truck has beside its streams.
CUSTODY = "custody"  # where the city's end tells it what has arrived
STATE = "state"  # where it says under a timed release whether it is connected
DOCTOR = "doctor"  # where `fairhaul doctor` publishes its one test message, which receivers pass over
FLEET_STREAMS = frozenset({"harsh_braking"})


def topic_for(fleet: str, vehicle: str, stream: str) -> str:
    """The topic of a stream, or of what is beside them; the fleet's own streams carry no vehicle."""
    if stream in FLEET_STREAMS:
        return f"fairhaul/v1/{fleet}/{stream}"
    return f"fairhaul/v1/{fleet}/{vehicle}/{stream}"
