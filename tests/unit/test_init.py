"""`fairhaul init`: from a table's line or from questions, and what it writes passes `check`."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import agent.cli.init as command
from agent.__main__ import main
from agent.cli.check import looked_at
from agent.surroundings import EXAMPLES
from config.load import gather_configuration, load_configuration, load_yaml

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "technicians.md"
TABLE = ("--from", "trucks.csv", "--fleet-file", "fleet.yaml")
GIVEN = "/run/credentials/fairhaul.service/keys_"
ANSWERS_WITHIN_S = 30.0


@pytest.fixture(autouse=True)
def _workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with the examples for a fleet, as they are shipped."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(EXAMPLES / "agreements", "agreements")
    shutil.copy(EXAMPLES / "fleet.example.yaml", "fleet.yaml")
    shutil.copy(EXAMPLES / "trucks.example.csv", "trucks.csv")


def fairhaul(*words: str, answers: str = "") -> Result:
    return CliRunner().invoke(main, list(words), input=answers)


def init(*words: str) -> Result:
    return fairhaul("init", *words)


@pytest.fixture
def somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is somebody to ask; that a terminal is one, a test below shows."""
    monkeypatch.setattr(command, "somebody_answers", lambda: True)


def asked(*words: str, answers: list[str]) -> Result:
    return fairhaul("init", *words, answers="\n".join([*answers, ""]))


# From a table.


@pytest.mark.parametrize("truck", ["017", "018", "019"])
def test_a_line_of_the_example_passes_check(truck: str) -> None:
    result = init(*TABLE, "--truck", truck)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.startswith("wrote agent.yaml\n")
    assert load_configuration(Path("agent.yaml")).vehicle == f"truck-{truck}"
    assert fairhaul("check", "--config", "agent.yaml").exit_code == 0


def test_only_what_the_line_says_is_written_and_the_rest_comes_from_the_fleet_s_file() -> None:
    init(*TABLE, "--truck", "018")
    assert load_yaml(Path("agent.yaml")).tree == {
        "extends": "fleet.yaml",
        "vehicle": "truck-018",
        "pins": {"brake_front": {"gpio": 5}, "lamp": None},
        "link": {"certificate_file": f"{GIVEN}truck-018.pem", "key_file": f"{GIVEN}truck-018.key"},
    }
    loaded = load_configuration(Path("agent.yaml"))
    assert loaded.fleet == "springfield"
    assert "lamp" not in loaded.pins
    assert loaded.pins["brake_front"].model_dump()["rearm"] == 3.0


def test_every_value_has_a_comment_that_says_what_it_means() -> None:
    init(*TABLE, "--truck", "019")
    lines = Path("agent.yaml").read_text(encoding="utf-8").splitlines()
    values = [line for line in lines if re.match(r" *[a-z_]+: \S", line)]
    assert len(values) == 6
    assert all("  # " in line for line in values)
    assert lines[0].startswith("# Written by fairhaul init")


def test_three_hundred_lines_over_one_fleet_s_file_all_pass_check(tmp_path: Path) -> None:
    fleet = Path("fleet.yaml").read_text(encoding="utf-8").replace("agreement:", "# agreement:")
    Path("fleet.yaml").write_text(fleet, encoding="utf-8")  # it would be read 1,200 times
    header, *_ = Path("trucks.csv").read_text(encoding="utf-8").splitlines()
    ports = ["", "/dev/serial0", "socket://10.0.0.1:10110"]
    lines = [
        f"{n:03d},truck-{n:03d},{ports[n % 3]},{['', '9600', 'auto'][n % 3]},{[5, '', 6][n % 3]},{['', 'null'][n % 2]},"
        f"truck-{n:03d}.pem,truck-{n:03d}.key"
        for n in range(1, 301)
    ]
    Path("trucks.csv").write_text("\n".join([header, *lines]), encoding="utf-8")
    vehicles = set()
    for n in range(1, 301):
        out = f"{n:03d}.yaml"
        assert init(*TABLE, "--truck", f"{n:03d}", "--out", out).exit_code == 0
        assert looked_at(gather_configuration(Path(out)))[1] == []  # as `check` does
        vehicles.add(load_yaml(Path(out)).tree["vehicle"])
    assert len(vehicles) == 300


def test_a_table_needs_no_fleet_s_file_if_it_says_everything() -> None:
    Path("trucks.csv").write_text(
        "truck,fleet,link.brokers,pins.crew_switch.kind,pins.crew_switch.gpio\n"
        "017,springfield,mqtts://a.example mqtts://b.example,crew_switch,22\n",
        encoding="utf-8",
    )
    assert init("--from", "trucks.csv", "--truck", "017").exit_code == 0
    loaded = load_configuration(Path("agent.yaml"))
    assert (loaded.vehicle, loaded.link.brokers) == ("017", ("mqtts://a.example", "mqtts://b.example"))


