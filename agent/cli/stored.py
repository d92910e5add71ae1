"""What `fairhaul receive` says of its store, and what it writes out of it."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli.failing import FAILED, UNREADABLE, clear_errors, fail

if TYPE_CHECKING:
    from agent.agreement import Agreement
    from buffer.received import Query, ReceivedStore, Total

MISSING_SHOWN_MAX = 5
SERIES_SHOWN_MAX = 100
COMPLETE = "complete"


def shown(vehicle: str) -> str:
    """A vehicle's name for people."""
    return vehicle or "(whole fleet)"


def tell_gaps(kept: ReceivedStore) -> None:
    """For each truck and stream whether it is complete, those that are not first; so many lines and no more."""
    series: dict[tuple[str, str], list[Total]] = {}
    for total in kept.totals():
        series.setdefault((total.vehicle, total.stream), []).append(total)
    lines = [_whole(*which, totals) for which, totals in series.items()]
    lines.sort(key=lambda line: line.endswith(COMPLETE))
    for line in lines[:SERIES_SHOWN_MAX]:
        click.echo(f"  {line}", err=True)
    if len(lines) > SERIES_SHOWN_MAX:
        click.echo(f"  and {len(lines) - SERIES_SHOWN_MAX:,} more: --status lists them all", err=True)
    if conflicts := kept.conflicts():
        click.echo(
            f"  {conflicts:,} batches bear a number that other bytes had: two trucks of one name?", err=True
        )


def _whole(vehicle: str, stream: str, totals: Sequence[Total]) -> str:
    """Whether all numbers of a stream have come, over its epochs."""
    count = sum(total.missing_count for total in totals)
    if not count:
        return f"{shown(vehicle)}, {stream}: {COMPLETE}"
    listed = [n for total in totals for n in total.missing]
    first = ", ".join(str(n) for n in listed[:MISSING_SHOWN_MAX])
    return (
        f"{shown(vehicle)}, {stream}: {count:,} missing: {first}{' …' if count > MISSING_SHOWN_MAX else ''}"
    )


def write_export(kept: ReceivedStore, directory: Path, agreements: Sequence[Agreement]) -> None:
    """First the row in the log, then what may not be done with the records, only then the records.

    What is in them may be removed from the store later on, and nothing else may.
    """
    from agent.city.forbidden import notice
    from buffer import durable
    from config.located import printable

    told, newest = notice(kept.payloads(), agreements), kept.newest_batch()
    query = kept.note_query("now", account(), printable(directory.resolve().name), told.agreements)
    ndjson, geojson = directory / "records.ndjson", directory / "records.geojson"
    beside = directory / f"{ndjson.name}.notice.txt"
    directory.mkdir(parents=True, exist_ok=True)
    durable.replace(beside, "".join(f"{line}\n" for line in told.lines()).encode())
    records, places = kept.to_ndjson(ndjson), kept.to_geojson(geojson, told.plain())
    kept.note_exported("now", newest)
    click.echo(f"exported {records:,} records to {ndjson}, {places:,} with a place to {geojson}", err=True)
    for line in told.lines():
        click.echo(line, err=True)
    click.echo(f"these lines stand in {beside} too; logged as query {query.n} of the store", err=True)


def account() -> str:
    """Whose account asks: the name can be set to anything by whoever asks, the number cannot."""
    from config.located import printable

    try:
        return f"{printable(getpass.getuser())}, uid {os.getuid()}"
    except KeyError:  # a container may have no name for it
        return f"uid {os.getuid()}"


def look_into(store: Path, look: Callable[[ReceivedStore], None]) -> None:
    """A store that must be there, without a broker."""
    from buffer.received import ReceivedStore
    from buffer.sqlite_file import SchemaTooNew

    if not store.is_file():
        fail(UNREADABLE, f"{store}: no such file")
    with clear_errors():
        try:
            with contextlib.closing(ReceivedStore.open(store)) as kept:
                look(kept)
        except SchemaTooNew as error:
            fail(FAILED, f"{store}: {error}")


def list_queries(kept: ReceivedStore) -> None:
    """Who exported from the store."""
    queries = kept.queries()
    for query in queries:
        click.echo(_told(query))
    if not queries:
        click.echo("no export since the store keeps this log")


def list_status(kept: ReceivedStore) -> None:
    """One JSON object for each series, on stdout; `missing_n` names the first of the missing numbers."""
    for total in kept.totals():
        whose = {"vehicle": total.vehicle} if total.vehicle else {}
        figures = {"batches": total.batches, "repeats": total.repeats, "newest": total.newest_n}
        lacks = {
            "complete": not total.missing_count,
            "missing": total.missing_count,
            "missing_n": total.missing,
        }
        click.echo(json.dumps({**whose, "stream": total.stream, "epoch": total.epoch, **figures, **lacks}))


def _told(query: Query) -> str:
    streams = f" ({query.streams})" if query.streams else ""
    under = query.agreements or "no agreement"
    return (
        f"{query.n:4}  {query.asked_at}  {query.account}: "
        f"{query.records:,} records{streams} into {query.folder}, under {under}"
    )
