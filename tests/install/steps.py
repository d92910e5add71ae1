"""What is done to the machine, in order; each step says what it saw, or fails an assertion."""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from buffer import read_only
from tests.install import truck
from tests.install.machine import Machine, wait_until

UNIT = "fairhaul.service"
PASSWORD, KEY = "opt/secrets/password", "etc/fairhaul/keys/truck-017.key"
SECRET = "what only truck-017 knows"
START_S, RECORDS_S, RESTART_S, HANG_S = 60.0, 90.0, 60.0, 150.0
EXPOSURE_MAX = 1.5
OUTBOX, CONFIGURATION = "var/lib/fairhaul/outbox.db", "etc/fairhaul"
FOLDERS = (CONFIGURATION, "var/lib/fairhaul", "var/cache/fairhaul", "run/fairhaul")


class Packages(NamedTuple):
    """The package of these sources, the same under a higher version, and the higher version."""

    this: Path
    newer: Path
    newer_version: str


class Truck:
    """The machine with Fairhaul on it, and what the steps need to know of it."""

    def __init__(self, machine: Machine, packages: Packages) -> None:
        self.machine = machine
        self.packages = packages

    @property
    def outbox(self) -> Path:
        """The agent's file, as the machine's disk has it."""
        return self.machine.root / OUTBOX

    def sealed(self) -> set[bytes]:
        """Digests of every batch in the outbox."""
        with read_only.outbox(self.outbox) as file:
            return {receipt.sha256 for receipt in file.sealed()}

    def shown(self, name: str) -> str:
        """A property of the unit."""
        return self.machine.said("systemctl", "show", "--value", f"--property={name}", UNIT)

    def is_active(self) -> bool:
        """Ready, as it has told systemd."""
        return self.shown("ActiveState") == "active"

    def status(self) -> dict[str, Any]:
        """What `fairhaul status` tells root; empty when there is none yet."""
        done = self.machine.run("fairhaul", "status", "--json")
        told: dict[str, Any] = json.loads(done.stdout) if done.returncode == 0 else {}
        return told

    def pid(self) -> int:
        """The agent's, as the machine counts."""
        return int(self.shown("MainPID"))

    def comes_back(self, signal: str, within_s: float) -> float:
        """Send one to the agent's process, and wait until another is ready; the seconds."""
        pid = self.pid()
        self.machine.said("systemctl", "kill", f"--signal=SIG{signal}", "--kill-whom=main", UNIT)
        return wait_until(
            lambda: self.pid() not in (0, pid) and self.is_active(), within_s, "another process"
        )

    def put(self, package: Path) -> Any:
        """Install a package that was laid into the machine, as dpkg does; the command and what it said."""
        place = f"opt/{package.name}"
        (self.machine.root / place).write_bytes(package.read_bytes())
        return self.machine.run("dpkg", "--install", f"/{place}")

    def goes_on(self, batches: set[bytes], within_s: float) -> float:
        """Wait until the agent runs, has lost none of these batches, and has sealed one more; the seconds."""
        took_s = wait_until(self.is_active, within_s, f"{UNIT} active")
        took_s += wait_until(lambda: bool(self.sealed() - batches), RECORDS_S, "a further batch")
        assert batches <= self.sealed(), "batches were lost"
        return took_s


def installs_without_network(truck_: Truck) -> str:
    """From the package alone; what it has laid is there."""
    done = truck_.put(truck_.packages.this)
    assert done.returncode == 0, done.stdout
    assert "there is no /etc/fairhaul/agent.yaml yet" in done.stdout, done.stdout
    groups = truck_.machine.said("id", "--name", "--groups", "fairhaul").split()
    assert {"dialout", "gpio"} <= set(groups) or "dialout" in truck_.shown("SupplementaryGroups")
    size = truck_.machine.said("du", "-sm", "/usr/lib/fairhaul").split()[0]
    version = truck_.machine.said("fairhaul", "--version")
    return f"{version}, {truck_.packages.this.stat().st_size / 1e6:.1f} MB, {size} MB laid and compiled"


def does_not_start_without_a_configuration(truck_: Truck) -> str:
    """Neither from the package nor at power-on, and it does not spin."""
    assert truck_.machine.said("systemctl", "is-enabled", UNIT) == "enabled"
    truck_.machine.cut_power()
    took_s = truck_.machine.boot()
    assert not truck_.is_active()
    assert truck_.shown("NRestarts") == "0"
    assert truck_.shown("ConditionResult") == "no"
    return f"enabled, asked for its configuration and left alone; up again in {took_s:.1f} s"


def starts_with_one(truck_: Truck) -> str:
    """The technician's way: write it, check it, start it."""
    machine = truck_.machine
    truck.lay_receiver(machine.root, time.time())  # noqa: TID251 — the machine's receiver lives by the real clock
    truck.lay_configuration(machine.root)
    _lay_secrets(truck_)
    machine.said("systemctl", "daemon-reload")
    machine.said("systemctl", "enable", "--now", "receiver.service")
    machine.said("fairhaul", "check")
    began_s = time.monotonic()  # noqa: TID251
    machine.said("systemctl", "start", UNIT)
    took_s = time.monotonic() - began_s  # noqa: TID251
    kind = truck_.shown("Type")
    assert kind == "notify", kind
    assert truck_.is_active()
    return f"Type={kind}, ready after {took_s:.1f} s"


