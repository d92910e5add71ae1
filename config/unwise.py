"""What is legal in a configuration, and yet unwise: each as a Problem that says what, and what to do instead.

It looks at the files that are named, at who may read them and nothing else of them; not at the network.
"""

from __future__ import annotations

import grp
import ipaddress
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from config.load import Loaded
from config.located import KeyPath, Problem, problem_in
from config.pins import CrewSwitchPin
from config.values import BrokerAddress, broker_address

OWN_GROUP = "fairhaul"
"""The agent's own group, which may read its secrets."""

_FILES = {"password_file": True, "ca_file": False, "certificate_file": False, "key_file": True}
"""The files of the link, and which of them are secrets."""

_EMPTIED = ("/tmp", "/var/tmp", "/run", "/var/run", "/dev/shm")
_CREDENTIALS = "/run/credentials"  # where systemd puts them for as long as the service runs, and guards them
_NUMBERED = re.compile(r"/dev/tty(?:USB|ACM)[0-9]+")

Found = tuple[KeyPath, str]


def unwise(loaded: Loaded) -> list[Problem]:
    """Everything of a configuration that is allowed but had better be changed, in the order of its keys."""
    looks = (
        _agreement(loaded),
        _state(loaded),
        _port(loaded),
        _pins(loaded),
        _brokers(loaded),
        _files(loaded),
    )
    return [problem_in(loaded.located, path, says) for look in looks for path, says in look]


def _agreement(loaded: Loaded) -> Iterator[Found]:
    if loaded.configuration.agreement is None:
        yield (
            ("agreement",),
            "missing: nothing but the box's own status will leave; write the agreement's path",
        )


def _state(loaded: Loaded) -> Iterator[Found]:
    state = loaded.configuration.state
    if any(state.is_relative_to(directory) for directory in _EMPTIED):
        yield (
            ("state",),
            f"{state} may be emptied at a restart, with all that waits to leave: write a place that lasts,"
            " such as /var/lib/fairhaul",
        )


def _port(loaded: Loaded) -> Iterator[Found]:
    port = loaded.configuration.gnss.port
    if _NUMBERED.fullmatch(port):
        yield (
            ("gnss", "port"),
            f"{port} may be another device after the next start: write the name that the udev rule gives it,"
            " /dev/fairhaul-gps",
        )


def _pins(loaded: Loaded) -> Iterator[Found]:
    """With an agreement, a switch that is missing is a mistake, and told as one."""
    configuration = loaded.configuration
    switches = [pin for pin in configuration.pins.values() if isinstance(pin, CrewSwitchPin)]
    if configuration.agreement is None and not switches:
        yield (
            ("pins",),
            "no pin of kind crew_switch: every agreement needs one to record anything; wire it and name it here",
        )


def _brokers(loaded: Loaded) -> Iterator[Found]:
    link = loaded.configuration.link
    abroad = [
        (number, address)
        for number, address in enumerate(map(broker_address, link.brokers))
        if not _is_here(address)
    ]
    for number, address in abroad:
        if not address.tls:
            yield (
                ("link", "brokers", number),
                "no TLS on the way to another machine: whoever stands on it can read and change what leaves;"
                " write mqtts://",
            )
    if link.password_file and not all(address.tls for _, address in abroad):
        yield (
            ("link", "password_file"),
            "the password goes over mqtt:// in the clear: write mqtts:// brokers only, or no password",
        )
    if abroad and not link.password_file and not link.certificate_file:
        yield (
            ("link", "brokers"),
            "nothing proves to the broker which truck this is: give the truck a certificate"
            " (`certificate_file:`, `key_file:`) or a password (`username:`, `password_file:`)",
        )


def _is_here(address: BrokerAddress) -> bool:
    """Whether a broker runs on the truck's own computer."""
    if address.host == "localhost":
        return True
    try:
        return ipaddress.ip_address(address.host).is_loopback
    except ValueError:
        return False


def _files(loaded: Loaded) -> Iterator[Found]:
    link = loaded.configuration.link
    for key, secret in _FILES.items():
        path: Path | None = getattr(link, key)
        says = _of_file(path, secret=secret) if path else None
        if says:
            yield ("link", key), says


def _of_file(path: Path, *, secret: bool) -> str | None:
    """What is wrong with a file that is named; None too where only its owner may know."""
    if path.is_relative_to(_CREDENTIALS):
        return None
    try:
        found = path.stat()
    except PermissionError:
        return None
    except OSError:
        return f"there is no file {path} yet: until it is there, the truck reaches no broker"
    readers = _readers(found.st_mode, found.st_gid) if secret else None
    return f"{path} can be read by {readers}: chown {OWN_GROUP}, chmod 400" if readers else None


def _readers(mode: int, group_id: int) -> str | None:
    """Who may read a file and should not."""
    if mode & stat.S_IROTH:
        return "everybody on this computer"
    if not mode & stat.S_IRGRP:
        return None
    try:
        group = grp.getgrgid(group_id).gr_name
    except KeyError:
        group = str(group_id)
    return None if group == OWN_GROUP else f"the group {group}"
