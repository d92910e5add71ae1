"""Docs that lie fail the build: commands, options, keys, streams, log messages, links and recipes."""

from __future__ import annotations

import ast
import configparser
import importlib
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import click
import pytest
from annotated_types import Ge, Le, MaxLen
from click.testing import CliRunner

from agent.__main__ import SECTIONS, main
from agent.agreement import load_agreement
from agent.agreement.schema import AgreementFile
from agent.agreement.terms import Streams
from config.load import load_configuration
from config.reference import reference
from config.schema import Configuration
from config.shape import fields, in_field, limits, models_of, quantity_of

ROOT = Path(__file__).parent.parent.parent
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "systemd/README.md",
]
COMMANDS = [name for commands in SECTIONS.values() for name in commands]
NOT_ROOMS = {"build", "dist", "demo-out", "__pycache__"}
HIDDEN_ROOMS = {".ci"}

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^([ ]*)```([a-z]*)[ ]?(.*?)\n(.*?)^[ ]*```", re.DOTALL | re.MULTILINE)
ABSOLUTE = re.compile(
    r"(?<![\w.])/(?:Users|bin|boot|dev|etc|home|lib|media|mnt|opt|root|run|srv|tmp|usr|var|work)\b[\w./-]*"
)
ALLOWED_PATHS = re.compile(
    r"/(etc/(chrony|fairhaul|mosquitto|nats|nats-server\.conf|udev|systemd|sysusers\.d|tmpfiles\.d|modules-load\.d)"
    r"|dev|var/lib/(fairhaul|nats)|run/(fairhaul|credentials|chrony\.fairhaul\.sock)|usr|boot/firmware)(/|$)"
)
NOT_RUN = {"run", "demo", "status", "receive", "check", "receipts"}
TEMPLATE = re.compile(r"%[sd]")
CODE = re.compile(r"`([^`\n]+)`")


class Block(NamedTuple):
    """A fenced block: its language, the word behind it, its text."""

    page: Path
    language: str
    word: str
    text: str

    @property
    def commands(self) -> list[list[str]]:
        """The words of each line that begins with `$`, up to a pipe or a redirection."""
        lines = [line.strip()[2:] for line in self.text.splitlines() if line.strip().startswith("$ ")]
        return [shlex.split(re.split(r"\s[|>]\s", line)[0]) for line in lines]


def page_name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks() -> Iterator[Block]:
    for page in PAGES:
        for indent, language, word, text in FENCE.findall(page.read_text(encoding="utf-8")):
            yield Block(page, language, word.strip(), re.sub(f"^{indent}", "", text, flags=re.MULTILINE))


BLOCKS = list(blocks())
CONSOLE = [
    pytest.param(words, id=f"{block.page.name}: {shlex.join(words)[:50]}")
    for block in BLOCKS
    if block.language == "console"
    for words in block.commands
]


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def links(page: Path) -> list[str]:
    without_code = FENCE.sub("", page.read_text(encoding="utf-8"))
    return [link for link in LINK.findall(without_code) if not re.match(r"[a-z]+://|#|mailto:", link)]


# Commands.


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_stands_in_the_readme_and_in_a_page(command: str) -> None:
    assert f"| `{command}` |" in text_of("README.md")
    pages = [page for page in PAGES if page.parent.name == "docs"]
    commands = {words[1] for block in BLOCKS if block.page in pages for words in block.commands if words[1:]}
    mentioned = any(f"fairhaul {command}" in page.read_text(encoding="utf-8") for page in pages)
    assert command in commands or mentioned


def test_the_readme_lists_no_command_that_is_not_there() -> None:
    table = text_of("README.md").partition("## Commands")[2].partition("\n## ")[0]
    assert re.findall(r"^\|[^|]*\| `([a-z]+)` \|", table, re.MULTILINE) == COMMANDS


