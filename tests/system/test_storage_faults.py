"""Storage that is full, read-only, failing or damaged under the real runtime and outbox: the agent goes on.

Needs root, for small file systems of its own, and strace, which injects errors into a truck's system calls.
"""

from __future__ import annotations

import contextlib
import json
import logging
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent import wire
from agent.keeping import PENDING_RECORDS_MAX
from agent.records import Record, iso_month
from agent.wire import Heading
from buffer.outbox import Batch, Outbox
from tests.sim.drives import TODAY, Lines
from tests.system.storage_truck import AGREED, DAY_S, DRIVE_S, Truck, told

MIB = 2**20
WAIT_S = 60.0
ROOT = Path(__file__).resolve().parents[2]
RETRY_S = 9.0  # between attempts while the disk is lost: `commit_every` less the housekeeping
LOST, BACK = "the outbox can't be written", "the outbox can be written again"
DAMAGE_SEEDS = range(24)


def run(*command: object) -> None:
    done = subprocess.run(
        list(map(str, command)), capture_output=True, timeout=WAIT_S, text=True, check=False
    )
    assert done.returncode == 0, (command, done.stderr)


@contextlib.contextmanager
def mounted(folder: Path, *words: object) -> Iterator[Path]:
    """A file system at `folder`, made for it; gone afterwards, whatever still holds it."""
    folder.mkdir()
    run("mount", *words, folder)
    try:
        yield folder
    finally:
        run("umount", "--lazy", folder)


def image(path: Path, size_bytes: int) -> Path:
    with path.open("wb") as sparse:
        sparse.truncate(size_bytes)
    run("mkfs.ext4", "-q", "-F", "-b", "4096", "-m", "0", "-E", "lazy_itable_init=0,nodiscard", path)
    return path


@contextlib.contextmanager
def disk(kind: str, work: Path) -> Iterator[Path]:
    """A small file system of that kind."""
    if kind == "tmpfs":
        words: list[object] = ["-t", "tmpfs", "-o", "size=4m", "none"]
    else:
        words = ["-o", "loop,lazytime,errors=remount-ro", image(work / "disk.img", 8 * MIB)]
    with mounted(work / "disk", *words) as folder:
        yield folder


def device(folder: Path) -> str:
    mounts = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    return Path(next(line.split()[0] for line in mounts if line.split()[1] == str(folder))).name


def fill(folder: Path) -> Path:
    """Another program takes all that is free."""
    ballast = folder / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    return ballast


def reboot(folder: Path, disk_image: Path) -> None:
    """What a computer does after a power cut: check, then mount."""
    run("umount", folder)
    subprocess.run(["e2fsck", "-f", "-p", str(disk_image)], capture_output=True, timeout=WAIT_S, check=False)
    run("mount", "-o", "loop,lazytime,errors=remount-ro", disk_image, folder)


def braking(n: int) -> Record:
    fields = {
        "month": iso_month(TODAY),
        "latitude_deg": 40 + n / 1e4,
        "longitude_deg": -4.0,
        "severity": "hard",
        "corroborated": "no",
    }
    return Record("harsh_braking", TODAY, fields)


def way(n: int, chance: random.Random) -> Record:
    """A long stretch, to fill a disk with."""
    path = [[40 + chance.random() / 100, -4 + chance.random() / 100] for _ in range(60)]
    return Record("track", TODAY, {"date": "2027-08-31", "stretch": n, "running_s": 10, "path": path})


def brakings(outbox: Outbox) -> list[bytes]:
    return [row.body for row in outbox.kept("harsh_braking", TODAY + 99)]


def load(driven: Truck, batches: int) -> None:
    """Yesterday's way, sealed and unsent, and today's brakings."""
    outbox = driven.outbox
    for n in range(1, batches + 1):
        heading = Heading("track", outbox.epoch("track"), n, wire.NO_PREVIOUS, AGREED.reference)
        outbox.commit(seal=[Batch("track", n, TODAY - 1, wire.encode(heading, [], 3_000))])
    driven.keep(*(braking(n) for n in range(40)))


