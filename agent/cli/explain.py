"""`fairhaul explain`: what an agreement lets out, in plain words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli.failing import BAD_USAGE, clear_errors, fail
from agent.cli.options import CONFIGURATION

if TYPE_CHECKING:
    from agent.agreement import Agreement

BESIDE = Path("agreement.yaml")
NONE_FOUND = (
    "no agreement.yaml here, and none that a truck's configuration names: say which with --agreement FILE"
)

OTHER_FILE = "this is a truck's configuration: write the data agreement that its key `agreement` names"
_OF_A_TRUCK = frozenset({"fleet", "vehicle", "link"})


@click.command(short_help="The data agreement in plain words: the notice card.")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--agreement", type=click.Path(path_type=Path), metavar="F", help="The same as FILE.")
@click.option(
    "--language",
    type=click.Choice(["en", "es"]),
    default="en",
    show_default=True,
    help="English or Spanish; the agreement's own words stay as they are.",
)
@click.option("--dpia", is_flag=True, help="The inputs of an impact assessment, as Markdown.")
@click.option("--json", "as_json", is_flag=True, help="The same as one JSON object.")
def explain(file: Path | None, agreement: Path | None, language: str, dpia: bool, as_json: bool) -> None:
    """What leaves the truck under an agreement, on one page: the notice card.

    It says what leaves, for which question, how exactly, how long it is kept, what never leaves, what can still be
    found out, and how to pause.

    FILE is the data agreement. It defaults to agreement.yaml in this directory, else to the one that the truck's
    configuration names.
    """
    with clear_errors():
        from agent import explain as explaining

        if file and agreement:
            fail(BAD_USAGE, "one agreement is explained at a time: FILE or --agreement FILE")
        agreed = _understood(file or agreement or _found())
        words = explaining.LANGUAGES[language]
        page = explaining.dpia(agreed) if dpia else explaining.card(agreed)
        if as_json:
            click.echo(json.dumps(explaining.plain(page, words), ensure_ascii=False))
        else:
            shown = explaining.markdown if dpia else explaining.card_text
            click.echo(shown(page, words), nl=False)


def _understood(path: Path) -> Agreement:
    from agent.agreement import load_agreement
    from config.load import ConfigurationError
    from config.reading import read_yaml

    try:
        return load_agreement(path)
    except ConfigurationError:
        tree = read_yaml(path).tree
        if isinstance(tree, dict) and not _OF_A_TRUCK.isdisjoint(tree) and "fairhaul_agreement" not in tree:
            fail(BAD_USAGE, f"{path}:1:1: {OTHER_FILE}")
        raise


def _found() -> Path:
    """The agreement that lies here, else the truck's own."""
    from config.load import load_configuration

    if BESIDE.is_file():
        return BESIDE
    named = load_configuration(CONFIGURATION).agreement if CONFIGURATION.is_file() else None
    return named or fail(BAD_USAGE, NONE_FOUND)
