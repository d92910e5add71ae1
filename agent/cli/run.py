"""`fairhaul run`: the agent on the truck."""

from __future__ import annotations

import os
from pathlib import Path

import click

from agent.cli.failing import clear_errors
from agent.cli.options import config_option

CLOCK_SPEED = "FAIRHAUL_CLOCK_SPEED"


@click.command(short_help="The agent on the truck.")
@config_option
def run(config: Path) -> None:
    """Record what the agreement lets through, keep it, and publish it.

    Ends cleanly on SIGTERM or Ctrl-C. Without an agreement that is understood only the box's own status leaves.
    """
    with clear_errors():
        from agent.live import run as run_agent
        from agent.live import start_logging
        from config.load import load_configuration
        from drivers.clock import Clock

        configuration = load_configuration(config)
        start_logging(configuration)
        run_agent(configuration, Clock(float(os.environ.get(CLOCK_SPEED, "1"))))