def give_all(driven: Truck) -> None:
    """Leave neither a reserve nor a log with room."""
    driven.outbox._reserve.give()
    driven.outbox.purge(TODAY, receipt_days={}, age_days_max=60)


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Every log line."""
    found, root = Lines(), logging.getLogger()
    level = root.level
    root.addHandler(found)
    root.setLevel("INFO")
    yield found
    root.removeHandler(found)
    root.setLevel(level)


def everything_promised_arrives(driven: Truck) -> None:
    driven.radio.reachable = True
    driven.drive()
    driven.stand()
    assert driven.promised - driven.arrived == set()


@pytest.mark.parametrize("kind", ["tmpfs", "ext4"])
def test_on_a_full_disk_old_positions_make_room_and_brakings_stay(
    tmp_path: Path, kind: str, lines: Lines
) -> None:
    chance = random.Random(kind)
    with disk(kind, tmp_path) as folder:
        driven = Truck(folder)
        driven.radio.reachable = False
        load(driven, 200)
        driven.drive(60)
        held = brakings(driven.outbox)
        ballast = fill(folder)
        for n in range(12):
            driven.keep(*(way(90 + 4 * n + k, chance) for k in range(4)))
            driven.drive(60)
        assert not driven.runtime.ailing
        losses = driven.outbox.losses()
        assert 0 < losses.evicted < 200
        assert brakings(driven.outbox) == held != []
        left = [batch.n for batch in driven.outbox.unsent(9_999) if batch.stream == "track"]
        assert left == list(range(losses.evicted + 1, driven.outbox.head("track").n + 1))
        ballast.unlink()
        driven.drive()
        assert driven.outbox.losses() == losses
        driven.promised.clear()
        everything_promised_arrives(driven)
        driven.stand(DAY_S, 60.0)
        assert driven.boxes[-1]["lost"]["evicted"] == losses.evicted
        driven.stop()
    assert told(lines) == {}


def test_a_disk_without_room_for_a_single_page_is_waited_for(tmp_path: Path, lines: Lines) -> None:
    with disk("tmpfs", tmp_path) as folder:
        driven = Truck(folder)
        driven.drive()
        give_all(driven)
        ballast, attempts = fill(folder), driven.box.attempts
        driven.keep(*map(braking, range(5)))
        driven.drive()
        assert driven.runtime.ailing
        assert driven.box.attempts - attempts <= DRIVE_S / RETRY_S + DRIVE_S / 60 + 2
        assert told(lines) == {LOST: 1}
        ballast.unlink()
        everything_promised_arrives(driven)
        assert told(lines) == {LOST: 1, BACK: 1}
        assert not driven.runtime.ailing
        driven.stand(DAY_S, 60.0)
        stretches = [record["stretch"] for record in driven.radio.records("track")]
        assert sorted(stretches) == list(range(1, len(stretches) + 1))
        assert [record["storage"] for record in driven.boxes] == ["good", "failed"]
        assert driven.boxes[-1]["lost"]["evicted"] == 0
        driven.stop()


def test_memory_stays_bounded_while_the_disk_is_full_and_keeps_brakings_longest(tmp_path: Path) -> None:
    chance = random.Random(1)
    with disk("tmpfs", tmp_path) as folder:
        driven = Truck(folder)
        give_all(driven)
        fill(folder)
        driven.keep(*map(braking, range(5)))
        short = way(1, chance)._replace(
            fields={"date": "2027-08-31", "stretch": 1, "running_s": 1, "path": []}
        )
        driven.keep(*[short] * PENDING_RECORDS_MAX)
        pending = driven.runtime._keeping.pending
        assert len(pending) == PENDING_RECORDS_MAX
        assert [record.stream for record in pending[:6]] == ["harsh_braking"] * 5 + ["track"]
        assert driven.runtime.counts.dropped == 5
        driven.stop()


def test_a_file_system_that_turns_read_only_is_waited_for_until_a_restart(
    tmp_path: Path, lines: Lines
) -> None:
    with disk("ext4", tmp_path) as folder:
        driven = Truck(folder)
        driven.drive()
        driven.radio.reachable = False
        driven.drive()
        attempts = driven.box.attempts
        (Path("/sys/fs/ext4") / device(folder) / "trigger_fs_error").write_text("1", encoding="ascii")
        driven.drive()
        assert driven.runtime.ailing
        assert driven.box.attempts - attempts <= DRIVE_S / RETRY_S + DRIVE_S / 60 + 2
        assert told(lines) == {LOST: 1}
        driven.stop()
        driven.start()  # and what waited in memory is gone
        driven.drive()
        assert driven.runtime.ailing
        assert sum(told(lines).values()) == 2  # once for each start
        driven.stop()
        reboot(folder, tmp_path / "disk.img")
        driven.start()
        assert driven.outbox.set_aside is None
        everything_promised_arrives(driven)
        driven.stop()


def test_a_card_that_fails_under_the_file_system_loses_nothing_that_was_promised(
    tmp_path: Path, lines: Lines
) -> None:
    """The image lies on a disk that fills: the kernel meets real I/O errors when it writes back and syncs."""
    with mounted(tmp_path / "card", "-t", "tmpfs", "-o", "size=6m", "none") as card:
        disk_image = image(card / "disk.img", 32 * MIB)
        with mounted(tmp_path / "disk", "-o", "loop,lazytime,errors=remount-ro", disk_image) as folder:
            driven = Truck(folder)
            driven.radio.reachable = False
            load(driven, 50)
            driven.drive(60)
            ballast, chance = fill(card), random.Random(2)
            for n in range(12):
                driven.keep(*(way(90 + 4 * n + k, chance) for k in range(4)))
                driven.drive(60)
            assert driven.runtime.ailing
            assert told(lines) == {LOST: 1}
            driven.stop()
            ballast.unlink()
            reboot(folder, disk_image)
            driven.start()
            assert driven.outbox.set_aside is None
            everything_promised_arrives(driven)
            driven.stop()


def driven_under(faults: str, state: Path) -> dict[str, Any]:
    """A whole drive with faults injected into the system calls that touch the outbox."""
    files = [word for name in ("outbox.db", "outbox.db-wal") for word in ("-P", str(state / name))]
    call = faults.partition(":")[0]
    strace = [
        "strace",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        f"trace={call}",
        "-e",
        f"inject={faults}",
        *files,
    ]
    program = [sys.executable, "-m", "tests.system.storage_truck", str(state)]
    done = subprocess.run([*strace, *program], capture_output=True, timeout=WAIT_S, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr.decode()
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    "faults",
    [
        "pwrite64:error=EIO:when=120..150",
        "pwrite64:error=ENOSPC:when=120..180",
        "fdatasync:error=EIO:when=12..30",
        "pwrite64:error=EIO:when=120..400+3",
    ],
)
def test_errors_on_write_and_on_sync_are_said_once_and_nothing_is_lost(tmp_path: Path, faults: str) -> None:
    found = driven_under(faults, tmp_path)
    assert found["starts"] == 1
    assert found["log"][LOST] == found["log"][BACK] >= 1
    assert found["unfulfilled"] == 0
    assert found["stretches"] == list(range(1, len(found["stretches"]) + 1))
    assert found["storage"] == ["good", "failed"]
    assert found["attempts"] <= 2_400 / RETRY_S + 40


def test_errors_on_read_end_in_a_new_outbox_and_the_box_says_so(tmp_path: Path) -> None:
    driven_under("pread64:error=EIO:when=9999", tmp_path)
    assert not list(tmp_path.glob("outbox.damaged-*"))
    found = driven_under("pread64:error=EIO:when=10", tmp_path)
    assert found["starts"] <= 2
    assert found["storage"] == ["renewed", "good"]
    assert found["unfulfilled"] == 0
    assert list(tmp_path.glob("outbox.damaged-*.db"))


@pytest.fixture(scope="module")
def driven_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state of a truck that has driven without a network, its log still beside the file."""
    state = tmp_path_factory.mktemp("driven")
    driven = Truck(state)
    driven.radio.reachable = False
    load(driven, 50)
    driven.drive()
    copy = tmp_path_factory.mktemp("copy")
    for path in state.iterdir():
        shutil.copyfile(path, copy / path.name)
    driven.stop()
    return copy


