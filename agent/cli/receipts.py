"""`fairhaul receipts`: exactly what left this truck, from its outbox, which is only read and may be in use."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from agent.cli.failing import BAD_USAGE, FAILED, UNREADABLE, clear_errors, fail
from agent.cli.options import CONFIGURATION

if TYPE_CHECKING:
    from agent.receipts.receipts import Comparison, Finding, Key, Known, Link, Verdict
    from buffer.gaps import Gap
    from buffer.reading import Reading
    from buffer.received import Total

FILE = click.Path(path_type=Path)
LISTED_MAX = 20  # absent ones in people's output


@click.group(short_help="Exactly what left this truck: list, show, export, verify.")
def receipts() -> None:
    """Exactly what left this truck.

    Every batch that a broker has acknowledged stays on the truck for the agreed days, as its receipt, and names the
    batch before it. The agent may run meanwhile: its file is only read.
    """


class Source(NamedTuple):
    """Which outbox, and how its truck's topic for a stream is called; None where only the file is known."""

    outbox: Path
    topic: Callable[[str], str | None]


def _day(context: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    from agent.records import day_number

    if value is None:
        return None
    try:
        return day_number(value)
    except ValueError:
        raise click.BadParameter(f"{value} is no date; write it as 2026-11-03") from None


config_option = click.option(
    "--config", type=FILE, metavar="F", help=f"The truck's configuration.  [default: {CONFIGURATION}]"
)
outbox_option = click.option("--outbox", type=FILE, metavar="F.db", help="The outbox, or a copy of it.")
stream_option = click.option("--stream", metavar="NAME", help="Only this kind of record.")
json_option = click.option("--json", "as_json", is_flag=True, help="The same as NDJSON on stdout.")


@receipts.command("list")
@config_option
@outbox_option
@click.option("--day", callback=_day, metavar="YYYY-MM-DD", help="Only what left on this day or tells of it.")
@stream_option
@json_option
def list_(
    config: Path | None, outbox: Path | None, day: int | None, stream: str | None, as_json: bool
) -> None:
    """What left this truck and is still here, a line each, and which numbers are gone, and why."""
    with _errors():
        from agent.receipts.folder import gap_line, link_line

        source = _source(config, outbox)
        with _opened(source) as file:
            links = [
                each
                for each in _links(file)
                if stream in (None, each.stream) and (day is None or each.concerns(day))
            ]
            gaps = [gap for gap in file.gaps() if stream in (None, gap.stream)]
        if as_json:
            for each in links:
                click.echo(json.dumps(link_line(each, source.topic(each.stream))))
            for gap in gaps:
                click.echo(json.dumps(gap_line(gap)))
            return
        click.echo(
            f"{'left':11}{'kind':15}{'number':>7}  {'bytes':>6}  {'state':13}{'SHA-256':14}tells of", err=True
        )
        for each in links:
            click.echo(_line(each), err=True)
        _say_absent(gaps)
        click.echo(f"{len(links)} on the truck", err=True)


@receipts.command()
@click.argument("stream")
@click.argument("number", type=click.IntRange(min=1))
@config_option
@outbox_option
def show(stream: str, number: int, config: Path | None, outbox: Path | None) -> None:
    """The records of one batch as NDJSON on stdout: STREAM and NUMBER as `list` gives them."""
    with _errors():
        from agent import wire
        from agent.publication import record_lines
        from agent.receipts.receipts import WHY_GONE, link

        with _opened(_source(config, outbox)) as file:
            row = next((row for row in file.sealed(stream) if row.n == number), None)
            gaps = [
                gap for gap in file.gaps() if gap.stream == stream and gap.first_n <= number <= gap.last_n
            ]
        if row is None:
            why = WHY_GONE.get(gaps[0].why, gaps[0].why) if gaps else "this truck has no such batch"
            fail(FAILED, f"{stream} {number}: {why}")
        click.echo(_line(link(row)), err=True)
        try:
            lines = record_lines(wire.decode(row.payload))
        except wire.PayloadError as error:
            fail(FAILED, f"{stream} {number} was changed: its payload cannot be read: {error}")
        for line in lines:
            click.echo(json.dumps(line))


@receipts.command()
@click.option(
    "--day", callback=_day, required=True, metavar="YYYY-MM-DD", help="What left on it or tells of it."
)
@click.option("--out", type=FILE, required=True, metavar="DIR", help="A new folder.")
@stream_option
@config_option
@outbox_option
def export(day: int, out: Path, stream: str | None, config: Path | None, outbox: Path | None) -> None:
    """Write what left on a day, or tells of it, byte for byte as published, into a new folder.

    Beside the payloads: index.ndjson, SHA256SUMS, and a README.txt that says how to read and check them without
    Fairhaul.
    """
    with _errors():
        from agent.receipts import folder
        from agent.receipts.page import page_for
        from agent.records import iso_date

        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            fail(BAD_USAGE, f"{out} is there already: name a new folder")
        source = _source(config, outbox)
        with _opened(source) as file:
            numbers = folder.chosen(_links(file), day, stream)
            if not numbers:
                fail(FAILED, f"nothing on this truck left on {iso_date(day)} or tells of it")
            rows = (row for row in file.sealed() if row.n in numbers.get(row.stream, ()))
            gaps = folder.absences(numbers, file.gaps())
            topics = {name: source.topic(name) for name in numbers}
            count = folder.write(out, rows, gaps, topics, partial(page_for, iso_date(day)))
        click.echo(f"{count} payloads, their index and a README.txt are in {out}", err=True)


@receipts.command()
@click.argument("folder", required=False, type=FILE, metavar="[DIR]")
@click.option(
    "--received", type=FILE, metavar="F.db", help="A copy of the receiver's store, to compare with."
)
@config_option
@outbox_option
@json_option
def verify(
    folder: Path | None, received: Path | None, config: Path | None, outbox: Path | None, as_json: bool
) -> None:
    """Find what was removed, changed or put elsewhere, in the truck's outbox or in an exported folder DIR.

    The batch behind vouches for each batch but the newest; for that one, and for what a forger has made anew up to the
    end, give the receiver's store with --received. Exit status 0 when nothing was found, else 1.
    """
    if folder is not None and (config or outbox):
        raise click.UsageError("name either a folder or a truck's outbox, not both")
    with _errors():
        links, known, findings, absent = _of_folder(folder) if folder else _of_truck(_source(config, outbox))
        not_there: list[Link] = []
        if received is not None:
            comparison = _compared(links, known, received)
            findings, not_there = [*findings, *comparison.findings], comparison.not_there
        if as_json:
            for finding in findings:
                click.echo(json.dumps(_finding_line(finding)))
        _say_absent(absent)
        if not_there:
            click.echo(
                f"{len(not_there)} acknowledged by a broker and not (yet) in the receiver's copy", err=True
            )
        for finding in findings:
            click.echo(str(finding), err=True)
        click.echo(_verdict(links, findings, received is not None, folder is not None), err=True)
        raise SystemExit(FAILED if findings else 0)


class Checked(NamedTuple):
    """What `verify` looked at, and found in it alone."""

    links: list[Link]
    known: Known
    findings: list[Finding]
    absent: list[Gap]


def _of_truck(source: Source) -> Checked:
    from agent.receipts import receipts as chain

    with _opened(source) as file:
        links, known = list(_links(file)), _known(file)
    verdict = chain.verify(links, known)
    return Checked(links, known, *verdict)


def _of_folder(folder: Path) -> Checked:
    from agent.receipts import receipts as chain
    from agent.receipts.folder import read

    there = read(folder)
    verdict: Verdict = chain.verify(there.links, there.known)
    findings = {(one.stream, one.n, one.what): one for one in [*verdict.findings, *there.findings]}
    return Checked(there.links, there.known, chain.in_order(findings.values()), verdict.absent)


def _known(file: Reading) -> Known:
    from agent.receipts.receipts import Known
    from agent.topics import FLEET_STREAMS

    return Known(
        epoch=file.epoch(""),
        secrets={stream: file.secret(stream) for stream in sorted(FLEET_STREAMS)},
        heads=file.heads_on_record(),
        gaps=file.gaps(),
        gaps_forgotten=file.gaps_forgotten(),
    )


def _compared(links: list[Link], known: Known, received: Path) -> Comparison:
    from agent.receipts.receipts import compare, wanted
    from buffer import read_only

    epochs = wanted(links, known)
    there: dict[Key, str] = {}
    with read_only.received(received) as store:
        for series in (total for total in store.totals() if total.epoch in epochs):
            there |= dict.fromkeys(_come(series, links), "")
        for each in store.batches():
            if each.epoch in epochs:
                there[each.stream, each.epoch, each.n] = each.sha256
    return compare(links, known, there)


def _come(series: Total, links: list[Link]) -> Iterator[Key]:
    """Which of the truck's batches have come, and the newest that has, whether or not the receiver still keeps them."""
    listed = series.missing_count == len(series.missing)
    upto = series.newest_n if listed else series.missing[-1]
    missing = set(series.missing)
    yield series.stream, series.epoch, series.newest_n
    for key in (each.key for each in links):
        if key and key[:2] == (series.stream, series.epoch) and key[2] <= upto and key[2] not in missing:
            yield key


def _verdict(links: list[Link], findings: list[Finding], compared: bool, exported: bool) -> str:
    where = "in this folder" if exported else "on the truck"
    if findings:
        return f"{len(findings)} found in {len(links)} batches {where}: ask who may write to it"
    if compared:
        return f"{len(links)} batches {where}: nothing removed, changed or put elsewhere"
    return (
        f"{len(links)} batches {where}: nothing removed, changed or put elsewhere, as far as they tell by themselves."
        " Nothing vouches yet for the newest of each kind: --received F.db compares with what has arrived"
    )


# The file.


@contextlib.contextmanager
def _errors() -> Iterator[None]:
    from agent.receipts.folder import NotAFolder
    from buffer.read_only import NotReadable

    with clear_errors():
        try:
            yield
        except (NotReadable, NotAFolder) as error:
            fail(UNREADABLE, str(error))
        except FileNotFoundError as error:
            fail(UNREADABLE, f"there is no {error.filename}")


def _source(config: Path | None, outbox: Path | None) -> Source:
    """The outbox that was named, else that of the truck's configuration, which also knows the topics."""
    if outbox is not None and config is None:
        return Source(outbox, lambda _: None)
    from agent.topics import topic_for
    from buffer.outbox import OUTBOX_FILE
    from config.load import load_configuration

    truck = load_configuration(config or CONFIGURATION)
    return Source(outbox or truck.state / OUTBOX_FILE, partial(topic_for, truck.fleet, truck.vehicle))


@contextlib.contextmanager
def _opened(source: Source) -> Iterator[Reading]:
    from buffer import read_only

    with read_only.outbox(source.outbox) as file:
        yield file


def _links(file: Reading) -> Iterator[Link]:
    """A link for each row, with a bar for people who wait: a minute's release makes tens of thousands."""
    from agent.receipts.receipts import link

    rows = file.sealed()
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import track

        rows = iter(
            track(rows, "reading", sum(file.counts()[1:4]), console=Console(stderr=True), transient=True)
        )
    return map(link, rows)


# Words.


def _line(each: Link) -> str:
    from agent.records import iso_date

    dates = sorted(each.dates)
    told = " to ".join(iso_date(date) for date in dict.fromkeys([*dates[:1], *dates[-1:]]))
    named = f"{iso_date(each.day):11}{each.stream:15}{each.n:7}  {each.length:6}"
    return f"{named}  {each.state:13}{each.sha256[:12]:14}{told}".rstrip()


def _say_absent(gaps: list[Gap]) -> None:
    from agent.receipts.receipts import WHY_GONE

    for gap in gaps[-LISTED_MAX:]:
        upto = f" to {gap.last_n}" if gap.last_n > gap.first_n else ""
        click.echo(f"not here: {gap.stream} {gap.first_n}{upto}: {WHY_GONE.get(gap.why, gap.why)}", err=True)
    if len(gaps) > LISTED_MAX:
        click.echo(f"not here: {len(gaps) - LISTED_MAX} more, earlier; all of them: list --json", err=True)


def _finding_line(finding: Finding) -> dict[str, object]:
    from agent.records import iso_date

    day = None if finding.day is None else iso_date(finding.day)
    return {**finding._asdict(), "day": day}
