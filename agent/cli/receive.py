"""`fairhaul receive`: the city's end of the wire."""

from __future__ import annotations

import contextlib
import getpass
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from agent.cli.failing import BAD_USAGE, FAILED, UNREADABLE, clear_errors, fail

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

    from agent.agreement import Agreement
    from agent.receiver import Receiver
    from buffer.received import Query, ReceivedStore
    from drivers.clock import Clock
    from drivers.inbox import Inbox
    from drivers.inputs import Input

GATHERED_MAX = 500  # messages in one transaction
DRAWN_EVERY_S = 0.5
VEHICLES_SHOWN_MAX = 20
MISSING_SHOWN_MAX = 5
CLIENT_ID = "fairhaul-receiver"
FILES = click.Path(path_type=Path)
FLEET = re.compile(r"\+|[a-z0-9-]{1,32}")


class Ending(NamedTuple):
    """When to end without being asked, in seconds; None: never."""

    after_s: float | None
    idle_s: float | None

    def reached(self, receiver: Receiver, now: float) -> bool:
        """Whether the time is up, or nothing has come for long enough while connected."""
        if self.after_s is not None and now >= self.after_s:
            return True
        return self.idle_s is not None and receiver.up and now - receiver.quiet_since >= self.idle_s


@click.command(short_help="The city's end: decode, drop repeats, keep, export.")
@click.option("--broker", metavar="URL", help="mqtt://host:port or mqtts://host:port.")
@click.option(
    "--store", required=True, type=FILES, metavar="F.db", help="SQLite file, made when there is none."
)
@click.option("--fleet", default="+", metavar="NAME", help="One fleet; all of them when left out.")
@click.option("--username", metavar="NAME", help="Login at the broker.")
@click.option("--password-file", metavar="F", help="File whose first line is the password.")
@click.option("--ca-file", metavar="F", help="Certificate authority of the broker; else the system's.")
@click.option("--certificate-file", metavar="F", help="This end's certificate.")
@click.option("--key-file", metavar="F", help="Its private key.")
@click.option(
    "--client-id", default=CLIENT_ID, show_default=True, help="Names the session that the broker keeps."
)
@click.option(
    "--export", type=FILES, metavar="DIR", help="At the end, write records.ndjson and records.geojson."
)
@click.option(
    "--agreement",
    "agreements",
    type=FILES,
    multiple=True,
    metavar="F",
    help="A data agreement, whose forbidden uses go with the export; again for each one.",
)
@click.option("--queries", is_flag=True, help="List who exported from the store, and end; needs no broker.")
@click.option("--for", "after_s", type=click.FloatRange(0), metavar="SECONDS", help="End after so long.")
@click.option(
    "--until-idle",
    "idle_s",
    type=click.FloatRange(0),
    metavar="SECONDS",
    help="End when nothing has come for so long while connected.",
)
def receive(
    broker: str | None,
    store: Path,
    fleet: str,
    export: Path | None,
    agreements: tuple[Path, ...],
    queries: bool,
    after_s: float | None,
    idle_s: float | None,
    **login: Any,
) -> None:
    """Receive what trucks publish: decode it, drop repeats, keep it in SQLite, and only then acknowledge it.

    The broker keeps the session while this end is away; use another --client-id for a second receiver. What cannot
    be decoded is put aside in the store. A call for help is said on stderr at once, with its place. Ends
    cleanly on SIGTERM or Ctrl-C.

    Each export is logged in the store before it is made; --queries lists them.
    """
    if queries:
        _list_queries(store)
        return
    from agent.agreement import load_agreement
    from agent.receiver import Receiver
    from buffer.received import ReceivedStore
    from buffer.sqlite_file import SchemaTooNew
    from drivers.clock import Clock
    from drivers.inbox import Inbox
    from drivers.mqtt import BrokerAddressError, LinkOptions, Subscription, parse_broker

    if broker is None:
        fail(BAD_USAGE, "--broker URL is missing: it says where to receive from")
    try:
        parse_broker(broker)
    except BrokerAddressError as error:
        fail(BAD_USAGE, f"--broker {broker}: {error}")
    if not FLEET.fullmatch(fleet):
        fail(BAD_USAGE, f"--fleet {fleet}: 1 to 32 of a-z, 0-9 and -")
    clock, inbox = Clock(), Inbox()
    options = LinkOptions(**login)  # the other options are named as its fields
    with clear_errors():
        agreed = [load_agreement(path) for path in agreements]
        try:
            kept = ReceivedStore.open(store)
        except SchemaTooNew as error:
            fail(FAILED, f"{store}: {error}")
        line = Subscription(options, inbox.post, clock.at)
        with contextlib.closing(kept), contextlib.closing(line), _board(clock) as board:
            receiver = Receiver(
                kept, line, broker, fleet, chance=SystemRandom(), say=board.say, alarm=board.alarm
            )
            _serve(receiver, inbox, clock, Ending(after_s, idle_s), board.draw)
            line.close()
            board.close()
            _sum_up(receiver, kept, store)
            if export:
                _export(kept, export, agreed)
        if not receiver.ever_up:
            sys.exit(FAILED)


