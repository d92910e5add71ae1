"""`fairhaul decode`: one payload as NDJSON, in the shape of `fairhaul replay --out`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from agent import wire
from agent.cli.failing import UNREADABLE, fail
from agent.publication import record_lines

STANDARD_INPUT = "-"


@click.command()
@click.argument("file", metavar="[FILE]", default=STANDARD_INPUT)
def decode(file: str) -> None:
    """Write the records of one payload to stdout, a line of NDJSON each.

    FILE holds the payload as it was published, for example one of `replay --wire`; without it, or with "-",
    stdin is read.
    """
    name = "stdin" if file == STANDARD_INPUT else file
    try:
        payload = wire.decode(_read(file))
    except OSError as error:
        fail(UNREADABLE, f"cannot read {name}: {(error.strerror or str(error)).lower()}")
    except wire.PayloadError as error:
        fail(UNREADABLE, f"{name} is no payload: {error}")
    for line in record_lines(payload):
        click.echo(json.dumps(line))


def _read(file: str) -> bytes:
    """At most one byte more than a payload may have, so that a longer one is told apart and no more is read."""
    if file == STANDARD_INPUT:
        return sys.stdin.buffer.read(wire.PAYLOAD_BYTES_MAX + 1)
    with Path(file).open("rb") as stream:
        return stream.read(wire.PAYLOAD_BYTES_MAX + 1)
