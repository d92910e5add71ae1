"""Figures and terms as people read them on the report."""

from __future__ import annotations

from agent.agreement.schema import AgreementFile, TimedRelease

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
            "included."
        )
    slots = [f"{minute // 60:02d}:{minute % 60:02d}" for minute in release.slots]
    envelopes = sum(release.envelopes.values())
    return (
        f"A day’s records leave on a later day, always as {envelopes} envelopes of {release.size:,} bytes, full or "
        f"not, at the first of these times with power and coverage: {', '.join(slots)}. On duty the link is silent."
    )


def duty_in_words(agreement: AgreementFile) -> str:
    """When the truck records at all."""
    switches = {"ignition": "the ignition is on", "crew_switch": "the crew’s switch is on"}
    conditions = listed([switches[kind] for kind in agreement.duty.requires])
    return f"Recording is on only while {conditions}, inside the service area and off no limits."


def terms_in_words(agreement: AgreementFile, stream: str) -> str:
    """What the agreement says of a stream's precision."""
    streams = agreement.streams
    if stream == "track" and streams.track:
        return f"within {streams.track.precision:g} m; {CLOCKS[streams.track.clock]}"
    if stream == "harsh_braking" and streams.harsh_braking:
        terms = streams.harsh_braking
        return (
            f"squares of {terms.cell:g} m, the month; held on the truck for {terms.held} days; names no truck"
        )
    if stream == "box":
        return "nothing of where the truck was"
    return ""
