"""Trucks on a made-up round, day by day, as an attacker would see them under one release or another."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from agent.audit.breaks import Day, days_of
from agent.audit.case import Break, Case, Floats, Line, Route, Secrets, Seen, interpolated, pair, run_m

BLOCK_M = 110.0
ROWS, ROW_M = 12, 1200.0
SPEED_MPS = 5.0
STOP_M = 40.0
SERVED = 0.8
CAP_S = 20.0
LATER_S = 80_000.0
EVERY_S = 60.0


class Drive(NamedTuple):
    """A day's truth: where the truck was by way and by second, where it stood and for how long, and its breaks."""

    at_s: Floats  # ascending knots
    along_m: Floats
    stands: list[tuple[float, float]]  # metres along the way, seconds
    breaks: list[Break]
    way_m: Floats  # the round, as corners

    def place_m(self, along_m: Floats) -> Floats:
        """East and north at metres along the way."""
        return interpolated(along_m, run_m(self.way_m), self.way_m)

    @property
    def length_m(self) -> float:
        return float(self.along_m[-1])


def round_of(chance: np.random.Generator) -> Floats:
    """A round up one street and down the next, each some way longer than a kilometre."""
    corners = [(0.0, 0.0)]
    for row in range(ROWS):
        far_m = ROW_M + chance.uniform(-100, 100) if row % 2 == 0 else chance.uniform(-100, 100)
        corners += [(far_m, row * BLOCK_M), (far_m, (row + 1) * BLOCK_M)]
    return np.array(corners)


