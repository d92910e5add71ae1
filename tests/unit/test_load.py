from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from config.load import (
    ConfigurationError,
    Problem,
    load_configuration,
    load_yaml,
    place,
    read_configuration,
    validate,
)
from config.located import PROBLEMS_MAX, SHOWN_CHARACTERS_MAX, Mistake
from config.merging import EXTENDS_MAX
from config.pins import PINS_MAX, LevelPin
from config.quantities import Metres
from config.reading import FILE_BYTES_MAX, NESTING_MAX, NUMBER_CHARACTERS_MAX, read_yaml
from config.schema import BROKERS_MAX, Configuration
from config.values import BrokerAddress, broker_address

FINE = "fleet: springfield\nvehicle: truck-017\nlink: {brokers: [mqtts://mqtt.city.example]}\n"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(text: str, name: str = "agent.yaml") -> Path:
    path = Path(name)
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def said(path: Path) -> list[str]:
    with pytest.raises(ConfigurationError) as error:
        load_configuration(path)
    return [str(problem) for problem in error.value.problems]


# What YAML means

CORE = [
    ("true", True),
    ("FALSE", False),
    ("yes", "yes"),
    ("off", "off"),
    ("~", None),
    ("null", None),
    ("17", 17),
    ("-3", -3),
    ("+3", 3),
    ("0x1F", 31),
    ("0o17", 15),
    ("1.5", 1.5),
    ("1e3", 1000.0),
    (".5", 0.5),
    ("1_000", "1_000"),
    ("12:30", "12:30"),
    ("2030-12-31", "2030-12-31"),
    ("'17'", "17"),
    ("'true'", "true"),
    ("''", ""),
    ("a # comment", "a"),
    ("|\n  two\n  lines\n", "two\nlines\n"),
]


@pytest.mark.parametrize(("text", "value"), CORE)
def test_plain_texts_mean_what_the_core_schema_of_yaml_1_2_says(text: str, value: object) -> None:
    read = load_yaml(write(f"key: {text}\n")).tree["key"]
    assert read == value
    assert type(read) is type(value)


def test_a_key_is_a_text_whatever_it_looks_like() -> None:
    assert load_yaml(write("17: a\ntrue: b\n1.5: c\n")).tree == {"17": "a", "true": "b", "1.5": "c"}


def test_every_key_and_value_has_its_place() -> None:
    located = load_yaml(write("a:\n  b: [1, {c: 2}]\n"))
    assert place(located, ("a", "b")) == ("agent.yaml", 2, 6)
    assert place(located, ("a", "b", 1, "c")) == ("agent.yaml", 2, 14)
    assert located.keys["a", "b", 1, "c"] == ("agent.yaml", 2, 11)


def test_what_is_absent_stands_at_its_nearest_ancestor() -> None:
    located = load_yaml(write("x: 1\na:\n  b: [1]\n"))
    assert place(located, ("a", "z")) == ("agent.yaml", 2, 1)
    assert place(located, ("a", "b", 7)) == ("agent.yaml", 3, 3)
    assert place(located, ("z",)) == ("agent.yaml", 1, 1)


def test_a_problem_is_a_line_that_an_editor_can_follow() -> None:
    assert str(Problem("a.yaml", 3, 7, "b.c", "is wrong")) == "a.yaml:3:7: b.c: is wrong"
    assert str(Problem("a.yaml", 3, 7, "", "is wrong")) == "a.yaml:3:7: is wrong"


# Limits, each at the limit and one past it


def test_nesting_is_read_to_its_limit_and_no_further() -> None:
    load_yaml(write("a: " + "[" * NESTING_MAX + "]" * NESTING_MAX))
    with pytest.raises(ConfigurationError, match="nested more than 32 deep"):
        load_yaml(write("a: " + "[" * (NESTING_MAX + 1) + "]" * (NESTING_MAX + 1)))


def test_a_file_is_read_to_its_limit_and_no_further() -> None:
    start = "a: 1 #"
    load_yaml(write(start + "x" * (FILE_BYTES_MAX - len(start))))
    with pytest.raises(ConfigurationError, match="larger than 1024 KiB"):
        load_yaml(write(start + "x" * (FILE_BYTES_MAX + 1 - len(start))))


def test_a_number_is_read_to_its_limit_and_no_further() -> None:
    assert load_yaml(write("a: " + "9" * NUMBER_CHARACTERS_MAX)).tree["a"] == int("9" * NUMBER_CHARACTERS_MAX)
    for number in ("9" * (NUMBER_CHARACTERS_MAX + 1), "9" * 5000, "1e999"):
        with pytest.raises(ConfigurationError, match="too long or too large"):
            load_yaml(write(f"a: {number}"))


