"""One world in simulated time: a truck with its card, a broker, a city, and the real agent's loop in their midst.

The loop, the runtime, the recorder, the outbox, the sender and the city's receiver are the real ones. Time goes on
where the loop waits for its inbox; where nothing is due it waits longer than it asked for, as on a busy machine.
What is simulated says so: `tests.soak.truck`, `.card`, `.broker`. There are no threads here and no sockets.
"""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections import Counter, deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent.agreement import Agreement
from agent.assembly import assemble
from agent.city.receiver import Receiver
from agent.loop import Loop
from agent.runtime import Runtime
from agent.standing import Standing, Unusable
from agent.status import status_of
from agent.topics import CUSTODY, topic_for
from buffer.outbox import OutboxDamaged, OutboxLost
from buffer.received import ReceivedStore
from drivers.inputs import Input, PortOpened, Stop
from tests.sim.drives import TRUCK, configuration
from tests.soak import faults
from tests.soak.broker import Broker, Line
from tests.soak.card import Card, Died
from tests.soak.ledger import Ledger, WatchedOutbox
from tests.soak.rules import AGE_DAYS, Rules
from tests.soak.truck import DAY_S, PINS, Gnss, Truck

FIRST_DAY = 21_056  # 2027-08-26: the month ends in the first week, so that brakings leave
STRIDE_S = 300.0
WATCHED_S = 20.0  # so long after an input the loop gets its way
SHORTEST_S = 0.002  # a loop takes its time, too
RESTART_S = 5.0
BOX_PAGES = {True: (90, 120, 256), False: (36, 64, 256)}  # a daily set of envelopes needs its room at once
CITY_LEAST_S = 0.01

Plan = Callable[["World", int], None]


class Clock:
    """What the loop takes for its monotonic clock."""

    def __init__(self, world: World) -> None:
        self._world = world

    def at(self) -> float:
        """Seconds since this life began, those of a sleep perhaps left out."""
        return self._world.at

    def real_s(self, seconds: float) -> float:
        """As asked."""
        return seconds


