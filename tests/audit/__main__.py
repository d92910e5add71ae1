"""`make audit`: the published attacks under two agreements, and their figures for `docs/audit.md`."""

from __future__ import annotations

import argparse
import datetime
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from agent.agreement import load_agreement
from agent.audit import table, trial
from agent.audit.trial import Asked
from agent.audit.verdict import Judged
from agent.surroundings import EXAMPLES

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs" / "audit.md"
DAYS = 60


class Block(NamedTuple):
    """One part of the page: an agreement, receiver noises in metres, and how far from the seed its cities begin."""

    agreement: str
    noises_m: tuple[float, ...]
    further: int = 0


BLOCKS = {
    "routes-and-safety": Block("routes-and-safety", (1.5, 4.0)),
    "operations": Block("operations", (1.5,)),
    "other cities": Block("routes-and-safety", (1.5,), 100),  # on which no attack was tuned
}


def main(words: Sequence[str] | None = None) -> int:
    """Attack, print, and write the page; 1 when a promise is broken, or an attack too weak to prove anything."""
    given = _arguments().parse_args(words)
    page = DOCS.read_text(encoding="utf-8")
    failed = False
    for name in BLOCKS:
        judged = trial.simulated(asked(name, given.days, given.seed, given.jobs), _told(name))
        page = with_block(page, name, block(name, given, judged))
        if not given.dry_run:
            DOCS.write_text(page, encoding="utf-8")
        sys.stdout.write("\n".join([name, *table.lines(judged), ""]))
        failed = failed or bool(judged.broken or judged.weak)
    return int(failed)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.audit", description=__doc__)
    parser.add_argument("--days", type=int, default=DAYS, metavar="N", help="vehicle-days")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="which cities")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="processes")
    parser.add_argument("--dry-run", action="store_true", help=f"leave {DOCS.relative_to(ROOT)} as it is")
    return parser


def asked(name: str, days: int, seed: int, jobs: int) -> Asked:
    """The audit of a block."""
    of = BLOCKS[name]
    agreement = load_agreement(EXAMPLES / "agreements" / f"{of.agreement}.yaml")
    return Asked(agreement, days, seed + of.further, of.noises_m, jobs)


def _told(name: str) -> Callable[[str, int, int], None]:
    def told(what: str, done: int, whole: int) -> None:
        sys.stderr.write(f"{name}: {what}, {done} of {whole}\n")

    return told


def block(name: str, given: argparse.Namespace, judged: Judged) -> str:
    """What was measured and when, what it comes to, and the tables."""
    of = BLOCKS[name]
    noises = " and ".join(f"{noise_m:g} m" for noise_m in of.noises_m)
    measured = (
        f"Measured on {datetime.date.today()} with `make audit`: {given.days} simulated vehicle-days under "
        f"*{of.agreement}*, cities from seed {given.seed + of.further} on, receiver noise {noises}."
    )
    tables = "\n".join(table.markdown(judged)).rstrip("\n")
    return f"{measured} {_comes_to(judged)}\n\n{tables}\n"


def _comes_to(judged: Judged) -> str:
    held = sum(row.judgement == "holds" and row.has_trials for row in judged.rows)
    broken = [f"{row.promise} by {row.attack} ({row.section})" for row in judged.broken]
    weak = [f"{row.attack} ({row.section})" for row in judged.weak]
    said = [f"Figures under a promise that hold: {held}."] if not broken else []
    said += [f"**Broken:** {'; '.join(broken)}."] if broken else []
    said += [f"**Too weak to prove anything:** {'; '.join(weak)}."] if weak else []
    return " ".join(said)


def with_block(page: str, name: str, text: str) -> str:
    """The page with what stands between an agreement's two marks replaced. Raises ValueError without them."""
    begin, end = marks(name)
    before, begun, rest = page.partition(begin)
    _, ended, after = rest.partition(end)
    if not (begun and ended):
        raise ValueError(f"{DOCS.name} has lost its marks {begin.strip()} and {end.strip()}")
    return f"{before}{begin}\n{text}\n{end}{after}"


def marks(name: str) -> tuple[str, str]:
    """Between which a block's figures stand."""
    return f"<!-- audit {name}: begin -->\n", f"<!-- audit {name}: end -->\n"


if __name__ == "__main__":
    sys.exit(main())