@pytest.mark.parametrize("words", CONSOLE)
def test_every_command_line_in_the_pages_is_one_of_ours(words: list[str]) -> None:
    if words[0] == "make":
        targets = re.findall(r"^([a-z0-9-]+):.*## ", text_of("Makefile"), re.MULTILINE)
        assert {word for word in words[1:] if "=" not in word} <= set(targets)
        return
    assert words[0] == "fairhaul"
    command = main.get_command(click.Context(main), words[1])
    if isinstance(command, click.Group):
        command = command.get_command(click.Context(command), words[2])
    assert command is not None
    known = {option for param in command.params for option in param.opts} | {"--help"}
    assert {word for word in words[2:] if word.startswith("--")} <= known


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    assert CliRunner().invoke(main, [command, "--help"]).exit_code == 0


@pytest.mark.parametrize("page", ["README.md", "docs/crews.md", "docs/agreements.md"])
def test_every_recipe_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ours = [words for block in BLOCKS if page_name(block.page) == page for words in block.commands]
    recipe = [words[1:] for words in ours if words[0] == "fairhaul" and words[1] not in NOT_RUN]
    assert recipe
    for words in recipe:
        done = CliRunner().invoke(main, words)
        assert done.exit_code == 0, f"{shlex.join(words)}: {done.output[-500:]}"


def test_check_says_of_the_broken_example_what_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    broken = next(block for block in BLOCKS if block.word == "broken.yaml")
    (tmp_path / "broken.yaml").write_text(broken.text, encoding="utf-8")
    told = next(block for block in BLOCKS if "check --config broken.yaml" in block.text)
    said = CliRunner().invoke(main, ["check", "--config", "broken.yaml"])
    assert said.output.splitlines() == told.text.splitlines()[1:]


# Keys and streams.


def test_the_page_of_configuration_keys_is_fresh() -> None:
    assert text_of("docs/configuration.md") == reference(), (
        "type: .venv/bin/python -m config.reference > docs/configuration.md"
    )


def test_the_page_of_configuration_keys_has_every_key_of_every_section() -> None:
    page = reference()
    keys = {key for model in models_of(Configuration).values() for key in fields(model)}
    assert len(keys) > 40
    assert [key for key in sorted(keys) if f"| `{key}` |" not in page] == []


