"""Ended as systemd ends it, in every phase, with a watch in the hand; and stopped for a while, then let go on."""

from __future__ import annotations

import contextlib
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from tests.bench.process import cpu_s
from tests.kills.yard import TICK, Agent, Yard, wait_until

TERM_S_MAX = 2.0
HANDLED_S = 0.4  # a start is over by then, or nearly
UNSENT_MIN = 3
CONNECTS_MAX = 3
GIVEN_UP = "fairhaul-springfield-truck-017 has exceeded timeout"  # as the broker says it
WATCHED_S = 3.0  # behind SIGCONT
CPU_TIMES_MAX, CPU_SHARE_SPARE = 2.0, 0.2


class Case(NamedTuple):
    """A phase to end an agent in: how the agent gets there, and whether it may still die of the signal itself."""

    name: str
    reach: Callable[[Yard, Random], contextlib.AbstractContextManager[Agent]]
    may_be_unborn: bool = False


@dataclass
class Ended:
    """How long it took, and with which status, of one case."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)


def end_in_every_phase(yard: Yard, cases: tuple[Case, ...], times: int, chance: Random) -> dict[str, Ended]:
    """SIGTERM so many times in each case."""
    found: dict[str, Ended] = {}
    for case in cases:
        ended = found[case.name] = Ended()
        for _ in range(times):
            with case.reach(yard, chance) as agent:
                sent_s = time.monotonic()  # noqa: TID251 — a real process is timed
                ended.statuses[agent.end()] += 1
                ended.seconds.append(agent.ended_s - sent_s)
    return found


def wrong(found: dict[str, Ended], cases: tuple[Case, ...]) -> list[str]:
    """What must not be, in words."""
    unborn = {case.name for case in cases if case.may_be_unborn}
    slow = [f"{name}: {max(e.seconds):.2f} s" for name, e in found.items() if max(e.seconds) > TERM_S_MAX]
    bad = [
        f"{name}: ended with {status}"
        for name, ended in found.items()
        for status in ended.statuses
        if status != 0 and not (status == -signal.SIGTERM and name in unborn)
    ]
    return slow + bad


# The cases.


def recording(
    yard: Yard, config: str = "truck", unnamed: bool = False, broker: str = "up"
) -> Iterator[Agent]:
    """Fixes come in, and the broker is as said."""
    with yard.running(config, unnamed) as agent:
        wait_until(lambda: yard.status().get("date") is not None and yard.status()["broker"] == broker)
        yield agent


@contextlib.contextmanager
def _connected(yard: Yard, _: Random) -> Iterator[Agent]:
    yield from recording(yard)


@contextlib.contextmanager
def _starting(yard: Yard, chance: Random) -> Iterator[Agent]:
    with yard.running() as agent:
        TICK.wait(chance.uniform(0.0, HANDLED_S))
        yield agent


@contextlib.contextmanager
def _anywhere(yard: Yard, chance: Random) -> Iterator[Agent]:
    with yard.running() as agent:
        wait_until(lambda: bool(yard.status()))
        TICK.wait(chance.uniform(0.0, 1.0))
        yield agent


@contextlib.contextmanager
def _draining(yard: Yard, _: Random) -> Iterator[Agent]:
    with contextlib.contextmanager(recording)(yard) as agent:
        yard.broker.freeze()
        try:
            wait_until(lambda: yard.counts().unsent >= UNSENT_MIN)
            yield agent
        finally:
            yard.broker.thaw()


@contextlib.contextmanager
def _refused(yard: Yard, _: Random) -> Iterator[Agent]:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        yield from _elsewhere(yard, f"mqtt://127.0.0.1:{closed.getsockname()[1]}", broker="waiting")


@contextlib.contextmanager
def _mute(yard: Yard, _: Random) -> Iterator[Agent]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield from _elsewhere(yard, f"mqtt://127.0.0.1:{listener.getsockname()[1]}")


@contextlib.contextmanager
def _mute_tls(yard: Yard, _: Random) -> Iterator[Agent]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield from _elsewhere(yard, f"mqtts://127.0.0.1:{listener.getsockname()[1]}")


@contextlib.contextmanager
def _swallowed(yard: Yard, _: Random) -> Iterator[Agent]:
    """A listener whose queue is full drops what asks for a connection."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, contextlib.ExitStack() as waiting:
        for _number in range(3):
            one = waiting.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        yield from _elsewhere(yard, f"mqtt://127.0.0.1:{listener.getsockname()[1]}")