def drive(way_m: Floats, chance: np.random.Generator) -> Drive:
    """A day on this round: other houses are served every day, and two breaks are taken."""
    length_m = float(np.hypot(*np.diff(way_m, axis=0).T).sum())
    stops_m = np.arange(STOP_M, length_m - STOP_M, STOP_M)
    stops_m = stops_m[chance.random(len(stops_m)) < SERVED]
    rests = [chance.integers(low, high) for low, high in ((len(stops_m) // 5, len(stops_m) // 2 - 10),)]
    rests.append(chance.integers(len(stops_m) // 2 + 10, len(stops_m) - 10))
    at_s, along_m, stands, breaks = [0.0], [0.0], [], []
    for number, stop_m in enumerate(stops_m):
        stood_s = chance.uniform(5.0, 12.0)
        here_s = at_s[-1] + (stop_m - along_m[-1]) / SPEED_MPS
        if number in rests:
            rest_s = chance.uniform(600.0, 2700.0)
            breaks.append(Break("on_route", (0.0, 0.0), here_s + stood_s, here_s + stood_s + rest_s))
            stood_s += rest_s
        stands.append((float(stop_m), stood_s))
        at_s += [here_s, here_s + stood_s]
        along_m += [stop_m, stop_m]
    at_s.append(at_s[-1] + (length_m - along_m[-1]) / SPEED_MPS)
    along_m.append(length_m)
    made = Drive(np.array(at_s), np.array(along_m), stands, breaks, way_m)
    spots_m = made.place_m(np.array([stops_m[number] for number in rests]))
    placed = [one._replace(place_m=pair(spot)) for one, spot in zip(breaks, spots_m, strict=True)]
    return made._replace(breaks=placed)


Rendered = Callable[[Drive, np.random.Generator], list[Line]]


def raw(made: Drive, chance: np.random.Generator) -> list[Line]:
    """A point each second."""
    seconds = np.arange(0.0, made.at_s[-1] + 1.0)
    points_m = made.place_m(np.interp(seconds, made.at_s, made.along_m))
    return [Line(1, points_m + chance.normal(0.0, 0.5, points_m.shape), np.nan, seconds, made.at_s[-1])]


def timed(made: Drive, chance: np.random.Generator) -> list[Line]:
    """A line for each EVERY_S in which the truck got on, some metres late."""
    came_s = np.arange(EVERY_S, made.at_s[-1] + 3 * EVERY_S, EVERY_S)
    until_m = np.maximum(np.interp(came_s, made.at_s, made.along_m) - 50.0, 0.0)
    lines, last_m = [], 0.0
    for at_s, end_m in zip(came_s, until_m, strict=True):
        if end_m > last_m:
            lines.append(_line(made, chance, len(lines) + 1, (last_m, end_m), at_s, CAP_S))
            last_m = end_m
    return lines


def daily(made: Drive, chance: np.random.Generator, cap_s: float = CAP_S) -> list[Line]:
    """Lines of a kilometre, on a later day."""
    ends_m = np.arange(0.0, made.length_m, 1000.0)
    pieces = itertools.pairwise(ends_m)
    return [_line(made, chance, i + 1, piece, LATER_S, cap_s) for i, piece in enumerate(pieces)]


def uncapped(made: Drive, chance: np.random.Generator) -> list[Line]:
    """A planted leak: the same, but a standstill counts for as long as it was."""
    return daily(made, chance, np.inf)


def drifted(made: Drive, chance: np.random.Generator) -> list[Line]:
    """A planted leak: behind each break the line stays some metres beside the street, and does not fade back."""
    corrections = [
        (made.along_m[np.searchsorted(made.at_s, taken.begins_s)], chance.choice([-6.0, 6.0]))
        for taken in made.breaks
    ]
    lines = []
    for number, line in enumerate(daily(made, chance)):
        along_m = 1000.0 * number + np.linspace(0.0, 1000.0, len(line.points_m))
        aside_m = sum(np.where(along_m > from_m, by_m, 0.0) for from_m, by_m in corrections)
        lines.append(line._replace(points_m=line.points_m + np.column_stack([0 * along_m, aside_m])))
    return lines


def _line(
    made: Drive,
    chance: np.random.Generator,
    number: int,
    piece_m: tuple[float, float],
    arrived_s: float,
    cap_s: float,
) -> Line:
    """From the first to the second metre of the way, with its running time to 10 s."""
    first_m, last_m = piece_m
    stood_s = sum(min(each_s, cap_s + 10.0) for at_m, each_s in made.stands if first_m <= at_m < last_m)
    running_s = 10.0 * round(((last_m - first_m) / SPEED_MPS + stood_s) / 10.0)
    points_m = made.place_m(np.linspace(first_m, last_m, max(2, round((last_m - first_m) / 20.0))))
    return Line(number, points_m + chance.normal(0.0, 0.3, points_m.shape), running_s, None, arrived_s)


def seen(made: Drive, lines: Sequence[Line], name: str, cap_s: float = CAP_S) -> Seen:
    """These lines, as the attacker has them."""
    return Seen(name, name, "2027-03-01", (0.0, float(made.at_s[-1])), list(lines), [], [], cap_s)


def routes(rendered: Rendered, count: int = 3, days: int = 4, seed: int = 7) -> list[Route]:
    """So many rounds of so many days each."""
    chance = np.random.default_rng(seed)
    return [route(rendered, f"route {i}", days, chance) for i in range(count)]


def route(rendered: Rendered, name: str, days: int, chance: np.random.Generator) -> Route:
    way_m, cases = round_of(chance), []
    for _ in range(days):
        made = drive(way_m, chance)
        stops_m = made.place_m(np.array([at_m for at_m, _ in made.stands]))
        secrets = Secrets(made.breaks, way_m, np.zeros(len(way_m)), stops_m, [])
        cases.append(Case(seen(made, rendered(made, chance), name), secrets))
    return Route(name, cases, [])


def line(*points_m: tuple[float, float], running_s: float = np.nan, number: int = 1, **more: object) -> Line:
    """A line by hand, arrived on a later day."""
    made = Line(number, np.array(points_m, np.float64).reshape(-1, 2), running_s, None, LATER_S)
    return made._replace(**more)


def day(*lines: Line, others: Sequence[Seen] = (), cap_s: float = CAP_S) -> Day:
    """A day of eight hours by hand."""
    one = Seen("r", "v", "2027-03-01", (0.0, 28_800.0), list(lines), [], [], cap_s)
    return days_of([one, *others])[0]