def _serve(
    receiver: Receiver, inbox: Inbox, clock: Clock, ending: Ending, draw: Callable[[Receiver], None]
) -> None:
    """Until a signal or the ending; what has come in by then is kept and acknowledged."""
    asked = _signals()
    dropped = 0
    receiver.start(clock.at())
    while True:
        entries = list(_gathered(inbox, receiver.wait_s(clock.at())))
        now = clock.at()
        receiver.step(entries, now)
        if inbox.dropped != dropped:
            dropped = inbox.dropped
            receiver.doubt()
        draw(receiver)
        if (asked or ending.reached(receiver, now)) and len(entries) < GATHERED_MAX:
            return


def _signals() -> list[int]:
    """A list that holds the signals that ask this process to end, once they have come."""
    asked: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda caught, _: asked.append(caught))
    return asked


def _gathered(inbox: Inbox, wait_s: float) -> Iterator[Input]:
    """What is at hand, at most GATHERED_MAX, waiting only for the first."""
    for number in range(GATHERED_MAX):
        entry = inbox.take(wait_s if number == 0 else 0.0)
        if entry is None:
            return
        yield entry


class Board:
    """What people at a terminal see while it runs; without one only its sentences come out."""

    def __init__(self, clock: Clock, live: Live | None) -> None:
        self._clock = clock
        self._live = live
        self._due = 0.0

    def say(self, sentence: str) -> None:
        """One sentence on stderr."""
        if self._live is not None:
            from rich.text import Text

            self._live.console.print(Text(sentence))
        else:
            click.echo(sentence, err=True)

    def alarm(self, sentence: str) -> None:
        """One sentence that must not be overlooked; a terminal rings, too."""
        if self._live is not None:
            from rich.text import Text

            self._live.console.bell()
            self._live.console.print(Text(f" {sentence} ", style="bold white on red"))
        else:
            click.echo(sentence, err=True)

    def draw(self, receiver: Receiver) -> None:
        """Show the tallies, at most every DRAWN_EVERY_S."""
        now = self._clock.at()
        if self._live is not None and now >= self._due:
            self._due = now + DRAWN_EVERY_S
            self._live.update(_table(receiver), refresh=True)

    def close(self) -> None:
        """Take the live table away; the summary says it all again."""
        if self._live is not None:
            self._live.stop()
            self._live = None


@contextlib.contextmanager
def _board(clock: Clock) -> Iterator[Board]:
    if not sys.stderr.isatty():
        yield Board(clock, None)
        return
    from rich.console import Console
    from rich.live import Live

    with Live(console=Console(stderr=True), auto_refresh=False, transient=True) as live:
        yield Board(clock, live)


def _table(receiver: Receiver) -> Table:
    from rich.table import Table

    table = Table(title="connected" if receiver.up else "no connection", title_justify="left", box=None)
    table.add_column("vehicle")
    for column in ("batches", "records", "repeats"):
        table.add_column(column, justify="right")
    table.add_column("connection")
    for vehicle, tally in sorted(receiver.tallies.items())[:VEHICLES_SHOWN_MAX]:
        figures = (f"{figure:,}" for figure in (tally.batches, tally.records, tally.repeats))
        table.add_row(_shown(vehicle), *figures, tally.state)
    return table


