"""`fairhaul audit`: published attacks, run against what would be published."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.agreement import load_agreement
from agent.cli.failing import BAD_USAGE, FAILED, UNREADABLE, clear_errors, fail
from agent.surroundings import EXAMPLE_AGREEMENT, Logs, agreement_for

if TYPE_CHECKING:
    from agent.audit import recorded
    from agent.audit.trial import Asked, Told
    from agent.audit.verdict import Judged

NEEDED = ("networkx", "numpy", "scipy", "shapely", "sklearn")
NOISES_M = (1.5, 4.0)


@click.command(short_help="Run the published attacks against what would be published.")
@click.argument("logs", nargs=-1, metavar="[LOG…]")
@click.option("--agreement", type=click.Path(path_type=Path), metavar="F", help="The data agreement.")
@click.option(
    "--secrets",
    type=click.Path(path_type=Path),
    metavar="F.ndjson",
    help="What is to stay hidden in recorded logs.",
)
@click.option(
    "--days",
    type=click.IntRange(12),
    default=60,
    show_default=True,
    help="Simulated vehicle-days, without LOG.",
)
@click.option("--seed", type=click.IntRange(1, 9000), default=1, show_default=True, help="Which cities.")
@click.option(
    "--noise",
    "noises_m",
    type=click.FloatRange(0, 50),
    multiple=True,
    metavar="M",
    help="The simulated receiver's error along each axis; may be given again.  [default: 1.5 and 4]",
)
@click.option(
    "--jobs", type=click.IntRange(1), default=os.cpu_count() or 1, help="Processes.  [default: all cores]"
)
@click.option("--out", type=click.Path(path_type=Path), metavar="F.ndjson", help="Every figure, one a line.")
@click.option("--markdown", type=click.Path(path_type=Path), metavar="F.md", help="The tables for a page.")
def audit(
    logs: Sequence[str],
    agreement: Path | None,
    secrets: Path | None,
    days: int,
    seed: int,
    noises_m: Sequence[float],
    jobs: int,
    out: Path | None,
    markdown: Path | None,
) -> None:
    """Attack what would be published under an agreement, and say what was found.

    Without LOG a seeded fleet is driven in made-up cities, under the terms of the agreement and with the cities'
    places: by default routes-and-safety, 60 vehicle-days. With LOGs of one truck those are attacked; pulses.csv,
    agent.yaml and truth.ndjson are taken from beside each. Ends with status 1 when a promise of the agreement's
    mode is broken.
    """
    _require_libraries()
    from agent.audit import recorded, table, trial

    with clear_errors(), _bar() as told:
        asked = _asked(logs, agreement, days, seed, noises_m or NOISES_M, jobs)
        secrets_told = _secrets(secrets, logs)
        if logs:
            judged = trial.recorded(asked, recorded.given(logs, asked.agreement, secrets_told), told)
        else:
            judged = trial.simulated(asked, told)
    _say(asked, judged)
    with clear_errors():
        if out:
            out.write_text("".join(f"{line}\n" for line in table.records(judged)), encoding="utf-8")
        if markdown:
            markdown.write_text("\n".join(table.markdown(judged)), encoding="utf-8")
    if judged.broken:
        sys.exit(FAILED)


def _secrets(path: Path | None, logs: Sequence[str]) -> recorded.Told:
    from agent.audit import recorded

    if path is None:
        return recorded.NOTHING_TOLD
    if not logs:
        fail(BAD_USAGE, "--secrets tells of recorded logs: name them")
    try:
        return recorded.told_by(path, logs)
    except recorded.SecretsError as error:
        fail(UNREADABLE, str(error))
    except OSError as error:
        fail(UNREADABLE, f"{path}: {error.strerror}")


def _require_libraries() -> None:
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        fail(FAILED, f"missing: {', '.join(missing)}; in the project's folder: pip install '.[audit]'")


def _asked(
    logs: Sequence[str], path: Path | None, days: int, seed: int, noises_m: Sequence[float], jobs: int
) -> Asked:
    from agent.audit.trial import Asked

    if "-" in logs:
        fail(BAD_USAGE, "a log from standard input has nothing beside it: write the name of a file")
    known = agreement_for(Logs(logs), path) if logs else load_agreement(path or EXAMPLE_AGREEMENT)
    return Asked(known, days, seed, tuple(noises_m), jobs)


def _say(asked: Asked, judged: Judged) -> None:
    from agent.audit import table

    reference = asked.agreement.reference
    click.echo(
        f"attacks on what leaves under {reference.id} version {reference.version} ({asked.mode})", err=True
    )
    for line in table.lines(judged):
        click.echo(line, err=True)
    click.echo("", err=True)
    for row in judged.weak:
        click.echo(f"too weak to prove anything: {row.attack} ({row.section})", err=True)
    for row in judged.broken:
        click.echo(f"BROKEN  {row.promise}: {row.attack} ({row.section})", err=True)
    if not judged.broken:
        click.echo(
            "every promise of this agreement holds; what it does not promise stands above as given away",
            err=True,
        )


@contextlib.contextmanager
def _bar() -> Iterator[Told]:
    """A bar on a terminal; elsewhere nothing."""
    if not sys.stderr.isatty():
        yield lambda what, done, whole: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, int] = {}

        def told(what: str, done: int, whole: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=whole)
            bar.update(tasks[what], completed=done, total=whole)  # type: ignore[arg-type]

        yield told
