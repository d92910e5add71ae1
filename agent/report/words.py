"""Figures and terms as people read them on the report."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from agent.agreement.schema import AgreementFile, DailyRelease, TimedRelease
from agent.agreement.terms import Streams
from agent.streams.site_visits import dwell_classes
from agent.topics import FLEET_STREAMS

STREAMS = {
    "track": "The way the truck went, as simplified stretches",
    "stops": "Where it stood still, as places",
    "lifts": "How often the lift worked, by square",
    "passed": "Which squares it passed, by two-hour window",
    "harsh_braking": "Squares in which a truck of the fleet braked hard",
    "day": "Totals of the day",
    "site_visits": "Visits to declared sites",
    "crew_report": "What the crew reported",
    "help": "The crew's call for help",
    "live": "Where the truck is now",
    "box": "The box's own state: version, self-test, storage, certificate",
}

REFUSALS = {
    "void": "the receiver said it had no fix",
    "estimated": "dead reckoning, not a fix",
    "simulated": "simulated, not a fix",
    "no_position": "without a position",
    "null_island": "at latitude 0, longitude 0",
    "out_of_range": "not a place on earth",
    "not_a_number": "not a number",
    "hdop": "too imprecise (HDOP)",
    "few_satellites": "too few satellites",
    "no_date": "without a date",
    "duplicate_epoch": "the same moment again",
    "time_back": "time went back",
    "frozen": "position frozen while moving",
    "speed_disagrees": "speed and positions disagree",
    "teleport": "a jump no truck can make",
    "untrusted_date": "date not trusted yet",
}

CLOCKS = {
    "stretch": "a running time for each stretch, no time of day",
    "minute": "the minute of the day at each point",
    "exact": "the second of the day at each point",
}


KINDS = {"hazard": "hazard", "blocked": "way blocked", "nothing_out": "nothing put out"}

CALLS = {"raised": "calls for help", "ongoing": "still calls for help", "cleared": "needs help no longer"}


def kind_in_words(kind: str) -> str:
    """What the crew reported."""
    return KINDS.get(kind, kind)


def length_in_words(metres: float) -> str:
    """`840 m`, `1.2 km`, `42 km`."""
    if metres < 1000:
        return f"{metres:.0f} m"
    return f"{metres / 1000:.1f}".removesuffix(".0") + " km" if metres < 9_950 else f"{metres / 1000:,.0f} km"


def duration_in_words(seconds: float) -> str:
    """`40 s`, `3 min 20 s`, `2 h 05 min`, `1 day 20 h`."""
    whole = round(seconds)
    days, hours, minutes = whole // 86_400, whole // 3600 % 24, whole // 60 % 60
    if days:
        return f"{counted(days, 'day')} {hours} h"
    if hours:
        return f"{hours} h {minutes:02d} min"
    if minutes:
        return f"{minutes} min" + (f" {whole % 60} s" if whole % 60 else "")
    return f"{whole} s"


def counted(number: int, what: str, many: str | None = None) -> str:
    """`1 stretch`, `38 stretches`."""
    return f"{number:,} {what if number == 1 else many or what + 's'}"


def listed(words: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(part for part in (", ".join(words[:-1]), words[-1] if words else "") if part)


def release_in_words(agreement: AgreementFile) -> str:
    """When what was recorded leaves the truck."""
    release = agreement.release
    if isinstance(release, TimedRelease):
        return (
            f"Records leave every {duration_in_words(release.every)} while there is a connection, each batch padded "
            f"to a multiple of {release.size:,} bytes. When batches arrive shows when the truck stood still, breaks "
            f"included.{_fleet_in_words(release)}"
        )
    envelopes = sum(number for stream, number in release.envelopes.items() if stream not in FLEET_STREAMS)
    silent = (
        "a call for help excepted, the link is silent" if agreement.streams.help else "the link is silent"
    )
    return (
        f"A day’s records leave on a later day, always as {envelopes} envelopes of {release.size:,} bytes, full or "
        f"not, at the first of these times with power and coverage: {_times(release.slots)}. On duty, {silent}."
        f"{_fleet_in_words(release)}"
    )


def _times(minutes: Sequence[int]) -> str:
    return ", ".join(f"{minute // 60:02d}:{minute % 60:02d}" for minute in minutes)


def _fleet_in_words(release: DailyRelease | TimedRelease) -> str:
    if not release.fleet_slots:
        return ""
    return f" Brakings of the fleet name no truck and leave at times of their own: {_times(release.fleet_slots)}."


def duty_in_words(agreement: AgreementFile) -> str:
    """When the truck records at all."""
    if agreement.stop_all:
        return "All recording is stopped: nothing but the box’s own status leaves."
    switches = {"ignition": "the ignition is on", "crew_switch": "the crew’s switch is on"}
    conditions = listed([switches[kind] for kind in agreement.duty.requires])
    hours = " or ".join(f"{_times([each.from_])} to {_times([each.to])}" for each in agreement.duty.schedule)
    between = f", from {hours}" if hours else ""
    return f"Recording is on only while {conditions}{between}, inside the service area and off no limits."


def terms_in_words(agreement: AgreementFile, stream: str) -> str:
    """What the agreement says of a stream's precision; "" for one that is not agreed."""
    if stream not in agreement.agreed_streams():
        return ""
    return _TERMS[stream](agreement.streams)


def _track(streams: Streams) -> str:
    terms = streams.track
    return f"within {terms.precision:g} m; {CLOCKS[terms.clock]}" if terms else ""


def _stops(streams: Streams) -> str:
    terms = streams.stops
    if terms and terms.snapped_to:
        return "only at declared points; a break taken at one of them shows"
    return f"squares of {terms.precision:g} m; a break shows like any other stop" if terms else ""


def _squares(stream: str, rest: str) -> Callable[[Streams], str]:
    return lambda streams: f"squares of {getattr(streams, stream).cell:g} m; {rest}"


def _harsh_braking(streams: Streams) -> str:
    terms = streams.harsh_braking
    if terms is None:
        return ""
    return (
        f"squares of {terms.cell:g} m, the month; held on the truck for {terms.held:g} days; names no truck"
    )


def _day(streams: Streams) -> str:
    terms = streams.day
    return f"distance to {terms.precision:g} m; of what is published, nothing else" if terms else ""


def _site_visits(streams: Streams) -> str:
    terms = streams.site_visits
    return f"stays as {listed(dwell_classes(terms.dwell_classes))}, no more" if terms else ""


_TERMS: dict[str, Callable[[Streams], str]] = {
    "track": _track,
    "stops": _stops,
    "lifts": _squares("lifts", "the date, no time"),
    "passed": _squares("passed", "an hour late at least"),
    "harsh_braking": _harsh_braking,
    "day": _day,
    "site_visits": _site_visits,
    "crew_report": _squares("crew_report", "the date, no time; only what the crew itself sends"),
    "help": lambda streams: "the exact place, at once, only while the crew calls",
    "live": _squares("live", "shows when the truck stands, breaks included"),
    "box": lambda streams: "nothing of where the truck was",
}
