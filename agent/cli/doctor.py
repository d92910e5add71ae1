"""`fairhaul doctor`: is this truck ready, and if not, what to do next."""

from __future__ import annotations

import contextlib
import datetime
import importlib
import json
import select
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli.failing import FAILED, clear_errors
from agent.cli.options import config_option

if TYPE_CHECKING:
    from rich.text import Text

    from config.load import Loaded

LISTENED_S = 15.0
DAY_S = 86_400


class AtTheTruck:
    """The technician at this terminal."""

    def told(self, sentence: str) -> None:
        """Show a sentence."""
        click.echo(sentence, err=True)

    def agrees(self, question: str, within_s: float) -> bool | None:
        """Yes or no; None when no answer came in time."""
        click.echo(f"{question} [y/n] ({within_s:.0f} s) ", err=True, nl=False)
        readable, _, _ = select.select([sys.stdin], [], [], within_s)
        answer = sys.stdin.readline().strip().lower() if readable else ""
        return answer.startswith("y") if answer else None


@click.command(short_help="Is this truck ready? If not, the one next thing to do.")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Everything as one JSON object on stdout.")
@click.option(
    "--seconds",
    type=click.FloatRange(1, 3600),
    default=LISTENED_S,
    show_default=True,
    metavar="N",
    help="How long to listen to the receiver.",
)
@click.option(
    "--hands/--no-hands",
    default=None,
    help="Ask for switch, buttons and lamp; else on a terminal only.",
)
def doctor(config: Path, as_json: bool, seconds: float, hands: bool | None) -> None:
    """Look at everything this truck needs, and say READY or NOT READY, with the one next thing to do.

    Nothing is changed, and no place is shown. While the agent runs, what it holds is left alone. Exit status 0 for
    READY, 1 for NOT READY, 2 for a configuration with mistakes.
    """
    with clear_errors():
        from agent.doctor import report
        from agent.doctor.checkup import Checkup, configured
        from agent.doctor.credentials import as_kept
        from agent.doctor.machine import Machine
        from drivers.clock import Clock

        loaded, warned = _checked(config)
        asked = sys.stdin is not None and sys.stdin.isatty()  # None: closed by whoever called
        terminal = asked and sys.stderr.isatty() and not as_json
        checkup = Checkup(
            as_kept(loaded.configuration),
            Machine(),
            Clock(),
            # The one clock that is not GNSS's is itself what is looked at, and what certificates go by.
            wall_day=int(time.time()) // DAY_S,  # noqa: TID251
            seconds=seconds,
            technician=AtTheTruck() if (terminal if hands is None else hands) else None,
        )
        if not as_json:
            click.echo(f"Looking at everything; this takes about {seconds + 15:.0f} seconds.", err=True)
        _take_lgpio_in()
        groups = report.naming(str(config), (*checkup.groups(), configured(config.name, warned)))
        vehicle = loaded.configuration.vehicle
        if as_json:
            click.echo(json.dumps(report.as_json(vehicle, groups)))
        else:
            _show(report.as_lines(vehicle, groups))
        if not report.verdict_of(groups).ready:
            sys.exit(FAILED)


def _checked(config: Path) -> tuple[Loaded, list[str]]:
    """The configuration, in which `check` has found no mistake, and what it warns of; else exits as `check` does."""
    from agent.agreement.unwise import unwise_agreement
    from agent.cli.check import looked_at, refuse
    from config.load import ConfigurationError, gather_configuration
    from config.unwise import unwise

    loaded, problems = looked_at(gather_configuration(config))
    if problems or not loaded:
        refuse(ConfigurationError(problems))
    warned = [*unwise(loaded), *unwise_agreement(loaded, datetime.date.today())]
    return loaded, [str(problem) for problem in warned]


def _take_lgpio_in() -> None:
    """lgpio leaves a FIFO in the folder where it is first imported: not in the technician's. Most computers lack it."""
    with contextlib.suppress(Exception), tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        importlib.import_module("lgpio")


def _show(lines: Iterable[Text]) -> None:
    from rich.console import Console

    console = Console(soft_wrap=True, highlight=False)
    for line in lines:
        console.print(line)
