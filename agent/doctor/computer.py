"""Power, heat and the computer's own clock."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

from agent.doctor.finding import Finding, failed, not_here, not_tested, passed, warned
from agent.doctor.machine import Machine

THROTTLED_FILE = "sys/devices/platform/soc/soc:firmware/get_throttled"
ASKED_WITHIN_S = 5.0
UNDER_VOLTAGE, HOT = 1 << 0, 1 << 1 | 1 << 2 | 1 << 3
SINCE_START = 16
"""So many bits higher stands whether it has been so since the computer started."""

_SUPPLY = "Use a supply of 5 V and 3 A, thicker wires, and a cable that is made for power."
_AIR = "Give the box air, and keep it out of the sun and off the engine."


def throttled(machine: Machine) -> int | None:
    """The firmware's bits; None on a computer that has none."""
    told = machine.text(THROTTLED_FILE)
    if told is None and machine.has_header:
        told = _vcgencmd()
    try:
        return None if told is None else int(told.rpartition("=")[2], 16)
    except ValueError:
        return None


def _vcgencmd() -> str | None:
    try:
        asked = subprocess.run(
            ["vcgencmd", "get_throttled"], capture_output=True, text=True, timeout=ASKED_WITHIN_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return asked.stdout.strip()


def power(bits: int | None) -> Iterator[Finding]:
    """The supply and the heat, now and since the computer was started."""
    if bits is None:
        yield not_here("power", "this computer does not tell of its supply")
        yield not_here("heat", "this computer does not tell of its heat")
        return
    since = bits >> SINCE_START
    if bits & UNDER_VOLTAGE:
        yield failed("power", "the voltage is too low now", _SUPPLY)
    elif since & UNDER_VOLTAGE:
        yield warned("power", "the voltage has been too low since the computer was started", _SUPPLY)
    else:
        yield passed("power", "the voltage has been high enough since the computer was started")
    if (bits | since) & HOT:
        when = "is" if bits & HOT else "has been"
        yield warned("heat", f"the computer {when} slowed down by heat or low voltage", _AIR)
    else:
        yield passed("heat", "the computer has not been slowed down")


def clock(wall_day: int, gnss_day: int | None) -> Finding:
    """Whether the computer's clock shows the day that GNSS does; certificates need it, records do not.

    Both are days since 1970-01-01.
    """
    if gnss_day is None:
        return not_tested("clock", "the date is not known from the receiver yet")
    off_days = abs(wall_day - gnss_day)
    if off_days > 1:
        return warned(
            "clock",
            f"the computer's clock is {off_days:,} days off: certificates will not be accepted",
            "Give the box a network for some minutes, then look at `timedatectl`.",
        )
    return passed("clock", "the computer's clock shows the day that GNSS does")