@pytest.mark.parametrize("name", sorted(models_of(AgreementFile)))
def test_every_key_of_an_agreement_is_explained_with_its_limits(name: str) -> None:
    page = text_of("docs/agreements.md")
    tables = re.split(r"^### ", page, flags=re.MULTILINE)
    model = models_of(AgreementFile)[name]
    explained = [
        rows
        for table in tables
        if (rows := dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", table, re.MULTILINE)))
        and list(rows) == list(fields(model))
    ]
    assert explained, f"no table in docs/agreements.md has exactly the keys of {name}: {list(fields(model))}"
    for rows in explained:
        for key, field in fields(model).items():
            for words in limits_in_words(in_field(field)):
                assert words in rows[key], f"{name}.{key}: {words!r} is missing"


def limits_in_words(holds: list) -> list[str]:  # type: ignore[type-arg]
    """The limits of a key as the page has to write them."""
    least, most = limits(holds)
    quantity = quantity_of(holds)
    if quantity and most is not None:
        return [f"{quantity.written(least)} to {quantity.written(most)}"]
    if quantity:
        return [f"{quantity.written(least)} or more"]
    numbers = [mark for each in holds for mark in each.marks if isinstance(mark, Ge | Le)]
    if numbers and any(each.kind in (int, float) for each in holds):
        return [f"{least} to {most}"]
    lengths = [mark.max_length for each in holds for mark in each.marks if isinstance(mark, MaxLen)]
    return [str(length) for length in lengths if any("list" in str(each.kind) for each in holds)]


@pytest.mark.parametrize("stream", list(Streams.model_fields))
@pytest.mark.parametrize("page", ["README.md", "docs/agreements.md", "docs/crews.md", "docs/crews.es.md"])
def test_every_stream_that_can_be_agreed_on_is_explained(page: str, stream: str) -> None:
    assert f"`{stream}`" in text_of(page)


def test_every_test_that_the_property_page_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", text_of("docs/property.md")))
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    assert len(named) > 30
    assert [name for name in sorted(named) if f"def {name}(" not in code] == []


def test_complete_examples_in_the_pages_load(tmp_path: Path) -> None:
    load = {"agent": load_configuration, "agreement": load_agreement}
    complete = [block for block in BLOCKS if block.language == "yaml" and block.word in load]
    assert {block.word for block in complete} == set(load)
    for number, block in enumerate(complete):
        path = tmp_path / f"{number}.yaml"
        path.write_text(block.text, encoding="utf-8")
        load[block.word](path)


# Log messages.


def logged() -> Iterator[str]:
    """The messages that the code logs, up to the first line's end, with … for what is filled in."""
    for room in ("agent", "drivers", "buffer", "config"):
        for path in sorted((ROOT / room).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if is_log_call(node):
                    template = node.args[0].value  # type: ignore[attr-defined]
                    yield TEMPLATE.sub("…", template).replace("\n", " ").strip()


def is_log_call(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("info", "warning", "error", "exception", "critical")
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id.strip("_").startswith("log")
    )


def test_every_log_message_is_explained_to_technicians_and_none_is_made_up() -> None:
    messages = set(logged())
    section = (
        text_of("docs/technicians.md").partition("## What the log says")[2].partition("| in brackets")[0]
    )
    explained = set(re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE))
    assert len(messages) > 8
    assert sorted(messages - explained) == [], "add a row to the table in docs/technicians.md"
    assert sorted(explained - messages) == [], "docs/technicians.md explains what is never logged"


def test_every_reason_in_brackets_is_one_that_the_code_gives() -> None:
    section = text_of("docs/technicians.md").partition("| in brackets")[2].partition("\n\n")[0]
    reasons = re.findall(r"^\| `([^`…]+?)(?:: …)?` \|", section, re.MULTILINE)
    code = "".join(
        path.read_text(encoding="utf-8")
        for room in ("agent", "drivers")
        for path in (ROOT / room).rglob("*.py")
    )
    system = {"connection refused"}  # the operating system's own words
    assert len(reasons) > 5
    assert [reason for reason in reasons if reason not in code and reason not in system] == []


# Links, paths, rooms, pictures.


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_relative_link_and_picture_is_there(page: Path) -> None:
    missing = [link for link in links(page) if not (page.parent / link.partition("#")[0]).exists()]
    assert missing == []


def test_every_page_is_reached_from_the_readme() -> None:
    reached = {(ROOT / link).resolve() for link in links(ROOT / "README.md")}
    pages = {page.resolve() for page in (ROOT / "docs").iterdir()}
    assert {page.name for page in pages - reached} == set()


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_no_page_names_a_path_of_somebody_s_machine(page: Path) -> None:
    text = re.sub(r"\w+://\S+", "", page.read_text(encoding="utf-8"))
    text = LINK.sub("", text)
    assert [path for path in ABSOLUTE.findall(text) if not ALLOWED_PATHS.match(path)] == []


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_no_page_leaves_something_to_be_done(page: Path) -> None:
    assert re.findall(r"TODO|FIXME|TBD|lorem", page.read_text(encoding="utf-8")) == []


def test_the_room_map_lists_every_top_level_folder() -> None:
    table = text_of("README.md").partition("## Rooms")[2].partition("\n## ")[0]
    listed = set(re.findall(r"^\| \[`([^`]+)/`\]", table, re.MULTILINE))
    rooms = {
        path.name
        for path in ROOT.iterdir()
        if path.is_dir() and not path.name.startswith(".") and not path.name.endswith(".egg-info")
    }
    assert listed == (rooms - NOT_ROOMS) | HIDDEN_ROOMS


def test_the_contributors_map_names_every_file_or_its_folder_and_none_that_is_not_there() -> None:
    text = text_of("docs/contributing.md")
    page = text.partition("## The way of a fix")[2].partition("## Where things go")[0]
    of_agent, *others = re.split(r"^\| in `(?:drivers|buffer|config)/`", page, flags=re.MULTILINE)
    for room, told in zip(("agent", "drivers", "buffer", "config"), (of_agent, *others), strict=True):
        named = {Path(code).name for code in CODE.findall(told) if "/" in code or "." in code}
        files = [
            path.relative_to(ROOT)
            for path in (ROOT / room).rglob("*.*")
            if path.name != "__init__.py" and "__pycache__" not in path.parts
        ]
        assert sorted(str(file) for file in files if not named & set(file.parts[1:])) == []
        there = {part for file in files for part in file.parts}
        assert sorted(named - there - {"contributing.md", "configuration.md"}) == []


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_target_of_make_that_a_page_names_is_there(page: Path) -> None:
    targets = re.findall(r"^([a-z0-9-]+):.*## ", text_of("Makefile"), re.MULTILINE)
    named = re.findall(r"`make\s+([a-z0-9-]+)", page.read_text(encoding="utf-8"))
    assert sorted(set(named) - set(targets)) == []


@pytest.mark.parametrize("picture", sorted((ROOT / "docs").glob("*.svg")), ids=lambda path: path.name)
def test_every_picture_has_words_for_those_who_cannot_see_it_and_suits_light_and_dark(picture: Path) -> None:
    root = ElementTree.parse(picture).getroot()
    found = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert {"title", "desc", "text"} <= found
    assert "prefers-color-scheme: dark" in picture.read_text(encoding="utf-8")


# The service.


def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text_of("systemd/fairhaul.service"))
    return parser