def test_problems_are_told_to_their_limit_and_the_rest_counted() -> None:
    problems = [Problem("a", n, 1, "", "x") for n in range(1, PROBLEMS_MAX + 2)]
    assert len(ConfigurationError(problems[:-1]).problems) == PROBLEMS_MAX
    assert str(ConfigurationError(problems[:-1])).endswith("a:100:1: x")
    assert str(ConfigurationError(problems)).endswith("a:100:1: x\nand 1 more")


def test_a_long_value_is_shown_to_its_limit() -> None:
    (message,) = said(write(FINE + f"log: {{level: {'x' * 500}}}\n"))
    assert f"'{'x' * SHOWN_CHARACTERS_MAX}…'" in message


def test_brokers_are_taken_to_their_limit() -> None:
    def configured(number: int) -> Path:
        urls = ", ".join(f"mqtt://b{n}" for n in range(number))
        return write(f"fleet: a\nvehicle: b\nlink: {{brokers: [{urls}]}}\n")

    assert len(load_configuration(configured(BROKERS_MAX)).link.brokers) == BROKERS_MAX
    assert "found 9 entries: write at most 8 entries" in said(configured(BROKERS_MAX + 1))[0]


def test_there_are_no_more_pins_than_the_header_has() -> None:
    assert PINS_MAX == 24
    many = "".join(f"  p{n}: {{gpio: {n}, kind: lift}}\n" for n in range(2, 28))
    assert "at most 24" in said(write(FINE + "pins:\n" + many))[0]


# Models of others


class Area(BaseModel):
    margin: Metres = Field(ge=0, le=500)
    ring: list[tuple[float, float]]

    @field_validator("ring")
    @classmethod
    def _closed(cls, ring: list[tuple[float, float]]) -> list[tuple[float, float]]:
        if ring[0] != ring[-1]:
            raise ValueError("the ring is not closed: repeat its first point at its end")
        return ring


