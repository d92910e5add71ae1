"""The `fairhaul` command line: one file a command, each imported only when it runs."""

from __future__ import annotations

import importlib
import sys

import click

from agent import VERSION

SECTIONS = {
    "In the truck": {
        "run": "The agent on the truck.",
        "doctor": "Is this truck ready? If not, the one next thing to do.",
        "status": "What the running agent is doing.",
        "receipts": "Exactly what left this truck: list, show, export, verify.",
        "decommission": "Destroy keys and buffer: the box leaves its truck.",
    },
    "On the laptop": {
        "demo": "A simulated truck, a broker, an outage, a kill, a receiver: the whole job in about a minute.",
        "replay": "What would be published from recorded logs.",
        "inspect": "What the decoder understood of recorded logs.",
        "simulate": "Write a refuse truck's shift: log, pulses, truth, agreement.",
        "init": "Write a truck's configuration, from questions or a table.",
        "check": "Every mistake in a configuration at once.",
    },
    "Agreements": {
        "explain": "A data agreement in plain words: the notice card.",
        "audit": "Run the published attacks against what would be published.",
    },
    "At the city": {
        "receive": "The city's end: decode, drop repeats, keep, export.",
        "fleet": "Each truck in a line: what needs a hand comes first.",
        "decode": "One payload as NDJSON.",
    },
}
_SHORT = {name: text for commands in SECTIONS.values() for name, text in commands.items()}


class Commands(click.Group):
    """The commands, grouped in help by where they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order of the sections."""
        return list(_SHORT)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now; None for an unknown name."""
        if cmd_name not in _SHORT:
            return None
        command: click.Command = getattr(importlib.import_module(f"agent.cli.{cmd_name}"), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The sections of `fairhaul --help`, without importing any command."""
        for section, commands in SECTIONS.items():
            with formatter.section(section):
                formatter.write_dl(list(commands.items()))


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="fairhaul")
def main() -> None:
    """Fairhaul: the telematics agent that truck crews can trust."""


if __name__ == "__main__":
    sys.exit(main(prog_name="fairhaul"))
