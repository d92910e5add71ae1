"""What never leaves under an agreement, and what can still be found out from what does.

Keys that begin with `daily.` or `timed.` are of that release alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from agent.agreement.places import OffLimits
from agent.agreement.schema import AgreementFile
from agent.explain.fact import Fact, Told, fact, metres

WAY = frozenset({"track", "stops", "passed", "day"})
"""Streams that follow the line, and so leave out what is trimmed."""

PLACES = frozenset({"track", "stops", "lifts", "passed", "site_visits", "crew_report", "live"})
"""Streams that say of one truck where it was."""

OWN = PLACES | {"day", "help"}
"""Streams that say of one truck what it did."""

WHEREABOUTS = frozenset({"track", "stops", "passed", "live"})
"""Streams that show, as they arrive, where a truck stands."""


def never(file: AgreementFile) -> Iterator[Fact]:
    """What never leaves."""
    agreed = set(file.agreed_streams())
    off = fact("off.both" if "ignition" in file.duty.requires else "off.switch")
    if file.places.off_limits:
        places = tuple(_place(each) for each in file.places.off_limits)
        yield fact("never.hidden.places", off=off, places=places)
    else:
        yield fact("never.hidden", off=off)
    if agreed & WAY:
        yield fact("never.trim", trim=metres(file.limits.trim))
    yield fact(f"{file.release.kind}.never.hidden")
    if "help" in agreed:
        yield fact("never.help")
    if file.release.kind == "daily":
        yield from _never_daily(agreed)
    if not agreed & PLACES:
        yield fact("never.way")
    yield from (fact(key) for key in ("never.names", "never.raw", "never.other"))


def _never_daily(agreed: set[str]) -> Iterator[Fact]:
    yield fact("daily.never.time.help" if "help" in agreed else "daily.never.time")
    yield fact("daily.never.speed")
    yield fact("daily.never.stand.sites" if "site_visits" in agreed else "daily.never.stand")


def _place(place: OffLimits) -> Fact:
    if place.margin:
        return fact("place.margin", name=Told(place.name), margin=metres(place.margin))
    return fact("place", name=Told(place.name))


def inferred(file: AgreementFile) -> Iterator[Fact]:
    """What can still be found out: because of how records leave, and from the records however they leave."""
    agreed = set(file.agreed_streams())
    yield from _daily(agreed, file) if file.release.kind == "daily" else _timed(agreed, file)
    if agreed & OWN:
        yield fact("found.roster")
    if "harsh_braking" in agreed:
        yield fact("found.square.joined" if agreed & PLACES else "found.square")
    if "lifts" in agreed:
        yield fact("found.lifts")
    if "site_visits" in agreed:
        yield fact("found.sites")
    if file.streams.stops and file.streams.stops.snapped_to:
        yield fact("found.stops.declared")
    yield fact("found.outside")


def _daily(agreed: set[str], file: AgreementFile) -> Iterator[Fact]:
    if "track" in agreed:
        yield from (fact(f"daily.found.{what}") for what in ("detour", "breaks"))
    if agreed & {"track", "day"}:
        yield from (fact(f"daily.found.{what}") for what in ("total", "speed"))
    if "track" in agreed:
        yield fact("daily.found.gap")
    yield fact("daily.found.power")
    if not file.duty.schedule:
        yield fact("daily.found.duty")


def _timed(agreed: set[str], file: AgreementFile) -> Iterator[Fact]:
    yield fact("timed.found.breaks.where" if agreed & WHEREABOUTS else "timed.found.breaks")
    if agreed & {"track", "live"}:
        yield fact("timed.found.speed")
    if file.streams.stops and not file.streams.stops.snapped_to:
        yield fact("timed.found.stops")
    if "live" in agreed:
        yield fact("timed.found.live")
    if "track" in agreed:
        yield fact("timed.found.gap")
    yield fact("timed.found.link")
