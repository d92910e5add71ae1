"""What may leave, one file a stream.

A stream is a chain of small filters with state of its own. It sees only what the duty gate and the places have
let through, gives back finished records, and forgets everything at a cut.

`help` is none of them: it is the crew's own act and passes by all gates (see `agent.streams.help`). `box` is none
either: nothing in it comes from the sensors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from agent.agreement import Agreement
from agent.streams.crew_report import CrewReport
from agent.streams.day import Day
from agent.streams.harsh_braking import HarshBraking
from agent.streams.lifts import Lifts
from agent.streams.live import Live
from agent.streams.passed import Passed
from agent.streams.site_visits import SiteVisits
from agent.streams.stops import Stops
from agent.streams.stream import Stream
from agent.streams.track import Track

_AGREED: Mapping[str, Callable[[Agreement], Stream | None]] = {
    "track": Track.agreed,
    "stops": Stops.agreed,
    "lifts": Lifts.agreed,
    "passed": Passed.agreed,
    "harsh_braking": HarshBraking.agreed,
    "day": Day.agreed,
    "site_visits": SiteVisits.agreed,
    "crew_report": CrewReport.agreed,
    "live": Live.agreed,
}


def streams_of(agreement: Agreement) -> dict[str, Stream]:
    """A fresh stream for each that the agreement names, by its name."""
    streams = {name: agreed(agreement) for name, agreed in _AGREED.items()}
    return {name: stream for name, stream in streams.items() if stream is not None}
