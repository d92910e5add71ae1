"""The files for systemd and udev agree with the agent; what systemd itself thinks of them is in tests/system."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agent.decommission import CREDENTIALS, KEYS_FOLDER
from agent.runtime import IDLE_S
from config.schema import UART_PORTS, Configuration
from drivers.watchdog import FEEDS_A_TIMEOUT

FOLDER = Path(__file__).parent.parent.parent / "systemd"
ALLOWED = {"/dev/serial0": "ttyS", "/dev/ttyAMA0": "ttyAMA", "/dev/ttyS0": "ttyS"}


def directives(name: str = "fairhaul.service") -> dict[str, list[str]]:
    """Every directive with all its values, in their order."""
    found: dict[str, list[str]] = {}
    for key, value in re.findall(r"^([A-Z]\w+)=(.*)$", text(name), re.MULTILINE):
        found.setdefault(key, []).append(value)
    return found


def text(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def lines(name: str) -> list[list[str]]:
    return [line.split() for line in text(name).splitlines() if line and not line.startswith("#")]


def test_the_loop_is_heard_well_before_the_watchdog_bites() -> None:
    (timeout,) = directives()["WatchdogSec"]
    assert directives()["Type"] == ["notify"]
    assert 2 * int(timeout) / FEEDS_A_TIMEOUT + IDLE_S < int(timeout)


def test_a_killed_agent_leaves_no_picture_of_its_memory() -> None:
    found = directives()
    assert found["WatchdogSignal"] == ["SIGKILL"]
    assert found["LimitCORE"] == found["MemorySwapMax"] == ["0"]


def test_restarts_never_give_up_and_never_spin() -> None:
    found = directives()
    assert found["Restart"] == ["always"]
    assert found["StartLimitIntervalSec"] == ["0"]
    assert int(found["RestartSec"][0]) >= 5
    assert "RestartPreventExitStatus" not in found


def test_every_port_that_the_configuration_knows_may_be_opened() -> None:
    allowed = {value.split()[0] for value in directives()["DeviceAllow"]}
    assert {f"char-{ALLOWED[port]}" for port in UART_PORTS} <= allowed
    assert {"char-ttyUSB", "char-ttyACM", "char-gpiochip"} <= allowed
    assert all(value.endswith(" rw") for value in directives()["DeviceAllow"])


def test_the_drivers_that_the_service_names_are_loaded_before_it_starts() -> None:
    assert lines("fairhaul.modules-load") == [["usbserial"], ["cdc_acm"]]


def test_keys_come_from_a_folder_that_is_root_s_alone_and_that_decommission_empties() -> None:
    assert directives()["LoadCredential"] == [f"{KEYS_FOLDER}:/etc/fairhaul/{KEYS_FOLDER}"]
    made = {words[1]: words for words in lines("fairhaul.tmpfiles")}
    assert made["/etc/fairhaul/keys"][2:5] == ["0700", "root", "root"]
    assert made["/etc/fairhaul/keys/*"][2:5] == ["0600", "root", "root"]
    assert f"{CREDENTIALS}/fairhaul.service/{KEYS_FOLDER}_" in text("fairhaul.service")


def test_the_state_is_the_agent_s_alone() -> None:
    made = {words[1]: words for words in lines("fairhaul.tmpfiles")}
    state = Configuration.model_fields["state"].default
    assert made[str(state)][2:5] == ["0700", "fairhaul", "fairhaul"]
    assert directives()["StateDirectoryMode"] == ["0700"]


def test_the_edges_of_the_lines_pass_where_nobody_else_gets_and_no_card_keeps_their_time() -> None:
    # lgpio makes a FIFO for them, open to everyone, in the working directory.
    (place,) = directives()["WorkingDirectory"]
    (mounted,) = directives()["TemporaryFileSystem"]
    assert mounted.split(":")[0] == place == "%t/fairhaul/lgpio"
    assert "mode=1777" in mounted, "the agent is not root"
    assert directives()["PrivateMounts"] == ["yes"]


@pytest.mark.parametrize("name", ["60-fairhaul-gps.rules", "60-fairhaul-gpio.rules"])
def test_every_udev_rule_matches_something_before_it_assigns(name: str) -> None:
    rules = [line for line in text(name).splitlines() if line and not line.startswith(("#", "LABEL"))]
    for rule in rules:
        parts = rule.split(", ")
        assert all(re.fullmatch(r'[A-Z_]+(\{\w+\})?(==|!=|\+=|=)"[^"]*"', part) for part in parts), rule
        assert re.search(r"==|!=", parts[0]), rule


def test_the_pins_belong_to_the_group_that_the_service_is_in() -> None:
    assert 'GROUP="gpio"' in text("60-fairhaul-gpio.rules")
    assert ["g", "gpio", "-", "-"] in lines("fairhaul.sysusers")
    assert "gpio" in directives()["SupplementaryGroups"][0].split()