@contextlib.contextmanager
def _unnamed(yard: Yard, _: Random) -> Iterator[Agent]:
    yield from recording(yard, unnamed=True, broker="connecting")


def _elsewhere(yard: Yard, url: str, broker: str = "connecting") -> Iterator[Agent]:
    yard.configure("elsewhere", brokers=[url])
    yield from recording(yard, "elsewhere", broker=broker)


@contextlib.contextmanager
def _unplugged(yard: Yard, _: Random) -> Iterator[Agent]:
    with contextlib.contextmanager(recording)(yard) as agent:
        yard.cable.unplug()
        try:
            wait_until(lambda: yard.status()["gnss"] == "silent")
            yield agent
        finally:
            yard.cable.plug()


@contextlib.contextmanager
def _portless(yard: Yard, _: Random) -> Iterator[Agent]:
    """There was no port from the beginning."""
    yard.cable.unplug()
    try:
        with yard.running() as agent:
            wait_until(lambda: bool(yard.status()))
            yield agent
    finally:
        yard.cable.plug()


CASES = (
    Case("starting", _starting, may_be_unborn=True),
    Case("recording, connected", _connected),
    Case("anywhere within a second of work", _anywhere),
    Case("draining to a broker that stopped answering", _draining),
    Case("connecting: refused, waiting", _refused),
    Case("connecting: packets swallowed", _swallowed),
    Case("connecting: accepted, never answered", _mute),
    Case("connecting: TLS never answered", _mute_tls),
    Case("connecting: no name server answers", _unnamed),
    Case("serial port unplugged", _unplugged),
    Case("no serial port at all", _portless),
)
FEW = tuple(
    case for case in CASES if case.reach in (_connected, _draining, _mute, _mute_tls, _unplugged, _starting)
)


# Stopped, then let go on.


class Resumed(NamedTuple):
    """What an agent did behind SIGCONT: seconds until it was up again, connections begun, and its share of a CPU."""

    stopped_s: float
    up_again_s: float
    connects: int
    share_before: float
    share_after: float

    @property
    def wrong(self) -> list[str]:
        """What must not be, in words."""
        found = []
        if not 1 <= self.connects <= CONNECTS_MAX:
            found.append(f"{self.connects} connections behind SIGCONT")
        if self.share_after > CPU_TIMES_MAX * self.share_before + CPU_SHARE_SPARE:
            found.append(f"{self.share_after:.0%} of a CPU behind SIGCONT, {self.share_before:.0%} before")
        return found


def stop_and_go_on(yard: Yard, stopped_s: float) -> Resumed:
    """SIGSTOP for so long, and until the broker has given the truck up; then SIGCONT."""
    with contextlib.contextmanager(recording)(yard) as agent:
        before = _share(agent, WATCHED_S)
        agent.send(signal.SIGSTOP)
        sent_s = time.monotonic()  # noqa: TID251
        TICK.wait(stopped_s)
        wait_until(lambda: any(GIVEN_UP in line for line in yard.broker.log.lines))
        stopped_s = time.monotonic() - sent_s  # noqa: TID251
        seen = _connects(yard)
        agent.send(signal.SIGCONT)
        began_s = time.monotonic()  # noqa: TID251
        wait_until(lambda: _connects(yard) > seen)
        up_again_s = time.monotonic() - began_s  # noqa: TID251
        after = _share(agent, WATCHED_S)
        connects = _connects(yard) - seen
        had = yard.status()["outbox"]["receipts"]
        wait_until(lambda: yard.status()["outbox"]["receipts"] > had and yard.status()["broker"] == "up")
        assert agent.end() == 0
    return Resumed(stopped_s, up_again_s, connects, before, after)


def _share(agent: Agent, seconds: float) -> float:
    began_s, used_s = time.monotonic(), cpu_s(agent.pid)  # noqa: TID251
    TICK.wait(seconds)
    return (cpu_s(agent.pid) - used_s) / (time.monotonic() - began_s)  # noqa: TID251


def _connects(yard: Yard) -> int:
    """How often the truck has come up at this broker."""
    return sum("New client connected" in line and "truck-017" in line for line in yard.broker.log.lines)
