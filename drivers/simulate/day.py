"""What a crew does in a day: out, street by street, breaks, the landfill when the truck is full, home.

A day of less than DEPOT_HOURS begins and ends at the kerb of the first street; one of less than LANDFILL_HOURS
never tips. Breaks are planned at their nominal length; `shifts.py` stretches them, so that nothing else moves.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from drivers.simulate.city import AVENUE_MPS, Arc, City, Kerb, corner_m
from drivers.simulate.drive import Braking, Knot, State, Truck
from drivers.simulate.plane import Spot, chance
from drivers.simulate.round import collection_order, travel_s, way

DEPOT_HOURS, BREAK_HOURS, LANDFILL_HOURS, TWO_BREAKS_HOURS, FULL_HOURS = 1.0, 0.4, 3.0, 4.0, 7.0
STOP_SPACING_M = (15.0, 85.0)  # the nearest next stop, and from where on every house is served
PUTS_OUT = 0.6  # share of houses with something to collect
LIGHT_IS_RED = 0.3
WAIT_AT_LIGHT_S = (4.0, 35.0)
BREAK_MIN = (10, 45)
TIP_S = (480.0, 1080.0)
TIP_GUESS_S = 1000.0
MARGIN_S = 75.0  # one more stop takes at most about this long
SLACK_S, SLACK = 120.0, 0.01  # and a share of the day, for a way home that takes longer than thought

BreakKind = Literal["on_route", "detour", "off_limits"]


class Loader(NamedTuple):
    """How a kind of truck collects: sides served in one pass, time and bins at a stop."""

    name: str
    both_sides: bool
    serve_s: tuple[float, float]
    lifts: tuple[int, ...]  # drawn from, evenly


SIDE_LOADER = Loader("side loader", False, (5.0, 12.0), (1, 1, 1, 2))
REAR_LOADER = Loader("rear loader", True, (12.0, 45.0), (1, 1, 2, 2, 3, 4))


class Break(NamedTuple):
    """A break as planned; seconds count from the log's first sentence, before any stretching."""

    number: int
    kind: BreakKind
    starts_s: float
    ends_s: float
    spot: Spot
    switched_off: bool
    ignition_off: bool


class Stop(NamedTuple):
    """A served stop as planned; each lift is (from, until) in milliseconds."""

    number: int
    starts_s: float
    spot: Spot
    street: str
    lifts_ms: tuple[tuple[int, int], ...]


class _BreakPlan(NamedTuple):
    due_s: float
    kind: BreakKind
    minutes: int


@dataclass(slots=True)
class Day:
    """A day as planned, in seconds from the log's first sentence."""

    loader: Loader
    knots: list[Knot] = field(default_factory=list)
    brakings: list[Braking] = field(default_factory=list)
    breaks: list[Break] = field(default_factory=list)
    stops: list[Stop] = field(default_factory=list)
    ignition_s: tuple[float, float] = (0.0, 0.0)  # on, off
    switch_s: tuple[float, float] = (0.0, 0.0)
    ends_s: float = 0.0


def plan_day(city: City, seed: int, hours: float) -> Day:
    """The day of this seed in a city, `hours` long (a minute or two longer if the last errand drags on)."""
    return _Planner(city, seed, hours).run()


