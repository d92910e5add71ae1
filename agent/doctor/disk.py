"""The disk under the truck's state: room, life and faults. Nothing of it depends on what was recorded."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from agent.doctor.finding import Finding, failed, not_here, passed, warned
from agent.doctor.machine import Machine

FREE_BYTES_MIN = 64 * 2**20
MIB = 2**20
WORN_AT = 9
"""Tenths of its life after which a card is to be changed."""

_CHANGE_CARD = "Change the card, or the disk, soon."


def disk(machine: Machine, state: Path, outbox_bytes_max: int) -> Iterator[Finding]:
    """`state` need not exist yet; `outbox_bytes_max` is how large the outbox may become."""
    folder = next(path for path in (state, *state.parents) if path.exists())
    found = os.statvfs(folder)
    if found.f_flag & os.ST_RDONLY:
        yield failed(
            "writable",
            f"the disk under {state} is read-only",
            "Look at `dmesg`. A card that turned read-only is dead: change it.",
        )
    else:
        yield passed("writable", "the disk can be written")
    yield _room(found.f_bavail * found.f_frsize, outbox_bytes_max - _bytes_of(state))
    device = machine.block_device(folder)
    yield _wear(machine, device)
    yield _faults(machine, device)


def _room(free_bytes: int, growing_bytes: int) -> Finding:
    says = f"{free_bytes // MIB:,} MiB are free"
    if free_bytes < FREE_BYTES_MIN:
        return failed(
            "room", says, "Make room on the disk: `sudo apt clean`, `sudo journalctl --vacuum-size=50M`."
        )
    if free_bytes < growing_bytes:
        remedy = "Make room on the disk, or make outbox.size in agent.yaml smaller."
        return warned("room", f"{says}; the outbox may need {growing_bytes // MIB:,} MiB more", remedy)
    return passed("room", says)


def _bytes_of(state: Path) -> int:
    try:
        return sum(path.stat().st_size for path in state.iterdir() if path.is_file())
    except OSError:
        return 0


def _wear(machine: Machine, device: Path | None) -> Finding:
    """What a card tells of its own life: in tenths, and whether its spare blocks run out."""
    for folder in (device, *device.parents) if device else ():
        tenths = machine.text(str(folder / "device/life_time"))
        if tenths:
            return _worn(_numbers(tenths), _numbers(machine.text(str(folder / "device/pre_eol_info")) or ""))
    return not_here("wear", "the disk does not tell how worn it is")


def _worn(tenths: list[int], spare: list[int]) -> Finding:
    worst = max(tenths, default=0)
    if worst > 10 or max(spare, default=0) > 2:
        return failed("wear", "the card is at the end of its life", "Change the card now.")
    if worst >= WORN_AT or max(spare, default=0) > 1:
        return warned("wear", f"the card has used up about {10 * worst} % of its life", _CHANGE_CARD)
    return passed("wear", f"the card has used up at most {10 * worst} % of its life")


def _numbers(words: str) -> list[int]:
    try:
        return [int(word, 16) for word in words.split()]
    except ValueError:
        return []


def _faults(machine: Machine, device: Path | None) -> Finding:
    """Errors that the file system has met since it was made."""
    counted = machine.text(f"sys/fs/ext4/{device.name}/errors_count") if device else None
    if counted is None or not counted.isdecimal():
        return not_here("faults", "the file system does not count its errors")
    if int(counted):
        return warned("faults", f"the file system has met {int(counted):,} errors", _CHANGE_CARD)
    return passed("faults", "the file system has met no error")
