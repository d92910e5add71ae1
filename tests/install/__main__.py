"""`make system-test`: the package on a Debian booted with systemd. 1 when a step fails. Root; about ten minutes."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.install.machine import Machine
from tests.install.page import write_log
from tests.install.steps import STEPS, UNIT, Packages, Truck

ROOT = Path(__file__).parent.parent.parent
KEPT = ROOT / "build" / "install"
NEWER = "9.9.9"
BUILD_S = 600.0


def main() -> int:
    """Build, boot, go through the steps."""
    parser = argparse.ArgumentParser(prog="python -m tests.install", description=__doc__)
    parser.add_argument("--page", type=Path, help="write the log into this page, when all is well")
    given = parser.parse_args()
    if os.geteuid() != 0:
        parser.error("a machine is booted by root only")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the machine is switched off on the way out
    log = []
    for line, good in _told():
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
        log.append(line)
        if not good:
            return 1
    if given.page:
        write_log(given.page, "make system-test", log)
    return 0


def _told() -> Iterator[tuple[str, bool]]:
    """A line for each step, and whether it went well; the first that did not is the last."""
    began_s = time.monotonic()  # noqa: TID251
    packages = Packages(_built(None), _built(NEWER), NEWER)
    yield _line("both packages are built", began_s, packages.this.name), True
    begin_s = time.monotonic()  # noqa: TID251
    with Machine(KEPT) as machine:
        took_s = machine.boot()
        yield _line("Debian boots", begin_s, f"systemd is up after {took_s:.1f} s"), True
        for step in STEPS:
            begin_s = time.monotonic()  # noqa: TID251
            name = step.__name__.replace("_", " ")
            try:
                yield _line(name, begin_s, step(Truck(machine, packages))), True
            except Exception as error:  # noqa: BLE001 — whatever it is, the step failed and the machine goes
                journal = machine.run("journalctl", "--no-pager", "--unit", UNIT, "--lines=40").stdout
                yield f"{_line(name, begin_s, f'FAILED: {error!r}')}\n{journal}", False
                return
    yield _line("all steps", began_s, "good"), True


def _line(name: str, began_s: float, told: str) -> str:
    return f"{time.monotonic() - began_s:6.1f} s  {name}: {told}"  # noqa: TID251


def _built(version: str | None) -> Path:
    """The package, under another version where one is given."""
    environment = {**os.environ, "PYTHON": sys.executable, "PYTHON_VERSION": "3.11"}
    if version:
        environment["VERSION"] = version
    done = subprocess.run(
        [ROOT / "systemd/debian/build.sh"],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=BUILD_S,
    )
    return ROOT / done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
