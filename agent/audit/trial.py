"""One whole audit: which vehicle-days are attacked, by what, and what is made of the figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from agent.agreement import Agreement
from agent.audit import breaks, fleet, verdict
from agent.audit.breaks.controls import planted
from agent.audit.case import Route
from agent.audit.recorded import Given
from agent.audit.simulated import Driven, Wanted, driven, planes_of, tree_of, versions
from agent.audit.verdict import Judged, Mode, Row
from agent.audit.zones.controls import Tracker
from agent.geometry import Plane

PROMISED_NOISE_M = 1.5  # R3 is promised for a receiver this good; at others it is printed
TRAINING_DAYS = 18  # simulated ones, for attackers of recorded logs

Told = Callable[[str, int, int], None]


class Asked(NamedTuple):
    """What to audit: the agreement, and the vehicle-days to simulate."""

    agreement: Agreement
    days: int
    seed: int
    noises_m: Sequence[float]
    jobs: int

    @property
    def mode(self) -> Mode:
        """How the agreement releases."""
        return self.agreement.file.release.kind

    def wanted(self, noise_m: float, days: int) -> Wanted:
        """Vehicle-days at a receiver noise."""
        return Wanted(tree_of(self.agreement), days, self.seed, noise_m)


def simulated(asked: Asked, told: Told) -> Judged:
    """Attack the seeded city."""
    rows: list[Row] = []
    without: list[Row] = []
    for number, noise_m in enumerate(asked.noises_m):
        what = f"driving, receiver noise {noise_m:g} m"
        wanted = asked.wanted(noise_m, asked.days)
        made = driven(wanted, asked.jobs, partial(told, what))
        told(f"attacking, receiver noise {noise_m:g} m", 0, 1)
        if number == 0:
            rows += verdict.places(made.fairhaul, _trackers(made))
            rows += _rest(asked, made.fairhaul, made.raw, planes_of(made.fairhaul, asked.seed))
            rows += verdict.versions(versions(wanted, asked.jobs, partial(told, "driving, two versions")))
            without = _without(asked, made)
        rows += verdict.breaks(
            noise_m,
            breaks.attacked(made.fairhaul, asked.seed),
            asked.mode,
            verdict.unproven(without),
            bound=noise_m == PROMISED_NOISE_M,
        )
    return Judged([*rows, *without])


def _without(asked: Asked, made: Driven) -> list[Row]:
    """The attacks on breaks on trackers without Fairhaul."""
    circled = breaks.attacked(verdict.uncircled(made.zoned), asked.seed)
    bare = breaks.attacked(made.raw, asked.seed)
    return [
        *verdict.proven(bare, planted(made.raw, asked.seed)),
        *verdict.unprotected(bare),
        *verdict.unprotected(circled, "round zones with times, but for breaks in a circle"),
    ]


def _trackers(made: Driven) -> dict[Tracker, list[Route]]:
    return {"raw": made.raw, "zoned": made.zoned, "corners": made.corners}


def _rest(
    asked: Asked, fairhaul: Sequence[Route], bare: Sequence[Route], planes: Mapping[str, Plane]
) -> list[Row]:
    """All but places and breaks, at one receiver noise."""
    file = asked.agreement.file
    rows = [
        *([verdict.shown(fairhaul)] if file.streams.track else []),
        *verdict.speeds(fairhaul, bare, file.limits.speed_ceiling, asked.mode, asked.seed),
        *fleet.crowd(fairhaul, bare, asked.seed),
    ]
    braking = file.streams.harsh_braking
    if braking is not None:
        rows += fleet.brakings(fairhaul, bare, planes, braking.cell, asked.seed)
    return rows


def recorded(asked: Asked, given: Given, told: Told) -> Judged:
    """Attack recorded logs, with attackers trained on the seeded city under the same terms."""
    noise_m = asked.noises_m[0]
    made = driven(
        asked.wanted(noise_m, TRAINING_DAYS),
        asked.jobs,
        partial(told, "driving for the attackers to learn on"),
    )
    told("attacking", 0, 1)
    here = {given.fairhaul.name}
    planes = planes_of(made.fairhaul, asked.seed) | {
        given.fairhaul.name: Plane(asked.agreement.file.places.origin.point)
    }
    rows = list(verdict.places([given.fairhaul], _trackers(made)))
    rows += _rest(asked, [given.fairhaul], made.raw, planes)
    found = breaks.attacked([given.fairhaul, *made.fairhaul], asked.seed, here)
    without = list(verdict.proven(breaks.attacked(made.raw, asked.seed), planted(made.raw, asked.seed)))
    rows += verdict.breaks(noise_m, found, asked.mode, verdict.unproven(without), bound=True)
    rows += without
    rows += verdict.unprotected(breaks.attacked([given.raw, *made.raw], asked.seed, here))
    return Judged([row for row in rows if row.has_trials])
