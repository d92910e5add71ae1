"""The shift that is cut: days of one truck in simulated time, with outages, kills, a damaged file and a full outbox.

It is the agent's own runtime over its own files. The broker is of paper; by its `weather` it is "fair", "dark" (no
connection), "deaf" (takes everything and answers nothing) or "swallowing" (half open: nothing arrives).
"""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from agent.agreement import Agreement
from agent.assembly import assemble
from agent.loop import StatusFile
from agent.paper import PaperLink, Published
from agent.runtime import Runtime
from agent.standing import Standing
from agent.status import STATUS_FILE, status_of
from buffer import durable, outbox, reserve, sqlite_file
from buffer.outbox import OUTBOX_FILE, SET_ASIDE_DAYS_MAX, Outbox
from drivers.inputs import Acknowledged, Chunk, Input, LinkDown, LinkUp, Pulse, Tick
from tests.crash.promises import Teller, digest, taken
from tests.sim.drives import DAY_MS, TODAY, TRUCK, Spot, agreement, configuration, sentences

HOUR_S, DAY_S = 3600, 86_400
PAGES_MAX = {"operations": 22, "routes-and-safety": 48}  # so few that days without a network fill them
RECEIPT_DAYS = 3
STATUS_EVERY_S = 6 * 3600.0
MIDNIGHT_MS = TODAY * DAY_MS
DAMAGED_DAY = 2
BOOTS = 3
# The last hour of its days.
ASIDE_OVER_MS = MIDNIGHT_MS + (DAMAGED_DAY + SET_ASIDE_DAYS_MAX) * DAY_MS + 23 * 3_600_000
STOP_EVERY_S = 120
STRIDE_S = 600.0  # between ticks where nothing happens
QUIET_AFTER_S = 120.0
KEEPSAKE, KEEPSAKE_HOURS = "keepsake", 3
PINS = {
    **TRUCK["pins"],
    "lift": {"gpio": 5, "kind": "lift"},
    "button": {"gpio": 6, "kind": "blocked_button"},
}
CONFIGURATION = configuration(pins=PINS, link={"brokers": ["mqtt://broker"], "backlog_every": "0 s"})


@functools.cache
def agreed(name: str) -> Agreement:
    """An example agreement with short days, so that all of it happens within a few of them."""

    def shorten(tree: dict[str, Any]) -> None:
        for stream in tree["streams"].values():
            stream["retention"] = f"{RECEIPT_DAYS} days"
        tree["streams"]["harsh_braking"]["held"] = "1 day"
        if "envelopes" in tree["release"]:
            tree["release"].update(size="2 KiB", envelopes={**tree["release"]["envelopes"], "track": 3})

    return agreement(name, shorten)


class Weather(NamedTuple):
    """From a second of a boot on, how the broker is."""

    at: float
    kind: str


class Hour(NamedTuple):
    """Another hour of a boot is over."""

    at: float


class Boot(NamedTuple):
    """One life of the program: UTC at its second 0, what comes in, the broker's weather, how it ends."""

    utc_ms: int
    inputs: Sequence[Input]
    weather: Sequence[Weather]
    lasts_s: float
    is_killed: bool


class Broker(PaperLink):
    """A broker of paper with weather. `take` sees what it has taken, whether or not it says so."""

    def __init__(self, take: Callable[[Published], None]) -> None:
        super().__init__(take)
        self.weather = "fair"

    def change(self, weather: str) -> None:
        """From now on; connections do not outlive the beginning of "dark"."""
        self.weather = weather
        if weather == "dark":
            self.answers.append(LinkDown(self.at, self._link, "out of reach"))

    def connect(self, link: int, broker: str) -> None:
        """Accepted, if there is a way at all."""
        super().connect(link, broker)
        if self.weather == "dark":
            self.answers[-1] = LinkDown(self.at, link, "out of reach")

    def publish(self, topic: str, payload: bytes) -> int:
        """By the weather: taken and answered, taken, or neither."""
        if self.weather == "swallowing":
            self._mid += 1
            return self._mid
        mid = super().publish(topic, payload)
        if self.weather == "deaf":
            self.answers.pop()
        return mid


