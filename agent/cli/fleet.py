"""`fairhaul fleet`: each truck in a line, as the city's end knows it."""

from __future__ import annotations

import datetime
import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli.stored import account, look_into

if TYPE_CHECKING:
    from rich.table import Table

    from agent.city.fleet import Truck
    from buffer.received import ReceivedStore

UNKNOWN = "–"
COLUMNS = (
    "truck",
    "last heard",
    "version",
    "agreement",
    "self-test",
    "certificate",
    "batches",
    "needs a hand",
)
WIDTH = 140  # where it is no terminal that could say


@click.command(short_help="Each truck in a line: what needs a hand comes first.")
@click.option(
    "--store",
    required=True,
    type=click.Path(path_type=Path),
    metavar="F.db",
    help="The file of `fairhaul receive`, which may be running.",
)
@click.option(
    "--quiet-after",
    type=click.IntRange(1, 365),
    default=3,
    show_default=True,
    metavar="DAYS",
    help="So many days without a word from a box are nothing yet.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each truck.")
def fleet(store: Path, quiet_after: int, as_json: bool) -> None:
    """Each truck in a line, what needs a hand first.

    The order: failing self-test, storage not good, certificate with fewer than 30 days, missing batches, not heard for
    longest, warnings of the self-test, an older version, an older agreement; then the others by name.
    Shows what boxes say of themselves, and no places. It is logged like an export: see `receive --queries`.
    """
    look_into(store, partial(_show, quiet_after=quiet_after, as_json=as_json))


def _show(kept: ReceivedStore, quiet_after: int, as_json: bool) -> None:
    """First the row in the log, then the answer."""
    from agent.city.fleet import view

    trucks, agreements = view(kept, today(), quiet_after)
    if not trucks:
        click.echo("no truck has been heard yet: this store is empty", err=True)
        return
    query = kept.note_query("now", account(), "a list of trucks", agreements, "box")
    if as_json:
        for truck in trucks:
            click.echo(json.dumps(plain(truck)))
    else:
        _print(table(trucks))
    waiting = sum(bool(truck.needs) for truck in trucks)
    hands = (
        f"in need of a hand: {waiting} of {len(trucks)} trucks"
        if waiting
        else f"{len(trucks)} trucks, all well"
    )
    click.echo(f"{hands}; logged as query {query.n} of the store", err=True)


def today() -> datetime.date:
    """By this computer's clock."""
    return datetime.date.today()


def _print(shown: Table) -> None:
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    console.print(shown)


def table(trucks: list[Truck]) -> Table:
    """For people."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    shown = Table(*COLUMNS, box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for truck in trucks:
        shown.add_row(*map(Text, cells(truck)))
    return shown


def cells(truck: Truck) -> list[str]:
    """A truck's line. What the self-test did not look at does not count as passed."""
    said = truck.box
    reference = said.agreement if said else None
    whole = f"{truck.missing:,} missing" if truck.missing else "complete"
    return [
        truck.vehicle,
        said.date.isoformat() if said else UNKNOWN,
        said.version if said else UNKNOWN,
        f"{reference.id} {reference.version}"
        if reference and reference.version
        else "none"
        if said
        else UNKNOWN,
        ("not done" if said.self_test == "none" else said.self_test) if said else UNKNOWN,
        UNKNOWN if truck.certificate_days is None else f"{truck.certificate_days} days",
        whole,
        "; ".join(need.says for need in truck.needs),
    ]


def plain(truck: Truck) -> dict[str, object]:
    """For programs."""
    said = truck.box
    return {
        "vehicle": truck.vehicle,
        "fleet": truck.fleet,
        "last_heard": said.date.isoformat() if said else None,
        "quiet_days": truck.quiet_days,
        "version": said.version if said else None,
        "agreement": said.agreement._asdict() if said else None,
        "self_test": said.self_test if said else None,
        "storage": said.storage if said else None,
        "certificate_days": truck.certificate_days,
        "complete": not truck.missing,
        "missing": truck.missing,
        "needs": [need.says for need in truck.needs],
    }
