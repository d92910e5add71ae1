"""`make audit`: the published attacks under two agreements, and their figures for `docs/audit.md`."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from agent.agreement import load_agreement
from agent.audit import table, trial
from agent.audit.trial import Asked
from agent.audit.verdict import Judged
from agent.surroundings import EXAMPLES

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs" / "audit.md"
AGREEMENTS = {"routes-and-safety": (1.5, 4.0), "operations": (1.5,)}  # receiver noises in metres
DAYS = 60


def main(words: Sequence[str] | None = None) -> int:
    """Attack, print, and write the page; 1 when a promise is broken, or an attack too weak to prove anything."""
    given = _arguments().parse_args(words)
    page = DOCS.read_text(encoding="utf-8")
    failed = False
    for name in AGREEMENTS:
        judged = trial.simulated(asked(name, given.days, given.seed, given.jobs), _told(name))
        page = with_block(page, name, block(name, given, judged))
        sys.stdout.write("\n".join([name, *table.lines(judged), ""]))
        failed = failed or bool(judged.broken or judged.weak)
    if not given.dry_run:
        DOCS.write_text(page, encoding="utf-8")
    return int(failed)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.audit", description=__doc__)
    parser.add_argument("--days", type=int, default=DAYS, metavar="N", help="vehicle-days")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="which cities")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="processes")
    parser.add_argument("--dry-run", action="store_true", help=f"leave {DOCS.relative_to(ROOT)} as it is")
    return parser


def asked(name: str, days: int, seed: int, jobs: int) -> Asked:
    """An audit of an example agreement."""
    agreement = load_agreement(EXAMPLES / "agreements" / f"{name}.yaml")
    tree = json.loads(agreement.canonical)
    tree.pop("behind", None)
    return Asked(agreement, tree, days, seed, AGREEMENTS[name], jobs)


def _told(name: str) -> Callable[[str, int, int], None]:
    def told(what: str, done: int, whole: int) -> None:
        sys.stderr.write(f"{name}: {what}, {done} of {whole}\n")

    return told


def block(name: str, given: argparse.Namespace, judged: Judged) -> str:
    """What was measured and when, what it comes to, and the tables."""
    noises = " and ".join(f"{noise_m:g} m" for noise_m in AGREEMENTS[name])
    measured = (
        f"Measured on {datetime.date.today()} with `make audit`: {given.days} simulated vehicle-days under *{name}*, "
        f"cities from seed {given.seed} on, receiver noise {noises}."
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
    """Between which an agreement's figures stand."""
    return f"<!-- audit {name}: begin -->\n", f"<!-- audit {name}: end -->\n"


if __name__ == "__main__":
    sys.exit(main())