def test_the_fleet_s_file_is_found_from_where_the_new_one_lies() -> None:
    Path("cards").mkdir()
    assert init(*TABLE, "--truck", "017", "--out", "cards/agent.yaml").exit_code == 0
    assert load_yaml(Path("cards/agent.yaml")).tree["extends"] == "../fleet.yaml"
    absolute = str(Path("fleet.yaml").absolute())
    words = ("--from", "trucks.csv", "--fleet-file", absolute, "--truck", "017", "--out", "cards/b.yaml")
    assert init(*words).exit_code == 0
    assert load_yaml(Path("cards/b.yaml")).tree["extends"] == absolute


def test_a_path_in_the_table_starts_from_where_the_new_file_lies() -> None:
    Path("cards").mkdir()
    shutil.copy("agreements/safety-only.yaml", "cards/agreed.yaml")
    Path("trucks.csv").write_text("truck,agreement\ntruck-017,agreed.yaml\n", encoding="utf-8")
    assert init(*TABLE, "--truck", "truck-017", "--out", "cards/agent.yaml").exit_code == 0
    assert load_configuration(Path("cards/agent.yaml")).agreement == Path("cards/agreed.yaml").absolute()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("truck,gnss.bawd\n017,\n", "trucks.csv:1:7: gnss.bawd: unknown key: allowed are port, baud"),
        ("truck,pins.lamp.gpoi\n017,5\n", "trucks.csv:1:7: pins.lamp.gpoi: unknown key"),
        ("truck,gnss.baud\n017,9601\n", "trucks.csv:2:5: gnss.baud: found 9601: write auto, or one of"),
        ("truck,vehicle\n017,Truck 17\n", "trucks.csv:2:5: vehicle: found 'Truck 17': write 1 to 32 of a-z"),
        ("truck,outbox.size\n017,10\n", "trucks.csv:2:5: outbox.size: 10 has no unit: write 10 MiB"),
        ("truck,pins.lamp.gpio\n017,27\n", "pins.ignition"),
        (
            "truck,pins.lift\n017,null\n",
            "no pin of kind lift, without which the agreement's lifts stays empty",
        ),
        ("truck,agreement\n017,nowhere.yaml\n", "trucks.csv:2:5: agreement: no such file: "),
        ("truck\n016\n017\n017\n", "trucks.csv:4:1: '017' stands in line 3 already"),
        ("truck\n016\n", "trucks.csv:1:1: no line is of truck '017'"),
    ],
)
def test_a_mistake_in_the_table_is_told_at_its_cell_and_nothing_is_written(text: str, says: str) -> None:
    Path("trucks.csv").write_text(text, encoding="utf-8")
    result = init(*TABLE, "--truck", "017")
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr
    assert not Path("agent.yaml").exists()


def test_a_mistake_in_the_fleet_s_file_is_told_at_its_line() -> None:
    text = Path("fleet.yaml").read_text(encoding="utf-8").replace("hdop_max: 8", "hdop_max: 800")
    Path("fleet.yaml").write_text(text, encoding="utf-8")
    result = init(*TABLE, "--truck", "017")
    assert result.exit_code == 2
    assert re.search(r"^fleet\.yaml:\d+:\d+: gnss\.quality\.hdop_max: found 800", result.stderr)


# What is there already.


def test_a_file_that_is_there_is_replaced_only_when_asked_for() -> None:
    Path("agent.yaml").write_text("mine", encoding="utf-8")
    result = init(*TABLE, "--truck", "017")
    assert (result.exit_code, "--force" in result.stderr) == (2, True)
    assert Path("agent.yaml").read_text(encoding="utf-8") == "mine"
    assert init(*TABLE, "--truck", "017", "--force").exit_code == 0
    assert load_configuration(Path("agent.yaml")).vehicle == "truck-017"


def test_a_link_that_leads_nowhere_counts_as_a_file() -> None:
    Path("agent.yaml").symlink_to("nowhere")
    assert init(*TABLE, "--truck", "017").exit_code == 2


def test_a_place_that_cannot_be_written_is_exit_1_and_leaves_nothing() -> None:
    before = sorted(Path.cwd().iterdir())
    result = init(
        *TABLE,
        "--truck",
        "017",
        "--out",
        "nowhere/agent.yaml",
        "--fleet-file",
        str(Path("fleet.yaml").absolute()),
    )
    assert result.exit_code == 1
    assert "nowhere" in result.stderr
    assert sorted(Path.cwd().iterdir()) == before


