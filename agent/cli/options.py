"""Options that several commands share."""

from __future__ import annotations

import functools
from pathlib import Path

import click

from agent.cli.failing import BAD_USAGE, fail

CONFIGURATION = Path("/etc/fairhaul/agent.yaml")


def _there(context: click.Context, parameter: click.Parameter, file: Path) -> Path:
    try:
        file.stat()
    except FileNotFoundError:
        where = "write --config FILE, or make one with `fairhaul init`"
        fail(BAD_USAGE, f"{file}:1:1: there is no such file: {where}")
    except OSError:  # whoever reads it says why
        pass
    return file


any_config_option = functools.partial(
    click.option,
    "--config",
    type=click.Path(path_type=Path),
    default=CONFIGURATION,
    show_default=True,
    metavar="FILE",
    help="The truck's configuration.",
)
"""For commands that go on without one."""

config_option = any_config_option(callback=_there)
