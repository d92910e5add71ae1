"""All checks of one truck, group by group, in the order in which one rests on the other.

While the agent runs it has the port, the pins and the outbox's lock. Then nothing is taken from it: the receiver is
judged by its status file, the pins are not tested, and the broker is asked under a client id of our own.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.assembly import FLOOR_DAY, link_options, pin_options, port_options, sensors
from agent.doctor import agreed, computer, disk, hands, network, outbox, pins, receiver
from agent.doctor.certificate import own_certificate, secrets
from agent.doctor.finding import SUDO, Finding, Group, not_tested, passed, warned
from agent.doctor.hands import Technician
from agent.doctor.hearing import Hearing
from agent.doctor.machine import Machine
from agent.doctor.receiver import Heard
from agent.status import RUNTIME, last_word
from agent.topics import DOCTOR, topic_for
from buffer.lock import kept_off
from buffer.outbox import OUTBOX_FILE
from config.pins import StatusLedPin
from config.schema import Configuration
from drivers.clock import Clock
from drivers.serial_gnss import PortOptions


@dataclass(frozen=True)
class Checkup:
    """What a checkup needs. `wall_day`: days since 1970-01-01 by the computer's clock; `seconds` of listening.

    `technician` is None where nobody stands by; `factory` is gpiozero's, None for its own choice; `runtime` is where
    the running agent puts its status.
    """

    configuration: Configuration
    machine: Machine
    clock: Clock
    wall_day: int
    seconds: float
    technician: Technician | None = None
    factory: Any | None = None
    runtime: Path = RUNTIME

    def groups(self) -> tuple[Group, ...]:
        """Everything, once; takes about half a minute, and as long as the hands need. No agent can start meanwhile."""
        with kept_off(self.configuration.state) as running:
            return self._groups(running)

    def _groups(self, running: bool | None) -> tuple[Group, ...]:
        configuration = self.configuration
        receiver_said, gnss_day = self._receiver(running)
        day = self.wall_day if gnss_day is None else gnss_day
        groups = (
            Group("The computer", tuple(computer.power(computer.throttled(self.machine)))),
            Group("The disk", tuple(self._disk())),
            Group("The receiver", receiver_said),
            Group("The lines", tuple(self._lines(running))),
            Group("The agreement", tuple(agreed.agreed(configuration.agreement, self._outbox, day))),
            Group("Keys and clock", tuple(self._keys(gnss_day, day))),
            *(
                Group(f"The broker {broker}", self._broker(str(broker)))
                for broker in configuration.link.brokers
            ),
        )
        return tuple(group for group in groups if group.findings)

    @property
    def _outbox(self) -> Path:
        return self.configuration.state / OUTBOX_FILE

    def _disk(self) -> Iterable[Finding]:
        yield from disk.disk(self.machine, self.configuration.state, self.configuration.outbox.size)
        yield from outbox.outbox(self._outbox)

    def _receiver(self, running: bool | None) -> tuple[tuple[Finding, ...], int | None]:
        if running is None:
            return (not_tested("port", "whether the agent runs may not be looked at", SUDO),), None
        if running:
            word = None
            with contextlib.suppress(OSError):
                word = last_word(self.configuration, self.runtime)
            return receiver.while_agent_runs(word and word[0])
        return receiver.receiver(self.machine, port_options(self.configuration), self._hear)

    def _hear(self, options: PortOptions) -> Heard:
        hearing = Hearing(sensors(self.configuration).gate, FLOOR_DAY)
        return receiver.listened(options, hearing, self.clock, self.seconds)

    def _lines(self, running: bool | None) -> Iterable[Finding]:
        options = pin_options(self.configuration)
        if running is not False:
            yield from pins.while_agent_runs(options)
            return
        edges_max_hz = {
            name: pin.edges_max
            for name, pin in self.configuration.pins.items()
            if not isinstance(pin, StatusLedPin)
        }
        found = list(pins.pins(options, edges_max_hz, self.clock, self.factory))
        yield from found
        sound = {finding.check for finding in found if finding.outcome in ("pass", "warn")}
        by_hand = [pin for pin in options if pin.name in sound]
        if self.technician is None:
            yield from hands.without_hands(by_hand)
        else:
            yield from hands.hands(by_hand, self.technician, self.clock, self.factory)

    def _keys(self, gnss_day: int | None, day: int) -> Iterable[Finding]:
        link = self.configuration.link
        yield computer.clock(self.wall_day, gnss_day)
        yield own_certificate(link.certificate_file, day)
        yield secrets([path for path in (link.key_file, link.password_file) if path])

    def _broker(self, broker: str) -> tuple[Finding, ...]:
        configuration = self.configuration
        topic = topic_for(configuration.fleet, configuration.vehicle, DOCTOR)
        return network.network(broker, link_options(configuration, None), topic, self.clock, self.wall_day)


def configured(name: str, warnings: Iterable[str]) -> Group:
    """What `fairhaul check` says of the configuration, in which it has found no mistake."""
    found = [
        warned("configuration", says, "`fairhaul check` says what to change, and where.") for says in warnings
    ]
    return Group("The configuration", tuple(found or [passed("configuration", f"{name} is fine")]))
