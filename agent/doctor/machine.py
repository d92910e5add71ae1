"""The computer under the truck: what its kernel tells in small files."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import NamedTuple

FILE_BYTES_MAX = 65_536
TTY_DRIVERS_FILE = "proc/tty/drivers"

_TTY_DRIVER = re.compile(
    r"/dev/\S+ +(?P<major>\d+) +(?P<first>\d+)(?:-(?P<last>\d+))? +(?:serial|pty:slave)\b"
)


class Holder(NamedTuple):
    """A process that has a device open."""

    pid: int
    name: str


class Machine:
    """A computer, by its files under `root`; a test gives it a folder of its own."""

    def __init__(self, root: Path = Path("/")) -> None:
        self.root = root

    def text(self, path: str) -> str | None:
        """A small file's text without the last line's end; None where there is none or it can't be read."""
        try:
            with (self.root / path).open("rb") as file:
                return file.read(FILE_BYTES_MAX).decode("utf-8", "replace").strip("\0\n ")
        except OSError:
            return None

    @property
    def model(self) -> str | None:
        """Which board it is, None where nobody wrote it down."""
        return self.text("proc/device-tree/model")

    @property
    def has_header(self) -> bool:
        """Whether this is a Raspberry Pi: what is missing here is then a fault, and elsewhere just not here."""
        return "Raspberry Pi" in (self.model or "")

    def consoles(self) -> list[str]:
        """Names of the devices on which the kernel has a console, such as ttyAMA0."""
        words = (self.text("proc/cmdline") or "").split()
        return [
            word.removeprefix("console=").partition(",")[0] for word in words if word.startswith("console=")
        ]

    def is_serial(self, device: Path) -> bool:
        """Whether `device` is a serial line, or a pseudo-terminal that stands in for one.

        By the kernel's list of drivers, and without opening it: merely to open a watchdog arms it. Where there is no
        list, any character device may be one.
        """
        found = device.stat()
        if not stat.S_ISCHR(found.st_mode):
            return False
        drivers = self.text(TTY_DRIVERS_FILE)
        major, minor = os.major(found.st_rdev), os.minor(found.st_rdev)
        return drivers is None or any(
            int(each["major"]) == major and int(each["first"]) <= minor <= int(each["last"] or each["first"])
            for each in _TTY_DRIVER.finditer(drivers)
        )

    @property
    def sees_all_programs(self) -> bool:
        """Whether this program may see what others have open."""
        return os.geteuid() == 0

    def holders(self, device: Path) -> list[Holder]:
        """Processes that have `device` open, this one left out; only root sees those of others."""
        wanted = device.stat()
        return [
            Holder(pid, self.text(f"proc/{pid}/comm") or "a program")
            for pid in self._processes()
            if pid != os.getpid() and self._has_open(pid, wanted)
        ]

    def _processes(self) -> list[int]:
        names = [path.name for path in (self.root / "proc").glob("[0-9]*")]
        return sorted(int(name) for name in names if name.isdecimal())

    def _has_open(self, pid: int, wanted: os.stat_result) -> bool:
        """By the device itself: in a container another one may bear the same name."""
        try:
            for link in (self.root / f"proc/{pid}/fd").iterdir():
                if str(link.readlink()).startswith("/dev/") and os.path.samestat(link.stat(), wanted):
                    return True
        except OSError:  # it ended meanwhile, or is somebody else's
            return False
        return False

    def block_device(self, path: Path) -> Path | None:
        """The kernel's folder of the disk partition that holds `path`; None where there is none, as on a tmpfs."""
        number = path.stat().st_dev
        found = self.root / f"sys/dev/block/{os.major(number)}:{os.minor(number)}"
        return found.resolve() if found.exists() else None
