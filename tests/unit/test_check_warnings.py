"""What is legal and yet unwise: told, and no mistake."""

from __future__ import annotations

import datetime
import grp
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from agent.agreement.unwise import unwise_agreement
from agent.cli.check import check as command
from agent.surroundings import EXAMPLE_AGREEMENT, EXAMPLES
from config import unwise
from config.load import load_yaml, read_configuration
from tests.sim.drives import PLANE, square

BROKER = "mqtts://mqtt.city.example"
FINE = """\
fleet: springfield
vehicle: truck-017
agreement: agreement.yaml
pins:
  brake: {gpio: 17, kind: harsh_braking}
  ignition: {gpio: 27, kind: ignition}
  crew_switch: {gpio: 22, kind: crew_switch}
  lift: {gpio: 23, kind: lift}
  help: {gpio: 24, kind: help_button}
"""
LOGIN = "{brokers: [%s], certificate_file: truck.pem, key_file: truck.key}"
TODAY = datetime.date(2026, 11, 22)


@pytest.fixture(autouse=True)
def _truck(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("agreement.yaml").write_text(EXAMPLE_AGREEMENT.read_text(encoding="utf-8"), encoding="utf-8")
    for name in ("truck.pem", "truck.key", "password"):
        Path(name).touch(0o600)


def check(link: str = LOGIN % BROKER, text: str = FINE) -> Result:
    Path("agent.yaml").write_text(f"{text}link: {link}\n", encoding="utf-8")
    return CliRunner().invoke(command, ["--config", "agent.yaml"])


def warned(link: str = LOGIN % BROKER, text: str = FINE) -> list[str]:
    """The warnings, without the word and the file."""
    result = check(link, text)
    *lines, last = result.stderr.splitlines()
    assert result.exit_code == 0
    assert result.stdout == ""
    assert all(line.startswith("warning: ") for line in lines)
    assert ("is fine" in last) == (not lines)
    return [line.removeprefix("warning: ").replace("agent.yaml:", "") for line in lines]


def only(lines: list[str]) -> str:
    (line,) = lines
    return line


def test_a_truck_in_order_has_no_warning() -> None:
    assert check().stderr == "agent.yaml is fine: truck truck-017 of fleet springfield.\n"


def test_a_warning_has_the_place_and_the_key_as_a_mistake_has() -> None:
    says = only(warned(text=FINE + "state: /run/fairhaul\n"))
    assert says.startswith("10:8: state: /run/fairhaul may be emptied")


def test_mistakes_are_told_without_warnings() -> None:
    result = check(text=FINE + "state: /run/fairhaul\nlog: {level: loud}\n")
    assert result.exit_code == 2
    assert "warning: " not in result.stderr


# The broker.


def test_plain_mqtt_to_another_machine_is_told() -> None:
    says = only(warned(LOGIN % "mqtts://a, mqtt://b"))
    assert says.startswith("10:29: link.brokers[2]: no TLS on the way to another machine")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.3.2.1", "[::1]", "localhost:1884"])
def test_plain_mqtt_within_the_truck_s_own_computer_is_fine(host: str) -> None:
    assert warned(f'{{brokers: ["mqtt://{host}"]}}') == []


@pytest.mark.parametrize("host", ["10.0.0.1", "[2001:db8::1]", "localhost.example", "broker"])
def test_any_other_address_is_another_machine(host: str) -> None:
    plain, _ = warned(f'{{brokers: ["mqtt://{host}"]}}')
    assert "no TLS" in plain


def test_a_password_in_the_clear_is_told() -> None:
    _, says = warned("{brokers: [mqtt://b], username: t, password_file: password}")
    assert says.startswith("10:57: link.password_file: the password goes over mqtt:// in the clear")
    assert warned("{brokers: [mqtts://b], username: t, password_file: password}") == []
    assert warned("{brokers: [mqtt://localhost], username: t, password_file: password}") == []


@pytest.mark.parametrize("login", ["", ", username: truck-017"])
def test_a_truck_that_proves_nothing_to_the_broker_is_told(login: str) -> None:
    assert "nothing proves to the broker which truck this is" in only(
        warned(f"{{brokers: [{BROKER}]{login}}}")
    )


# Files.


@pytest.mark.parametrize(
    ("name", "link"),
    [
        ("truck.key", LOGIN % BROKER),
        ("password", "{brokers: [mqtts://b], username: t, password_file: password}"),
    ],
)
def test_a_secret_that_others_can_read_is_told(name: str, link: str) -> None:
    Path(name).chmod(0o604)
    assert only(warned(link)).endswith(
        f"{name} can be read by everybody on this computer: chown fairhaul, chmod 400"
    )
    Path(name).chmod(0o640)
    assert "can be read by the group" in only(warned(link))
    Path(name).chmod(0o400)
    assert warned(link) == []


def test_the_agent_s_own_group_may_read_its_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    key = Path("truck.key")
    key.chmod(0o640)
    monkeypatch.setattr(unwise, "OWN_GROUP", grp.getgrgid(key.stat().st_gid).gr_name)
    assert warned() == []
    key.chmod(0o644)
    assert "everybody" in only(warned())


def test_certificates_may_be_read_by_all() -> None:
    Path("truck.pem").chmod(0o644)
    assert warned() == []


@pytest.mark.parametrize("name", ["truck.pem", "truck.key"])
def test_a_file_that_is_not_there_yet_is_told(name: str) -> None:
    Path(name).unlink()
    assert f"there is no file {Path(name).absolute()} yet" in only(warned())


def test_what_systemd_puts_in_place_at_the_start_is_not_looked_for() -> None:
    where = "/run/credentials/fairhaul.service"
    assert warned(f"{{brokers: [{BROKER}], certificate_file: {where}/a, key_file: {where}/b}}") == []


# The truck.


@pytest.mark.parametrize("state", ["/run/fairhaul", "/tmp/fairhaul", "/dev/shm"])
def test_a_state_that_does_not_outlast_a_restart_is_told(state: str) -> None:
    assert "may be emptied at a restart" in only(warned(text=f"{FINE}state: {state}\n"))


@pytest.mark.parametrize("state", ["/var/lib/fairhaul", "/running", "/home/tmp"])
def test_any_other_state_is_fine(state: str) -> None:
    assert warned(text=f"{FINE}state: {state}\n") == []


@pytest.mark.parametrize("port", ["/dev/ttyUSB0", "/dev/ttyACM12"])
def test_a_port_whose_number_changes_is_told(port: str) -> None:
    says = only(warned(text=f"{FINE}gnss: {{port: {port}}}\n"))
    assert says.startswith("10:14: gnss.port: ")
    assert "/dev/fairhaul-gps" in says


@pytest.mark.parametrize("port", ["/dev/serial0", "/dev/serial/by-id/usb-1", "socket://gps:10110"])
def test_other_ports_are_fine(port: str) -> None:
    assert warned(text=f"{FINE}gnss: {{port: {port}}}\n") == []


def test_no_agreement_is_told_and_so_is_a_switch_that_every_agreement_needs() -> None:
    text = FINE.replace("agreement: agreement.yaml\n", "")
    assert "nothing but the box's own status will leave" in only(warned(text=text))
    _, switch = warned(text=text.replace("kind: crew_switch", "kind: lift"))
    assert switch.startswith("4:3: pins: no pin of kind crew_switch")


# The agreement.


def of_agreement(change: Callable[[str], str], today: datetime.date = TODAY, text: str = FINE) -> list[str]:
    path = Path("agreement.yaml")
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    Path("agent.yaml").write_text(f"{text}link: {LOGIN % BROKER}\n", encoding="utf-8")
    return [
        f"{each.file}: {each.key}: {each.says}"
        for each in unwise_agreement(read_configuration(Path("agent.yaml")), today)
    ]


def unchanged(text: str) -> str:
    return text


def test_everything_kept_longer_than_agreed_is_told_where_it_was_written() -> None:
    says = only(of_agreement(unchanged, text=FINE + "outbox: {maximum_age: 71 days}\n"))
    assert says.startswith(
        "agent.yaml: outbox.maximum_age: 71 days is longer than the agreement lets anything stay"
    )
    assert of_agreement(unchanged, text=FINE + "outbox: {maximum_age: 70 days}\n") == []


def test_a_default_that_is_longer_than_agreed_is_nobody_s_mistake() -> None:
    def shorter(text: str) -> str:
        return text.replace("device_retention: 70 days", "device_retention: 66 days").replace(
            "60 days", "30 days"
        )

    assert of_agreement(shorter, text=FINE) == []


@pytest.mark.parametrize(
    ("today", "says"),
    [
        (datetime.date(2028, 11, 1), "it ends in 60 days"),
        (datetime.date(2028, 12, 31), "it ends in 0 days"),
        (datetime.date(2029, 1, 3), "it ended 3 days ago"),
    ],
)
def test_an_agreement_near_its_end_is_told(today: datetime.date, says: str) -> None:
    assert f": valid_until: {says}; then only the box's status leaves" in only(of_agreement(unchanged, today))


def test_an_agreement_with_61_days_left_is_not_told_of() -> None:
    assert of_agreement(unchanged, datetime.date(2028, 10, 31)) == []


def test_an_agreement_that_stops_everything_is_told() -> None:
    says = only(of_agreement(lambda text: text.replace("stop_all: false", "stop_all: true")))
    assert ": stop_all: it stops everything" in says


def square_of(half_m: float, east_m: float = 0.0, north_m: float = 0.0) -> dict[str, Any]:
    return square(east_m, north_m, half_m)


def triangle(*corners: tuple[float, float]) -> dict[str, Any]:
    """Corners in metres east and north of the origin."""
    ring = [PLANE.point(*corner) for corner in (*corners, corners[0])]
    return {"type": "Polygon", "coordinates": [[[p.longitude_e7 / 1e7, p.latitude_e7 / 1e7] for p in ring]]}


def closed(where: dict[str, Any], margin: str = "0 m") -> Callable[[str], str]:
    """The agreement with a service area 8 km wide and one place off limits."""

    def change(_: str) -> str:
        tree = load_yaml(EXAMPLE_AGREEMENT).tree
        tree["places"]["service_area"] = square_of(4000)
        tree["places"]["off_limits"] = [{"name": "union hall", "margin": margin, "area": where}]
        return json.dumps(tree)

    return change


BEYOND_THE_CORNER = triangle(
    (3000, 5100), (5100, 3000), (5100, 5100)
)  # 71 m from it, though the boxes overlap


def test_a_place_off_limits_outside_the_service_area_is_told() -> None:
    says = only(of_agreement(closed(BEYOND_THE_CORNER)))
    file, key, words = says.split(": ", 2)
    assert (Path(file), key) == (Path("agreement.yaml").absolute(), "places.off_limits[1]")
    assert words.startswith("union hall lies outside the service area")


@pytest.mark.parametrize(
    "where",
    [
        square_of(100, 0, 3000),  # inside
        square_of(100, 4000, 0),  # half inside
        square_of(9000),  # round all of it
        triangle((-9000, -50), (9000, 0), (-9000, 50)),  # across it, no corner of either in the other
        triangle((3000, 4900), (4900, 3000), (5100, 5100)),  # over its corner
    ],
)
def test_a_place_off_limits_that_meets_the_service_area_is_fine(where: dict[str, Any]) -> None:
    assert of_agreement(closed(where)) == []


@pytest.mark.parametrize(("margin", "warnings"), [("70 m", 1), ("72 m", 0)])
def test_the_margin_of_a_place_off_limits_counts(margin: str, warnings: int) -> None:
    assert len(of_agreement(closed(BEYOND_THE_CORNER, margin))) == warnings


def test_the_examples_have_no_warning_but_for_files_that_are_not_there() -> None:
    trucks = [path for path in EXAMPLES.glob("*.example.yaml") if path.name != "fleet.example.yaml"]
    told = [CliRunner().invoke(command, ["--config", str(path)]) for path in trucks]
    assert {result.exit_code for result in told} == {0}
    lines = [line for result in told for line in result.stderr.splitlines()[:-1]]
    assert lines
    assert [line for line in lines if "there is no file" not in line and "valid_until" not in line] == []
