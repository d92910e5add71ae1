"""The GNSS receiver: its port, who else has it, its speed, and what it says."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

from agent.doctor.finding import STOP_IT, Finding, failed, filled, not_tested, passed, warned
from agent.doctor.hearing import Hearing
from agent.doctor.machine import Machine
from agent.doctor.port import SOCKET, before_opening
from agent.records import day_number, iso_date
from drivers.clock import Clock
from drivers.inbox import Inbox
from drivers.inputs import Chunk, PortLost, PortOpened
from drivers.serial_gnss import PortOptions, SerialGnss

CHECKS = ("port", "alone", "speed", "sentences", "checksums", "antenna", "fix", "date")
WAIT_S = 0.5
HUNTED_WITHIN_S = 60.0
"""Longest wait for the first sentence; the hunt over all speeds takes about 18 s."""
DAMAGED_SHARE_MAX = 0.01
DAMAGED_MIN = 2
"""Fewer damaged sentences are none: the first may have been cut by our own coming."""
SENTENCES_NEEDED = ("RMC", "GGA", "GNS")

_WIRES = "Check the receiver's power, and that its TX goes to our RX."
_SKY = "Drive into open sky, wait up to 15 minutes, and run this again."


class Heard(NamedTuple):
    """A while of listening: what was heard since the port opened, or why it never spoke, in the driver's words.

    `opened_at` and `until` are monotonic seconds; `baud` is None for a socket and while nothing was understood.
    """

    hearing: Hearing
    opened_at: float | None
    until: float
    baud: int | None
    trouble: str


def listened(options: PortOptions, hearing: Hearing, clock: Clock, seconds: float) -> Heard:
    """Open the port as the agent does and listen for `seconds` from the first sentence on."""
    inbox = Inbox()
    gnss = SerialGnss(options, inbox.post, clock.at, random.Random())
    opened: PortOpened | None = None
    trouble = "nothing was heard in time"
    ends_at = clock.at() + max(HUNTED_WITHIN_S, seconds)
    gnss.start()
    try:
        while (now := clock.at()) < ends_at:
            entry = inbox.take(clock.real_s(min(WAIT_S, ends_at - now)))
            if isinstance(entry, PortOpened):
                opened, ends_at = entry, clock.at() + seconds
            elif isinstance(entry, Chunk):
                hearing.feed(entry.at, entry.data)
            elif isinstance(entry, PortLost):
                trouble, opened = entry.reason, None
                break
    finally:
        gnss.stop()
    return Heard(hearing, opened and opened.at, clock.at(), opened.baud if opened else None, trouble)


def receiver(
    machine: Machine, options: PortOptions, hear: Callable[[PortOptions], Heard]
) -> tuple[tuple[Finding, ...], int | None]:
    """Every check of the receiver, and the date as days since 1970-01-01 where it told it."""
    before = list(before_opening(machine, options.port))
    if any(found.outcome in ("fail", "not here") for found in before):
        return filled(CHECKS, before, "the port could not be opened"), None
    heard = hear(options)
    if heard.opened_at is None:
        socket = options.port.startswith(SOCKET)
        why = _no_source(options, heard) if socket else [_no_nmea(options, heard, hear)]
        return filled(CHECKS, [*before, *why], "nothing was understood"), None
    found = [*before, _speed(heard), *_said(heard.hearing, heard.opened_at, heard.until)]
    return filled(CHECKS, found, "the receiver did not say it"), heard.hearing.day


def while_agent_runs(told: dict[str, object] | None) -> tuple[tuple[Finding, ...], int | None]:
    """The same by the running agent's own status, which has the port for itself."""
    silent = told is not None and told.get("gnss") != "heard"
    day = None if told is None or silent else _day(told.get("date"))
    why = (
        "the running agent does not hear the receiver" if silent else "the agent is running and has the port"
    )
    return filled(CHECKS, _agent_says(told, silent, day), why), day


def _agent_says(told: dict[str, object] | None, silent: bool, day: int | None) -> Iterator[Finding]:
    if told is None:
        remedy = f"{STOP_IT}, start it again, and run this again."
        yield not_tested("port", "the agent is running, but its status file can't be read", remedy)
        return
    yield passed("alone", "the running agent has the port")
    if silent:  # its date, and the fix that told it, are of the time before: nothing is known of now
        remedy = f"{STOP_IT}, then run this again: it will say more."
        yield failed("port", "the running agent does not hear the receiver", remedy)
        return
    yield passed("port", "the running agent hears the receiver")
    yield passed("speed", "the running agent has found it")
    if day is None:
        yield failed("date", "the running agent does not know the date yet", _SKY)
    else:
        yield passed("date", "the running agent knows the date")
        yield passed("fix", "the running agent has had a fix that it believes")


def _day(date: object) -> int | None:
    """Days since 1970-01-01; None for what is no date."""
    try:
        return day_number(str(date))
    except ValueError:
        return None