class Life:
    """The agent from its start on, as `agent.live` starts it, in a time that is told to it."""

    def __init__(
        self, box: Outbox, link: PaperLink, paper: Agreement, folder: Path, chance: random.Random
    ) -> None:
        papers = [paper]
        self.outbox = box
        self.link = link
        self.status = StatusFile(folder / STATUS_FILE)
        self._status_due = 0.0
        standing = Standing.resumed(box.note)
        standing.look(paper)
        self.runtime: Runtime = assemble(
            CONFIGURATION, standing, box, link, chance=chance, look=lambda: papers.pop() if papers else None
        )

    def step(self, entry: Input) -> None:
        """One input, and all that the broker answers to it."""
        self.link.at = now = entry.at
        if not isinstance(entry, LinkUp | LinkDown | Acknowledged):
            self.runtime.step(entry, now)
        while self.link.answers:
            self.runtime.step(self.link.answers.popleft(), now)
        if now >= self._status_due:
            self._status_due = now + STATUS_EVERY_S
            self.tell_status()

    def tell_status(self) -> None:
        """The status file, as the loop writes it."""
        self.status.write(status_of(CONFIGURATION, self.runtime.agreement, self.runtime))

    def wait(self, until: float) -> None:
        """Ticks as the loop gives them, fewer where nothing happens; no slot is slept through."""
        quiet_from = self.link.at + QUIET_AFTER_S
        while True:
            now = self.link.at
            due = max(now + self.runtime.wait_s(now), now + 1.0)
            if now >= quiet_from:
                due = max(due, min(now + STRIDE_S, self.runtime.slot_due or now + STRIDE_S))
            if due >= until:
                return
            self.step(Tick(due))


def opened(
    folder: Path,
    pages_max: int,
    chance: random.Random,
    connect: sqlite_file.Connect = sqlite_file.plain_connect,
) -> Outbox:
    """The outbox as the agent opens it, but much smaller."""
    outbox.SIZE_BYTES_MIN, reserve.RESERVE_BYTES = 0, sqlite_file.PAGE_BYTES
    size_bytes_max = pages_max * sqlite_file.PAGE_BYTES
    return Outbox.open(
        folder / OUTBOX_FILE, random_bytes=chance.randbytes, size_bytes_max=size_bytes_max, connect=connect
    )


def run(
    boot: Boot, box: Outbox, folder: Path, paper: Agreement, teller: Teller, chance: random.Random
) -> None:
    """One boot, with its promises; a kill leaves everything as it stands."""

    def take(one: Published) -> None:
        teller.tell(took=taken(one.topic, one.payload))

    broker = Broker(take)
    life = Life(box, broker, paper, folder, chance)
    hours = [Hour(float(at)) for at in range(0, int(boot.lasts_s), HOUR_S)]
    end = Tick(boot.lasts_s)
    for entry in sorted([*boot.weather, *hours, *boot.inputs, end], key=lambda each: each.at):
        life.wait(entry.at)
        if isinstance(entry, Weather):
            broker.change(entry.kind)
            _keep(f"{entry} {boot.utc_ms}", folder, teller)
        elif isinstance(entry, Hour):
            _tell_time(boot.utc_ms + int(entry.at * 1000), folder, teller)
        else:
            life.step(entry)
    teller.tell(met=sorted({gap.why for gap in box.gaps()}), counts=box.counts(), losses=box.losses())
    if not boot.is_killed:
        life.runtime.finish(boot.lasts_s)
        life.tell_status()
        box.close()


def _tell_time(now_ms: int, folder: Path, teller: Teller) -> None:
    """What time it is."""
    teller.tell(now_ms=now_ms)
    if now_ms // 3_600_000 % KEEPSAKE_HOURS == 0:
        _keep(f"as of {now_ms}", folder, teller)
    if now_ms == ASIDE_OVER_MS:
        teller.tell(aside_over=True)


