"""`fairhaul demo`: the whole job in about a minute, and a page to open."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli.failing import BAD_USAGE, FAILED, clear_errors, fail

if TYPE_CHECKING:
    from agent.demo import Verdict

MARK = ".fairhaul-demo"


@click.command(short_help="The whole job in about a minute.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("demo-out"), show_default=True, help="Results."
)
@click.option("--seed", default=7, show_default=True, help="Which shift.")
@click.option(
    "--hours", type=click.FloatRange(1, 14), default=8.0, show_default=True, help="How long a shift."
)
@click.option(
    "--speed", type=click.FloatRange(1, 4000), default=1200.0, show_default=True, help="Times as fast."
)
def demo(out: Path, seed: int, hours: float, speed: float) -> None:
    """A simulated truck drives, loses its network, is killed, gets its network back, and delivers."""
    with clear_errors():
        try:
            from agent import two_breaks
            from agent.demo import Demo, with_switch_off
        except ImportError as error:
            fail(
                FAILED,
                f"the demo needs {error.name}: type make demo in the project's folder, which installs it",
            )

        _clear(out)
        shown = Demo(out, seed, hours, speed, _say)
        click.echo("Fairhaul demo: agreement `operations`, real outbox, real broker, real receiver", err=True)
        verdict = shown.run()
        with_switch_off(shown.truck / "pulses.csv", shown.truck / "pulses-off.csv")
        click.echo("  the same shift again with the crew switch off", err=True)
        silent = _replayed(shown.truck, "pulses-off.csv", out / "switch-off.ndjson")
        page = out / "report.html"
        _replayed(shown.truck, "pulses.csv", out / "replayed.ndjson", "--report", str(page))
        compared = two_breaks.compare(out / "breaks", seed, hours, _say)
        click.echo(_told(verdict, silent, shown.store, page, shown.city))
        click.echo("\n".join(["", *two_breaks.told(compared)]), err=True)
        delivered = verdict.committed_batches and not (verdict.lost or verdict.repeated or verdict.waiting)
        if not delivered or silent or not compared.same:
            fail(FAILED, "the demo did not end as it must")


def _say(text: str) -> None:
    click.echo(f"  {text}", err=True)


def _clear(out: Path) -> None:
    """Make the folder empty if it is an earlier demo's; anything else in it is somebody's."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())) and not (out / MARK).is_file():
        fail(BAD_USAGE, f"{out} is not empty and not of an earlier demo: name another folder with --out")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    (out / MARK).write_text("made by fairhaul demo, which will delete this folder when it runs again\n")


def _replayed(truck: Path, pulses: str, out: Path, *more: str) -> int:
    """Replay on paper; how many records about the truck would be published."""
    words: list[str | Path] = ["replay", truck / "shift.nmea", "--pulses", truck / pulses]
    words += ["--agreement", truck / "operations.yaml", "--out", out, *more]
    subprocess.run([sys.executable, "-m", "agent", *words], check=True, stderr=subprocess.DEVNULL)
    return sum('"stream": "box"' not in line for line in out.read_text(encoding="utf-8").splitlines())


def _told(verdict: Verdict, silent: int, store: Path, page: Path, city: Path) -> str:
    lines = [
        "",
        f"committed on the truck  {verdict.committed_batches:6} batches {verdict.committed_records:6} records",
        f"arrived in the city     {verdict.arrived_batches:6} batches {verdict.arrived_records:6} records",
        f"lost                    {verdict.lost:6}",
        f"counted twice           {verdict.repeated:6}   ({verdict.repeats_dropped} repeats came and were dropped)",
        f"still on the truck      {verdict.waiting:6}",
        f"bytes for the shift     {verdict.payload_bytes:6}   of payload, padding included",
        f"with the crew switch off{silent:6} records of the truck leave",
        "",
        f"what arrived:  {store}  (SQLite)",
        *(f"               {path}  (GeoJSON)" for path in sorted(city.glob("*.geojson"))),
        f"a page to open: {page}",
    ]
    return "\n".join(lines)
