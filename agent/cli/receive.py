"""`fairhaul receive`: the city's end of the wire."""

from __future__ import annotations

import contextlib
import re
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from agent.cli.failing import BAD_USAGE, FAILED, clear_errors, fail
from agent.cli.stored import COMPLETE, list_queries, list_status, look_into, shown, tell_gaps, write_export

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

    from agent.city.receiver import Receiver
    from buffer.received import ReceivedStore
    from drivers.clock import Clock
    from drivers.inbox import Inbox
    from drivers.inputs import Input

GATHERED_MAX = 500  # messages in one transaction
DRAWN_EVERY_S = 0.5
VEHICLES_SHOWN_MAX = 20
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
@click.option(
    "--broker",
    "brokers",
    multiple=True,
    metavar="URL",
    help="mqtt://host:port or mqtts://host:port; again for each further node of a cluster, tried in turn.",
)
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
    "--export",
    type=FILES,
    metavar="DIR",
    help="At the end, write records.ndjson and records.geojson; without --broker at once.",
)
@click.option(
    "--agreement",
    "agreements",
    type=FILES,
    multiple=True,
    metavar="F",
    help="A data agreement, whose forbidden uses go with the export; again for each one.",
)
@click.option("--queries", is_flag=True, help="List who exported or listed trucks, and end; needs no broker.")
@click.option(
    "--status", is_flag=True, help="Print what the store holds and misses, and end; needs no broker."
)
@click.option("--no-custody", is_flag=True, help="Only listen: tell no truck what has arrived.")
@click.option(
    "--keep-days",
    type=click.IntRange(0, 3650),
    metavar="DAYS",
    help="Remove batches so many days after they were exported; all of them stay when left out.",
)
@click.option(
    "--store-max",
    "size_gib",
    type=click.IntRange(1, 4096),
    default=64,
    show_default=True,
    metavar="GIB",
    help="Most that the store may take; full, it acknowledges nothing any more.",
)
@click.option("--for", "after_s", type=click.FloatRange(0), metavar="SECONDS", help="End after so long.")
@click.option(
    "--until-idle",
    "idle_s",
    type=click.FloatRange(0),
    metavar="SECONDS",
    help="End when nothing has come for so long while connected.",
)
def receive(
    brokers: tuple[str, ...],
    store: Path,
    fleet: str,
    export: Path | None,
    agreements: tuple[Path, ...],
    queries: bool,
    status: bool,
    no_custody: bool,
    keep_days: int | None,
    size_gib: int,
    after_s: float | None,
    idle_s: float | None,
    **login: Any,
) -> None:
    """Receive what trucks publish: decode it, drop repeats, keep it in SQLite, and only then acknowledge it.

    The broker keeps the session while this end is away; use another --client-id for a second receiver. What cannot
    be decoded is put aside in the store. A call for help is said on stderr at once, with its place. Ends
    cleanly on SIGTERM or Ctrl-C.

    Each truck is told what has arrived, and sends again what is missing. --status prints that, one JSON object for
    each series of numbers. What was never exported is never removed.

    Each export is logged in the store before it is made; --queries lists them.
    """
    if (queries or status) and export:
        fail(BAD_USAGE, "--queries and --status only look; leave them out to --export")
    if queries or status:
        look_into(store, list_queries if queries else list_status)
        return
    from agent.agreement import load_agreement

    with clear_errors():
        agreed = [load_agreement(path) for path in agreements]
    if export and not brokers:
        if fleet != "+" or any(given is not None for given in (keep_days, after_s, idle_s)):
            fail(BAD_USAGE, "--fleet, --keep-days, --for and --until-idle go with --broker")
        look_into(store, partial(write_export, directory=export, agreements=agreed))
        return
    from agent.city.receiver import Receiver
    from buffer.received import ReceivedStore
    from buffer.sqlite_file import SchemaTooNew
    from drivers.clock import Clock
    from drivers.inbox import Inbox
    from drivers.mqtt import LinkOptions, Subscription

    _refuse_nonsense(brokers, fleet)
    clock, inbox = Clock(), Inbox()
    options = LinkOptions(**login)  # the other options are named as its fields
    with clear_errors():
        try:
            kept = ReceivedStore.open(store, size_gib * 2**30)
        except SchemaTooNew as error:
            fail(FAILED, f"{store}: {error}")
        line = Subscription(options, inbox.post, clock.at)
        with contextlib.closing(kept), contextlib.closing(line), _board(clock) as board:
            receiver = Receiver(
                kept,
                line,
                brokers,
                fleet,
                chance=SystemRandom(),
                say=board.say,
                alarm=board.alarm,
                confirms=not no_custody,
                purge=None if keep_days is None else partial(kept.purge, "now", keep_days),
            )
            _serve(receiver, inbox, clock, Ending(after_s, idle_s), board.draw)
            receiver.finish()
            line.close()
            board.close()
            _sum_up(receiver, kept, store)
            if export:
                write_export(kept, export, agreed)
        if not receiver.ever_up:
            sys.exit(FAILED)


def _refuse_nonsense(brokers: Sequence[str], fleet: str) -> None:
    """Exit where there is no broker, or an address or a name that can't be one."""
    from drivers.mqtt_options import BrokerAddressError, parse_broker

    if not brokers:
        fail(
            BAD_USAGE,
            "--broker URL is missing: it says where to receive from; only --export DIR can do without",
        )
    for broker in brokers:
        try:
            parse_broker(broker)
        except BrokerAddressError as error:
            fail(BAD_USAGE, f"--broker {broker}: {error}")
    if not FLEET.fullmatch(fleet):
        fail(BAD_USAGE, f"--fleet {fleet}: 1 to 32 of a-z, 0-9 and -")


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
    table.add_column("missing")
    table.add_column("connection")
    for vehicle, tally in sorted(receiver.tallies.items())[:VEHICLES_SHOWN_MAX]:
        figures = (f"{figure:,}" for figure in (tally.batches, tally.records, tally.repeats))
        table.add_row(shown(vehicle), *figures, _missing(receiver, vehicle), tally.state)
    return table


def _missing(receiver: Receiver, vehicle: str) -> str:
    """What the truck was last told."""
    missing = receiver.confirming.missing.get(vehicle) if receiver.confirming else None
    return "" if missing is None else f"{missing:,} missing" if missing else COMPLETE


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
        click.echo(f"  {shown(vehicle)}: {figures}{f', last {tally.state}' if tally.state else ''}", err=True)
    tell_gaps(kept)
    click.echo(f"kept in {store}", err=True)