def damage(state: Path, chance: random.Random) -> None:
    """Overwrite a few places anywhere in the outbox and its log."""
    for _ in range(chance.choice([1, 4, 40])):
        path = state / chance.choice(["outbox.db", "outbox.db-wal"])
        with path.open("r+b") as file:
            file.seek(chance.randrange(path.stat().st_size or 1))
            file.write(chance.randbytes(chance.choice([1, 16, 512])))


@pytest.mark.parametrize("seed", DAMAGE_SEEDS)
@pytest.mark.parametrize("when", ["closed", "open"])
def test_a_file_damaged_anywhere_never_stops_the_agent(
    tmp_path: Path, driven_state: Path, when: str, seed: int
) -> None:
    chance = random.Random(f"{when} {seed}")
    state = tmp_path / "state"
    shutil.copytree(driven_state, state)
    (state / "outbox.db-shm").unlink()
    if when == "closed":
        damage(state, chance)
    driven = Truck(state)
    driven.drive(30)
    if when == "open":
        damage(state, chance)
        driven.outbox._db.execute("PRAGMA shrink_memory").close()
    driven.drive(90)
    driven.stop()
    driven.start()
    driven.promised.clear()
    driven.drive(180)
    driven.stand(120)
    assert not driven.runtime.ailing
    assert len(driven.promised) >= 2
    assert driven.promised <= driven.arrived
    assert driven.starts <= 5
    driven.stop()
