"""`make mutants`: plant each mutant, look for the level that catches it, print the table. 1 when one survives."""

from __future__ import annotations

import concurrent.futures
import logging
import os
import sys
from collections.abc import Sequence

from tests.mutants.hunt import EXAMPLES_MAX, Found, hunted
from tests.mutants.table import MUTANTS

PROCESSES = int(os.environ.get("TEST_JOBS", "2"))


def _row(mutant: str, level: str, examples: str) -> None:
    print(f"{mutant:44} {level:12} {examples:>8}", flush=True)  # noqa: T201 - the table is what this is for


def main(names: Sequence[str]) -> int:
    """Hunt the named mutants, all when none is named."""
    logging.lastResort = None
    _row("mutant", "caught by", "examples")
    found: list[Found] = []
    with concurrent.futures.ProcessPoolExecutor(PROCESSES) as pool:
        for one in pool.map(hunted, names or list(MUTANTS)):
            found.append(one)
            _row(one.mutant, one.level or "SURVIVES", str(one.examples))
    survivors = [one.mutant for one in found if one.level is None]
    late = [one.mutant for one in found if one.examples > EXAMPLES_MAX]
    _row(
        f"{len(found)} mutants",
        f"{len(survivors)} survive",
        str(max((one.examples for one in found), default=0)),
    )
    return 1 if survivors or late else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
