"""`fairhaul status`: what the running agent is doing, from its status file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click

from agent.cli.failing import FAILED, clear_errors, fail
from agent.cli.options import config_option

RUNTIME_DIRECTORY = "/run/fairhaul"


@click.command(short_help="What the running agent is doing.")
@config_option
@click.option("--json", "as_json", is_flag=True, help="The status file as it is, on stdout.")
def status(config: Path, as_json: bool) -> None:
    """Say in a few lines what the agent on this truck is doing."""
    with clear_errors():
        told = _told(config)
        if told is None:
            fail(FAILED, "no status file: is the agent running?  (systemctl status fairhaul)")
        click.echo(json.dumps(told) if as_json else in_words(told))


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