class Inbox:
    """Where the loop waits, and the world goes on meanwhile. `dropped` counts as in a real one."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.dropped = 0

    @property
    def waiting(self) -> int:
        """How many inputs wait."""
        return len(self._world.inputs)

    def take(self, wait_s: float) -> Input | None:
        """The next input, or None."""
        return self._world.next_input(wait_s)


class World:
    """One truck for some days. `s` is true seconds since its first midnight."""

    def __init__(
        self, seed: int, folder: Path, daily: bool | None = None, brakings: bool | None = None
    ) -> None:
        """`daily`: which release is agreed; `brakings`: whether they are, and what waits may be old. None: drawn."""
        chance = random.Random(seed)
        self.seed = seed
        self.chance = chance
        self.s = 0.0
        drawn = chance.random() < 0.5
        self.daily = drawn if daily is None else daily
        drawn = chance.random() < 0.6
        self.brakings = drawn if brakings is None else brakings
        self.happened: Counter[str] = Counter()
        self.inputs: deque[Input] = deque()
        self.alive = False
        self.over = False
        self.booted_s = 0.0
        self.slept_s = 0.0
        self.woke_s = 0.0
        self.wall_off_s = 0.0  # by how much the system's clock is wrong
        self.version = 1  # of the agreement
        self.damage_next = False
        self.busy_s: list[float] = []  # seconds of a day at which something happens
        self.dark_s = RESTART_S
        self.lives = 0
        self._events: list[tuple[float, int, Callable[[], Any]]] = []
        self._serial = itertools.count()
        self._heard_s = 0.0
        self.card = Card(folder, random.Random(seed + 1), chance.choice(BOX_PAGES[self.daily]))
        self.broker = Broker(self)
        custody = topic_for(TRUCK["fleet"], TRUCK["vehicle"], CUSTODY)
        self.link = Line(self, self.broker, "truck", self._link_said, [custody])
        self.rules = Rules(self)
        self.ledger = Ledger(
            self.card.rows, lambda payload: self.broker.taken[payload] > 0, self.rules.oldest_day
        )
        self.paper: Agreement | Unusable = self.rules.agreement
        self._read: Agreement | Unusable | None = None
        self.configuration = configuration(pins=PINS, outbox={"maximum_age": f"{AGE_DAYS} days"})
        self.runtime: Runtime | None = None
        self.gnss = Gnss(rolled=chance.random() < 0.15)
        self.truck = Truck(self.gnss, chance, self.utc_ms, lambda: self.at, self.post, self.later)
        self._begin_city()
        self.later(30.0, self.truck.heard_parked)

    # Time.

    @property
    def at(self) -> float:
        """The agent's monotonic clock."""
        return self.s - self.booted_s - self.slept_s

    def utc_ms(self) -> int:
        """What the sky says."""
        return FIRST_DAY * DAY_S * 1000 + round(self.s * 1000)

    @property
    def day(self) -> int:
        """The true service day."""
        return FIRST_DAY + int(self.s // DAY_S)

    @property
    def second(self) -> float:
        """The true second of it."""
        return self.s % DAY_S

    def later(self, seconds: float, act: Callable[[], Any]) -> None:
        """Call in so many seconds."""
        heapq.heappush(self._events, (self.s + seconds, next(self._serial), act))

    def between(self, least: float, most: float) -> float:
        """A number by chance."""
        return self.chance.uniform(least, most)

    def _next_event(self, until_s: float) -> bool:
        """Go on to the next event, or to `until_s`; whether there was one."""
        if self._events and self._events[0][0] <= until_s:
            due_s, _, act = heapq.heappop(self._events)
            self.s = max(self.s, due_s)
            act()
            return True
        self.s = max(self.s, until_s)
        return False

    def skip(self, days: int) -> None:
        """The truck stands in a garage without power; the world outside stands still, too."""
        self.s += days * DAY_S
        self._events = [(due_s + days * DAY_S, serial, act) for due_s, serial, act in self._events]

    def pass_time(self, seconds: float) -> None:
        """The agent is not there."""
        until_s = self.s + seconds
        while self._next_event(until_s):
            pass

    def next_input(self, wait_s: float) -> Input | None:
        """What the loop gets after waiting for so long, or longer where nothing is due."""
        self.rules.waited(wait_s)
        until_s = self.s + self._patience_s(wait_s)
        while not self.inputs and self._next_event(until_s):
            pass
        if not self.inputs:
            return None
        self._heard_s = self.s
        return self.inputs.popleft()

    def _patience_s(self, wait_s: float) -> float:
        if wait_s <= SHORTEST_S or self.s < self._heard_s + WATCHED_S or self.runtime is None:
            return max(wait_s, SHORTEST_S)
        runtime = self.runtime
        asked = (
            runtime.sender.due,
            runtime.slot_due,
            runtime.recorder.due,
            runtime._keeping.due,
            self.at if runtime._checkpoint_due else None,
        )
        return max(wait_s, min([STRIDE_S, *(due - self.at for due in asked if due is not None)]))

    # The agent's lives.

    def post(self, entry: Input) -> None:
        """An input for the agent, if there is one."""
        if self.alive:
            self.inputs.append(entry)

    def _link_said(self, entry: Any) -> None:
        self.post(entry._replace(at=self.at))

    def die(self, why: str, dark_s: float) -> None:
        """Now: "kill" or "power"."""
        if self.alive:
            self.dark_s = dark_s
            raise Died(why)

    def suspend(self, seconds: float, *, frozen: bool) -> None:
        """The computer sleeps and hears nothing; what came meanwhile is lost.

        `frozen`: its clock slept, too. Then the truck is wrong until fixes that may be published span ten minutes.
        """
        self.alive = False
        self.pass_time(seconds)
        self.alive = True
        self.woke_s = self.s
        if frozen:
            self.slept_s += seconds
            self.rules.misled_until_s = math.inf
        self.link.cut("the connection was lost")
        self.truck.read_lines()

    def run(self, days: int, plan: Plan = faults.draw) -> None:
        """So many days with faults, and then as many without as it takes to deliver all. Raises Broken."""
        for day in range(days):
            for _ in range(self.chance.choice([1, 1, 2])):
                begins_s = self.between(5 * 3600, 21 * 3600)
                self.busy_s.append(begins_s)
                metres = self.chance.randrange(1200, 3200)
                self.later(day * DAY_S + begins_s, lambda metres=metres: self.truck.drive(metres))  # type: ignore[misc]
        self.busy_s += self.rules.slots_s
        plan(self, days)
        self.later(days * DAY_S, self.rules.heal)
        while not self.over:
            self._live()
            self.pass_time(self.dark_s)
        self.rules.ended()

    def _live(self) -> None:
        self.lives += 1
        self.inputs.clear()
        self.booted_s, self.slept_s, self.dark_s = self.s, 0.0, RESTART_S
        self.link.died()
        self.alive = True
        why = "kill"
        try:
            self._begin()
        except Died as died:
            why = died.why
        except OutboxDamaged:
            self.happened["found damaged while open"] += 1
        except OutboxLost:
            self.happened["the card would not open"] += 1
            self.dark_s = 60.0
        self.alive = False
        self.link.died()
        self.runtime = None
        self.ledger.cut_short(self.s, well=not self.rules.card_was_ill)
        self.rules.died(why)
        self.card.died(why)
        if self.damage_next:
            self.damage_next = False
            if self.ledger.unsure is None:
                self.card.damage()

    def _begin(self) -> None:
        outbox = self.card.opened()
        self.ledger.opened(outbox)
        box: Any = WatchedOutbox(outbox, self.ledger)
        standing = Standing.resumed(box.note)
        self._read = None
        found = self._look()
        if found is not None:
            standing.look(found)
        self.runtime = assemble(
            self.configuration,
            standing,
            box,
            self.rules.watched_link(self.link),
            chance=random.Random(self.chance.random()),
            look=self._look,
        )
        self.rules.began(self.runtime)
        self.post(PortOpened(self.at, "/dev/gnss", 9600))
        self.truck.read_lines()
        for second in range(1, 5):
            self.later(second, self.truck.heard)
        inbox: Any = Inbox(self)
        clock: Any = Clock(self)
        Loop(self.runtime, inbox, clock, self._status, self.truck.read_lines).run()
        self.happened["clean ends"] += 1

    def _look(self) -> Agreement | Unusable | None:
        if self.paper is self._read:
            return None
        self._read = self.paper
        return self.paper

    def _status(self) -> None:
        if self.runtime is not None:
            self.rules.status(status_of(self.configuration, self.runtime.agreement, self.runtime))

    def stop(self) -> None:
        """As systemd asks for it."""
        self.post(Stop(self.at))

    # The city.

    def _begin_city(self) -> None:
        self.store = ReceivedStore.open(None)
        self.city_line = Line(self, self.broker, "city", self._city_heard)
        self.city = Receiver(
            self.store,
            self.city_line,
            ["mqtt://broker"],
            "+",
            chance=random.Random(self.seed + 2),
            say=lambda _: None,
            alarm=lambda _: None,
        )
        self._city_inbox: list[Input] = []
        self._city_due_s = math.inf
        self.city.start(self.s)

    def _city_heard(self, entry: Input) -> None:
        if not self._city_inbox:
            self.later(0.0, self._city_steps)
        self._city_inbox.append(entry)

    def _city_steps(self) -> None:
        entries, self._city_inbox = self._city_inbox, []
        self.city.step(entries, self.s)
        telling = self.city.confirming.due if self.city.up and self.city.confirming else None
        due_s = min((due for due in (self.city._due, telling) if due is not None), default=math.inf)
        if due_s < self._city_due_s:
            self._city_due_s = max(due_s, self.s + CITY_LEAST_S)
            self.later(self._city_due_s - self.s, self._city_wakes)

    def _city_wakes(self) -> None:
        self._city_due_s = math.inf
        self._city_steps()

    def city_away(self, seconds: float) -> None:
        """The city's computer is off for so long; its session waits."""
        self.city_line.gone()
        self.later(seconds, self._city_back)

    def _city_back(self) -> None:
        self._city_inbox.clear()
        self.city.start(self.s)
