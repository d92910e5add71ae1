"""`fairhaul simulate`: a refuse truck's shift in a made-up city, as files to replay."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from agent.cli.failing import clear_errors
from drivers.simulate import Shift, shift, write
from drivers.simulate.shifts import (
    BREAK_MINUTES_MAX,
    BREAK_MINUTES_MIN,
    HOURS_MAX,
    HOURS_MIN,
    NOISE_M_MAX,
    RATE_HZ_MAX,
    RATE_HZ_MIN,
)


@click.command(short_help="A refuse truck's shift in a made-up city, as files to replay.")
@click.option(
    "--seed", type=int, default=1, show_default=True, metavar="N", help="Which city, day and truck."
)
@click.option(
    "--hours",
    type=click.FloatRange(HOURS_MIN, HOURS_MAX),
    default=8.0,
    show_default=True,
    metavar="H",
    help="How long the shift lasts.",
)
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), required=True, metavar="DIR", help="Where to."
)
@click.option(
    "--city-seed", type=int, metavar="N", help="Another day in the city of this seed, on the same round."
)
@click.option(
    "--break-minutes",
    type=click.FloatRange(BREAK_MINUTES_MIN, BREAK_MINUTES_MAX),
    metavar="MIN",
    help="Make every break this long, and change nothing else.",
)
@click.option(
    "--noise",
    "noise_m",
    type=click.FloatRange(0, NOISE_M_MAX),
    default=1.5,
    show_default=True,
    metavar="M",
    help="The receiver's error along each axis, in metres.",
)
@click.option(
    "--rate",
    "rate_hz",
    type=click.FloatRange(RATE_HZ_MIN, RATE_HZ_MAX),
    default=1.0,
    show_default=True,
    metavar="HZ",
    help="Readings a second.",
)
def simulate(
    seed: int,
    hours: float,
    out: Path,
    city_seed: int | None,
    break_minutes: float | None,
    noise_m: float,
    rate_hz: float,
) -> None:
    """A refuse truck's shift in a made-up city.

    Writes shift.nmea, pulses.csv, truth.ndjson (what was really so, second by second), agreement.yaml and
    agent.yaml into DIR. The same options write the same bytes.
    """
    made = shift(
        seed, hours, break_minutes=break_minutes, noise_m=noise_m, rate_hz=rate_hz, city_seed=city_seed
    )
    with clear_errors(), _progress(made.readings) as progress:
        write(made, out, progress)
    click.echo(_summary(made, out), err=True)


def _summary(done: Shift, out: Path) -> str:
    return (
        f"Wrote {done.seconds / 3600:.2g} h of a {done.day.loader.name} in {done.city.name} to {out}: "
        f"{9 * done.readings:,} sentences, stops: {len(done.day.stops)}, breaks: {len(done.breaks)}, "
        f"brake pulses: {len(done.day.brakings)}.\n"
        f"See what would leave this truck:  fairhaul replay {out / 'shift.nmea'} --pulses {out / 'pulses.csv'}"
    )


@contextlib.contextmanager
def _progress(readings: int) -> Iterator[Callable[[int, int], None] | None]:
    """A bar on stderr for people at a terminal, nothing for anyone else."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("writing the shift", total=readings)
        yield lambda done, whole: bar.update(task, completed=done, total=whole)