def _no_source(options: PortOptions, heard: Heard) -> Iterator[Finding]:
    """Why nothing was understood of a socket, which has neither wires nor a speed."""
    place = options.port.removeprefix(SOCKET)
    if "Could not open" in heard.trouble:
        remedy = "Start what should answer there, or write another gnss.port in agent.yaml."
        yield failed("port", f"nobody answers on {place}", remedy)
        return
    yield passed("speed", "a socket has none")
    if "no NMEA" in heard.trouble:
        remedy = "Let what answers there send NMEA 0183, or write another gnss.port in agent.yaml."
        yield failed("sentences", f"{place} answers, but sends no NMEA", remedy)
    else:
        does = "breaks off" if heard.hearing.sentences else "sends nothing"
        remedy = f"Look at what answers on {place}: whether it has a receiver, and passes on what that says."
        yield failed("sentences", f"{place} answers, but {does}", remedy)


def _no_nmea(options: PortOptions, heard: Heard, hear: Callable[[PortOptions], Heard]) -> Finding:
    """Why nothing was understood; where the speed is fixed, the others are tried once."""
    if "no NMEA" not in heard.trouble:
        held = "exclusively lock" in heard.trouble or "busy" in heard.trouble
        remedy = (
            "Another program has the port: `sudo fuser -v` and the port's name tell which."
            if held
            else _WIRES
        )
        return failed("speed", heard.trouble, remedy)
    if options.baud is None:
        remedy = "Take a receiver that speaks NMEA 0183, or switch this one to NMEA with its maker's program."
        return failed("speed", heard.trouble, remedy)
    other = hear(replace(options, baud=None))
    if other.opened_at is None:
        return failed(
            "speed", "bytes come, but no NMEA at any speed", "Check the wires and the ground between them."
        )
    return failed(
        "speed",
        f"the receiver speaks at {other.baud} baud, and agent.yaml says {options.baud}",
        "Write `baud: auto` under gnss in agent.yaml.",
    )


def _speed(heard: Heard) -> Finding:
    return passed("speed", "a socket has none" if heard.baud is None else f"{heard.baud} baud")


def _said(hearing: Hearing, opened_at: float, until: float) -> Iterator[Finding]:
    yield _sentences(hearing, max(1.0, until - opened_at))
    yield _checksums(hearing)
    yield _antenna(hearing)
    yield _fix(hearing)
    if hearing.day is None or hearing.dated_at is None:
        yield failed("date", "the date is not known yet", _SKY)
    else:
        after_s = hearing.dated_at - opened_at
        yield passed("date", f"{iso_date(hearing.day)}, believed after {after_s:.0f} s")


def _sentences(hearing: Hearing, seconds: float) -> Finding:
    kinds = ", ".join(sorted(hearing.sentences))
    says = f"{hearing.sentences.total() / seconds:.1f} a second: {kinds}"
    if not any(kind.endswith(SENTENCES_NEEDED) for kind in hearing.sentences):
        return failed("sentences", says, "Let the receiver send RMC and GGA, with its maker's program.")
    if hearing.rate_hz and not 0.4 <= hearing.rate_hz <= 11:
        return warned("sentences", says, "Set the receiver to 1 to 10 fixes a second.")
    return passed("sentences", says)


def _checksums(hearing: Hearing) -> Finding:
    damaged, all_sentences = hearing.damaged, hearing.damaged + hearing.sentences.total()
    says = f"{damaged} of {all_sentences} sentences came damaged"
    if damaged >= DAMAGED_MIN and damaged > DAMAGED_SHARE_MAX * all_sentences:
        remedy = "Take a shorter or a shielded cable, away from the alternator's. Check the ground."
        return warned("checksums", says, remedy)
    return passed("checksums", says)


def _antenna(hearing: Hearing) -> Finding:
    match hearing.antenna:
        case "open":
            return failed(
                "antenna", "the receiver finds no antenna", "Screw the antenna on. Look for a broken cable."
            )
        case "short":
            return failed("antenna", "the antenna's cable has a short", "Change the antenna with its cable.")
        case "good":
            return passed("antenna", "the receiver finds its antenna")
    return not_tested("antenna", "this receiver does not tell")


def _fix(hearing: Hearing) -> Finding:
    seen = "" if hearing.satellites is None else f", {hearing.satellites} satellites"
    if hearing.accepted:
        return passed("fix", f"a fix that the agent believes{seen}")
    if not hearing.fixes:
        return failed("fix", f"no fix{seen}", _SKY)
    if set(hearing.refused) & {"simulated", "estimated"}:
        remedy = "Switch simulation and dead reckoning off in the receiver."
        return failed(
            "fix", "the fixes are simulated or estimated, and the agent takes none of those", remedy
        )
    return failed("fix", f"fixes, but none that the agent believes{seen}", _SKY)
