"""What goes wrong: each fault is a function of the world, called at a moment drawn by chance; it counts itself.

A fault that ends by itself sets its own end. Those that need the agent alive do nothing while it is not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from agent.standing import Unusable
from drivers.inputs import PortLost, PortOpened
from tests.soak.card import TROUBLES
from tests.soak.truck import DAY_S, agreed

if TYPE_CHECKING:
    from tests.soak.world import World

HOUR_S = 3600.0
A_DAY = (2, 5)  # faults drawn for each day
YEAR_S = 365.25 * DAY_S

Fault = Callable[["World"], None]


def _outage(world: World) -> None:
    world.happened["outages"] += 1
    world.link.lose_coverage()
    lasts_s = world.chance.choice([120.0, HOUR_S, 9 * HOUR_S, 30 * HOUR_S])
    world.later(lasts_s, lambda: setattr(world.link, "covered", True))


def _half_open(world: World) -> None:
    world.happened["half-open links"] += 1
    world.link.swallows = True
    world.later(world.between(60, 2 * HOUR_S), lambda: setattr(world.link, "swallows", False))


def _mute(world: World) -> None:
    world.happened["answers that get lost"] += 1
    world.link.mute = True
    world.later(world.between(60, HOUR_S), lambda: setattr(world.link, "mute", False))


def _late(world: World) -> None:
    world.happened["late answers"] += 1
    world.link.late_s, world.link.twice = world.between(2, 90), world.chance.random() < 0.5

    def ended() -> None:
        world.link.late_s, world.link.twice = 0.0, False

    world.later(6 * HOUR_S, ended)


def _twice(world: World) -> None:
    world.happened["answers that come again"] += 1
    world.link.twice = True
    world.later(12 * HOUR_S, lambda: setattr(world.link, "twice", False))


def _broker_restarts(world: World) -> None:
    forget = world.chance.random() < 0.5
    world.happened["broker killed unsaved" if forget else "broker restarts"] += 1
    world.broker.stop(forget=forget)
    world.later(world.chance.choice([2.0, 300.0, 3 * HOUR_S]), lambda: setattr(world.broker, "up", True))


def _kicks(world: World) -> None:
    world.happened["brokers that accept and kick"] += 1
    world.broker.kick_after_s = world.chance.choice([0.1, 3.0, 8.0, 30.0])
    for line in list(world.broker.lines):
        if line is world.link:
            line.cut("Session taken over")
    world.later(world.between(600, 8 * HOUR_S), lambda: setattr(world.broker, "kick_after_s", None))


def _refuses(world: World) -> None:
    world.happened["brokers that refuse for a while"] += 1
    world.broker.refusal = world.chance.choice(["Quota exceeded", "Not authorized", "Unspecified error"])
    world.later(world.between(600, 6 * HOUR_S), lambda: setattr(world.broker, "refusal", None))


def _refuses_for_good(world: World) -> None:
    world.happened["brokers that refuse for good"] += 1
    world.broker.refuse_once = "Payload format invalid"


def _city_away(world: World) -> None:
    world.happened["city away"] += 1
    world.city_away(world.between(60, 20 * HOUR_S))


def _killed(world: World) -> None:
    world.happened["kills"] += 1
    world.die("kill", world.chance.choice([0.1, 5.0, 900.0]))


def _killed_at_publish(world: World) -> None:
    world.rules.die_at_publish = world.chance.randrange(1, 6)


def _stopped(world: World) -> None:
    world.stop()


def _power_cut(world: World) -> None:
    world.happened["power cuts"] += 1
    world.die("power", world.chance.choice([2.0, 900.0, 10 * HOUR_S]))


def _power_cut_in_commit(world: World) -> None:
    world.card.cut_in = world.chance.choice([-1, 0, 1, 2, 3, 5, 8, 13])


def _disk(world: World) -> None:
    world.happened["disk ill"] += 1
    world.card.trouble = world.chance.choice(list(TROUBLES))
    world.rules.card_was_ill = True
    world.later(world.chance.choice([30.0, 600.0, 5 * HOUR_S]), lambda: setattr(world.card, "trouble", None))


def _damaged(world: World) -> None:
    """The file is damaged when the truck gets power again."""
    if not world.alive:
        return
    world.damage_next = True
    world.rules.renewed_until_s = world.s + 2 * DAY_S
    world.die("power", 60.0)


def _wall_clock(world: World) -> None:
    world.happened["clock steps"] += 1
    world.wall_off_s = world.between(-30 * YEAR_S, 30 * YEAR_S)


def _suspended(world: World) -> None:
    """The computer sleeps; its monotonic clock sleeps with it, or does not."""
    if not world.alive:
        return
    frozen = world.chance.random() < 0.5
    world.happened["suspended, the clock too" if frozen else "suspended"] += 1
    world.suspend(world.chance.choice([120.0, 2 * HOUR_S, 20 * HOUR_S]), frozen=frozen)


def _stale_receiver(world: World) -> None:
    world.happened["receiver restarts with an old time"] += 1
    world.gnss.stale = world.chance.choice([1, 2])
    world.post(PortLost(world.at, "unplugged"))
    world.post(PortOpened(world.at, "/dev/gnss", 9600))
    for second in range(1, 7):
        world.later(second, world.truck.heard)


def _unplugged(world: World) -> None:
    world.happened["unplugs"] += 1
    world.gnss.plugged = False
    for _ in range(world.chance.choice([1, 3])):
        world.post(PortLost(world.at, "unplugged"))

    def plugged() -> None:
        world.gnss.plugged = True
        world.post(PortOpened(world.at, "/dev/gnss", 9600))
        for second in range(1, 5):
            world.later(second, world.truck.heard)

    world.later(world.between(10, 5 * HOUR_S), plugged)


def _chatter(world: World) -> None:
    """A loose contact: hundreds of edges within seconds, and the level it had afterwards."""
    world.happened["pins that chatter"] += 1
    pin = world.chance.choice(sorted(world.truck.levels))
    level = world.truck.levels[pin]
    for edge in range(400):
        world.later(edge * 0.005, lambda edge=edge: world.truck.edge(pin, edge % 2))  # type: ignore[misc]
    world.later(400 * 0.005, lambda: world.truck.edge(pin, level))


def _help(world: World) -> None:
    world.happened["calls for help"] += 1
    world.truck.pulse("help", 4.0)

    def cleared() -> None:
        """A restart forgets the call, and the same press would raise it anew."""
        if world.runtime is not None and world.runtime.recorder.helping:
            world.truck.pulse("help", 11.0)
            world.later(60.0, cleared)

    world.later(70.0, cleared)


def _another_agreement(world: World) -> None:
    world.happened["agreement changes"] += 1
    world.version += 1
    world.paper = agreed(world.daily, world.version, brakings=world.brakings)


def _unusable_agreement(world: World) -> None:
    world.happened["agreement files that are none"] += 1
    before = world.paper
    world.paper = Unusable("its file is not understood")
    world.later(world.between(60, 3 * HOUR_S), lambda: setattr(world, "paper", before))


def _stale_agreement(world: World) -> None:
    """An old version on the card: rolled back, and seen to be."""
    if world.version > 1:
        world.happened["agreements rolled back"] += 1
        before = world.paper
        world.paper = agreed(world.daily, world.version - 1, brakings=world.brakings)
        world.later(HOUR_S, lambda: setattr(world, "paper", before))


FAULTS: list[Fault] = [
    _outage,
    _outage,
    _outage,
    _half_open,
    _half_open,
    _mute,
    _mute,
    _late,
    _twice,
    _broker_restarts,
    _broker_restarts,
    _kicks,
    _kicks,
    _refuses,
    _refuses_for_good,
    _city_away,
    _killed,
    _killed,
    _killed_at_publish,
    _killed_at_publish,
    _stopped,
    _power_cut,
    _power_cut,
    _power_cut_in_commit,
    _power_cut_in_commit,
    _power_cut_in_commit,
    _disk,
    _disk,
    _damaged,
    _wall_clock,
    _wall_clock,
    _suspended,
    _stale_receiver,
    _unplugged,
    _chatter,
    _help,
    _another_agreement,
    _unusable_agreement,
    _stale_agreement,
]


def draw(world: World, days: int) -> None:
    """Put the faults of so many days into the world, where the truck drives or a slot is open rather than at night."""
    for day in range(days):
        for _ in range(world.chance.randint(*A_DAY)):
            fault = world.chance.choice(FAULTS)
            world.later(day * DAY_S + _moment_s(world), lambda fault=fault: fault(world))  # type: ignore[misc]


def _moment_s(world: World) -> float:
    """Half of all faults come while something happens: on a drive, or as a slot begins."""
    if world.chance.random() < 0.5 or not world.busy_s:
        return world.between(0, DAY_S)
    return max(0.0, world.chance.choice(world.busy_s) + world.between(-5, 200))
