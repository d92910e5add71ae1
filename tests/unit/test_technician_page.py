"""docs/technicians.md shows what the commands really say: `python -m tests.unit.test_technician_page` writes it anew.

Each output is made by the real command, in a folder that stands for /etc/fairhaul, and compared as a whole. What may
differ is settled by `settled`, and by nothing else.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import gpiozero
import pytest
from click.testing import CliRunner
from gpiozero.pins.mock import MockFactory

import agent.cli.doctor
import agent.cli.init
from agent.__main__ import main
from agent.cli.asking import LINES
from agent.doctor.hands import ASK_FOR
from agent.doctor.machine import Machine
from agent.status import STATUS_FILE, status_of
from agent.surroundings import EXAMPLE_AGREEMENT
from buffer import lock
from config.load import load_configuration
from drivers.embedded_broker import EmbeddedBroker
from drivers.inputs import PortOpened
from tests.sim.drives import Witness, agreement, by_time, epochs, fed, straight, switched_on, truck
from tests.unit.doctor_parts import linked, sample
from tests.unit.test_doctor_page import checks_in_code

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs/technicians.md"
PLACE = "/etc/fairhaul"
FENCE = re.compile(r"^```([a-z]+)[ ]?(.*?)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
CUT = "…"
"""A line of it stands for what the page leaves out."""

KEPT_ELSEWHERE = {
    "fairhaul check --config broken.yaml": "tests/unit/test_docs.py",
    "fairhaul init --from trucks.csv --truck 018 --fleet-file fleet.yaml": "tests/unit/test_init.py",
    "fairhaul check --config agent.yaml --effective": "tests/unit/test_init.py",
}
"""Outputs that another test compares, which has the command in its text."""

LANGUAGES = {"console", "csv", "sh", "text", "yaml"}
"""Kinds of block; of a further one it would have to be said here whether it shows an output."""

STARTS = {
    "apt",
    "cd",
    "install",
    "journalctl",
    "python3",
    "scp",
    "shred",
    "ssh",
    "sudo",
    "swapon",
    "systemctl",
}
"""What a line of a block for the shell may begin with; anything else would be an output."""


class Shown(NamedTuple):
    """A block of the page that shows an output: the command, or the word behind `text`, and the output."""

    title: str
    text: str


def shown(page: str) -> list[Shown]:
    """Every block that shows an output."""
    found = []
    for language, word, text in FENCE.findall(page):
        if language == "text":
            found.append(Shown(word, text))
        elif language == "console":
            command, _, output = text.partition("\n")
            found += [Shown(command.removeprefix("$ "), output)] if output.strip() else []
    return found


def settled(text: str) -> str:
    """Without trailing spaces, and whichever version of Fairhaul it is."""
    return re.sub(r" +$", "", re.sub(r"Fairhaul \d\S*", "Fairhaul N", text), flags=re.MULTILINE)


def shortened(said: str) -> str:
    """What the page shows of the doctor: what it asks for, the verdict, and the lines."""
    head, *groups = said.split("\n\n")
    asked, _, verdict = head.partition("READY: ")
    (lines,) = (group for group in groups if group.startswith("The lines\n"))
    return f"{asked}READY: {verdict.splitlines()[0]}\n{CUT}\n{lines}\n{CUT}\n"


def on_page() -> list[Shown]:
    return shown(PAGE.read_text(encoding="utf-8"))


# The truck of the page: what steps 3 to 10 make, in a folder that stands for /etc/fairhaul.

NAME = "truck-017"
ANSWERS = [
    "springfield",
    NAME,
    *[""] * 8,
    "none",
    "none",
    "none",
    "25",
    "mqtts://mqtt.city.example",
    "ca.pem",
    *[""] * 3,
]


class Workshop:
    """A folder with the files of step 4, and what each step says in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        text = EXAMPLE_AGREEMENT.read_text(encoding="utf-8")
        (folder / "agreement.yaml").write_text(
            re.sub(r"valid_until: \d{4}", "valid_until: 2098", text), encoding="utf-8"
        )
        (folder / "ca.pem").touch()
        (folder / "keys").mkdir()
        for name in (f"{NAME}.pem", f"{NAME}.key"):
            (folder / "keys" / name).touch(0o600)

    def installed(self) -> str:
        """Step 3: the end of what the package does as it is installed."""
        script = (ROOT / "systemd/debian/postinst").read_text(encoding="utf-8")
        ending = script[script.index("\nif [ ! -e /etc/fairhaul/agent.yaml ]") :]
        command = ["sh", "-c", ending.replace("! -e /etc/fairhaul", f"! -e {self.folder}")]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def init(self) -> str:
        """Step 5: the questions, with what is typed."""
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)
            patch.setattr(agent.cli.init, "somebody_answers", lambda: True)
            return self.said("init", answers="\n".join([*ANSWERS, ""]))

    def check(self) -> str:
        """Step 6."""
        self.init()
        return self.said("check", "--config", str(self.folder / "agent.yaml"))

    def status(self) -> str:
        """Step 9: a truck that has just set out."""
        self.init()
        with (self.folder / "agent.yaml").open("a", encoding="utf-8") as file:
            file.write(f"state: {self.folder}\n")
        configured = load_configuration(self.folder / "agent.yaml")
        agreed, link = agreement(), Witness()
        runtime = truck(agreed, link=link)
        fed(runtime, link, [PortOpened(0.0, "usb", 9600), *by_time(switched_on(), epochs(straight(300)))])
        told = json.dumps(status_of(configured, agreed, runtime))
        (self.folder / STATUS_FILE).write_text(told, encoding="utf-8")
        with pytest.MonkeyPatch.context() as patch, lock.held(self.folder):
            patch.setenv("RUNTIME_DIRECTORY", str(self.folder))
            return self.said("status", "--config", str(self.folder / "agent.yaml"))

    def doctor(self) -> str:
        """Step 10: a good receiver on a pty, a broker, gpiozero's mock pins, and a technician who does as asked."""
        self.init()
        file = self.folder / "agent.yaml"
        with sample("good") as gps, EmbeddedBroker() as broker, mock_pins() as pins:
            text = file.read_text(encoding="utf-8")
            text = text.replace("/dev/fairhaul-gps", str(linked(gps, self.folder)))
            text = (
                text[: text.index("\nlink:")] + f"\nlink: {{brokers: ['mqtt://127.0.0.1:{broker.port}']}}\n"
            )
            file.write_text(f"{text}state: {self.folder}/state\n", encoding="utf-8")
            return shortened(doctor_with_hands(file, pins))

    def said(self, *words: str, answers: str = "") -> str:
        """A command's outputs as on a terminal, with the truck's paths."""
        done = CliRunner().invoke(main, list(words), input=answers)
        assert done.exit_code == 0, done.output
        return done.output.replace(str(self.folder), PLACE)


