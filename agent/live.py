"""The agent in the world: real outbox, real broker, real time, or a recorded log paced through the same."""

from __future__ import annotations

import contextlib
import logging
import os
import random
import signal
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from agent.agreement import Agreement, load_agreement
from agent.assembly import assemble, link_options, pin_options, port_options
from agent.guarded import guard_tracebacks
from agent.loop import Loop, StatusFile
from agent.recording.duty import Duty
from agent.replaying import Pacer
from agent.runtime import Runtime
from agent.self_test import SelfTest, SelfTesting, untested
from agent.sending.carrying import Pipe
from agent.standing import Standing, Unusable
from agent.status import status_of, status_path
from buffer import lock
from buffer.outbox import OUTBOX_FILE, Outbox
from config.load import Configuration, ConfigurationError
from drivers import journal
from drivers.clock import Clock
from drivers.gpio import Pattern, Pins, PinsMissing
from drivers.inbox import Inbox
from drivers.inputs import Input, Stop
from drivers.mqtt import Link, LinkError, LinkOptions
from drivers.serial_gnss import SerialGnss
from drivers.system_clock import CHRONY_SOCKET, SystemClock
from drivers.watchdog import Watchdog

logger = logging.getLogger(__name__)

LAST_WORD_S = 600.0  # of the replay's time, for what is sealed to be acknowledged


class AgreementPaper:
    """The agreement's file, read anew when it is not the one that was read before.

    What tells is its own time of change, size and place on the disk; a geometry or an agreement that it names is
    read with it and looked at no more until then.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._mark: object = self

    def look(self) -> Agreement | Unusable | None:
        """What it holds; None when that has not changed since the last look."""
        mark = self._marked()
        if mark == self._mark:
            return None
        self._mark = mark
        return self._read()

    def _marked(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat() if self._path else None
        except OSError:
            return None
        return (found.st_mtime_ns, found.st_size, found.st_ino) if found else None

    def _read(self) -> Agreement | Unusable:
        if self._path is None:
            return Unusable("none is configured")
        try:
            return load_agreement(self._path)
        except ConfigurationError as error:
            return Unusable(f"its file is not understood:\n{error}")
        except Exception as error:  # noqa: BLE001 - whatever it is, it is no agreement
            return Unusable(f"its file is not understood ({type(error).__name__})")


class AgreedLink:
    """A link that says when the truck comes and goes only where the agreement in force lets it.

    `options` are asked for at each connection; `make` makes a link of them.
    """

    def __init__(self, options: Callable[[], LinkOptions], make: Callable[[LinkOptions], Link]) -> None:
        self._options = options
        self._make = make
        self._made: tuple[LinkOptions, Link] | None = None

    def connect(self, link: int, broker: str) -> None:
        """Begin connection number `link`."""
        options = self._options()
        if self._made is None or self._made[0] != options:
            self.close()
            self._made = options, self._make(options)
        self._made[1].connect(link, broker)

    def publish(self, topic: str, payload: bytes) -> int:
        """Send. Raises LinkError."""
        if self._made is None:
            raise LinkError("not connected")
        return self._made[1].publish(topic, payload)

    def disconnect(self) -> None:
        """End the connection."""
        if self._made is not None:
            self._made[1].disconnect()

    def close(self) -> None:
        """End everything and wait, at most about a second."""
        if self._made is not None:
            self._made[1].close()


def start_logging(configuration: Configuration) -> None:
    """To systemd's journal, which stamps the time, or to stderr."""
    guard_tracebacks()
    logging.basicConfig(
        level=configuration.log.level.upper(),
        format="%(levelname)s %(name)s: %(message)s",
        handlers=[journal.outlet(os.environ)],
    )


def run(configuration: Configuration, clock: Clock) -> None:
    """The agent on the truck, until a signal ends it."""
    inbox = Inbox()
    self_test = SelfTest(configuration)
    with _running(configuration, None, inbox, clock, None, self_test) as runtime:
        gnss = SerialGnss(port_options(configuration), inbox.post, clock.at, random.Random())
        pins = _pins(configuration, inbox, clock, self_test)
        gnss.start()
        pins.start()
        try:
            Loop(
                runtime,
                inbox,
                clock,
                _status(configuration, runtime),
                pins.post_levels,
                partial(_show, pins),
                Watchdog.of(os.environ, os.getpid()),
                SystemClock(CHRONY_SOCKET),
            ).run()
        finally:
            gnss.stop()
            pins.close()


def _pins(configuration: Configuration, inbox: Inbox, clock: Clock, self_test: SelfTest) -> Pins:
    """The GPIO lines; none at all where one can't be had, and then the truck counts as off duty."""
    try:
        return Pins(pin_options(configuration), inbox.post, clock.at)
    except PinsMissing as error:
        logger.error("%s; without the switch nothing is recorded", error)
        self_test.lines_here = False
        return Pins([], inbox.post, clock.at)


def _show(pins: Pins, pattern: Pattern) -> None:
    for name in pins.leds:
        pins.set_led(name, pattern)


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
    with _running(configuration, agreement, inbox, clock, duty) as runtime:
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
            Loop(runtime, inbox, clock, _status(configuration, runtime)).run(finished)
        finally:
            pacer.stop()
        if pacer.failure:
            raise pacer.failure


@contextlib.contextmanager
def _running(
    configuration: Configuration,
    replayed: Agreement | None,
    inbox: Inbox,
    clock: Clock,
    duty: Duty | None,
    self_test: SelfTesting = untested,
) -> Iterator[Runtime]:
    """A runtime over the truck's own outbox file and broker; SIGTERM and SIGINT end its loop.

    `replayed` is the agreement for a recorded log; None: the truck's own, as its file and its outbox have it.
    """
    configuration.state.mkdir(parents=True, exist_ok=True)
    with lock.held(configuration.state), _signals(lambda: inbox.post(Stop(clock.at()))):
        outbox = Outbox.open(
            configuration.state / OUTBOX_FILE,
            random_bytes=os.urandom,
            size_bytes_max=configuration.outbox.size,
        )
        if outbox.set_aside:
            logger.error("the outbox was damaged and is set aside as %s", outbox.set_aside.name)
        link = AgreedLink(
            lambda: link_options(configuration, runtime.agreement),
            lambda options: Link(options, inbox.post, clock.at),
        )
        try:
            runtime = _assembled(configuration, replayed, outbox, link, duty, self_test)
            yield runtime
        finally:
            link.close()
            outbox.close()


def _assembled(
    configuration: Configuration,
    replayed: Agreement | None,
    outbox: Outbox,
    link: Pipe,
    duty: Duty | None,
    self_test: SelfTesting,
) -> Runtime:
    chance = random.Random()
    if replayed:
        return assemble(configuration, replayed, outbox, link, chance=chance, duty_override=duty, replay=True)
    paper, standing = AgreementPaper(configuration.agreement), Standing.resumed(outbox.note)
    found = paper.look()
    if found is not None:
        standing.look(found)
    return assemble(
        configuration, standing, outbox, link, chance=chance, look=paper.look, self_test=self_test
    )


@contextlib.contextmanager
def _signals(stop: Callable[[], None]) -> Iterator[None]:
    before = {which: signal.signal(which, lambda *_: stop()) for which in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for which, what in before.items():
            signal.signal(which, what)


def _status(configuration: Configuration, runtime: Runtime) -> Callable[[], None]:
    """What writes the status file."""
    file = StatusFile(status_path(configuration, os.environ))
    return lambda: file.write(status_of(configuration, runtime.agreement, runtime))
