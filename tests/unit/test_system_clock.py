"""Chrony hears the GNSS time for a minute, and nothing that tells of the truck."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.loop import Loop
from drivers.inputs import Chunk, Input, Pulse
from drivers.system_clock import CHRONY_SOCKET, SAMPLES, SystemClock
from tests.sim.drives import MORNING_MS, agreement, by_time, epochs, straight, switched_on, truck
from tests.unit.paced import Paced

LAYOUT = "@qqdiiii"  # struct timeval, double, int pulse, int leap, int _pad, int magic
READ = 1_000_000_000.25


@pytest.fixture
def chrony(tmp_path: Path) -> Iterator[socket.socket]:
    """Chrony's end."""
    ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    ear.bind(str(tmp_path / "sock"))
    ear.setblocking(False)
    yield ear
    ear.close()


def samples(chrony: socket.socket) -> list[tuple[float, ...]]:
    found: list[tuple[float, ...]] = []
    while True:
        try:
            found.append(struct.unpack(LAYOUT, chrony.recv(1000)))
        except BlockingIOError:
            return found


def told(tmp_path: Path) -> SystemClock:
    return SystemClock(tmp_path / "sock", lambda: READ)


def test_a_sample_is_chrony_s_structure_to_the_byte(chrony: socket.socket, tmp_path: Path) -> None:
    told(tmp_path).feed(5.0, lambda at: READ + 3600.5 + at)
    assert samples(chrony) == [(1_000_000_000, 250_000, 3605.5, 0, 0, 0, 0x534F434B)]


def test_before_a_date_is_trusted_nothing_is_said_and_then_it_is(
    chrony: socket.socket, tmp_path: Path
) -> None:
    clock = told(tmp_path)
    for second in range(100):
        clock.feed(float(second), lambda _: None)
    assert samples(chrony) == []
    clock.feed(100.0, lambda _: READ)
    assert len(samples(chrony)) == 1


def test_a_sample_a_second_is_said_so_many_times_and_never_again(
    chrony: socket.socket, tmp_path: Path
) -> None:
    clock, per_second = told(tmp_path), []
    for tenth in range(20 * SAMPLES):
        clock.feed(tenth / 10, lambda _: READ)
        if tenth % 10 == 9:
            per_second.append(len(samples(chrony)))
    assert per_second == [1] * SAMPLES + [0] * SAMPLES


@pytest.mark.parametrize("path", ["absent", "file", "x" * 200])
def test_without_chrony_nothing_happens(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").write_text("")
    SystemClock(tmp_path / path).feed(1.0, lambda _: READ)
    SystemClock().feed(1.0, lambda _: READ)
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def looped(chrony: socket.socket, tmp_path: Path, entries: list[Input]) -> list[tuple[float, ...]]:
    """When each sample was said, and what."""
    world = Paced(entries, 400.0)
    seen: list[tuple[float, ...]] = []

    class Heard(SystemClock):
        def _say(self, utc: float, read: float) -> None:
            super()._say(utc, read)
            seen.extend((world.at(), *each) for each in samples(chrony))

    clock = Heard(tmp_path / "sock", lambda: READ)
    Loop(truck(agreement()), world, world, lambda: None, system_clock=clock).run()  # type: ignore[arg-type]
    return seen


def test_the_loop_tells_the_time_of_the_fixes_that_it_trusts(chrony: socket.socket, tmp_path: Path) -> None:
    found = looped(chrony, tmp_path, by_time(switched_on(), epochs(straight(2000))))
    assert len(found) == SAMPLES
    told_s = [READ + sample[3] - MORNING_MS / 1000 for sample in found]
    assert told_s == pytest.approx([sample[0] for sample in found])
    assert 0 < told_s[0] < 10


def test_pulses_and_the_crew_s_switch_change_nothing_of_it(chrony: socket.socket, tmp_path: Path) -> None:
    drive = [Chunk(one.at + 0.3, one.data) for one in epochs(straight(2000)) if isinstance(one, Chunk)]
    hidden: list[Input] = [Pulse(9.31, "switch", 0), Pulse(10.07, "brake", 1), Pulse(12.03, "switch", 1)]
    alike = looped(chrony, tmp_path, by_time(switched_on(), drive))
    assert len(alike) == SAMPLES
    assert looped(chrony, tmp_path, by_time(switched_on(), drive, hidden)) == alike


def test_what_is_shipped_for_chrony_names_the_socket_that_the_agent_knows() -> None:
    folder = Path(__file__).parent.parent.parent / "systemd"
    for name in ("chrony.conf", "chrony.service.conf"):
        assert f" {CHRONY_SOCKET}" in (folder / name).read_text(encoding="utf-8")
