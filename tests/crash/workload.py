"""`python -m tests.crash.workload FOLDER AGREEMENT PLANT BOOTS DESCRIPTOR`: what is traced, with its promises.

Each boot is a process of its own, so that a kill ends it with everything in memory; they follow one another.
"""

from __future__ import annotations

import itertools
import logging
import os
import random
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest

from buffer import sqlite_file
from buffer.outbox import OUTBOX_FILE
from tests.crash import shift
from tests.crash.planted import PLANTED
from tests.crash.promises import Teller


class Telling(logging.Handler):
    """Tells of a damaged file as soon as it is reported."""

    def __init__(self, teller: Teller) -> None:
        super().__init__(logging.ERROR)
        self._teller = teller

    def emit(self, record: logging.LogRecord) -> None:
        """`buffer.sqlite_file` names the new place last."""
        if record.name == sqlite_file.__name__ and isinstance(record.args, tuple):
            self._teller.tell(aside=record.args[-1])


def connecting(teller: Teller) -> sqlite_file.Connect:
    """Connections that tell of each transaction that is committed."""

    class Promising(sqlite3.Connection):
        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            found = super().execute(sql, *values)
            if sql == "COMMIT":
                teller.committed(self)
            return found

        def commit(self) -> None:
            super().commit()
            teller.committed(self)

    return lambda name: sqlite3.connect(name, isolation_level=None, factory=Promising)


def damage(path: Path) -> None:
    """Every page but the first loses its beginning."""
    page = sqlite_file.PAGE_BYTES
    descriptor = os.open(path, os.O_RDWR)
    for place in range(page, os.fstat(descriptor).st_size, page):
        os.pwrite(descriptor, b"\xff" * 8, place)
    os.fsync(descriptor)
    os.close(descriptor)


def main(folder: Path, agreement: str, plant: str, boots: int, descriptor: int) -> None:
    """So many boots of the shift."""
    teller = Teller(descriptor)
    logging.basicConfig(handlers=[Telling(teller)])
    with pytest.MonkeyPatch.context() as patch:
        PLANTED[plant].plant(patch)
        for number, boot in enumerate(itertools.islice(shift.boots(), boots)):
            if boot.utc_ms == shift.day_ms(shift.DAMAGED_DAY, 6.0):
                teller.tell(damaged=True)
                damage(folder / OUTBOX_FILE)
            _in_a_process(boot, folder, agreement, teller, random.Random(number))


def _in_a_process(
    boot: shift.Boot, folder: Path, agreement: str, teller: Teller, chance: random.Random
) -> None:
    child = os.fork()
    if child == 0:
        status = 1
        try:
            paper, pages_max = shift.agreed(agreement), shift.PAGES_MAX[agreement]
            box = shift.opened(folder, pages_max, chance, connecting(teller))
            shift.run(boot, box, folder, paper, teller, chance)
            status = 0
        finally:
            os._exit(status)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0:
        raise SystemExit("a boot has failed")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
