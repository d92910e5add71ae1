"""`fairhaul status`: what the running agent is doing, from its status file."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from agent.cli.failing import FAILED, clear_errors, fail
from agent.cli.options import config_option

RUNTIME_DIRECTORY = "/run/fairhaul"
WATCH_S = 2.0
NOT_THERE = "no status file: is the agent running?  (systemctl status fairhaul)"


@click.command(short_help="What the running agent is doing.")
@config_option
@click.option("--json", "as_json", is_flag=True, help="The status file as it is, on stdout.")
@click.option("--watch", is_flag=True, help="Look again every 2 seconds, until Ctrl-C.")
def status(config: Path, as_json: bool, watch: bool) -> None:
    """Say in a few lines what the agent on this truck is doing."""
    with clear_errors():
        if watch:
            _watch(lambda: _shown(config, as_json))
            return
        shown = _shown(config, as_json)
        if shown is None:
            fail(FAILED, NOT_THERE)
        click.echo(shown)


def _shown(config: Path, as_json: bool) -> str | None:
    """The status in one form or the other; None where there is none."""
    told = _told(config)
    if told is None:
        return None
    return json.dumps(told) if as_json else in_words(told)


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


def _told(config: Path) -> dict[str, Any] | None:
    from agent.status import status_path
    from config.load import load_configuration

    configuration = load_configuration(config)
    at_runtime = {"RUNTIME_DIRECTORY": os.environ.get("RUNTIME_DIRECTORY", RUNTIME_DIRECTORY)}
    for environment in (at_runtime, {}):
        path = status_path(configuration, environment)
        if path.is_file():
            told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            return told
    return None


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
