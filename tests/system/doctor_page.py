"""The outputs that docs/doctor.md shows: `python -m tests.system.doctor_page` runs the doctor and writes them anew.

A real `fairhaul doctor` looks at a receiver on a real pty and asks a real mosquitto.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.system.mosquitto import Mosquitto
from tests.unit.doctor_parts import SAMPLES, linked, sample

PAGE = Path(__file__).parent.parent.parent / "docs/doctor.md"
ENDED_WITHIN_S = 120.0
OWN = re.compile(r"^  [a-z ]{12}(?:room|wear|faults) .*\n(?:^ +→.*\n)?", re.MULTILINE)
"""Lines that each computer's own disk decides."""


class Said(NamedTuple):
    """What one run of the doctor said."""

    status: int
    stdout: str
    stderr: str


def asked(name: str, words: Sequence[str] = ()) -> Said:
    """The doctor about one of SAMPLES, with a broker beside it; paths and ports as they would be on a truck."""
    # Not where temporary files lie: `check` warns of a state that is emptied at each start.
    with tempfile.TemporaryDirectory(dir=Path.home()) as made, sample(name) as gps:
        folder = Path(made)
        port = linked(gps, folder)
        baud = "auto" if name in ("garbage", "good") else "9600"
        with Mosquitto(folder) as broker:
            (folder / "agent.yaml").write_text(
                "fleet: springfield\nvehicle: truck-017\nstate: state\n"
                f"gnss: {{port: {port}, baud: {baud}, silence: 3 s}}\nlink: {{brokers: ['{broker.url}']}}\n"
            )
            done = subprocess.run(
                [
                    sys.executable,
                    "-m",
                    "agent",
                    "doctor",
                    "--config",
                    str(folder / "agent.yaml"),
                    "--seconds",
                    "6",
                    *words,
                ],
                capture_output=True,
                text=True,
                timeout=ENDED_WITHIN_S,
                stdin=subprocess.DEVNULL,
                check=False,
            )
            said = [
                text.replace(str(port), "/dev/fairhaul-gps")
                .replace(f"{folder}/", "")
                .replace(str(broker.port), "1883")
                for text in (done.stdout, done.stderr)
            ]
    return Said(done.returncode, *said)


def shown(name: str, said: Said) -> str:
    """What the page shows of it: all of a good one, of the others the verdict and what is said of the receiver."""
    if name == "good":
        return said.stdout
    head, *groups = said.stdout.split("\n\n")
    return "\n\n".join([head, *(group for group in groups if group.startswith("The receiver\n"))]) + "\n"


def settled(text: str) -> str:
    """Without what differs from run to run and from computer to computer."""
    return re.sub(r"\d[\d,.-]*", "N", OWN.sub("", text))


def marks(name: str) -> tuple[str, str]:
    """What stands before and behind an output on the page."""
    return f"<!-- doctor: {name} -->\n```text\n", "```\n<!-- end -->"


def on_page(name: str) -> str:
    """The output that the page shows."""
    begins, ends = marks(name)
    return PAGE.read_text(encoding="utf-8").partition(begins)[2].partition(ends)[0]


def write_page() -> None:
    """Every output anew."""
    text = PAGE.read_text(encoding="utf-8")
    for name in SAMPLES:
        begins, ends = marks(name)
        before, begin, rest = text.partition(begins)
        text = before + begin + shown(name, asked(name)) + ends + rest.partition(ends)[2]
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_page()