def _keep(what: str, folder: Path, teller: Teller) -> None:
    """A small file that is written over and over, as all that go through buffer/durable.py."""
    content = what.encode() * 100
    durable.replace(folder / KEEPSAKE, content)
    teller.tell(file=KEEPSAKE, digest=digest(content))


# The days.


def day_ms(day: int, hour: float) -> int:
    """UTC of an hour of a day of the shift, in milliseconds."""
    return MIDNIGHT_MS + day * DAY_MS + round(hour * 3_600_000)


def outing(utc_ms: int, start_s: float, lasts_s: float) -> Iterator[Input]:
    """On duty: round and round past stops, with lifts, brakings and a report of the crew."""
    yield Pulse(start_s, "ignition", 1)
    yield Pulse(start_s, "switch", 1)
    along_m = 0.0
    for second in range(int(lasts_s)):
        at = start_s + second
        is_standing = second % STOP_EVERY_S >= STOP_EVERY_S - 25
        speed_mps = 0.0 if is_standing else 12.0
        along_m += speed_mps
        if second % STOP_EVERY_S == STOP_EVERY_S - 15:
            yield from _pressed(at, "lift", 2.0)
        if second % 170 == 100:
            yield from _pressed(at, "brake", 0.2)
        if second % 400 == 300:
            yield from _pressed(at, "button", 0.4)
        yield Chunk(at, sentences(utc_ms + round(at * 1000), _round(along_m, speed_mps)))
    yield Pulse(start_s + lasts_s, "switch", 0)
    yield Pulse(start_s + lasts_s, "ignition", 0)


def _pressed(at: float, pin: str, held_s: float) -> Iterator[Input]:
    yield Pulse(at, pin, 1)
    yield Pulse(at + held_s, pin, 0)


def _round(along_m: float, speed_mps: float) -> Spot:
    """A block of 1500 by 900 metres, a little farther north each time."""
    lap, rest = divmod(along_m, 4800.0)
    north_m = 100.0 * lap - 2000.0
    if rest < 1500:
        return Spot(rest, north_m, speed_mps)
    if rest < 2400:
        return Spot(1500.0, north_m + rest - 1500, speed_mps)
    if rest < 3900:
        return Spot(3900.0 - rest, north_m + 900, speed_mps)
    return Spot(0.0, north_m + 4800 - rest, speed_mps)


def boots() -> Iterator[Boot]:
    """The whole shift, boot by boot; the file is damaged before the last."""
    first_ms = day_ms(0, 9.0)
    weather = [Weather(480, "dark"), Weather(780, "fair"), Weather(1080, "swallowing")]
    weather += [Weather(1260, "deaf"), Weather(1400, "fair")]
    inputs = list(outing(first_ms, 1.0, 1900.0))
    yield Boot(first_ms, inputs, weather, 1850.0, is_killed=True)

    second_ms = day_ms(0, 9.6)
    inputs = [*outing(second_ms, 1.0, 700.0), *outing(second_ms, DAY_S, 700.0)]
    weather = [Weather(300, "dark"), Weather(600, "fair")]
    weather += [Weather(1.3 * DAY_S, "deaf"), Weather(1.5 * DAY_S, "fair")]
    yield Boot(second_ms, inputs, weather, day_ms(2, 5.9) / 1000 - second_ms / 1000, is_killed=True)

    third_ms = day_ms(DAMAGED_DAY, 6.0)
    inputs = [*outing(third_ms, 1.0, 700.0), *outing(third_ms, 3 * DAY_S, 700.0)]
    weather = [Weather(1.0, "dark"), Weather(4 * DAY_S, "fair")]
    yield Boot(third_ms, inputs, weather, (16 * 24 + 6) * 3600.0, is_killed=False)
