"""`fairhaul status`: what the running agent is doing, from its status file."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import click

from agent.cli.failing import FAILED, clear_errors, fail
from agent.cli.options import config_option

WATCH_S = 2.0
FRESH_S = 30.0
"""The agent writes its status every 10 s; that tells where its lock may not be looked at."""

START_IT = "sudo systemctl start fairhaul, or by hand: fairhaul run --config FILE"
NOT_THERE = f"no status file: is the agent running?  Start it: {START_IT}"


class LastWord(NamedTuple):
    """What the status file says, whether the agent that wrote it runs, and how many seconds ago it wrote it."""

    told: dict[str, Any]
    running: bool
    age_s: float


@click.command(short_help="What the running agent is doing.")
@config_option
@click.option("--json", "as_json", is_flag=True, help="The same and a little more as one JSON object.")
@click.option("--watch", is_flag=True, help="Look again every 2 seconds, until Ctrl-C.")
def status(config: Path, as_json: bool, watch: bool) -> None:
    """Say in a few lines what the agent on this truck is doing.

    Exit status 1 when it is not running: what is shown is then its last word, if there is one.
    """
    with clear_errors():
        if watch:
            _watch(lambda: _shown(_last_word(config), as_json))
            return
        word = _last_word(config)
        click.echo(_shown(word, as_json) or fail(FAILED, NOT_THERE))
        if word and not word.running:
            sys.exit(FAILED)


def _shown(word: LastWord | None, as_json: bool) -> str | None:
    """The status in one form or the other; None where there is none."""
    if word is None:
        return None
    if as_json:
        return json.dumps({**word.told, "running": word.running, "age_s": round(word.age_s)})
    if word.running:
        return in_words(word.told)
    ended = f"NOT RUNNING: this is the agent's last word, {_age_in_words(word.age_s)} old."
    return f"{ended}\nStart it: {START_IT}\n\n{in_words(word.told)}"


def _age_in_words(age_s: float) -> str:
    for unit, unit_s in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if age_s >= 2 * unit_s:
            return f"{age_s // unit_s:,.0f} {unit}"
    return f"{age_s:.0f} seconds"


def _watch(look: Callable[[], str | None]) -> None:
    """Show it again and again, in place on a terminal, else one below the other. Ctrl-C ends it, as it should."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    waiting, console = threading.Event(), Console()
    with contextlib.suppress(KeyboardInterrupt):
        if not console.is_terminal:
            while True:
                text = look() or NOT_THERE
                click.echo(f"{text}\n" if "\n" in text else text)
                waiting.wait(WATCH_S)
        with Live(console=console, auto_refresh=False) as live:
            while True:
                live.update(Text(look() or NOT_THERE), refresh=True)
                waiting.wait(WATCH_S)


def _last_word(config: Path) -> LastWord | None:
    from agent.status import RUNTIME, last_word
    from buffer.lock import agent_runs
    from config.load import load_configuration

    configuration = load_configuration(config)
    word = last_word(configuration, Path(os.environ.get("RUNTIME_DIRECTORY") or RUNTIME))
    if word is None:
        return None
    told, written_s = word
    age_s = max(0.0, time.time() - written_s)  # noqa: TID251 - the file bears this clock's time
    runs = agent_runs(configuration.state)
    return LastWord(told, age_s <= FRESH_S if runs is None else runs, age_s)


def in_words(told: dict[str, Any]) -> str:
    """The status as people read it."""
    agreement, outbox, lost = told["agreement"], told["outbox"], told["lost"]
    agreed = (
        f"{agreement['id']} version {agreement['version']}" if agreement else "none: only box status leaves"
    )
    trouble = f" ({told['broker_trouble']})" if told["broker_trouble"] else ""
    lines = [
        ("truck", f"{told['vehicle']}, Fairhaul {told['version']}"),
        ("recording", told["recording"]),
        ("data agreement", agreed),
        ("date", told["date"] or "not known yet"),
        ("GNSS receiver", told["gnss"]),
        ("broker", f"{told['broker']}{trouble}"),
        ("waiting to leave", f"{outbox['kept']} rows kept, {outbox['unsent']} batches sealed"),
        ("receipts", f"{outbox['receipts']} on the truck"),
        ("lost", ", ".join(f"{count} {kind}" for kind, count in lost.items())),
    ]
    return "\n".join(f"{name:18}{value}" for name, value in lines)
