"""The example files are complete, load, say the truth about defaults, and fit the schema that editors use."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
from click.testing import CliRunner

import config
from agent.cli.check import check
from config.editor import json_schema
from config.load import load_configuration, load_yaml
from config.located import dotted
from config.pins import AnyPin
from config.schema import Braking, Configuration, Gnss, Link, Log, Outbox
from config.shape import fields, models_of

HERE = Path(config.__file__).parent
EXAMPLES = sorted(HERE.glob("*.example.yaml"))
BROKEN = sorted(Path(__file__).with_name("broken").glob("*.yaml"))


def test_every_example_is_known_here() -> None:
    assert [path.name for path in EXAMPLES] == [
        "agent.example.yaml",
        "agent.uart.example.yaml",
        "fleet.example.yaml",
        "truck.example.yaml",
    ]


NEEDED = {"harsh_braking", "ignition", "crew_switch", "lift", "help_button"}


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("agent.example.yaml", NEEDED),
        ("agent.uart.example.yaml", NEEDED),
        ("truck.example.yaml", NEEDED),
    ],
)
def test_an_example_loads(name: str, kinds: set[str]) -> None:
    loaded = load_configuration(HERE / name)
    assert loaded.fleet == "springfield"
    assert loaded.agreement == HERE / "agreements" / "routes-and-safety.yaml"
    assert CliRunner().invoke(check, ["--config", str(HERE / name)]).exit_code == 0
    assert {pin.kind for pin in loaded.pins.values()} == kinds


def test_the_complete_example_shows_the_defaults() -> None:
    loaded = load_configuration(HERE / "agent.example.yaml")
    assert (loaded.gnss, loaded.braking, loaded.outbox, loaded.log) == (Gnss(), Braking(), Outbox(), Log())
    own = {"brokers", "username", "password_file", "ca_file"}
    usual = Link(brokers=("mqtt://any",)).model_dump(exclude=own)
    assert loaded.link.model_dump(exclude=own) == usual
    brake = dict(load_yaml(HERE / "agent.example.yaml").tree["pins"]["brake_front"])
    short = {"fleet": "a", "vehicle": "b", "link": {"brokers": ["mqtt://c"]}}
    pin = {"gpio": brake["gpio"], "kind": brake["kind"]}
    assert Configuration.model_validate({**short, "pins": {"brake_front": pin}}).pins == {
        "brake_front": loaded.pins["brake_front"]
    }


def test_the_complete_example_mentions_every_key_of_every_section() -> None:
    text = (HERE / "agent.example.yaml").read_text(encoding="utf-8")
    keys = {key for model in models_of(Configuration).values() for key in fields(model)}
    assert {key for key in keys if f"{key}:" not in text and f"{key} " not in text} == {"extends"}


def test_commented_lines_of_the_complete_example_are_right_too(tmp_path: Path) -> None:
    lines = (HERE / "agent.example.yaml").read_text(encoding="utf-8").splitlines()
    pins = ("hazard:", "blocked:", "nothing_out:", "lamp:")
    hidden = (*pins, "certificate_file:", "key_file:", "client_id:")
    springs_back = next(line for line in lines if "# crew_switch:" in line)
    shown = [
        line.replace("# ", "", 1) if line.strip().removeprefix("# ").startswith(hidden) else line
        for line in lines
        if not line.strip().startswith("crew_switch:")
    ]
    shown[shown.index(springs_back)] = springs_back.replace("# ", "", 1)
    path = tmp_path / "agent.yaml"
    path.write_text("\n".join(shown), encoding="utf-8")
    loaded = load_configuration(path)
    assert {pin.removesuffix(":") for pin in pins} < set(loaded.pins)
    assert {pin.kind for pin in loaded.pins.values()} == {
        get_args(fields(model)["kind"].annotation)[0] for model in get_args(get_args(AnyPin)[0])
    }
    assert loaded.pins["crew_switch"].model_dump()["momentary"] is True
    assert loaded.link.key_file == Path("/run/credentials/fairhaul.service/keys_truck-017.key")
    assert loaded.client_id == "fairhaul-springfield-truck-017"


def test_the_json_schema_is_fresh() -> None:
    """When this fails: `python -m config.editor > config/agent.schema.json`."""
    run = subprocess.run(
        [sys.executable, "-m", "config.editor"], capture_output=True, check=True, cwd=HERE.parent, text=True
    )
    assert run.stderr == ""
    assert run.stdout == (HERE / "agent.schema.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_fits_the_json_schema_and_names_it(path: Path) -> None:
    assert path.read_text(encoding="utf-8").startswith("# yaml-language-server: $schema=agent.schema.json\n")
    jsonschema.Draft202012Validator(json_schema()).validate(load_yaml(path).tree)


def test_the_json_schema_is_one_and_describes_every_key() -> None:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert list(_undescribed(schema)) == []


def _undescribed(schema: dict[str, Any]) -> list[str]:
    definitions = {"": schema, **schema["$defs"]}
    return [
        dotted((name, key))
        for name, each in definitions.items()
        for key, written in each["properties"].items()
        if not written.get("description")
    ]


@pytest.mark.parametrize(
    "text",
    [
        '{"gnss": {"silence": 10}}',
        '{"gnss": {"silence": "10 km"}}',
        '{"gnss": {"baud": 9601}}',
        '{"flete": "x"}',
        '{"pins": {"a": {"kind": "status_led", "pull": "up"}}}',
        '{"link": {"brokers": []}}',
        '{"link": {"password": "x"}}',
    ],
)
def test_the_json_schema_marks_what_check_refuses(text: str) -> None:
    assert not jsonschema.Draft202012Validator(json_schema()).is_valid(json.loads(text))
