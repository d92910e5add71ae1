"""`fairhaul replay`: what would be published from recorded logs, and when."""

from __future__ import annotations

import contextlib
import hashlib
import math
import random
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import click

from agent.agreement import Agreement
from agent.assembly import assemble
from agent.cli.failing import BAD_USAGE, clear_errors, fail
from agent.cli.progress import followed
from agent.paper import PaperLink, Published
from agent.publication import WireFolder, record_lines, write_records
from agent.recording.duty import Duty, FixedDuty
from agent.replaying import replay as replay_on_paper
from agent.report import ReportBatch, ReportInput, write_report
from agent.runtime import Runtime
from agent.service_day import DAY_S
from agent.surroundings import Logs, agreement_for, configuration_for
from agent.wire import Payload, decode
from buffer.outbox import Outbox
from config.schema import Configuration
from drivers.inputs import Input, Pulse
from drivers.replay import Log, merge, pulses
from drivers.replay import replay as chunks


class Given(NamedTuple):
    """What a replay is made of. `pulses` are in order; `duty` overrides them where it is not None."""

    logs: Logs
    configuration: Configuration
    agreement: Agreement
    pulses: list[Pulse]
    duty: Duty | None

    def entries(self, opened: Sequence[Log]) -> Iterator[Input]:
        """The logs' bytes and the pulses, in the order of their time."""
        return merge(chunks(*opened), self.pulses)

    def seed(self) -> bytes:
        """The same for the same inputs: what a replayed outbox is numbered from."""
        digest = hashlib.sha256(self.agreement.reference.sha256.encode())
        digest.update("\0".join(Path(name).name for name in self.logs.names).encode())
        return digest.digest()


@click.command(short_help="What would be published from recorded logs.")
@click.argument("logs", nargs=-1, required=True, metavar="LOG…")
@click.option("--pulses", "pulses_csv", metavar="CSV", help="Recorded pulses: at_s,pin,level.")
@click.option(
    "--config", "config", type=click.Path(path_type=Path), metavar="F", help="The truck's configuration."
)
@click.option("--agreement", type=click.Path(path_type=Path), metavar="F", help="The data agreement.")
@click.option(
    "--duty",
    type=click.Choice(["on", "off", "pulses"]),
    help="On or off throughout, or by the pulses; on when no ignition pulses are given.",
)
@click.option("--out", metavar="F.ndjson", help="Published records, one a line; - is stdout.")
@click.option(
    "--wire", type=click.Path(path_type=Path), metavar="DIR", help="Every payload as published, and an index."
)
@click.option("--report", type=click.Path(path_type=Path), metavar="F.html", help="A page to look at.")
@click.option("--live", is_flag=True, help="Through the real runtime: real outbox, real broker, paced.")
@click.option(
    "--speed", type=click.FloatRange(0.1, 100_000), default=1.0, help="With --live: so many times as fast."
)
@click.option(
    "--from", "from_s", type=click.FloatRange(0), default=0.0, help="With --live: begin so many seconds in."
)
def replay(
    logs: Sequence[str],
    pulses_csv: str | None,
    config: Path | None,
    agreement: Path | None,
    duty: str | None,
    out: str | None,
    wire: Path | None,
    report: Path | None,
    live: bool,
    speed: float,
    from_s: float,
) -> None:
    """Replay recorded NMEA logs and show what would be published under an agreement.

    Configuration and agreement default to agent.yaml and agreement.yaml beside the first log, else to the built-in
    examples with a service area round the log. `-` reads standard input; `.gz` is read directly.
    """
    with clear_errors():
        known = Logs(logs)
        recorded = list(pulses(pulses_csv)) if pulses_csv else []
        configuration = configuration_for(known, config)
        given = Given(
            known,
            configuration,
            agreement_for(known, agreement),
            recorded,
            _duty(duty, configuration, recorded),
        )
        if live:
            if out or wire or report:
                fail(BAD_USAGE, "--live publishes to the broker: leave out --out, --wire and --report")
            _live(given, speed, from_s)
        else:
            _on_paper(given, out, wire, report)


def _duty(chosen: str | None, configuration: Configuration, recorded: Iterable[Pulse]) -> Duty | None:
    if chosen is None:
        kinds = {configuration.pins[pulse.pin].kind for pulse in recorded if pulse.pin in configuration.pins}
        chosen = "pulses" if "ignition" in kinds else "on"
    return None if chosen == "pulses" else FixedDuty(chosen == "on")


def _on_paper(given: Given, out: str | None, wire: Path | None, report: Path | None) -> None:
    published: list[Published] = []
    folder = WireFolder(wire) if wire else None

    def take(one: Published) -> None:
        published.append(one)
        if folder:
            folder.add(one)

    link = PaperLink(take)
    runtime = _runtime(given, link)
    with (
        contextlib.closing(folder) if folder else contextlib.nullcontext(),
        followed(given.logs.open()) as opened,
    ):
        replay_on_paper(runtime, link, given.entries(opened))
    payloads = [decode(one.payload) for one in published]
    if out:
        write_records(out, payloads)
    if report:
        _report(report, given, runtime, list(zip(published, payloads, strict=True)))
    _summary(published, payloads)
    if report:
        click.echo(f"a page to open: {report}", err=True)


def _runtime(given: Given, link: PaperLink) -> Runtime:
    """A runtime whose outbox lives in memory and is numbered from the inputs."""
    chance = random.Random(given.seed())
    outbox = Outbox.open(None, random_bytes=chance.randbytes, size_bytes_max=given.configuration.outbox.size)
    return assemble(
        given.configuration,
        given.agreement,
        outbox,
        link,
        chance=chance,
        duty_override=given.duty,
        replay=True,
    )


def _summary(published: Sequence[Published], payloads: Sequence[Payload]) -> None:
    size = sum(len(one.payload) for one in published)
    if not payloads:
        click.echo(
            "nothing would be published: no fix was trusted (fairhaul inspect says what is in the log)",
            err=True,
        )
        return
    days = math.ceil((published[-1].at - published[0].at) / DAY_S)
    over = f" over {days} days" if days > 1 else ""
    click.echo(f"{len(published):,} batches, {size:,} bytes in all, would be published{over}, with", err=True)
    streams: dict[str, int] = {}
    for payload in payloads:
        stream = payload.heading.stream
        streams[stream] = streams.get(stream, 0) + len(payload.records)
    for stream, records in sorted(streams.items()):
        click.echo(f"  {records:6} records of {stream}", err=True)


def _report(path: Path, given: Given, runtime: Runtime, batches: Sequence[tuple[Published, Payload]]) -> None:
    write_report(
        path,
        ReportInput(
            agreement=given.agreement,
            logs=given.logs.names,
            records=[line for _, payload in batches for line in record_lines(payload)],
            batches=[
                ReportBatch(one.at, one.topic, len(one.payload), len(payload.records))
                for one, payload in batches
            ],
            counts=runtime.recorder.tally,
            severities=[severity.class_ for severity in given.configuration.braking.severity],
        ),
    )


def _live(given: Given, speed: float, from_s: float) -> None:
    from agent.live import replay_live

    replay_live(
        given.configuration,
        given.agreement,
        given.duty,
        given.entries(given.logs.open()),
        speed=speed,
        from_s=from_s,
    )