def _shown(vehicle: str) -> str:
    return vehicle or "(whole fleet)"


def _sum_up(receiver: Receiver, kept: ReceivedStore, store: Path) -> None:
    """What came since the start, and what the store still misses."""
    tallies = receiver.tallies.values()
    batches, records, repeats = (
        sum(getattr(tally, name) for tally in tallies) for name in ("batches", "records", "repeats")
    )
    click.echo(
        f"received {batches:,} batches with {records:,} records; {repeats:,} repeats dropped, "
        f"{receiver.unreadable:,} unreadable put aside",
        err=True,
    )
    for vehicle, tally in sorted(receiver.tallies.items())[:VEHICLES_SHOWN_MAX]:
        figures = f"{tally.batches:,} batches, {tally.records:,} records, {tally.repeats:,} repeats"
        click.echo(
            f"  {_shown(vehicle)}: {figures}{f', last {tally.state}' if tally.state else ''}", err=True
        )
    _tell_gaps(kept)
    click.echo(f"kept in {store}", err=True)


def _tell_gaps(kept: ReceivedStore) -> None:
    for total in kept.totals():
        if total.missing_count:
            first = ", ".join(str(n) for n in total.missing[:MISSING_SHOWN_MAX])
            more = " …" if total.missing_count > MISSING_SHOWN_MAX else ""
            click.echo(
                f"  missing so far: {total.missing_count:,} of {_shown(total.vehicle)}, {total.stream}: {first}{more}",
                err=True,
            )
    if conflicts := kept.conflicts():
        click.echo(
            f"  {conflicts:,} batches bear a number that other bytes had: two trucks of one name?", err=True
        )


def _export(kept: ReceivedStore, directory: Path, agreements: Sequence[Agreement]) -> None:
    """First the row in the log, then what may not be done with the records, and only then the records."""
    from agent.forbidden import notice
    from buffer import durable
    from config.located import printable

    told = notice(kept.payloads(), agreements)
    query = kept.note_query("now", _account(), printable(directory.resolve().name), told.agreements)
    ndjson, geojson = directory / "records.ndjson", directory / "records.geojson"
    beside = directory / f"{ndjson.name}.notice.txt"
    directory.mkdir(parents=True, exist_ok=True)
    durable.replace(beside, "".join(f"{line}\n" for line in told.lines()).encode())
    records, places = kept.to_ndjson(ndjson), kept.to_geojson(geojson, told.plain())
    click.echo(f"exported {records:,} records to {ndjson}, {places:,} with a place to {geojson}", err=True)
    for line in told.lines():
        click.echo(line, err=True)
    click.echo(f"these lines stand in {beside} too; logged as query {query.n} of the store", err=True)


def _account() -> str:
    """Whose account asks: the name can be set to anything by whoever asks, the number cannot."""
    from config.located import printable

    try:
        return f"{printable(getpass.getuser())}, uid {os.getuid()}"
    except KeyError:  # a container may have no name for it
        return f"uid {os.getuid()}"


def _list_queries(store: Path) -> None:
    from buffer.received import ReceivedStore
    from buffer.sqlite_file import SchemaTooNew

    if not store.is_file():
        fail(UNREADABLE, f"{store}: no such file")
    with clear_errors():
        try:
            with contextlib.closing(ReceivedStore.open(store)) as kept:
                queries = kept.queries()
        except SchemaTooNew as error:
            fail(FAILED, f"{store}: {error}")
    for query in queries:
        click.echo(_told(query))
    if not queries:
        click.echo("no export since the store keeps this log")


def _told(query: Query) -> str:
    streams = f" ({query.streams})" if query.streams else ""
    under = query.agreements or "no agreement"
    return (
        f"{query.n:4}  {query.asked_at}  {query.account}: "
        f"{query.records:,} records{streams} into {query.folder}, under {under}"
    )
