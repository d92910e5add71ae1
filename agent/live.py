"""The agent in the world: real outbox, real broker, real time, or a recorded log paced through the same."""

from __future__ import annotations

import contextlib
import logging
import os
import random
import signal
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from agent.agreement import Agreement, load_agreement
from agent.assembly import assemble, link_options, pin_options, port_options
from agent.duty import Duty
from agent.loop import Loop, StatusFile
from agent.replaying import Pacer
from agent.runtime import Runtime
from agent.status import status_of, status_path
from buffer import lock
from buffer.outbox import Outbox
from config.load import Configuration, ConfigurationError
from drivers.clock import Clock
from drivers.gpio import Pins, PinsMissing
from drivers.inbox import Inbox
from drivers.inputs import Input, Stop
from drivers.mqtt import Link
from drivers.serial_gnss import SerialGnss

logger = logging.getLogger(__name__)

OUTBOX_FILE = "outbox.db"
LAST_WORD_S = 600.0  # of the replay's time, for what is sealed to be acknowledged


class Cab(NamedTuple):
    """What the loop asks of the cab's lines; a recorded log has none that could be read or lit."""

    read_lines: Callable[[], None] = lambda: None
    lamp: Callable[[bool], None] = lambda _: None


def _cab(pins: Pins | None) -> Cab:
    if pins is None:
        return Cab()

    def lamp(on: bool) -> None:
        for name in pins.leds:
            pins.set_led(name, on)

    return Cab(pins.post_levels, lamp)


def start_logging(configuration: Configuration) -> None:
    """To stderr, where systemd's journal picks it up; the journal stamps the time."""
    logging.basicConfig(level=configuration.log.level.upper(), format="%(levelname)s %(name)s: %(message)s")


def agreement_in_force(configuration: Configuration) -> Agreement | None:
    """The agreement, or None when there is none that is understood: then only the box's status leaves."""
    if configuration.agreement is None:
        logger.error("no agreement is configured: nothing is recorded, only the box's status leaves")
        return None
    try:
        return load_agreement(configuration.agreement)
    except ConfigurationError as error:
        logger.error("the agreement is not understood, only the box's status leaves:\n%s", error)
        return None


def run(configuration: Configuration, clock: Clock) -> None:
    """The agent on the truck, until a signal ends it."""
    agreement = agreement_in_force(configuration)
    inbox = Inbox()
    with _running(configuration, agreement, inbox, clock, None, replay=False) as runtime:
        gnss = SerialGnss(port_options(configuration), inbox.post, clock.at, random.Random())
        pins = _pins(configuration, inbox, clock)
        gnss.start()
        if pins:
            pins.start()
        try:
            _loop(configuration, runtime, agreement, inbox, clock, _cab(pins)).run()
        finally:
            gnss.stop()
            if pins:
                pins.close()


def _pins(configuration: Configuration, inbox: Inbox, clock: Clock) -> Pins | None:
    """The GPIO lines; None where there is no GPIO, and then the truck counts as off duty."""
    try:
        return Pins(pin_options(configuration), inbox.post, clock.at)
    except PinsMissing as error:
        logger.error("%s; without the switch nothing is recorded", error)
        return None


def replay_live(
    configuration: Configuration,
    agreement: Agreement,
    duty: Duty | None,
    entries: Iterable[Input],
    *,
    speed: float,
    from_s: float,
) -> None:
    """A recorded log through the real runtime; ends when the log has and what was sealed is acknowledged."""
    clock = Clock(speed)
    inbox = Inbox()
    with _running(configuration, agreement, inbox, clock, duty, replay=True) as runtime:
        pacer = Pacer(entries, inbox, clock, from_s)
        ended: list[float] = []

        def finished(now: float) -> bool:
            if not pacer.done:
                return False
            if not ended:
                runtime.flush(now)
                ended.append(now)
            return now - ended[0] > LAST_WORD_S or (
                now - ended[0] > runtime.release_within_s and runtime.quiet
            )

        pacer.start()
        try:
            _loop(configuration, runtime, agreement, inbox, clock, Cab()).run(finished)
        finally:
            pacer.stop()
        if pacer.failure:
            raise pacer.failure


@contextlib.contextmanager
def _running(
    configuration: Configuration,
    agreement: Agreement | None,
    inbox: Inbox,
    clock: Clock,
    duty: Duty | None,
    *,
    replay: bool,
) -> Iterator[Runtime]:
    """A runtime over the truck's own outbox file and broker; SIGTERM and SIGINT end its loop."""
    configuration.state.mkdir(parents=True, exist_ok=True)
    with lock.held(configuration.state), _signals(lambda: inbox.post(Stop(clock.at()))):
        outbox = Outbox.open(
            configuration.state / OUTBOX_FILE,
            random_bytes=os.urandom,
            size_bytes_max=configuration.outbox.size,
        )
        if outbox.set_aside:
            logger.error("the outbox was damaged and is set aside as %s", outbox.set_aside.name)
        link = Link(link_options(configuration), inbox.post, clock.at)
        try:
            yield assemble(
                configuration,
                agreement,
                outbox,
                link,
                chance=random.Random(),
                duty_override=duty,
                replay=replay,
            )
        finally:
            link.close()
            outbox.close()


@contextlib.contextmanager
def _signals(stop: Callable[[], None]) -> Iterator[None]:
    before = {which: signal.signal(which, lambda *_: stop()) for which in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for which, what in before.items():
            signal.signal(which, what)


def _loop(
    configuration: Configuration,
    runtime: Runtime,
    agreement: Agreement | None,
    inbox: Inbox,
    clock: Clock,
    cab: Cab,
) -> Loop:
    file = StatusFile(status_path(configuration, os.environ))
    return Loop(
        runtime,
        inbox,
        clock,
        lambda: file.write(status_of(configuration, agreement, runtime)),
        cab.read_lines,
        cab.lamp,
    )