@contextlib.contextmanager
def mock_pins() -> Iterator[MockFactory]:
    """A header without a Raspberry Pi."""
    before, made = gpiozero.Device.pin_factory, MockFactory()
    gpiozero.Device.pin_factory = made
    try:
        yield made
    finally:
        made.close()
        gpiozero.Device.pin_factory = before


def doctor_with_hands(file: Path, pins: MockFactory) -> str:
    """What the doctor says, and what it asks of a technician who moves every line and sees the lamp."""
    gpio = {f"{sentence} ": LINES[kind].gpio for kind, sentence in ASK_FOR.items()}

    class Hands(agent.cli.doctor.AtTheTruck):
        def told(self, sentence: str) -> None:
            super().told(sentence)
            line = pins.pin(gpio[sentence.partition("(")[0]])
            line.drive_low()
            line.drive_high()

        def agrees(self, question: str, within_s: float) -> bool | None:
            answer = super().agrees(question, within_s)
            print("y", file=sys.stderr)  # noqa: T201 - a terminal shows what is typed
            return answer

    reading, writing = os.pipe()
    os.write(writing, b"y\n")
    os.close(writing)
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, os.fdopen(reading) as keyboard:
        patch.setattr(sys, "stdin", keyboard)
        patch.setattr(agent.cli.doctor, "AtTheTruck", Hands)
        patch.setattr(Machine, "sees_all_programs", True)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            main(["doctor", "--config", str(file), "--hands", "--seconds", "6"], standalone_mode=False)
    return out.getvalue()


