"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path

import click

CONFIGURATION = Path("/etc/fairhaul/agent.yaml")

config_option = click.option(
    "--config",
    type=click.Path(path_type=Path),
    default=CONFIGURATION,
    show_default=True,
    metavar="FILE",
    help="The truck's configuration.",
)
