"""`fairhaul check`: every mistake in a configuration at once, or the configuration as it takes effect."""

from __future__ import annotations

import datetime
import sys
from pathlib import Path
from typing import NoReturn

import click

from agent.agreement.check import agreement_problems
from agent.agreement.unwise import unwise_agreement
from agent.cli.options import config_option
from config.effective import effective_yaml
from config.load import ConfigurationError, Gathered, Loaded, Problem, configured, gather_configuration
from config.unwise import unwise

BAD_CONFIGURATION = 2


@click.command()
@config_option
@click.option(
    "--effective", is_flag=True, help="Print what takes effect, and the file and line of each value."
)
def check(config: Path, effective: bool) -> None:
    """Every mistake in a configuration at once.

    One line for each on stderr, as file:line:column: key: what was found and what to write instead. Exit status
    0 when there is none, else 2. What is allowed but unwise is told in the same way after "warning:", and changes
    nothing in the exit status.
    """
    try:
        gathered = gather_configuration(config)
    except ConfigurationError as error:
        refuse(error)
    loaded, problems = looked_at(gathered)
    if loaded and effective:
        click.echo(effective_yaml(loaded), nl=False)
    if problems or not loaded:
        refuse(ConfigurationError(problems))
    click.echo(in_words(loaded), err=True)


def looked_at(gathered: Gathered) -> tuple[Loaded | None, list[Problem]]:
    """The configuration, None where it can't be used, and every mistake in it and in its agreement."""
    loaded, problems = None, list[Problem]()
    try:
        loaded = configured(gathered)
    except ConfigurationError as error:
        problems += error.problems
    return loaded, [*problems, *agreement_problems(gathered.located)]


def refuse(error: ConfigurationError) -> NoReturn:
    """Tell every mistake and exit."""
    click.echo(str(error), err=True)
    sys.exit(BAD_CONFIGURATION)


def in_words(loaded: Loaded) -> str:
    """What is unwise in a configuration that can be used, and whose it is."""
    configuration, files = loaded.configuration, loaded.located.files
    warned = [*unwise(loaded), *unwise_agreement(loaded, datetime.date.today())]
    over = f" over {', '.join(files[1:])}" if len(files) > 1 else ""
    well = f"can be used, with {len(warned)} warning{'s' * (len(warned) > 1)}" if warned else "is fine"
    last = f"{files[0]}{over} {well}: truck {configuration.vehicle} of fleet {configuration.fleet}."
    return "\n".join([*(f"warning: {problem}" for problem in warned), last])