def tells_root_what_it_does(truck_: Truck) -> str:
    """`fairhaul status`, once the receiver is heard and the date is known."""
    wait_until(lambda: truck_.status().get("date") is not None, START_S, "a date from GNSS")
    told = truck_.status()
    assert (told["gnss"], told["recording"]) == ("heard", "on"), told
    return f"GNSS receiver {told['gnss']}, recording {told['recording']}, date {told['date']}"


def nobody_else_reaches_the_lines(truck_: Truck) -> str:
    """Where lgpio makes its FIFO: the agent may write, nobody else sees it, and a restart leaves nothing."""
    machine = truck_.machine
    place = machine.said("readlink", _cwd(truck_))
    agent = ["nsenter", f"--target={truck_.pid()}", "--mount"]
    as_agent = [*agent, "setpriv", "--reuid=fairhaul", "--regid=fairhaul", "--clear-groups"]
    machine.said(*as_agent, "mkfifo", f"{place}/.lgd-nfy0")
    assert machine.said("ls", "--almost-all", _cwd(truck_) + "/") == ".lgd-nfy0"
    assert machine.said("ls", "--almost-all", place) == ""
    kind = machine.said(*agent, "stat", "--file-system", "--format=%T", place)
    assert kind == "tmpfs", kind
    machine.said("systemctl", "restart", UNIT)
    assert machine.said("ls", "--almost-all", _cwd(truck_) + "/") == ""
    return f"{place} is a {kind} of the agent's own, new with each start"


def _cwd(truck_: Truck) -> str:
    return f"/proc/{truck_.pid()}/cwd"


def records_grow(truck_: Truck) -> str:
    """Batches are sealed while the truck drives and no broker is there."""
    wait_until(truck_.outbox.exists, START_S, "an outbox")
    took_s = wait_until(lambda: len(truck_.sealed()) >= 3, RECORDS_S, "three batches")
    told = truck_.status()
    return f"{len(truck_.sealed())} batches wait after {took_s:.0f} s; broker {told['broker']}"


def comes_back_after_kill_9(truck_: Truck) -> str:
    """Restarted by systemd, and nothing that was committed is gone."""
    batches, before = truck_.sealed(), int(truck_.shown("NRestarts"))
    took_s = truck_.comes_back("KILL", RESTART_S)
    assert int(truck_.shown("NRestarts")) == before + 1
    truck_.goes_on(batches, RESTART_S)
    delay = truck_.shown("RestartUSec")
    return f"ready again after {took_s:.1f} s (RestartSec {delay}); no batch of {len(batches)} lost"


def comes_back_after_a_hang(truck_: Truck) -> str:
    """A stopped process feeds no watchdog."""
    batches, before = truck_.sealed(), int(truck_.shown("NRestarts"))
    took_s = truck_.comes_back("STOP", HANG_S)
    assert int(truck_.shown("NRestarts")) > before
    assert "Watchdog timeout" in truck_.machine.said("journalctl", "--unit", UNIT, "--boot")
    truck_.goes_on(batches, RESTART_S)
    patience = truck_.shown("WatchdogUSec")
    return f"ready again after {took_s:.0f} s (WatchdogSec {patience}); no batch of {len(batches)} lost"


def goes_on_after_a_damaged_outbox(truck_: Truck) -> str:
    """The file is set aside as it is, and the agent begins another."""
    machine = truck_.machine
    machine.said("systemctl", "stop", UNIT)
    with truck_.outbox.open("r+b") as file:
        file.seek(0)
        file.write(os.urandom(16 * 4096))
    machine.said("systemctl", "start", UNIT)
    truck_.goes_on(set(), START_S)
    aside = [path.name for path in truck_.outbox.parent.iterdir() if path.name.startswith("outbox.damaged")]
    log = machine.said("journalctl", "--unit", UNIT, "--boot", "--output=cat")
    told = [line for line in log.splitlines() if "is set aside as" in line or "; set aside as" in line]
    assert told, log[-2000:]
    assert aside, sorted(path.name for path in truck_.outbox.parent.iterdir())
    return f"set aside as {', '.join(aside)}; a further outbox fills"


def starts_with_the_truck(truck_: Truck) -> str:
    """The power is cut while it drives; on again, nobody logs in."""
    batches = truck_.sealed()
    truck_.machine.cut_power()
    took_s = truck_.machine.boot()
    more_s = truck_.goes_on(batches, START_S)
    return f"booted in {took_s:.1f} s, a further batch {more_s:.0f} s behind that; no batch of {len(batches)} lost"