class _Planner:
    """Decides at each stop and at each street's end what comes next, from the time gone by."""

    def __init__(self, city: City, seed: int, hours: float) -> None:
        self.city, self.ends_s = city, hours * 3600
        self.rng, self.traffic = chance(seed, "day"), chance(seed, "traffic")
        self.day = Day(self.rng.choice((SIDE_LOADER, REAR_LOADER)))
        self.order = collection_order(city, self.day.loader.both_sides)
        self.from_depot = hours >= DEPOT_HOURS
        start, along_m = self._start()
        self.truck = Truck(city, list(start), along_m, self.traffic, chance(seed, "brakings"))
        self.break_plans = _plan_breaks(self.rng, hours)
        self.tips_due_s = _plan_tips(self.rng, hours)
        self.to_depot, self.to_landfill = travel_s(city, city.depot), travel_s(city, city.landfill)
        self.since_stop_m = 0.0

    def run(self) -> Day:
        self._set_out()
        for arc in self.order:
            if self._time_is_up():
                break
            self._collect(arc)
            self._run_errands()
        self._come_home()
        self.day.knots, self.day.brakings = self.truck.knots, _apart(self.truck.brakings)
        return self.day

    def _start(self) -> tuple[Arc, float]:
        """The depot's gate, or the kerb just inside the first street."""
        if self.from_depot:
            return (self.city.depot, self.city.neighbours[self.city.depot][0]), 10.0
        return self.order[0], corner_m(self.city.arcs[self.order[0]])

    def _set_out(self) -> None:
        """Ignition, a walk round the truck, the crew switch, and off."""
        dark_s = self.rng.uniform(4, 8)
        check_s = self.rng.uniform(70, 200) if self.from_depot else 10.0
        self.truck.stand(dark_s, "off")
        self.truck.stand(check_s, "parked")
        self.day.ignition_s = (dark_s, 0.0)
        self.day.switch_s = (dark_s + check_s * self.rng.uniform(0.3, 0.9), 0.0)

    def _come_home(self) -> None:
        """Breaks still owed, the last load to the landfill, the truck to the depot, all off, dark until the end."""
        while self.break_plans:
            self._break_where_planned()
        if self.tips_due_s and self.day.stops:
            self._tip()
        if self.from_depot:
            self._drive_to_gate(self.city.depot)
        arrived_s = self.truck.at_s
        self.truck.stand(12.0 if self.from_depot else 4.0, "parked")
        self.day.switch_s = (self.day.switch_s[0], arrived_s + 0.6 * (self.truck.at_s - arrived_s))
        self.day.ignition_s = (self.day.ignition_s[0], self.truck.at_s)
        self.truck.stand(max(5.0, self.ends_s - self.truck.at_s), "off")
        self.day.ends_s = self.truck.at_s

    def _time_is_up(self) -> bool:
        """Whether the way home, by way of the landfill if there is a load, needs all the time that is left."""
        node, home_s = self.truck.arc[1], 20.0 + SLACK * self.ends_s
        for plan in self.break_plans:
            home_s += plan.minutes * 60.0
        if self.tips_due_s:
            home_s += self.to_landfill[node] + TIP_GUESS_S + self.to_depot[self.city.landfill]
        elif self.from_depot:
            home_s += self.to_depot[node]
        if self.from_depot:
            home_s += SLACK_S
        return self.truck.at_s + home_s + MARGIN_S > self.ends_s

    def _collect(self, arc: Arc) -> None:
        """Drive to a street and serve it; a break on the route happens at one of its stops."""
        state: State = "collecting" if arc[0] in self.truck.arc else "driving"
        if self.truck.arc != arc:
            self._go_into(arc)
        for along_m in self._stops_along(arc):
            if self._time_is_up():
                return
            self.truck.halt(along_m, state)
            self._serve()
            state = "collecting"
            if self._is_break_due(on_route=True):
                self._take_break()

    def _stops_along(self, arc: Arc) -> list[float]:
        """Where on a street something stands at the kerb, 15-100 m apart."""
        edge, nearest_m = self.city.arcs[arc], STOP_SPACING_M[0]
        fronts = list(edge.fronts_m)
        if self.day.loader.both_sides:
            opposite = self.city.arcs[arc[1], arc[0]]
            fronts = sorted(fronts + [round(edge.length_m - front_m, 1) for front_m in opposite.fronts_m])
        stops: list[float] = []
        last_m = -self.since_stop_m
        for front_m in fronts:
            gap_m = front_m - last_m
            if gap_m >= nearest_m and (gap_m >= STOP_SPACING_M[1] or self.rng.random() < PUTS_OUT):
                stops.append(front_m)
                last_m = front_m
        self.since_stop_m = edge.length_m - last_m
        on_this_arc = self.truck.route[:2] == list(arc)
        return [along_m for along_m in stops if not on_this_arc or along_m > self.truck.along_m + 3]

    def _serve(self) -> None:
        """Empty what stands there: bins one after the other."""
        loader, starts_s = self.day.loader, self.truck.at_s
        lifts = self.rng.choice(loader.lifts)
        serve_s = max(self.rng.uniform(*loader.serve_s), lifts * 4.5)
        each_s = (serve_s - 1.5) / lifts
        edges = [(starts_s + 0.8 + i * each_s, starts_s + 0.8 + (i + 0.7) * each_s) for i in range(lifts)]
        lifts_ms = tuple((round(up_s * 1000), round(down_s * 1000)) for up_s, down_s in edges)
        number = len(self.day.stops)
        street = self.city.arcs[self.truck.arc].name
        self.day.stops.append(Stop(number, starts_s, self.truck.spot, street, lifts_ms))
        self.truck.stand(serve_s, "serving", stop=number)

    def _run_errands(self) -> None:
        """At a street's end: a break elsewhere, or the landfill, when it is time."""
        if self._is_break_due(on_route=False):
            self._break_where_planned()
        if len(self.tips_due_s) > 1 and self.truck.at_s >= self.tips_due_s[0]:
            self._tip()

    def _is_break_due(self, *, on_route: bool) -> bool:
        plans = self.break_plans
        return bool(plans) and self.truck.at_s >= plans[0].due_s and (plans[0].kind == "on_route") == on_route

    def _break_where_planned(self) -> None:
        """Drive to the place of the next break, if it has one, and take it."""
        kind = self.break_plans[0].kind
        if kind == "detour":
            self._drive_to(self.rng.choice(self.city.cafes))
        elif kind == "off_limits":
            self._drive_to(self.rng.choice(self.city.off_limits).kerb)
        self._take_break()

    def _take_break(self) -> None:
        plan, number = self.break_plans.pop(0), len(self.day.breaks)
        starts_s, spot = self.truck.at_s, self.truck.spot
        self.truck.stand(plan.minutes * 60.0, "break", break_index=number)
        switched_off, ignition_off = self.rng.random() < 0.85, self.rng.random() < 0.5
        entry = Break(number, plan.kind, starts_s, self.truck.at_s, spot, switched_off, ignition_off)
        self.day.breaks.append(entry)

    def _tip(self) -> None:
        """To the landfill, over the scales, tip, and out again."""
        self.tips_due_s.pop(0)
        self._drive_to_gate(self.city.landfill)
        self.truck.stand(self.rng.uniform(*TIP_S), "dumping")

    def _drive_to(self, kerb: Kerb) -> None:
        self._go_into(kerb.arc)
        self.truck.halt(kerb.along_m, "driving")

    def _drive_to_gate(self, gate: int) -> None:
        self._go(gate)
        edge = self.city.arcs[self.truck.arc]
        self.truck.halt(edge.length_m - corner_m(edge) - 1, "driving")

    def _go(self, target: int) -> None:
        """Take the quickest way to a crossing, waiting at red lights; the last arc stays ahead of the truck."""
        came_from, here = self.truck.arc
        for node in way(self.city, here, target, came_from)[1:]:
            self._wait_at_light()
            self.truck.route.append(node)

    def _go_into(self, arc: Arc) -> None:
        """Take the quickest way to a street and turn into it."""
        self._go(arc[0])
        self._wait_at_light()
        self.truck.route.append(arc[1])

    def _wait_at_light(self) -> None:
        """Perhaps stand before the crossing at the end of the truck's route."""
        arc = self.truck.arc
        edge, roads = self.city.arcs[arc], self.city.neighbours[arc[1]]
        has_light = len(roads) > 2 and any(self.city.arcs[arc[1], n].limit_mps == AVENUE_MPS for n in roads)
        if edge.fast or not has_light or self.traffic.random() >= LIGHT_IS_RED:
            return
        along_m = edge.length_m - corner_m(edge) - 1 - self.traffic.uniform(0, 14)
        if along_m > (self.truck.along_m if len(self.truck.route) == 2 else corner_m(edge)) + 5:
            self.truck.halt(along_m, "driving")
            self.truck.stand(self.traffic.uniform(*WAIT_AT_LIGHT_S), "driving")