def test_the_service_restarts_for_ever_and_waits_for_no_network() -> None:
    service, whole = unit()["Service"], text_of("systemd/fairhaul.service")
    assert service["Restart"] == "always"
    assert unit()["Unit"]["StartLimitIntervalSec"] == "0"
    assert "network" not in re.sub(r"^#.*$", "", whole, flags=re.MULTILINE).lower()


def test_the_service_runs_as_its_own_user_where_lgpio_can_write() -> None:
    service = unit()["Service"]
    assert service["User"] == "fairhaul"
    assert service["SupplementaryGroups"].split() == ["dialout", "gpio"]
    assert service["WorkingDirectory"] == f"%t/{service['RuntimeDirectory']}/lgpio"
    assert f"/var/lib/{service['StateDirectory']}" == Configuration.model_fields["state"].default.as_posix()


def test_the_service_s_command_exists() -> None:
    words = unit()["Service"]["ExecStart"].split()
    command = importlib.import_module(f"agent.cli.{words[1]}").run
    assert words[2] in {option for param in command.params for option in param.opts}


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_finds_nothing_to_say_about_the_service(tmp_path: Path) -> None:
    here = tmp_path / "fairhaul.service"
    text = re.sub(
        r"^ExecStart=\S+",
        f"ExecStart={sys.executable}",
        text_of("systemd/fairhaul.service"),
        flags=re.MULTILINE,
    )
    here.write_text(text, encoding="utf-8")
    done = subprocess.run(["systemd-analyze", "verify", here], capture_output=True, text=True, check=False)
    about_it = [line for line in done.stderr.splitlines() if "fairhaul" in line]
    assert about_it == []


def test_the_udev_rule_gives_the_name_that_is_the_default_port() -> None:
    port = fields(models_of(Configuration)["Gnss"])["port"].default
    assert f'SYMLINK+="{port.removeprefix("/dev/")}"' in text_of("systemd/60-fairhaul-gps.rules")