class Daily(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: Literal["daily"]
    slots: list[str]


class Timed(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: Literal["timed"]
    every: int


class Paper(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    valid_until: datetime.date
    areas: dict[str, Area] = {}
    release: Annotated[Daily | Timed, Field(discriminator="kind")] | None = None
    open: bool = False
    share: float | None = None

    @model_validator(mode="after")
    def _open_is_timed(self) -> Paper:
        if self.open and isinstance(self.release, Daily):
            raise Mistake("an open one can't be released daily", "release", "kind")
        return self


def paper(text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as error:
        validate(Paper, read_yaml(write(text)))
    return [str(problem).removeprefix("agent.yaml:") for problem in error.value.problems]


def test_a_date_is_written_as_text_and_held_as_a_date() -> None:
    located = read_yaml(write("valid_until: 2030-12-31\n"))
    assert validate(Paper, located).valid_until == datetime.date(2030, 12, 31)


def test_a_wrong_date_says_how_dates_are_written() -> None:
    assert paper("valid_until: 31.12.2030\n") == [
        "1:14: valid_until: found '31.12.2030': write a date as year-month-day, such as 2030-12-31"
    ]


def test_a_validators_sentence_stands_where_the_value_stands() -> None:
    assert paper("valid_until: 2030-12-31\nareas:\n  depot: {margin: 5 m, ring: [[0, 0], [1, 1]]}\n") == [
        "3:30: areas.depot.ring: the ring is not closed: repeat its first point at its end"
    ]


def test_a_mistake_names_the_key_further_in() -> None:
    assert paper("valid_until: 2030-12-31\nopen: true\nrelease:\n  kind: daily\n  slots: []\n") == [
        "4:9: release.kind: an open one can't be released daily"
    ]


def test_a_rule_of_a_union_is_told_for_the_member_that_is_meant() -> None:
    assert paper("valid_until: 2030-12-31\nrelease: {kind: timed, slots: []}\n") == [
        "2:1: release.every: missing: it must be written",
        "2:24: release.slots: unknown key: allowed are kind, every",
    ]


def test_yes_is_not_true() -> None:
    assert paper("valid_until: 2030-12-31\nopen: yes\nshare: 0,5\n") == [
        "2:7: open: found 'yes': write true or false; did you mean 'true'?",
        "3:8: share: found '0,5': write 0.5 with a point",
    ]


def test_flaws_of_the_yaml_are_told_together_with_the_rest_by_validate_and_alone_by_load_yaml() -> None:
    text = "valid_until: never\nopen: true\nopen: false\n"
    assert len(paper(text)) == 2
    with pytest.raises(ConfigurationError) as error:
        load_yaml(write(text))
    assert [problem.key for problem in error.value.problems] == ["open"]


def test_validate_takes_what_load_yaml_gives() -> None:
    assert validate(Paper, load_yaml(write("valid_until: 2030-12-31\n"))).open is False


# extends


def test_a_truck_extends_its_fleet_and_every_value_keeps_its_origin() -> None:
    write("fleet: springfield\ngnss: {baud: 9600, silence: 20 s}\n" + FINE.split("\n")[2], "etc/fleet.yaml")
    loaded = read_configuration(
        write("extends: fleet.yaml\nvehicle: t1\ngnss: {silence: 5 s}\n", "etc/t1.yaml")
    )
    gnss = loaded.configuration.gnss
    assert (gnss.baud, gnss.silence) == (9600, 5.0)
    assert loaded.located.values["gnss", "baud"] == ("etc/fleet.yaml", 2, 14)
    assert loaded.located.values["gnss", "silence"] == ("etc/t1.yaml", 3, 17)
    assert ("gnss", "port") not in loaded.located.values
    assert loaded.located.files == ("etc/t1.yaml", "etc/fleet.yaml")


def test_a_list_replaces_the_list_it_extends() -> None:
    write(
        FINE + "braking: {severity: [{class: a, at_least: 1 g}, {class: b, at_least: 2 g}]}\n", "fleet.yaml"
    )
    truck = write("extends: fleet.yaml\nbraking: {severity: [{class: c, at_least: 1 g}]}\n")
    assert [each.class_ for each in load_configuration(truck).braking.severity] == ["c"]


def test_a_missing_key_of_a_replaced_list_stands_in_the_nearer_file() -> None:
    write(FINE + "braking: {severity: [{class: a, at_least: 1 g}]}\n", "fleet.yaml")
    truck = write("extends: fleet.yaml\nbraking: {severity: [{class: c}]}\n")
    assert said(truck)[0].startswith("agent.yaml:2:22: braking.severity[1].at_least: missing")


def test_null_takes_out_what_the_extended_file_says() -> None:
    write(FINE + "pins: {lift: {gpio: 4, kind: lift}}\nlog: {level: debug}\n", "fleet.yaml")
    loaded = load_configuration(write("extends: fleet.yaml\npins: {lift: null}\nlog: null\n"))
    assert loaded.pins == {}
    assert loaded.log.level == "info"


def test_paths_start_from_the_file_they_stand_in(tmp_path: Path) -> None:
    write(FINE.replace("]}", "], ca_file: ca.pem}"), "fleet/fleet.yaml")
    truck = write("extends: ../fleet/fleet.yaml\nagreement: a.yaml\nstate: /srv/state\n", "truck/t.yaml")
    loaded = load_configuration(truck)
    assert loaded.agreement == tmp_path / "truck" / "a.yaml"
    assert loaded.link.ca_file == tmp_path / "truck" / ".." / "fleet" / "ca.pem"
    assert loaded.state == Path("/srv/state")


def test_files_extend_each_other_to_the_limit_and_no_further() -> None:
    def chain(length: int) -> Path:
        write(FINE, f"f{length}.yaml")
        for number in range(length):
            write(f"extends: f{number + 1}.yaml\n", f"f{number}.yaml")
        return Path("f0.yaml")

    assert load_configuration(chain(EXTENDS_MAX)).fleet == "springfield"
    assert f"f{EXTENDS_MAX}.yaml:1:10: extends: more than 4 files extend each other" in said(
        chain(EXTENDS_MAX + 1)
    )


def test_a_file_that_extends_itself_is_refused() -> None:
    assert said(write("extends: agent.yaml\n")) == [
        "agent.yaml:1:10: extends: files extend each other in a circle: agent.yaml → agent.yaml"
    ]


# The configuration


def test_defaults_suit_a_truck() -> None:
    loaded = load_configuration(write(FINE))
    assert loaded.client_id == "fairhaul-springfield-truck-017"
    assert loaded.agreement is None
    assert loaded.outbox.commit_every == 10.0
    assert loaded.pins == {}


def test_defaults_of_a_pin_differ_by_kind() -> None:
    kinds = ["harsh_braking", "ignition", "crew_switch", "lift", "status_led"]
    pins = "".join(f"  {kind}: {{gpio: {n}, kind: {kind}}}\n" for n, kind in enumerate(kinds, 2))
    button = "  help: {gpio: 20, kind: help_button, stuck_after: none}\n"
    loaded = load_configuration(write(FINE + "pins:\n" + pins + button)).pins
    assert loaded["harsh_braking"].model_dump()["stuck_after"] == 60.0
    assert loaded["ignition"].model_dump()["stuck_after"] is None
    assert loaded["crew_switch"].model_dump()["stuck_after"] is None
    assert loaded["crew_switch"].model_dump()["momentary"] is False
    assert loaded["lift"].model_dump()["rearm"] == 3.0
    assert loaded["help"].model_dump()["hold"] == 3.0
    assert loaded["help"].model_dump()["stuck_after"] is None
    assert loaded["status_led"].active == "high"
    assert loaded["lift"].active == "low"


@pytest.mark.parametrize("kind", ["ignition", "crew_switch", "help_button"])
def test_a_level_has_neither_a_minimum_nor_a_rearm(kind: str) -> None:
    (pin,) = load_configuration(write(FINE + f"pins: {{it: {{gpio: 20, kind: {kind}}}}}\n")).pins.values()
    assert isinstance(pin, LevelPin)
    assert (pin.minimum_pulse, pin.rearm) == (0.0, 0.0)
    assert not {"minimum_pulse", "rearm"} & set(pin.model_dump())


LIMITS = [
    ("crew_switch", "debounce", "200 ms", "201 ms"),
    ("help_button", "hold", "1 s", "999 ms"),
    ("help_button", "hold", "5 s", "5.01 s"),
    ("help_button", "stuck_after", "30 s", "29 s"),
]


@pytest.mark.parametrize(("kind", "key", "last", "past"), LIMITS)
def test_a_pin_s_own_limits_are_met_exactly(kind: str, key: str, last: str, past: str) -> None:
    pins = "pins: {{it: {{gpio: 20, kind: {}, {}: {}}}}}\n"
    load_configuration(write(FINE + pins.format(kind, key, last)))
    (message,) = said(write(FINE + pins.format(kind, key, past)))
    assert f"pins.it.{key}: found {past}, allowed is " in message


def test_nothing_of_a_configuration_changes_later() -> None:
    loaded = load_configuration(write(FINE))
    with pytest.raises(ValueError, match="frozen"):
        loaded.fleet = "shelbyville"  # type: ignore[misc]


def test_a_configuration_can_be_made_in_python_from_si_numbers() -> None:
    made = Configuration.model_validate(
        {"fleet": "a", "vehicle": "b", "link": {"brokers": ["mqtt://c"], "keepalive": 15.0}}
    )
    assert made.link.keepalive == 15.0


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("mqtts://mqtt.city.example", BrokerAddress(True, "mqtt.city.example", 8883)),
        ("mqtt://127.0.0.1", BrokerAddress(False, "127.0.0.1", 1883)),
        ("mqtt://localhost:2883/", BrokerAddress(False, "localhost", 2883)),
        ("mqtts://[fd00::1]:8884", BrokerAddress(True, "fd00::1", 8884)),
    ],
)
def test_a_broker_is_tls_host_and_port(url: str, address: BrokerAddress) -> None:
    assert broker_address(url) == address


SECRETS = [
    "link:\n  brokers: [mqtts://u:hunter2@h]\n",
    "link:\n  brokers: mqtts://u:hunter2@h\n",
    "link:\n  brokers:\n    mqtts://u:hunter2@h: 1\n",
    "link: mqtts://u:hunter2@h\n",
    "gnss: {port: 'socket://u:hunter2@h:1', silence: 'u:hunter2@h'}\n",
    "link: {password: hunter2, token: hunter2, Passwd: hunter2}\n",
    "password: hunter2\nlink: {brokers: [mqtt://h], secret: hunter2\n",
]


@pytest.mark.parametrize("text", SECRETS)
def test_no_message_repeats_a_secret(text: str) -> None:
    assert not any("hunter2" in message for message in said(write("fleet: a\nvehicle: b\n" + text)))


def test_a_misspelt_key_of_a_secret_file_is_a_misspelt_key() -> None:
    (message,) = said(write(FINE.replace("]}", "], username: u, pasword_file: p}")))
    assert "did you mean 'password_file'?" in message
