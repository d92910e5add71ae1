"""What the kernel knows of a running process: CPU, memory, bytes written."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

SECTOR_BYTES = 512
_CPU_CLOCK = 2  # CPUCLOCK_SCHED of the kernel: what the scheduler counted, user and system, in nanoseconds


class Memory(NamedTuple):
    """Resident memory: the most so far, and now."""

    peak_mib: float
    last_mib: float


def cpu_clock(pid: int) -> int:
    """The number of the CPU clock of another process, as clock_getcpuclockid(3) makes it."""
    return (~pid << 3) | _CPU_CLOCK


def cpu_s(pid: int) -> float:
    """User and system seconds of all threads, ended ones too. Raises OSError when the process is gone."""
    return time.clock_gettime(cpu_clock(pid))


def memory(pid: int) -> Memory:
    """From /proc/<pid>/status."""
    return read_memory(Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace"))


def read_memory(status: str) -> Memory:
    """From the text of that file."""
    kib = {
        key: value.split()[0]
        for key, _, value in (line.partition(":") for line in status.splitlines())
        if key in ("VmHWM", "VmRSS")
    }
    return Memory(int(kib["VmHWM"]) / 1024, int(kib["VmRSS"]) / 1024)


def written_bytes(pid: int) -> int:
    """Bytes of pages that the process dirtied, from /proc/<pid>/io; nothing of the file system's own writes."""
    return read_written_bytes(Path(f"/proc/{pid}/io").read_text(encoding="ascii"))


def read_written_bytes(io: str) -> int:
    """From the text of that file."""
    return int(next(line.split()[1] for line in io.splitlines() if line.startswith("write_bytes:")))


def read_device_bytes(stat: str) -> int:
    """Bytes written to a block device, from the text of /sys/block/<device>/stat."""
    return int(stat.split()[6]) * SECTOR_BYTES