def test_the_new_file_can_be_read_by_the_agent_s_user() -> None:
    init(*TABLE, "--truck", "017")
    assert Path("agent.yaml").stat().st_mode & 0o777 == 0o644 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


# Usage.


@pytest.mark.parametrize("words", [("--truck", "017"), ("--from", "trucks.csv")])
def test_a_table_and_a_truck_go_together(words: tuple[str, str]) -> None:
    result = init(*words)
    assert (result.exit_code, "--from trucks.csv --truck 017" in result.stderr) == (2, True)


def test_where_nobody_can_be_asked_it_says_so() -> None:
    result = init()
    assert result.exit_code == 2
    assert "standard input is no terminal" in result.stderr
    assert "a table of one line for each truck; docs/technicians.md shows one" in result.stderr


# Questions.


@pytest.mark.usefixtures("somebody")
def test_enter_takes_the_defaults_and_what_results_passes_check() -> None:
    shutil.copy("agreements/routes-and-safety.yaml", "agreement.yaml")
    answers = ["springfield", "truck-017", *[""] * 12, "mqtts://mqtt.city.example", *[""] * 4]
    result = asked(answers=answers)
    assert result.exit_code == 0, result.output
    loaded = load_configuration(Path("agent.yaml"))
    assert {name: (pin.kind, pin.gpio) for name, pin in loaded.pins.items()} == {
        "ignition": ("ignition", 27),
        "crew_switch": ("crew_switch", 22),
        "brake": ("harsh_braking", 17),
        "lift": ("lift", 23),
        "help": ("help_button", 24),
    }
    assert loaded.agreement == Path("agreement.yaml").absolute()
    assert loaded.link.key_file == Path("truck-017.key").absolute()
    assert result.stdout == ""


@pytest.mark.usefixtures("somebody")
def test_each_answer_is_judged_at_once_with_the_schema_s_own_sentence() -> None:
    answers = ["Springfield", "springfield", "truck 17", "truck-17", "nowhere.yaml", "none", "ttyUSB0", ""]
    answers += [
        "9601",
        "9600",
        "28",
        "27",
        "27",
        "22",
        *[""] * 7,
        "mqtt.city.example",
        "mqtt://localhost",
        "",
    ]
    result = asked(answers=answers)
    assert result.exit_code == 0, result.output
    told = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert told[2].endswith("nowhere.yaml: put it there first, or answer none")
    assert [line[:40] for line in told] == [
        "Error: found 'Springfield': write 1 to 3",
        "Error: found 'truck 17': write 1 to 32 o",
        f"Error: there is no file {Path('nowhere.yaml').absolute()}"[:40],
        "Error: found 'ttyUSB0': write a device s",
        "Error: found 9601: write auto, or one of",
        "Error: found 28, allowed is 2 to 27",
        "Error: 27 is already used by `pins.ignit",
        "Error: found 'mqtt.city.example': write ",
    ]
    assert load_configuration(Path("agent.yaml")).gnss.baud == 9600


@pytest.mark.usefixtures("somebody")
def test_an_agreement_that_is_not_understood_is_told_at_once() -> None:
    Path("agreement.yaml").write_text("fairhaul_agreement: 2\n", encoding="utf-8")
    result = asked(answers=["springfield", "truck-017", "", "none"])
    assert f"{Path('agreement.yaml').absolute()}:1:" in result.stderr


@pytest.mark.usefixtures("somebody")
def test_a_pin_that_the_agreement_needs_cannot_be_left_out() -> None:
    shutil.copy("agreements/routes-and-safety.yaml", "agreement.yaml")
    result = asked(answers=["springfield", "truck-017", "", "", "", "none"])
    assert "Error: found 'none': write a whole number" in result.stderr


@pytest.mark.usefixtures("somebody")
def test_only_what_the_fleet_s_file_leaves_open_is_asked() -> None:
    result = asked("--fleet-file", "fleet.yaml", answers=["truck-018", *[""] * 8])
    assert result.exit_code == 0, result.output
    assert load_yaml(Path("agent.yaml")).tree == {
        "extends": "fleet.yaml",
        "vehicle": "truck-018",
        "gnss": {"port": "/dev/fairhaul-gps", "baud": "auto"},
        "link": {"certificate_file": "truck-018.pem", "key_file": "truck-018.key"},
    }


