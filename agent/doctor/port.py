"""The receiver's port before it is opened: whether it is a serial line, and who else has it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from agent.doctor.finding import SUDO, Finding, failed, not_here, not_tested, passed
from agent.doctor.machine import Holder, Machine

SOCKET = "socket://"
NAMED_MAX = 3
"""So many programs are named; more are counted."""

_CONSOLE = "`sudo raspi-config`: Interface, Serial Port, no login shell, hardware on. Then restart."
_STOPPED_BY = {
    "gpsd": "`sudo systemctl disable --now gpsd.socket gpsd.service`",
    "ModemManager": "`sudo systemctl disable --now ModemManager.service`",
    "agetty": _CONSOLE,
    "getty": _CONSOLE,
}


def before_opening(machine: Machine, port: str) -> Iterator[Finding]:
    """What can be told without opening the port."""
    if port.startswith(SOCKET):
        yield passed("port", f"{port} is a socket")
        yield passed("alone", "a socket is nobody's alone")
        return
    path = Path(port)
    refused = _refused(machine, path)
    if refused:
        yield refused
        return
    yield passed("port", f"{port} is there")
    yield _alone(machine, path)


def _refused(machine: Machine, path: Path) -> Finding | None:
    if not path.exists():
        remedy = "Plug the receiver in. Look at `ls -l /dev/serial/by-id`, and at gnss.port in agent.yaml."
        missing = failed if machine.has_header else not_here
        return missing("port", f"there is no {path}", remedy)
    if not machine.is_serial(path):
        remedy = "Write the receiver's path from /dev/serial/by-id/ as gnss.port in agent.yaml."
        return failed("port", f"{path} is no serial port", remedy)
    if not os.access(path, os.R_OK | os.W_OK):
        return failed("port", f"you may not open {path}", SUDO)
    return None


def _alone(machine: Machine, path: Path) -> Finding:
    name = Path(os.path.realpath(path)).name
    if {name, path.name} & set(machine.consoles()):
        return failed("alone", f"the computer's own console is on {path}", _CONSOLE)
    holders = machine.holders(path)
    if len(holders) > NAMED_MAX:
        remedy = f"Stop them; `sudo fuser -v {path}` names them."
        return failed("alone", f"{len(holders)} programs have {path} open", remedy)
    if holders:
        verb = "has" if len(holders) == 1 else "have"
        return failed("alone", f"{_names(holders)} {verb} {path} open", _release(holders))
    if not machine.sees_all_programs:
        return not_tested("alone", "only root sees who has it open: put sudo before the command")
    return passed("alone", "no other program has it open")


def _names(holders: Sequence[Holder]) -> str:
    return ", ".join(f"{holder.name} (process {holder.pid})" for holder in holders)


def _release(holders: Sequence[Holder]) -> str:
    """How the programs are stopped for good. Nothing is ended by number: it may be somebody's shell."""
    known = [_STOPPED_BY[holder.name] for holder in holders if holder.name in _STOPPED_BY]
    return (
        known[0] if known else f"Stop {_names(holders)} the way it was started, and keep it from coming back."
    )