MADE: dict[str, Callable[[Workshop], str]] = {
    "installed": Workshop.installed,
    "fairhaul init": Workshop.init,
    "fairhaul check": Workshop.check,
    "fairhaul status": Workshop.status,
    "fairhaul doctor": Workshop.doctor,
}


@pytest.mark.parametrize("title", MADE)
def test_what_the_page_shows_is_what_the_command_says(title: str, tmp_path: Path) -> None:
    (block,) = (block for block in on_page() if block.title == title)
    fresh = "type: .venv/bin/python -m tests.unit.test_technician_page"
    assert settled(block.text) == settled(MADE[title](Workshop(tmp_path))), fresh


def test_no_output_stands_on_the_page_that_no_test_compares() -> None:
    titles = [block.title for block in on_page()]
    assert sorted(titles) == sorted([*MADE, *KEPT_ELSEWHERE])


@pytest.mark.parametrize(("command", "file"), KEPT_ELSEWHERE.items())
def test_what_is_compared_elsewhere_is(command: str, file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    assert command.removeprefix("fairhaul ").removesuffix(" --effective") in text


def test_an_output_would_be_found_whatever_its_block_is_called() -> None:
    page = (
        "```console\n$ fairhaul status\nup\n```\n\n```text x\nup\n```\n\n```console\n$ fairhaul doctor\n```\n"
    )
    assert shown(page) == [Shown("fairhaul status", "up\n"), Shown("x", "up\n")]
    assert {language for language, _, _ in FENCE.findall(PAGE.read_text(encoding="utf-8"))} == LANGUAGES


def test_a_block_for_the_shell_has_commands_alone() -> None:
    blocks = [
        text for language, _, text in FENCE.findall(PAGE.read_text(encoding="utf-8")) if language == "sh"
    ]
    assert len(blocks) > 5
    assert {line.split()[0] for text in blocks for line in text.splitlines()} <= STARTS


def test_the_first_installation_takes_ten_steps_and_each_says_what_is_seen() -> None:
    section = PAGE.read_text(encoding="utf-8").partition("## Ten steps\n")[2].partition("\n## ")[0]
    _, *steps = re.split(r"^\*\*(?=\d+\. )", section, flags=re.MULTILINE)
    assert [step.partition(".")[0] for step in steps] == [str(number) for number in range(1, 11)]
    assert [step for step in steps if "*You see" not in step and not shown(step)] == []
    assert steps[-1].count("\nREADY: ") == 1


def test_table_picture_and_questions_propose_the_same_pins() -> None:
    rows = re.findall(
        r"^\|[^|]+\| `(\w+)` \| (\d+) \| (\d+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert {kind: int(gpio) for kind, gpio, _ in rows} == {kind: line.gpio for kind, line in LINES.items()}
    picture = (ROOT / "docs/wiring-header.svg").read_text(encoding="utf-8")
    drawn = re.findall(r'class="used".*?>(\d+)</text>\n.*?>GPIO (\d+)</text>', picture)
    assert sorted((int(place), int(gpio)) for _, gpio, place in rows) == sorted(
        (int(place), int(gpio)) for place, gpio in drawn
    )


def test_the_symptoms_name_checks_that_the_doctor_makes() -> None:
    table = (
        PAGE.read_text(encoding="utf-8").partition("| the doctor says NOT READY by |")[2].partition("\n\n")[0]
    )
    named = {
        name
        for row in table.splitlines()
        for name in re.findall(r"`([^`]+)`", row.split("|")[1:2][0] if row else "")
    }
    assert len(named) > 10
    assert named - checks_in_code() == {"… by hand"}


def write_page() -> None:
    """Every output anew."""
    text = PAGE.read_text(encoding="utf-8")
    for title, make in MADE.items():
        begin = f"```text {title}\n" if f"```text {title}\n" in text else f"```console\n$ {title}\n"
        before, _, rest = text.partition(begin)
        with tempfile.TemporaryDirectory() as folder:
            text = before + begin + make(Workshop(Path(folder))) + "```\n" + rest.partition("```\n")[2]
    PAGE.write_text(re.sub(r" +$", "", text, flags=re.MULTILINE), encoding="utf-8")


if __name__ == "__main__":
    write_page()
