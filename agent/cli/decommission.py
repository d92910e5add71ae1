"""`fairhaul decommission`: destroy keys and buffer when a box leaves its truck."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli.failing import BAD_USAGE, FAILED, clear_errors, fail
from agent.cli.options import any_config_option

if TYPE_CHECKING:
    from agent.decommission import Doomed

LAST_WORDS = """\
A card may keep older copies of what was overwritten. When the box leaves your hands, destroy the card, or overwrite \
all of it with a new image.
Without its keys the box can send nothing, but it would start again: sudo systemctl disable fairhaul"""


@click.command(short_help="Destroy keys and buffer: the box leaves its truck.")
@any_config_option()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--all", "whole", is_flag=True, help="Destroy the configuration and the agreement too.")
@click.option("--list", "only_list", is_flag=True, help="Destroy nothing: the files on stdout, one a line.")
def decommission(config: Path, yes: bool, whole: bool, only_list: bool) -> None:
    """Destroy this truck's keys, certificate, password and outbox with all receipts, for good.

    Lists the files, asks, overwrites and removes them. What is not there any more needs no destroying, so it can be
    said again. Exit status 1 when something is left, with its name.
    """
    with clear_errors():
        state, found = _found(config, whole)
        if not config.exists():
            click.echo(f"There is no {config}: the usual places are looked at.", err=True)
        if only_list:
            _print(found)
            return
        _list(found)
        if found.files and not yes:
            _ask()
        with _stopped(state):
            left = _destroy(_found(config, whole)[1])  # an agent may have written more while it was asked
        if left:
            fail(FAILED, f"{left} left: NOT decommissioned")
        click.echo(f"Decommissioned: keys and buffer are gone.\n{LAST_WORDS}", err=True)


def _found(config: Path, whole: bool) -> tuple[Path, Doomed]:
    """The state directory and what there is to destroy; values may be wrong, but all of them have to be legible."""
    from agent.decommission import doomed
    from config.load import ConfigurationError, gather_configuration
    from config.schema import Configuration

    state: Path = Configuration.model_fields["state"].default
    if not config.exists():
        return state, doomed(config, state, {}, [])
    located, lost = gather_configuration(config)
    if located.flaws or lost:
        raise ConfigurationError([*located.flaws, *lost])
    tree = located.tree if isinstance(located.tree, dict) else {}
    state = Path(tree["state"]) if isinstance(tree.get("state"), str) else state
    link = tree["link"] if isinstance(tree.get("link"), dict) else {}
    named = [*located.files, tree.get("agreement")] if whole else []
    files = [Path(name).absolute() for name in named if isinstance(name, str)]
    return state, doomed(config, state, link, files)


def _list(found: Doomed) -> None:
    for words, files in (
        ("the truck's secrets", found.secrets),
        ("outbox, receipts, status", found.buffer),
        ("configuration", found.configuration),
    ):
        if files:
            click.echo(f"{words}:", err=True)
        for path in files:
            click.echo(f"  {_shown(path)}", err=True)


def _print(found: Doomed) -> None:
    odd = [path for path in found.files if _shown(path) != str(path)]
    for path in found.files:
        if path not in odd:
            click.echo(path)
    for path in odd:
        click.echo(f"NOT LISTED {_shown(path)}: its name does not fit into a line", err=True)
    if odd:
        sys.exit(FAILED)


def _shown(path: Path) -> str:
    """In one line, whoever named the file: a newline in it must not pass for a further file."""
    return str(path) if str(path).isprintable() else repr(str(path))


def _ask() -> None:
    if sys.stdin is None or not sys.stdin.isatty():  # None: closed by whoever called
        fail(BAD_USAGE, "nobody is here to be asked: say --yes to destroy these files")
    if not click.confirm("Destroy them? It cannot be undone.", err=True):
        fail(FAILED, "nothing was destroyed")


@contextlib.contextmanager
def _stopped(state: Path) -> Iterator[None]:
    from buffer import lock

    if not state.is_dir():
        yield
        return
    try:
        with lock.held(state):
            yield
    except lock.OutboxInUse:
        fail(
            FAILED,
            "the agent is running; nothing was destroyed. First: sudo systemctl disable --now fairhaul",
        )


def _destroy(found: Doomed) -> int:
    """How many files are left."""
    from agent.decommission import Left, destroy

    left = 0
    for each in destroy(found.files):
        if isinstance(each, Left):
            left += 1
            click.echo(f"LEFT       {_shown(each.file)}: {each.reason}", err=True)
        else:
            click.echo(f"destroyed  {_shown(each)}", err=True)
    return left
