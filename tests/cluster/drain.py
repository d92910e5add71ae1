"""The story of a drain: who is killed when, and what came of every batch."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from buffer.received import ReceivedStore
from tests.cluster.fleet import Fleet
from tests.system.city import City, end
from tests.system.nats import MESSAGES, Cluster, Node

FIRST_KILL = 0.1  # of the backlog is with the broker
DOWN = 0.08  # of the backlog goes to the two others before a killed node comes back
LAST = 0.75  # of the backlog is with the broker when the receiver goes away
LOOK_EVERY_S = 0.5  # at the monitoring ports, which would otherwise slow the nodes down


class Found(NamedTuple):
    """What came of it: batches of `live`, each counted once unless said otherwise."""

    sealed: int
    acknowledged: int
    published: int
    sent_again: int
    lost_by_the_broker: int
    arrived: int
    repeats: int
    conflicts: int
    missing: int
    complete: bool

    @property
    def whole(self) -> bool:
        """Whether every sealed batch arrived, once, and the receiver says so."""
        return self.complete and not self.missing and not self.conflicts

    def lines(self) -> list[str]:
        """For people."""
        return [
            f"sealed on the trucks       {self.sealed:7,} batches",
            f"published                  {self.published:7,} times, {self.sent_again:,} of them again",
            f"acknowledged by the nodes  {self.acknowledged:7,}",
            f"lost by the nodes          {self.lost_by_the_broker:7,} that they had acknowledged",
            f"arrived in the city        {self.arrived:7,}",
            f"repeats dropped there      {self.repeats:7,}",
            f"one number, other bytes    {self.conflicts:7,}",
            f"missing in the end         {self.missing:7,}",
            f"the receiver says          {'complete' if self.complete else 'NOT complete'}",
        ]


def receiver(folder: Path, cluster: Cluster) -> City:
    """`fairhaul receive` with every node as a broker."""
    first, *others = cluster.urls
    return City(folder, first, *(word for url in others for word in ("--broker", url)))


class Drain:
    """Three nodes, a fleet with a backlog, and a receiver as a process of its own, that knows all nodes."""

    def __init__(self, cluster: Cluster, fleet: Fleet, city: City, say: Callable[[str], None]) -> None:
        self.cluster = cluster
        self.fleet = fleet
        self.city = city
        self._say_line = say
        self._began_s = time.monotonic()  # noqa: TID251 — the log has real seconds
        self._looked_s = 0.0
        self._lost = 0
        self._receiver: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        """The receiver first: what nobody has subscribed to is acknowledged and dropped."""
        self._receiver = self.city.start()
        self.say(f"the receiver is connected; {self._name(self.cluster.leader())} leads JetStream")

    def kill_one_by_one(self) -> None:
        """A node that leads nothing, the one that takes the messages, and JetStream's leader: each comes back."""
        for turn, (pick, what) in enumerate(
            (
                (self._follower, "leads nothing"),
                (self._taker, "leads the stream of messages"),
                (self._leader, "leads JetStream"),
            )
        ):
            self._until_taken(FIRST_KILL + turn * 2 * DOWN)
            self.kill(pick, what)

    def kill(self, pick: Callable[[], Node | None], what: str) -> None:
        """SIGKILL the node that is found; the two others go on, and it comes back."""
        node = self._found(pick)
        trucks, began, taken = self._trucks_on(node), self._at(), self.fleet.taken
        node.end(signal.SIGKILL)
        self.say(f"kill -9 {node.name}, which {what} and serves {trucks} trucks")
        self.fleet.until(
            lambda: self.fleet.taken > taken + len(self.fleet.trucks), f"a word without {node.name}"
        )
        self.say(f"the others take batches again, {self._at() - began:.1f} s later")
        aim = taken + DOWN * self.fleet.backlog
        self.fleet.until(lambda: self.fleet.taken >= aim, f"the drain without {node.name}")
        node.start()
        self.fleet.until(self._ready, f"{node.name} has all streams", self.cluster.lacks)
        self.say(f"{node.name} is back and has all streams; {self._name(self.cluster.leader())} leads")
        if complaints := self.cluster.complaints():
            self.say(f"though not all is well yet: {complaints[0]}")

    def lose_everything(self) -> None:
        """The receiver is away when all nodes go, and what they kept goes with them."""
        self._until_taken(LAST)
        assert self._receiver is not None
        assert end(self._receiver) == 0
        self.say("the receiver is stopped; the nodes keep what comes for it")
        self.fleet.until(lambda: all(truck.sent_all() for truck in self.fleet.trucks), "the backlog is sent")
        self.say("the backlog is with the nodes")
        before = {vehicle: set(numbers) for vehicle, numbers in self._arrived().items()}
        self._lost = self.fleet.taken - sum(map(len, before.values()))
        for node in self.cluster.nodes:
            node.end(signal.SIGKILL)
            node.wipe()
        self.say(f"kill -9 of all three, and their stores are gone: {self._lost:,} batches with them")
        self.cluster.start()
        self._receiver = self.city.start()
        self.say("three empty nodes and the receiver are there; it says what it misses")

    def ended(self) -> Found:
        """Everything has arrived, or patience ends."""
        self.fleet.park()
        self.fleet.until(self._complete, "everything arrives")
        self.say("everything that was sealed is in the city")
        self.fleet.close()
        assert self._receiver is not None
        assert end(self._receiver) == 0
        return self._found_out()

    def say(self, sentence: str) -> None:
        """A line with the real seconds since the start and how far the drain is."""
        arrived = sum(map(len, self._arrived().values())) if self.city.store.exists() else 0
        taken, backlog = self.fleet.taken, self.fleet.sealed
        self._say_line(
            f"{self._at():6.1f} s  {taken:6,} of {backlog:,} acknowledged, {arrived:6,} arrived: {sentence}"
        )

    # What it asks the nodes.

    def _leader(self) -> Node | None:
        return self.cluster.leader()

    def _taker(self) -> Node | None:
        return self.cluster.leader_of(MESSAGES)

    def _follower(self) -> Node | None:
        leaders = (self._leader(), self._taker())
        if None in leaders:
            return None
        return next(node for node in self.cluster.nodes if node not in leaders)

    def _found(self, pick: Callable[[], Node | None]) -> Node:
        found: list[Node] = []

        def look() -> bool:
            if self._may_look() and (node := pick()):
                found.append(node)
            return bool(found)

        self.fleet.until(look, "a leader")
        return found[0]

    def _ready(self) -> bool:
        return self._may_look() and self.cluster.ready()

    def _may_look(self) -> bool:
        due = self._at() >= self._looked_s + LOOK_EVERY_S
        if due:
            self._looked_s = self._at()
        return due

    def _trucks_on(self, node: Node) -> int:
        told = node.ask("connz?limit=10000").get("connections", [])
        return sum("truck" in str(each.get("mqtt_client", "")) for each in told)

    # What it asks the city.

    def _arrived(self) -> dict[str, list[int]]:
        """Numbers of `live` by vehicle, read from beside the running receiver."""
        arrived: dict[str, list[int]] = {}
        with closing(sqlite3.connect(f"file:{self.city.store}?mode=ro", uri=True)) as db:
            for vehicle, n in db.execute("SELECT vehicle, n FROM batch WHERE stream = 'live'"):
                arrived.setdefault(vehicle, []).append(n)
        return arrived

    def _complete(self) -> bool:
        if not self._may_look():
            return False
        arrived = self._arrived()
        return all(
            set(range(1, truck.sealed + 1)) <= set(arrived.get(truck.vehicle, ()))
            for truck in self.fleet.trucks
        )

    def _found_out(self) -> Found:
        arrived = self._arrived()
        with closing(ReceivedStore.open(self.city.store)) as store:
            repeats, conflicts = sum(total.repeats for total in store.totals()), store.conflicts()
        kept = sum(len(set(numbers)) for numbers in arrived.values())
        return Found(
            sealed=self.fleet.sealed,
            acknowledged=self.fleet.taken,
            published=self.fleet.published,
            sent_again=self.fleet.sent_again,
            lost_by_the_broker=self._lost,
            arrived=kept,
            repeats=repeats,
            conflicts=conflicts,
            missing=self.fleet.sealed - kept,
            complete=all(each["complete"] for each in self.city.status()),
        )

    def _until_taken(self, share: float) -> None:
        self.fleet.until(lambda: self.fleet.taken >= share * self.fleet.backlog, f"{share:.0%} of the drain")

    def _name(self, node: Node | None) -> str:
        return node.name if node else "nobody yet"

    def _at(self) -> float:
        return time.monotonic() - self._began_s  # noqa: TID251