@pytest.mark.usefixtures("somebody")
@pytest.mark.parametrize(
    ("brokers", "login", "link"),
    [
        (
            "mqtts://a",
            ["", "password", "", ""],
            {"username": "truck-017", "password_file": "/etc/fairhaul/password"},
        ),
        ("mqtts://a", ["ca.pem", "nothing"], {"ca_file": "ca.pem"}),
        ("mqtt://localhost mqtt://127.0.0.1", [""], {}),
        ("mqtt://localhost", ["password", "t", "word"], {"username": "t", "password_file": "word"}),
    ],
)
def test_each_way_to_log_in_is_written(brokers: str, login: list[str], link: dict[str, str]) -> None:
    result = asked(answers=["springfield", "truck-017", *[""] * 12, brokers, *login])
    assert result.exit_code == 0, result.output
    assert load_yaml(Path("agent.yaml")).tree["link"] == {"brokers": brokers.split(), **link}


@pytest.mark.usefixtures("somebody")
def test_a_fleet_that_logs_in_by_password_is_asked_for_the_name_alone() -> None:
    text = (
        Path("fleet.yaml")
        .read_text(encoding="utf-8")
        .replace("  ca_file:", "  username: x\n  password_file: word\n  ca_file:")
    )
    Path("fleet.yaml").write_text(text, encoding="utf-8")
    result = asked("--fleet-file", "fleet.yaml", answers=["truck-018", *[""] * 6])
    assert result.exit_code == 0, result.output
    assert load_yaml(Path("agent.yaml")).tree["link"] == {"username": "truck-018"}


@pytest.mark.usefixtures("somebody")
def test_whoever_stops_answering_leaves_no_file() -> None:
    assert asked(answers=["springfield", "truck-017"]).exit_code == 1
    assert not Path("agent.yaml").exists()


@pytest.mark.usefixtures("somebody")
def test_a_broken_fleet_s_file_is_told_before_anything_is_asked() -> None:
    for content, says in {"extends: nowhere.yaml\n": "there is no file", "a: [\n": "fleet.yaml:"}.items():
        Path("fleet.yaml").write_text(content, encoding="utf-8")
        result = asked("--fleet-file", "fleet.yaml", answers=[])
        assert (result.exit_code, says in result.stderr, "Name of" in result.stderr) == (2, True, False)


@pytest.mark.usefixtures("somebody")
@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            ("agreement: agreements/routes-and-safety.yaml", "agreement: 5"),
            "agreement: found 5, which is not",
        ),
        (("pins:", "pins: 5\nbraking:"), "braking.brake_front: unknown key"),
        (("brokers:", "brokers: 5\n  username:"), "link.brokers: found 5: write a list"),
    ],
)
def test_a_value_of_another_kind_in_the_fleet_s_file_is_told_like_any_mistake(
    change: tuple[str, str], says: str
) -> None:
    text = Path("fleet.yaml").read_text(encoding="utf-8")
    assert change[0] in text
    Path("fleet.yaml").write_text(text.replace(*change), encoding="utf-8")
    result = asked("--fleet-file", "fleet.yaml", answers=["truck-018", *[""] * 20])
    assert (result.exit_code, says in result.stderr) == (2, True), result.output


def test_somebody_at_a_terminal_is_asked() -> None:
    """The real program on a real pseudo-terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "agent", "init"],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as running:
        os.close(theirs)
        assert running.stderr is not None
        told = b""
        while b"Name of the fleet" not in told:
            assert select.select([running.stderr], [], [], ANSWERS_WITHIN_S)[0]
            found = os.read(running.stderr.fileno(), 4096)
            assert found, told
            told += found
        running.kill()
    os.close(ours)


# The page.


def test_the_page_shows_the_table_and_what_comes_of_it() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert f"```csv\n{Path('trucks.csv').read_text(encoding='utf-8')}```" in page
    result = init(*TABLE, "--truck", "018")
    shown = page.partition("$ fairhaul init --from trucks.csv --truck 018 --fleet-file fleet.yaml\n")[
        2
    ].partition("```")[0]
    assert shown.replace("/etc/fairhaul", str(Path.cwd())) == result.stderr
    assert f"```yaml\n{Path('agent.yaml').read_text(encoding='utf-8')}```" in page


def test_the_page_s_origins_are_those_that_check_shows() -> None:
    init(*TABLE, "--truck", "018")
    printed = lines_of(fairhaul("check", "--config", "agent.yaml", "--effective").stdout)
    page = PAGE.read_text(encoding="utf-8").partition("$ fairhaul check --config agent.yaml --effective")[2]
    shown = lines_of(page.partition("\n")[2].partition("```")[0])
    assert len(shown) > 5
    assert [line for line in shown if line not in printed and line != "…"] == []


def lines_of(text: str) -> list[str]:
    """Lines that are not empty, whatever the width of their columns."""
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]
