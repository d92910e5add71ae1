"""What the city's end knows of each truck's box, and which of them needs a hand first.

It rests on what the boxes said last of themselves and on the numbers of the batches that have come. A box speaks once
on each day on which it has power when it may send, in both modes of release, so days of silence mean the same in both.
No moment of arrival is kept in the store: "last heard" is the date that the box itself gave.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from agent.city.forbidden import named
from agent.wire import AgreementReference, PayloadError, decode
from buffer.received import ReceivedStore
from config.located import printable

CERTIFICATE_DAYS_MIN = 30
QUIET_DAYS_MAX = 3  # a weekend in the garage without power
NO_CERTIFICATE = -1


class Box(NamedTuple):
    """What a box said last, under which agreement; `version` as it was written."""

    date: datetime.date
    version: str
    agreement: AgreementReference
    self_test: str
    storage: str
    certificate_days: int


class Need(NamedTuple):
    """Why a truck needs a hand: a place among _LOOKS, how much of it, the most being first, and words."""

    why: int
    much: int
    says: str


class Truck(NamedTuple):
    """One truck as the store knows it. `box` is None while no box record of it is here.

    `quiet_days` and `certificate_days` are as of today; the latter is None where there is no certificate.
    """

    vehicle: str
    fleet: str
    box: Box | None
    quiet_days: int | None
    certificate_days: int | None
    missing: int
    needs: tuple[Need, ...]

    @property
    def turn(self) -> tuple[int, int, str]:
        """Its place in the list: by its most pressing need, the worst first; then those that need nothing, by name."""
        why, much = (self.needs[0].why, -self.needs[0].much) if self.needs else (len(_LOOKS), 0)
        return why, much, self.vehicle


class View(NamedTuple):
    """All trucks, those that need a hand first, and the agreements that they named."""

    trucks: list[Truck]
    agreements: str


def view(store: ReceivedStore, today: datetime.date, quiet_days_max: int = QUIET_DAYS_MAX) -> View:
    """What the store knows of its trucks. Raises StoreLost."""
    missing: dict[str, int] = {}
    for total in store.totals():
        if total.vehicle:
            missing[total.vehicle] = missing.get(total.vehicle, 0) + total.missing_count
    boxes = {vehicle: box for vehicle, payload in store.newest("box").items() if (box := _box(payload))}
    fleets = store.fleets()
    newest = Newest(boxes.values(), quiet_days_max)
    trucks = [
        _truck(vehicle, fleets.get(vehicle, ""), boxes.get(vehicle), count, newest, today)
        for vehicle, count in missing.items()
    ]
    references = dict.fromkeys(box.agreement for box in boxes.values())
    return View(sorted(trucks, key=lambda truck: truck.turn), ", ".join(map(named, references)))


def _box(payload: bytes) -> Box | None:
    """The latest that a payload of box records says; None when it can't be read any more."""
    try:
        heading, records = decode(payload)
        record: Mapping[str, Any] = max(records, key=lambda each: str(each["date"]))
        date = datetime.date.fromisoformat(record["date"])
        # Whoever has a truck's key may write what they like here, and terminals act on some of it.
        said = (printable(str(record[name])) for name in ("version", "self_test", "storage"))
        version, self_test, storage = said
        return Box(date, version, heading.agreement, self_test, storage, int(record["certificate_days"]))
    except (PayloadError, ValueError, KeyError, TypeError):
        return None


class Newest:
    """What trucks are compared with: the newest version, and of each agreement the newest one that any truck has."""

    def __init__(self, boxes: Collection[Box], quiet_days_max: int) -> None:
        self.quiet_days_max = quiet_days_max
        self.version = max((_numbers(box.version) for box in boxes), default=())
        self._agreements: dict[str, int] = {}
        for id_, version, _ in (box.agreement for box in boxes):
            self._agreements[id_] = max(version, self._agreements.get(id_, 0))

    def agreement(self, id_: str) -> int:
        """The newest version of that agreement."""
        return self._agreements[id_]


def _numbers(version: str) -> tuple[int, ...]:
    """`0.10.1` as numbers that can be compared."""
    return tuple(int(part) for part in re.findall(r"[0-9]{1,9}", version))


def _truck(
    vehicle: str, fleet: str, box: Box | None, missing: int, newest: Newest, today: datetime.date
) -> Truck:
    quiet = max(0, (today - box.date).days) if box else None
    left = None
    if box and quiet is not None and box.certificate_days != NO_CERTIFICATE:
        left = max(0, box.certificate_days - quiet)
    truck = Truck(vehicle, fleet, box, quiet, left, missing, ())
    found = (look(truck, newest) for look in _LOOKS)
    needs = (Need(why, *need) for why, need in enumerate(found) if need)
    return truck._replace(needs=tuple(needs))


Found = tuple[int, str] | None


def _self_test(truck: Truck, _: Newest) -> Found:
    word = truck.box.self_test if truck.box else ""
    return (0, f"self-test {word}") if word.startswith("fail") else None


def _storage(truck: Truck, _: Newest) -> Found:
    word = truck.box.storage if truck.box else "good"
    return (0, f"storage {word}") if word != "good" else None


def _certificate(truck: Truck, _: Newest) -> Found:
    left = truck.certificate_days
    if left is None or left >= CERTIFICATE_DAYS_MIN:
        return None
    return -left, f"certificate ends in {left} days" if left else "certificate has ended"


def _missing(truck: Truck, _: Newest) -> Found:
    return (truck.missing, f"{truck.missing:,} batches missing") if truck.missing else None


def _silence(truck: Truck, newest: Newest) -> Found:
    if truck.quiet_days is None:
        return datetime.date.max.toordinal(), "no box record here"
    if truck.quiet_days <= newest.quiet_days_max:
        return None
    return truck.quiet_days, f"not heard for {truck.quiet_days} days"


def _warning(truck: Truck, _: Newest) -> Found:
    word = truck.box.self_test if truck.box else "pass"
    if word == "pass" or word.startswith("fail"):
        return None
    return 0, "no self-test" if word == "none" else f"self-test {word}"


def _version(truck: Truck, newest: Newest) -> Found:
    if truck.box is None or _numbers(truck.box.version) == newest.version:
        return None
    return 0, f"version {truck.box.version}, others have {'.'.join(map(str, newest.version))}"


def _agreement(truck: Truck, newest: Newest) -> Found:
    if truck.box is None:
        return None
    id_, version, _ = truck.box.agreement
    if version == 0:
        return 1, "no agreement"
    latest = newest.agreement(id_)
    return (0, f"agreement version {version}, others have {latest}") if version < latest else None


_LOOKS = (_self_test, _storage, _certificate, _missing, _silence, _warning, _version, _agreement)
"""What a truck may need a hand for, the most pressing first."""
