"""`fairhaul init`: write a truck's configuration, from questions or from a line of a table of trucks."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli.failing import BAD_USAGE, clear_errors, fail

if TYPE_CHECKING:
    from config.load import Located

FILE = click.Path(path_type=Path)
READABLE_BY_ALL = 0o644  # there are no secrets in it


@click.command(short_help="Write a truck's configuration, from questions or a table.")
@click.option(
    "--out", type=FILE, default="agent.yaml", show_default=True, metavar="FILE", help="What is written."
)
@click.option(
    "--fleet-file", type=FILE, metavar="FILE", help="What all trucks have in common: the new file extends it."
)
@click.option(
    "--from", "table", type=FILE, metavar="CSV", help="A table with one line a truck; asks nothing."
)
@click.option("--truck", metavar="NAME", help="Whose line of the table: what its column `truck` says.")
@click.option("--force", is_flag=True, help="Replace a file that is there already.")
def init(out: Path, fleet_file: Path | None, table: Path | None, truck: str | None, force: bool) -> None:
    """Write a commented configuration that passes `fairhaul check`.

    Asks on the terminal for what the fleet's file does not say, and judges each answer at once; or takes one line of a
    CSV table, whose columns are named like keys of the configuration (gnss.port, pins.ignition.gpio).
    Nothing is written where something is wrong.
    """
    from agent.cli.check import in_words, looked_at, refuse
    from buffer import durable
    from config.load import ConfigurationError, gather_configuration, gather_over

    _refuse_nonsense(out, table, truck, force)
    try:
        own = _own_values(out, fleet_file, table, truck)
        loaded, problems = looked_at(gather_over(own, out.parent, fleet_file))
    except ConfigurationError as error:
        refuse(error)
    if problems or not loaded:
        refuse(ConfigurationError(problems))
    with clear_errors():
        durable.replace(out, _text(own, _from_there(fleet_file, out)).encode(), READABLE_BY_ALL)
    written, problems = looked_at(gather_configuration(out))
    if problems or not written:
        refuse(ConfigurationError(problems))
    click.echo(f"wrote {out}\n{in_words(written)}", err=True)


def _refuse_nonsense(out: Path, table: Path | None, truck: str | None, force: bool) -> None:
    if (table is None) != (truck is None):
        fail(BAD_USAGE, "--from and --truck go together: --from trucks.csv --truck 017")
    if os.path.lexists(out) and not force:
        fail(BAD_USAGE, f"{out} is there already: --force replaces it, --out writes elsewhere")


def _own_values(out: Path, fleet_file: Path | None, table: Path | None, truck: str | None) -> Located:
    """What is to stand in the new file. Raises ConfigurationError."""
    if table is not None and truck is not None:
        from config.trucks import read_truck

        return read_truck(table, truck)
    if not somebody_answers():
        fail(
            BAD_USAGE,
            "nobody can be asked, because standard input is no terminal: write --from trucks.csv --truck 017, "
            "with a table of one line for each truck; docs/technicians.md shows one",
        )
    from agent.cli.asking import answers

    return answers(out, fleet_file)


def somebody_answers() -> bool:
    """Whether there is a terminal to ask on."""
    return sys.stdin is not None and sys.stdin.isatty()


def _from_there(fleet_file: Path | None, out: Path) -> str | None:
    """The fleet's file, as seen from where the new one lies."""
    if fleet_file is None:
        return None
    return str(fleet_file) if fleet_file.is_absolute() else os.path.relpath(fleet_file, out.parent)


def _text(own: Located, extends: str | None) -> str:
    """The file: what was said, each value with what it means."""
    from config.schema import Configuration
    from config.shape import expected
    from config.writing import yaml_text

    def meaning(path: tuple[str | int, ...]) -> str:
        key = path[:-1] if path[-1] == 0 else path
        return next(
            (each.description for each in expected(Configuration, own.tree, key) if each.description), ""
        )

    elsewhere = f"stands in {extends} or has its default" if extends else "has its default"
    tree = {**({"extends": extends} if extends else {}), **own.tree}
    plain = {key: value for key, value in tree.items() if not isinstance(value, dict)}
    parts = [
        yaml_text(part, meaning) for part in (plain, *({key: tree[key]} for key in tree if key not in plain))
    ]
    return (
        f"# Written by fairhaul init; change it by hand as you like. What is not here {elsewhere}:\n"
        "# `fairhaul check --effective` shows everything, `fairhaul check` every mistake.\n\n"
        + "\n".join(parts)
    )
