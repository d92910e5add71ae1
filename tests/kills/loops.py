"""`kill -9` in every phase, over and over on one state directory."""

from __future__ import annotations

import signal
from collections import Counter
from dataclasses import dataclass, field
from random import Random

from tests.kills.phases import PHASES, Fate
from tests.kills.yard import Agent, Yard

LIFE_S_MAX = 2.5  # an agent that does not meet its fate is killed where it is
LIFE_S_SHORT = 0.3
NTH_MAX = 3
TURN = ("stopped", "frozen", "up", "up")  # what becomes of a broker, and how often
SPAN_S = {"starting": 0.2, "recording": 0.3, "ending": 0.3}
SPAN_S_USUAL = 0.01
NEARER, FARTHER = 0.8, 1.2
OFTEN = {"recording", "sealing", "draining", "acknowledging"}
NEED_BROKER = {"draining", "acknowledging"}


@dataclass
class Killed:
    """Kills by the phase that they met, and by the phase that they were aimed at and met.

    `ended`: agents that ended by themselves before. `brokers`: how the broker was meanwhile.
    """

    phases: Counter[str] = field(default_factory=Counter)
    aimed: Counter[str] = field(default_factory=Counter)
    ended: int = 0
    brokers: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


class Weather:
    """What the broker does meanwhile; `state` is "up", "stopped" or "frozen"."""

    def __init__(self, yard: Yard, chance: Random) -> None:
        self.state = "up"
        self._yard = yard
        self._chance = chance

    def turn(self) -> None:
        """One change, sometimes."""
        if self.state != "up":
            self.clear()
        elif (state := self._chance.choice(TURN)) != "up":
            self.state = state
            if state == "stopped":
                self._yard.broker.stop()
            else:
                self._yard.broker.freeze()

    def clear(self) -> None:
        """It is up."""
        if self.state == "stopped":
            self._yard.broker.start()
        elif self.state == "frozen":
            self._yard.broker.thaw()
        self.state = "up"


def kill_over_and_over(yard: Yard, cycles: int, chance: Random) -> Killed:
    """So many agents, one behind the other; each is to be killed in the next phase, somewhere in it."""
    killed = Killed()
    weather = Weather(yard, chance)
    spans = {phase: SPAN_S.get(phase, SPAN_S_USUAL) for phase in PHASES}
    for cycle in range(cycles):
        phase = PHASES[cycle % len(PHASES)]
        weather.clear() if phase in NEED_BROKER else weather.turn()
        nth = chance.randint(1, NTH_MAX) if phase in OFTEN else 1
        agent = yard.agent(Fate(phase, nth, chance.uniform(0.0, spans[phase])))
        status = _end(agent, phase, chance)
        killed.brokers[weather.state] += 1
        if status == -signal.SIGKILL:
            found = yard.shown.get()
            killed.phases[found] += 1
            killed.aimed[phase] += found == phase
            spans[phase] *= FARTHER if found == phase else NEARER
        elif status == 0 and phase == "ending":
            killed.ended += 1
            spans[phase] *= NEARER
        else:
            killed.wrong.append(f"cycle {cycle}, to be killed while {phase}, ended with {status}")
    weather.clear()
    return killed


def _end(agent: Agent, phase: str, chance: Random) -> int:
    if phase == "ending" and not agent.has_ended_within(chance.uniform(LIFE_S_SHORT, LIFE_S_MAX)):
        agent.send(signal.SIGTERM)
    if not agent.has_ended_within(LIFE_S_MAX):
        agent.send(signal.SIGKILL)
    return agent.end(signal.SIGKILL)
