"""`fairhaul check`: every mistake in a configuration at once, or the configuration as it takes effect."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NoReturn

import click

from agent.agreement.check import agreement_problems
from agent.cli.options import config_option
from config.effective import effective_yaml
from config.load import (
    ConfigurationError,
    Gathered,
    Loaded,
    Located,
    Problem,
    configured,
    gather_configuration,
)

BAD_CONFIGURATION = 2

Check = Callable[[Located], Iterable[Problem]]

CHECKS: list[Check] = [agreement_problems]
"""What else is looked at: files that the configuration names, such as the agreement.

Each gets the plain values with their places, which need not be right, and paths in which are absolute already.
"""


@click.command()
@config_option
@click.option(
    "--effective", is_flag=True, help="Print what takes effect, and the file and line of each value."
)
def check(config: Path, effective: bool) -> None:
    """Every mistake in a configuration at once.

    One line for each on stderr, as file:line:column: key: what was found and what to write instead. Exit status
    0 when there is none, else 2.
    """
    try:
        gathered = gather_configuration(config)
    except ConfigurationError as error:
        _refuse(error)
    loaded, problems = _validated(gathered)
    problems += [problem for look in CHECKS for problem in look(gathered.located)]
    if loaded and effective:
        click.echo(effective_yaml(loaded), nl=False)
    if problems or not loaded:
        _refuse(ConfigurationError(problems))
    click.echo(_all_well(loaded), err=True)


def _validated(gathered: Gathered) -> tuple[Loaded | None, list[Problem]]:
    try:
        return configured(gathered), []
    except ConfigurationError as error:
        return None, list(error.problems)


def _refuse(error: ConfigurationError) -> NoReturn:
    click.echo(str(error), err=True)
    sys.exit(BAD_CONFIGURATION)


def _all_well(loaded: Loaded) -> str:
    configuration, files = loaded.configuration, loaded.located.files
    over = f" over {', '.join(files[1:])}" if len(files) > 1 else ""
    only = (
        ""
        if configuration.agreement
        else " Without an agreement nothing but the box's own status will leave."
    )
    return f"{files[0]}{over} is fine: truck {configuration.vehicle} of fleet {configuration.fleet}.{only}"