def upgrade_keeps_configuration_and_outbox(truck_: Truck) -> str:
    """The same sources under a higher version, over the running agent."""
    batches, configuration = truck_.sealed(), _digests(truck_.machine.root / CONFIGURATION)
    done = truck_.put(truck_.packages.newer)
    assert done.returncode == 0, done.stdout
    truck_.goes_on(batches, START_S)
    assert _digests(truck_.machine.root / CONFIGURATION) == configuration
    wait_until(lambda: truck_.status().get("version") == truck_.packages.newer_version, START_S, "its status")
    return (
        f"{truck_.status()['version']} runs; {len(configuration)} files and {len(batches)} batches as before"
    )


def downgrade_refuses(truck_: Truck) -> str:
    """A clear word, and the newer one goes on."""
    batches = truck_.sealed()
    done = truck_.put(truck_.packages.this)
    assert done.returncode != 0, done.stdout
    words = [line for line in done.stdout.splitlines() if "this box's outbox was written by" in line]
    assert words, done.stdout
    truck_.goes_on(batches, START_S)
    assert truck_.status()["version"] == truck_.packages.newer_version
    state = truck_.machine.said("dpkg-query", "--show", "--showformat=${Status}", "fairhaul")
    assert state == "install ok installed", state
    return str(words[0]).removeprefix("fairhaul: ")


def doctor_finds_what_is_missing(truck_: Truck) -> str:
    """Beside the running agent, whose receiver it hears of, and whose broker is not there."""
    done = truck_.machine.run("fairhaul", "doctor", "--json", "--no-hands", "--seconds", "2")
    assert done.returncode == 1, done.stdout
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["ready"] is False, told
    return f"NOT READY; next: {told['next']}"


def hardly_exposed(truck_: Truck) -> str:
    """What systemd says of the unit, as it is loaded here."""
    told = truck_.machine.run("systemd-analyze", "security", "--no-pager", UNIT).stdout
    score = re.search(r"exposure level for \S+ ([\d.]+) (\w+)", told)
    assert score is not None, told[-500:]
    assert float(score[1]) <= EXPOSURE_MAX, score[0]
    return f"exposure {score[1]} {score[2]}"


def removal_leaves_data(truck_: Truck) -> str:
    """The program goes, and an older one still may not follow it."""
    batches, configuration = truck_.sealed(), _digests(truck_.machine.root / CONFIGURATION)
    truck_.machine.said("dpkg", "--remove", "fairhaul")
    assert not (truck_.machine.root / "usr/lib/fairhaul").exists()
    assert not (truck_.machine.root / "usr/bin/fairhaul").is_symlink()
    assert truck_.machine.said("find", "/proc", "-maxdepth", "1", "-user", "fairhaul") == ""
    assert _digests(truck_.machine.root / CONFIGURATION) == configuration
    assert truck_.sealed() >= batches
    assert truck_.put(truck_.packages.this).returncode != 0
    done = truck_.put(truck_.packages.newer)
    assert done.returncode == 0, done.stdout
    truck_.goes_on(batches, START_S)
    return f"{len(configuration)} files and {len(batches)} batches stay; installed again it goes on with them"


def purge_destroys_keys_and_outbox(truck_: Truck) -> str:
    """All that `fairhaul decommission` would, also for somebody who has kept another name of the same bytes (R21)."""
    root = truck_.machine.root
    others = {name: root / "opt" / name.replace("/", "-") for name in (PASSWORD, KEY, OUTBOX)}
    for name, other in others.items():
        os.link(root / name, other)
    assert all(SECRET in others[name].read_text() for name in (PASSWORD, KEY))
    listed = re.findall(r"^  /(.*)$", truck_.machine.run("fairhaul", "decommission").stdout, re.MULTILINE)
    assert {PASSWORD, KEY, OUTBOX} <= set(listed), listed
    truck_.machine.said("dpkg", "--purge", "fairhaul")
    left = [name for name in (*listed, *FOLDERS) if (root / name).exists()]
    assert left == [], left
    for name, other in others.items():
        now = other.read_bytes()
        assert SECRET.encode() not in now, name
        assert not now.startswith(b"SQLite format 3"), name
    wanted = truck_.machine.run("systemctl", "is-enabled", UNIT).stdout.strip()
    assert "enabled" not in wanted, wanted
    return f"the {len(listed)} files that decommission lists are gone, and were overwritten before"


def _lay_secrets(truck_: Truck) -> None:
    for name in (PASSWORD, KEY):
        path = truck_.machine.root / name
        truck.write(path, SECRET)
        path.chmod(0o400)
    truck_.machine.said("chown", "fairhaul", f"/{PASSWORD}")


def _digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "purge.list")
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


STEPS: list[Callable[[Truck], str]] = [
    installs_without_network,
    does_not_start_without_a_configuration,
    starts_with_one,
    tells_root_what_it_does,
    nobody_else_reaches_the_lines,
    records_grow,
    comes_back_after_kill_9,
    comes_back_after_a_hang,
    starts_with_the_truck,
    upgrade_keeps_configuration_and_outbox,
    downgrade_refuses,
    removal_leaves_data,
    goes_on_after_a_damaged_outbox,
    doctor_finds_what_is_missing,
    hardly_exposed,
    purge_destroys_keys_and_outbox,
]
