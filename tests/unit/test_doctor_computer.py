"""Power, clock, disk, outbox and who holds a port, from small files and a real process."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.doctor import computer, disk, machine, outbox
from agent.doctor.finding import Finding
from agent.doctor.machine import Holder, Machine
from agent.doctor.network import network
from buffer import lock
from buffer.lock import agent_runs
from buffer.outbox import Outbox
from drivers.clock import Clock
from drivers.mqtt_options import LinkOptions

SIZE_BYTES = 4 * 2**20
DAY = 20_779


def by_check(found: object) -> dict[str, Finding]:
    return {finding.check: finding for finding in found}  # type: ignore[attr-defined]


@pytest.fixture
def told(tmp_path: Path) -> Callable[[str, str], Machine]:
    """A computer whose kernel tells what it is given."""

    def write(path: str, text: str) -> Machine:
        place = tmp_path / "root" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        return Machine(tmp_path / "root")

    return write


# Power, heat, clock.


@pytest.mark.parametrize(
    ("bits", "power", "heat"),
    [
        ("0x0", "pass", "pass"),
        ("50005", "fail", "warn"),
        ("0x50000", "warn", "warn"),
        ("80000", "pass", "warn"),
        ("throttled=0x10000", "warn", "pass"),
    ],
)
def test_low_voltage_now_is_a_failure_and_earlier_a_warning(
    told: Callable[[str, str], Machine], bits: str, power: str, heat: str
) -> None:
    found = by_check(computer.power(computer.throttled(told(computer.THROTTLED_FILE, f"{bits}\n"))))
    assert (found["power"].outcome, found["heat"].outcome) == (power, heat)


def test_a_computer_without_such_a_firmware_is_not_asked(tmp_path: Path) -> None:
    found = list(computer.power(computer.throttled(Machine(tmp_path))))
    assert {finding.outcome for finding in found} == {"not here"}
    assert not any(finding.needed for finding in found)


@pytest.mark.parametrize(
    ("wall_day", "gnss_day", "outcome"),
    [
        (DAY, DAY, "pass"),
        (DAY + 1, DAY, "pass"),
        (DAY - 1, DAY, "pass"),
        (DAY - 2, DAY, "warn"),
        (0, DAY, "warn"),
        (DAY, None, "not tested"),
    ],
)
def test_a_clock_that_is_more_than_a_day_off_is_a_warning(
    wall_day: int, gnss_day: int | None, outcome: str
) -> None:
    found = computer.clock(wall_day, gnss_day)
    assert (found.outcome, found.needed) == (outcome, outcome != "not tested")


# The disk.


def test_a_disk_with_room_passes_and_one_without_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = by_check(disk.disk(Machine(tmp_path), tmp_path / "not" / "yet", SIZE_BYTES))
    assert (found["writable"].outcome, found["room"].outcome) == ("pass", "pass")
    free_bytes = os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize
    found = by_check(disk.disk(Machine(tmp_path), tmp_path, free_bytes + 2**30))
    assert found["room"].outcome == "warn"
    monkeypatch.setattr(disk, "FREE_BYTES_MIN", free_bytes + 2**40)
    assert by_check(disk.disk(Machine(tmp_path), tmp_path, SIZE_BYTES))["room"].outcome == "fail"


def test_what_the_outbox_has_already_is_not_asked_for_again(tmp_path: Path) -> None:
    free_bytes = os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize
    (tmp_path / "outbox.db").touch()
    os.truncate(tmp_path / "outbox.db", free_bytes)  # no block of it is written
    assert by_check(disk.disk(Machine(tmp_path), tmp_path, free_bytes + 2**20))["room"].outcome == "pass"


def test_a_disk_that_can_t_be_written_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = os.statvfs(tmp_path)
    read_only = os.statvfs_result((*found[:8], found.f_flag | os.ST_RDONLY, *found[9:]))
    monkeypatch.setattr(os, "statvfs", lambda _: read_only)
    assert by_check(disk.disk(Machine(tmp_path), tmp_path, SIZE_BYTES))["writable"].outcome == "fail"


@pytest.mark.parametrize(
    ("life", "spare", "outcome"),
    [
        ("0x01 0x01", "0x01", "pass"),
        ("0x02 0x08", "0x01", "pass"),
        ("0x09 0x01", "0x01", "warn"),
        ("0x0b 0x01", "0x01", "fail"),
        ("0x01 0x01", "0x02", "warn"),
        ("0x01 0x01", "0x03", "fail"),
    ],
)
def test_a_card_tells_how_worn_it_is(
    told: Callable[[str, str], Machine], tmp_path: Path, life: str, spare: str, outcome: str
) -> None:
    told("sys/devices/mmc1/block/mmcblk0/device/life_time", life)
    told("sys/devices/mmc1/block/mmcblk0/device/pre_eol_info", spare)
    here = told("sys/devices/mmc1/block/mmcblk0/mmcblk0p2/dev", "")
    number = tmp_path.stat().st_dev
    place = here.root / f"sys/dev/block/{os.major(number)}:{os.minor(number)}"
    place.parent.mkdir(parents=True)
    place.symlink_to(here.root / "sys/devices/mmc1/block/mmcblk0/mmcblk0p2")
    told("sys/fs/ext4/mmcblk0p2/errors_count", "3")
    found = by_check(disk.disk(here, tmp_path, SIZE_BYTES))
    assert found["wear"].outcome == outcome
    assert found["faults"].says == "the file system has met 3 errors"


# The outbox.


def made(path: Path) -> Outbox:
    return Outbox.open(path, random_bytes=os.urandom, size_bytes_max=SIZE_BYTES)


def test_a_truck_that_never_ran_has_no_outbox_yet(tmp_path: Path) -> None:
    (found,) = outbox.outbox(tmp_path / "outbox.db")
    assert (found.outcome, found.needed) == ("not here", False)


@pytest.mark.parametrize("open_meanwhile", [True, False])
def test_a_whole_outbox_passes_also_while_the_agent_has_it_open(tmp_path: Path, open_meanwhile: bool) -> None:
    path = tmp_path / "outbox.db"
    shelf = made(path)
    if not open_meanwhile:
        shelf.close()
    before = sorted(each.name for each in tmp_path.iterdir())
    found = by_check(outbox.outbox(path))
    assert {finding.outcome for finding in found.values()} == {"pass"}
    assert sorted(each.name for each in tmp_path.iterdir()) == before
    shelf.close()


def test_a_damaged_outbox_fails_and_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    made(path).close()
    damaged = bytearray(path.read_bytes())
    damaged[4096 : 4096 + 2000] = b"\xa5" * 2000
    path.write_bytes(damaged)
    found = by_check(outbox.outbox(path))
    assert found["outbox"].outcome == "fail"
    assert "sets the file aside" in found["outbox"].remedy
    assert path.read_bytes() == damaged


def test_a_file_that_is_no_outbox_fails(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    path.write_bytes(b"not a database, and long enough to be looked at" * 200)
    assert by_check(outbox.outbox(path))["outbox"].outcome == "fail"


def test_outboxes_set_aside_and_a_spent_reserve_are_warnings(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    made(path).close()
    (tmp_path / "outbox.damaged-1.db").touch()
    (tmp_path / "outbox.reserve").unlink()
    found = by_check(outbox.outbox(path))
    assert (found["set aside"].outcome, found["reserve"].outcome) == ("warn", "warn")


# Who else is there.


def test_a_running_agent_is_noticed_and_keeps_its_lock(tmp_path: Path) -> None:
    assert agent_runs(tmp_path) is False
    with lock.held(tmp_path):
        assert agent_runs(tmp_path) is True
        with pytest.raises(lock.OutboxInUse), lock.held(tmp_path):
            pass
    assert agent_runs(tmp_path) is False


def test_a_process_that_has_a_port_open_is_found_and_this_one_is_not_meant() -> None:
    master, slave = os.openpty()
    device = Path(os.ttyname(slave))
    with subprocess.Popen(["cat"], stdin=slave, stdout=subprocess.DEVNULL) as other:
        try:
            assert Holder(other.pid, "cat") in Machine().holders(device)
            assert os.getpid() not in {holder.pid for holder in Machine().holders(device)}
        finally:
            other.kill()
    assert Machine().holders(device) == []
    os.close(master)
    os.close(slave)


@pytest.mark.parametrize(
    ("drivers", "serial"),
    [
        ("pty_slave /dev/pts 136 0-1048575 pty:slave", True),
        ("serial /dev/ttyS 4 64-67 serial", False),
        ("pty_master /dev/ptm 136 0-1048575 pty:master", False),
        ("", False),
    ],
)
def test_a_serial_line_is_told_by_the_kernel_s_drivers(drivers: str, serial: bool, tmp_path: Path) -> None:
    master, slave = os.openpty()
    try:
        device = Path(os.ttyname(slave))
        assert Machine(tmp_path).is_serial(device)  # as long as nobody says which are
        (tmp_path / "proc/tty").mkdir(parents=True)
        (tmp_path / "proc/tty/drivers").write_text(f"{drivers}\n")
        assert Machine(tmp_path).is_serial(device) is serial
        assert Machine().is_serial(device)
    finally:
        os.close(master)
        os.close(slave)


def test_no_file_of_the_kernel_is_read_without_end(tmp_path: Path) -> None:
    (tmp_path / "long").write_bytes(b"x" * (machine.FILE_BYTES_MAX + 10))
    assert len(Machine(tmp_path).text("long") or "") == machine.FILE_BYTES_MAX


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example"])
def test_what_can_be_no_name_is_a_name_that_is_not_found(host: str) -> None:
    name, *rest = network(f"mqtts://{host}", LinkOptions("truck", "auto"), "topic", Clock(), 20_000)
    assert (name.check, name.outcome) == ("name", "fail")
    assert {each.outcome for each in rest} == {"not tested"}
