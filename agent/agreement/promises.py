"""What an agreement must not say, because its words would then promise what the truck can't keep."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from agent.agreement.part import DAY_MINUTES, written_minute
from config.located import Mistake

if TYPE_CHECKING:
    from agent.agreement.schema import AgreementFile

SLOT_MINUTES = 10
"""How long a slot lasts, and so how far apart two must be."""

HELD_SPARE_DAYS = 31 + 7
"""So many days longer than brakings are held anything must stay on the truck, or they are gone unsent.

They leave a month at a time, so the first of a month waits for its last; and then for a slot."""

DAILY_RETENTION_DAYS_MIN = 14
"""Under a daily release records wait for a slot, and a truck may miss them for two weeks."""

DAILY_PRECISION_M_MIN = 5
"""A line that lies closer to the fixes turns at single ones of them, and their distance is a speed."""

LOOKS_MAX = 4_000_000
"""Most declared points times positions of areas: each point is looked for in each area, in about a second."""


def broken_by(file: AgreementFile) -> Iterator[Mistake]:
    """Every combination in `file` that breaks what it promises; paths lead on from the file's root."""
    yield from _groups(file)
    yield from _questions(file)
    yield from _streams(file)
    yield from _places(file)
    yield from _brakings(file)
    yield from _slots(file)
    if file.release.kind == "daily":
        yield from _daily_streams(file)
        yield from _envelopes(file, file.release.envelopes)
        yield from _schedule(file)
        if file.limits.device_retention < DAILY_RETENTION_DAYS_MIN:
            says = (
                f"a daily release waits for a slot with power and coverage: write {DAILY_RETENTION_DAYS_MIN} "
                "days or more"
            )
            yield Mistake(says, "limits", "device_retention")


def _groups(file: AgreementFile) -> Iterator[Mistake]:
    if "crews" not in file.groups:
        yield Mistake("crews are missing; no agreement without the crews", "groups")
    for number, group in enumerate(file.groups):
        if group in file.groups[:number]:
            yield Mistake(f"{group} stands here twice: each group counts once", "groups", number)


def _questions(file: AgreementFile) -> Iterator[Mistake]:
    agreed = file.agreed_streams()
    ids = [question.id for question in file.questions]
    for number, question in enumerate(file.questions):
        at = ("questions", number)
        if question.id in ids[:number]:
            yield Mistake(f"{question.id} is the id of another question already", *at, "id")
        if question.owner not in file.groups:
            yield Mistake(f"{question.owner} is none of the groups: write which of them asks", *at, "owner")
        for place, stream in enumerate(question.needs):
            if stream not in agreed:
                says = f"question {question.id} needs {stream}, which stands under no streams"
                yield Mistake(says, *at, "needs", place)


def _streams(file: AgreementFile) -> Iterator[Mistake]:
    needed = {stream for question in file.questions for stream in question.needs}
    for stream in file.agreed_streams():
        if stream != "box" and stream not in needed:
            says = f"no question needs {stream}: name it under the `needs:` of a question, or take it out"
            yield Mistake(says, "streams", stream)
    if file.streams.site_visits and not file.places.sites:
        says = "no sites are declared: write them under `places:` as `sites:`, or take site_visits out"
        yield Mistake(says, "streams", "site_visits")


def _places(file: AgreementFile) -> Iterator[Mistake]:
    """Declared points must be publishable themselves."""
    stops = file.streams.stops
    if stops is None or stops.snapped_to is None:
        return
    points = stops.snapped_to.points()
    if len(points) * file.places.positions > LOOKS_MAX:
        says = "there are too many points to be looked at: write fewer, or draw the areas coarser"
        yield Mistake(says, "streams", "stops", "snapped_to")
        return
    served = file.places.service_area.polygons()
    hidden = [part for place in file.places.off_limits for part in place.area.polygons(place.margin)]
    for number, point in enumerate(points):
        at = ("streams", "stops", "snapped_to", "coordinates", number)
        if not any(part.covers(point) for part in served):
            yield Mistake(f"position {number + 1} lies outside the service area: take it out", *at)
        elif any(part.covers(point) for part in hidden):
            yield Mistake(f"position {number + 1} lies off limits: take it out", *at)


def _brakings(file: AgreementFile) -> Iterator[Mistake]:
    braking, slots = file.streams.harsh_braking, file.release.fleet_slots
    if braking and not slots:
        says = (
            "missing: harsh_braking leaves apart from all that is the truck's own; write times of the day "
            'for it, such as ["21:00"]'
        )
        yield Mistake(says, "release", "fleet_slots")
    if slots and not braking:
        yield Mistake(
            "no harsh_braking is agreed, and nothing else leaves in them: take them out",
            "release",
            "fleet_slots",
        )
    if braking and file.limits.device_retention < braking.held + HELD_SPARE_DAYS:
        says = (
            f"harsh_braking is held for {braking.held} days, leaves a month at a time and must then find a slot: write "
            f"{braking.held + HELD_SPARE_DAYS} days or more, or hold it for less"
        )
        yield Mistake(says, "limits", "device_retention")


