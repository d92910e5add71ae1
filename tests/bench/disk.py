"""Where a program keeps its file: an ext4 of its own on a loop device when root, a plain directory otherwise.

On the loop device every write counts, the file system's journal and metadata too, as a card would see it. In a
plain directory only the pages that the process dirtied are known, which is less.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.bench.process import read_device_bytes

IMAGE_BYTES = 256 * 1024 * 1024
MKFS = ["mkfs.ext4", "-q", "-F", "-b", "4096", "-E", "lazy_itable_init=0,lazy_journal_init=0"]
MOUNT_OPTIONS = "loop,lazytime"


class Disk:
    """A directory; `device_bytes` is None where nothing but the process's own writes is known."""

    kind = "a directory"

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()

    def device_bytes(self) -> int | None:
        """Bytes written to the device so far."""
        return None

    def close(self) -> None:
        """Nothing to give back."""


class LoopDisk(Disk):
    """An ext4 image of its own, mounted `lazytime`. Raises OSError or CalledProcessError where that can't be."""

    kind = "ext4 on a loop device, lazytime"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        image = path.with_suffix(".img")
        with image.open("wb") as sparse:
            sparse.truncate(IMAGE_BYTES)
        _run(*MKFS, str(image))
        _run("mount", "-o", MOUNT_OPTIONS, str(image), str(path))
        self._stat = Path("/sys/block") / _device(path) / "stat"

    def device_bytes(self) -> int:
        """After all that is dirty has been written."""
        _run("sync", "-f", str(self.path))
        return read_device_bytes(self._stat.read_text(encoding="ascii"))

    def close(self) -> None:
        """Unmount; the loop device frees itself."""
        _run("umount", str(self.path))


def open_disk(path: Path) -> Disk:
    """The better of the two that this computer allows."""
    if os.geteuid() == 0 and shutil.which("mkfs.ext4"):
        try:
            return LoopDisk(path)
        except (OSError, subprocess.CalledProcessError):
            shutil.rmtree(path, ignore_errors=True)
    return Disk(path)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def _device(path: Path) -> str:
    mounts = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    return Path(next(line.split()[0] for line in mounts if line.split()[1] == str(path))).name