def _plan_breaks(rng: random.Random, hours: float) -> list[_BreakPlan]:
    """None, one or two breaks, when they are due, where and for how many minutes."""
    windows = [(0.25, 0.42), (0.58, 0.72)] if hours >= TWO_BREAKS_HOURS else [(0.4, 0.55)]
    plans = []
    for first, last in windows if hours >= BREAK_HOURS else []:
        draw, minutes = rng.random(), rng.randint(*BREAK_MIN)
        kind: BreakKind = "on_route"
        if draw > 0.6 and hours >= DEPOT_HOURS:
            kind = "detour" if draw < 0.8 else "off_limits"
        due_s = rng.uniform(first, last) * hours * 3600
        plans.append(_BreakPlan(due_s, kind, min(minutes, max(2, round(0.15 * hours * 60)))))
    return plans


def _plan_tips(rng: random.Random, hours: float) -> list[float]:
    """When the truck will be full; the last one is the way home, whenever that is."""
    if hours < LANDFILL_HOURS:
        return []
    runs = rng.randint(1, 3) if hours >= FULL_HOURS else 1
    return [hours * 3600 * (i + 1 + rng.uniform(-0.1, 0.1)) / runs * 0.9 for i in range(runs)]


def _apart(brakings: list[Braking]) -> list[Braking]:
    """In order, without those that begin before the one ahead has ended: one contact closes once."""
    kept: list[Braking] = []
    for braking in sorted(brakings):
        if not kept or braking.at_ms > kept[-1].ends_ms + 50:
            kept.append(braking)
    return kept