def _daily_streams(file: AgreementFile) -> Iterator[Mistake]:
    streams = file.streams
    if streams.track and streams.track.clock != "stretch":
        says = "a daily release promises that no time but a stretch's leaves: clock must be stretch"
        yield Mistake(says, "streams", "track", "clock")
    if streams.track and streams.track.precision < DAILY_PRECISION_M_MIN:
        says = (
            "a daily release promises that no speed leaves, and a finer line would show single fixes, whose distance "
            f"is a speed: write {DAILY_PRECISION_M_MIN} m or more"
        )
        yield Mistake(says, "streams", "track", "precision")
    for stream, tells in (
        ("passed", "the hours at which it was somewhere"),
        ("live", "where the truck is now"),
    ):
        if stream in file.agreed_streams():
            says = (
                f"a daily release promises that nothing says when it was, and {stream} says {tells}: "
                "take it out, or agree on a timed release"
            )
            yield Mistake(says, "streams", stream)
    if streams.stops and streams.stops.snapped_to is None:
        says = (
            "a daily release promises to hide breaks, and stops show them: declare the points that may be "
            "shown as `snapped_to:`, or take stops out"
        )
        yield Mistake(says, "streams", "stops")
    elif streams.stops and streams.stops.gives_away_breaks is None:
        says = (
            "stops at declared points still show some breaks: write `gives_away_breaks: accepted` if crews "
            "agree to that, or take stops out"
        )
        yield Mistake(says, "streams", "stops")


def _envelopes(file: AgreementFile, envelopes: Mapping[str, int]) -> Iterator[Mistake]:
    agreed = set(file.agreed_streams()) - {"help"}
    for stream in sorted(agreed - set(envelopes)):
        says = f"envelopes for {stream} are missing: write how many leave in a day, such as `{stream}: 1`"
        yield Mistake(says, "release", "envelopes")
    for stream in sorted(set(envelopes) - agreed):
        says = f"envelopes for {stream} are agreed, but the stream is not: take them out"
        if stream == "help":
            says = "help leaves at once and in no envelope: take this out"
        yield Mistake(says, "release", "envelopes", stream)


def _slots(file: AgreementFile) -> Iterator[Mistake]:
    """Every slot is one whole slot apart from any other, and from the end of the service day."""
    day_starts = file.duty.day_starts
    named = _named_slots(file)
    for index, (key, number, minute) in enumerate(named):
        near = _nearer_than_a_slot(minute, [other for _, _, other in named[:index]])
        if near is not None:
            says = (
                f"found {written_minute(minute)}, less than {SLOT_MINUTES} min from the slot at "
                f"{written_minute(near)}: write them farther apart"
            )
            yield Mistake(says, "release", key, number)
        if 0 < (day_starts - minute) % DAY_MINUTES < SLOT_MINUTES:
            says = (
                f"a slot lasts {SLOT_MINUTES} min, and this one would not end before the next service day "
                f"begins at {written_minute(day_starts)}: write another time"
            )
            yield Mistake(says, "release", key, number)


def _schedule(file: AgreementFile) -> Iterator[Mistake]:
    """Under a daily release slots and the service day's beginning lie outside the schedule."""
    duty = file.duty
    if not duty.schedule:
        return
    for key, number, minute in _named_slots(file):
        if any(duty.scheduled((minute + later) % DAY_MINUTES) for later in range(SLOT_MINUTES)):
            says = (
                f"a daily release is silent on duty, and this slot of {SLOT_MINUTES} min lies in the schedule: "
                "write a time outside it"
            )
            yield Mistake(says, "release", key, number)
    if duty.scheduled(duty.day_starts):
        says = (
            f"a service day that begins at {written_minute(duty.day_starts)} parts a shift in two: "
            "write a time outside the schedule"
        )
        yield Mistake(says, "duty", "day_starts")


def _named_slots(file: AgreementFile) -> list[tuple[str, int, int]]:
    """Every slot of both kinds: its key, its number and its minute."""
    release = file.release
    slots = [("slots", number, minute) for number, minute in enumerate(getattr(release, "slots", []))]
    return slots + [("fleet_slots", number, minute) for number, minute in enumerate(release.fleet_slots)]


def _nearer_than_a_slot(minute: int, others: Sequence[int]) -> int | None:
    """One of `others` that is less than a slot away, round midnight too."""
    for other in others:
        if min((minute - other) % DAY_MINUTES, (other - minute) % DAY_MINUTES) < SLOT_MINUTES:
            return other
    return None
