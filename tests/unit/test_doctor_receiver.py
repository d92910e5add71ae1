"""What the doctor says of a receiver, on a real pty: silent, at a wrong speed, garbage, without a fix, good."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from agent.assembly import FLOOR_DAY
from agent.doctor.finding import Finding
from agent.doctor.hearing import Hearing
from agent.doctor.machine import Machine
from agent.doctor.receiver import CHECKS, Heard, listened, receiver, while_agent_runs
from agent.recording.gate import GateLimits
from drivers.clock import Clock
from drivers.serial_gnss import PortOptions
from drivers.simulate.sentences import with_checksum
from tests.unit.doctor_parts import Gps, epoch, linked, now_ms, sample, text_sentence

SPEED = 10.0  # of the clock here; receivers speak as much faster
EVERY_S = 1 / SPEED
SECONDS = 12.0


@pytest.fixture(autouse=True)
def _patient_only_as_long_as_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.serial_gnss.POLL_S", 0.05)
    monkeypatch.setattr("os.geteuid", lambda: 0)


@pytest.fixture
def plugged() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def looked_at(gps: Gps, folder: Path, baud: int | None = None) -> dict[str, Finding]:
    return opened(Machine(folder), PortOptions(str(linked(gps, folder)), baud, silence_s=15.0))


def opened(machine: Machine, options: PortOptions) -> dict[str, Finding]:
    clock = Clock(SPEED)

    def hear(options: PortOptions) -> Heard:
        return listened(options, Hearing(GateLimits(), FLOOR_DAY), clock, SECONDS)

    found, _ = receiver(machine, options, hear)
    assert [finding.check for finding in found] == list(CHECKS)
    return {finding.check: finding for finding in found}


def outcomes(found: dict[str, Finding]) -> dict[str, str]:
    return {check: finding.outcome for check, finding in found.items()}


def test_a_good_receiver_passes_all_that_it_tells(plugged: ExitStack, tmp_path: Path) -> None:
    found = looked_at(plugged.enter_context(sample("good", EVERY_S)), tmp_path)
    assert outcomes(found) == {**dict.fromkeys(CHECKS, "pass"), "antenna": "not tested"}
    assert not found["antenna"].needed
    assert found["speed"].says == "9600 baud"
    assert found["fix"].says == "a fix that the agent believes, 9 satellites"
    assert found["sentences"].says.endswith("a second: GNGGA, GNRMC")


def test_a_silent_receiver_is_a_matter_of_its_power_and_wires(plugged: ExitStack, tmp_path: Path) -> None:
    found = looked_at(plugged.enter_context(sample("silent", EVERY_S)), tmp_path, baud=9600)
    assert found["speed"].outcome == "fail"
    assert "is silent" in found["speed"].says
    assert found["speed"].remedy == "Check the receiver's power, and that its TX goes to our RX."
    assert {found[check].outcome for check in CHECKS[3:]} == {"not tested"}


def test_a_wrong_baud_is_told_with_the_right_one(plugged: ExitStack, tmp_path: Path) -> None:
    found = looked_at(plugged.enter_context(sample("wrong baud", EVERY_S)), tmp_path, baud=9600)
    assert found["speed"].says == "the receiver speaks at 115200 baud, and agent.yaml says 9600"
    assert found["speed"].remedy == "Write `baud: auto` under gnss in agent.yaml."


def test_garbage_at_every_speed_is_no_nmea(plugged: ExitStack, tmp_path: Path) -> None:
    found = looked_at(plugged.enter_context(sample("garbage", EVERY_S)), tmp_path)
    assert found["speed"].outcome == "fail"
    assert "no NMEA at any usual baud" in found["speed"].says
    assert "NMEA 0183" in found["speed"].remedy


def test_garbage_at_a_fixed_speed_is_looked_for_at_all_others_too(plugged: ExitStack, tmp_path: Path) -> None:
    found = looked_at(plugged.enter_context(sample("garbage", EVERY_S)), tmp_path, baud=9600)
    assert found["speed"].says == "bytes come, but no NMEA at any speed"


def test_without_a_fix_it_takes_open_sky(plugged: ExitStack, tmp_path: Path) -> None:
    found = looked_at(plugged.enter_context(sample("no fix", EVERY_S)), tmp_path)
    assert found["fix"] == Finding(
        "fix",
        "fail",
        "no fix, 2 satellites",
        "Drive into open sky, wait up to 15 minutes, and run this again.",
    )
    assert found["date"].outcome == "fail"
    assert outcomes(found)["sentences"] == "pass"


def test_damaged_sentences_are_counted(plugged: ExitStack, tmp_path: Path) -> None:
    begun_ms = now_ms()

    def says(number: int) -> bytes:
        return epoch(number, start_ms=begun_ms) + b"$GNGGA,1,2,3*00\r\n"

    found = looked_at(plugged.enter_context(Gps(says, every_s=EVERY_S)), tmp_path)
    assert found["checksums"].outcome == "warn"
    assert found["fix"].outcome == "pass"


@pytest.mark.parametrize(
    ("said", "outcome", "words"),
    [
        (text_sentence("ANTSTATUS=OPEN"), "fail", "finds no antenna"),
        (text_sentence("ANTSTATUS=SHORT"), "fail", "has a short"),
        (text_sentence("ANTSTATUS=OK"), "pass", "finds its antenna"),
        (text_sentence("ANTENNA OPEN"), "fail", "finds no antenna"),
        (with_checksum("PGTOP,11,1"), "fail", "has a short"),
        (with_checksum("PGTOP,11,2"), "fail", "finds no antenna"),
        (with_checksum("PCD,11,3"), "pass", "finds its antenna"),
        (text_sentence("ANTSTATUS=INIT"), "not tested", "does not tell"),
        (b"$GNTXT,01,01,02,ANTSTATUS=OPEN*00\r\n", "not tested", "does not tell"),
    ],
)
def test_an_antenna_is_judged_by_what_the_receiver_says_of_it(said: bytes, outcome: str, words: str) -> None:
    antenna = judged(said)["antenna"]
    assert antenna.outcome == outcome
    assert words in antenna.says


def heard(data: bytes, seconds: float = 10.0, **limits: Any) -> Heard:
    hearing = Hearing(GateLimits(**limits), FLOOR_DAY)
    hearing.feed(1.0, data)
    return Heard(hearing, 0.0, seconds, None, "")


def judged(data: bytes, **limits: Any) -> dict[str, Finding]:
    found, _ = receiver(
        Machine(Path("/nowhere")), PortOptions("socket://host:1"), lambda _: heard(data, **limits)
    )
    return {finding.check: finding for finding in found}


def test_fixes_that_the_agent_would_refuse_do_not_make_a_truck_ready() -> None:
    said = b"".join(epoch(number, start_ms=now_ms()) for number in range(8))
    assert judged(said)["fix"].outcome == "pass"
    assert judged(said, hdop_max=0.1)["fix"].says == "fixes, but none that the agent believes, 9 satellites"


def test_a_receiver_without_rmc_and_gga_has_to_be_set_up() -> None:
    found = judged(with_checksum("GPGSV,1,1,00") * 3)
    assert found["sentences"].outcome == "fail"
    assert "RMC and GGA" in found["sentences"].remedy


def test_a_receiver_that_floods_us_with_names_is_counted_within_bounds() -> None:
    names = [f"GP{chr(65 + a)}{chr(65 + b)}A" for a in range(26) for b in range(26)]
    hearing = heard(b"".join(with_checksum(f"{name},1") for name in names)).hearing
    assert len(hearing.sentences) == 41
    assert hearing.sentences.total() == 676


# Before the port is opened.


def not_opened(_: PortOptions) -> Heard:
    raise AssertionError("the port must not be opened")


def test_a_port_that_is_not_there_is_a_fault_in_a_truck_and_just_not_here_on_a_laptop(tmp_path: Path) -> None:
    options = PortOptions(str(tmp_path / "none"))
    found, _ = receiver(Machine(tmp_path), options, not_opened)
    assert found[0].outcome == "not here"
    assert found[0].needed
    model = tmp_path / "proc/device-tree/model"
    model.parent.mkdir(parents=True)
    model.write_bytes(b"Raspberry Pi 4 Model B Rev 1.4\0")
    found, _ = receiver(Machine(tmp_path), options, not_opened)
    assert found[0].outcome == "fail"
    assert "Plug the receiver in" in found[0].remedy


def test_a_port_with_a_console_on_it_is_not_opened(plugged: ExitStack, tmp_path: Path) -> None:
    gps = plugged.enter_context(sample("good"))
    (tmp_path / "proc").mkdir()
    name = Path(gps.path).name
    (tmp_path / "proc/cmdline").write_text(f"console={name},115200 console=tty1 root=/dev/mmcblk0p2\n")
    found, _ = receiver(Machine(tmp_path), PortOptions(str(linked(gps, tmp_path))), not_opened)
    assert found[1].outcome == "fail"
    assert "raspi-config" in found[1].remedy


def hold(root: Path, pid: int, program: str, device: str) -> None:
    """A process that has a device open, on a computer of ours."""
    (root / f"proc/{pid}/fd").mkdir(parents=True)
    (root / f"proc/{pid}/comm").write_text(f"{program}\n")
    (root / f"proc/{pid}/fd/7").symlink_to(device)


@pytest.mark.parametrize(
    ("program", "remedy"),
    [
        ("gpsd", "`sudo systemctl disable --now gpsd.socket gpsd.service`"),
        ("ModemManager", "`sudo systemctl disable --now ModemManager.service`"),
        ("cat", "Stop cat (process 4711) the way it was started, and keep it from coming back."),
        (
            "agetty",
            "`sudo raspi-config`: Interface, Serial Port, no login shell, hardware on. Then restart.",
        ),
    ],
)
def test_a_port_that_another_program_has_is_not_opened(
    plugged: ExitStack, tmp_path: Path, program: str, remedy: str
) -> None:
    gps = plugged.enter_context(sample("good"))
    hold(tmp_path, 4711, program, gps.path)
    found, _ = receiver(Machine(tmp_path), PortOptions(str(linked(gps, tmp_path))), not_opened)
    assert (found[1].outcome, found[1].says.split(" has ")[0]) == ("fail", f"{program} (process 4711)")
    assert found[1].remedy == remedy


@pytest.mark.parametrize(
    ("programs", "says"),
    [
        (["cat", "sh"], "cat (process 4711), sh (process 4712) have"),
        (["sh"] * 4, "4 programs have"),
    ],
)
def test_of_many_programs_only_the_number_is_told_and_none_is_ended_by_number(
    plugged: ExitStack, tmp_path: Path, programs: list[str], says: str
) -> None:
    gps = plugged.enter_context(sample("good"))
    for pid, program in enumerate(programs, start=4711):
        hold(tmp_path, pid, program, gps.path)
    found, _ = receiver(Machine(tmp_path), PortOptions(str(linked(gps, tmp_path))), not_opened)
    assert found[1].outcome == "fail"
    assert found[1].says.startswith(says)
    assert "kill" not in found[1].remedy


@pytest.mark.parametrize("device", ["/dev/null", "/dev/zero", "a file"])
def test_a_port_that_is_no_serial_line_is_not_opened(device: str, tmp_path: Path) -> None:
    (tmp_path / "a file").touch()
    port = str(tmp_path / device)
    found, _ = receiver(Machine(), PortOptions(port), not_opened)
    remedy = "Write the receiver's path from /dev/serial/by-id/ as gnss.port in agent.yaml."
    assert found[0] == Finding("port", "fail", f"{port} is no serial port", remedy)
    assert {each.outcome for each in found[1:]} == {"not tested"}


# A port that is a socket.


def over_tcp(port: int) -> dict[str, Finding]:
    return opened(Machine(), PortOptions(f"socket://127.0.0.1:{port}", silence_s=5.0))


def test_a_socket_where_nobody_answers_is_told_by_its_place() -> None:
    found = over_tcp(1)
    assert found["port"].outcome == "fail"
    assert found["port"].says == "nobody answers on 127.0.0.1:1"
    remedy = "Start what should answer there, or write another gnss.port in agent.yaml."
    assert found["port"].remedy == remedy


def test_a_socket_that_is_silent_is_no_matter_of_wires() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = over_tcp(port)
    assert found["port"].outcome == "pass"
    assert (found["sentences"].outcome, found["sentences"].says) == (
        "fail",
        f"127.0.0.1:{port} answers, but sends nothing",
    )
    assert not any("TX" in finding.says + finding.remedy for finding in found.values())


@pytest.mark.parametrize(
    ("trouble", "said", "says"),
    [
        ("bytes arrive but no NMEA from socket://host:1: is that a GNSS source?", b"", "but sends no NMEA"),
        ("socket://host:1: socket disconnected", text_sentence("hello"), "but breaks off"),
    ],
)
def test_a_socket_that_speaks_otherwise_is_told_as_it_is(trouble: str, said: bytes, says: str) -> None:
    deaf = heard(said)._replace(opened_at=None, trouble=trouble)
    found, _ = receiver(Machine(), PortOptions("socket://host:1"), lambda _: deaf)
    (sentences,) = (each for each in found if each.check == "sentences")
    assert sentences.says == f"host:1 answers, {says}"


def test_who_may_not_see_other_programs_is_told_so(
    plugged: ExitStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    gps = plugged.enter_context(sample("good", EVERY_S))
    assert looked_at(gps, tmp_path)["alone"].outcome == "not tested"


# While the agent runs.


def test_while_the_agent_runs_its_own_status_tells_and_the_rest_is_not_tested() -> None:
    told, day = while_agent_runs({"gnss": "heard", "date": "2027-06-25"})
    assert day == 20_994
    found = {finding.check: finding for finding in told}
    assert {check for check, finding in found.items() if finding.outcome == "pass"} == {
        "port",
        "alone",
        "speed",
        "fix",
        "date",
    }
    assert {finding.outcome for finding in found.values()} == {"pass", "not tested"}


@pytest.mark.parametrize("told", [{"gnss": "silent", "date": None}, None])
def test_an_agent_that_hears_nothing_or_says_nothing_holds_the_truck_up(
    told: dict[str, object] | None,
) -> None:
    held_up = [each for each in while_agent_runs(told)[0] if each.outcome != "pass" and each.needed]
    assert held_up
    assert held_up[0].check == "port"
    assert held_up[0].remedy.startswith(
        "Stop the agent (Ctrl-C where it was started, or `sudo systemctl stop fairhaul`)"
    )


def test_an_agent_that_hears_nothing_any_more_vouches_neither_for_fix_nor_for_date() -> None:
    told, day = while_agent_runs({"gnss": "silent", "date": "2027-06-25"})
    found = {finding.check: finding.outcome for finding in told}
    assert (found["port"], found["fix"], found["date"], day) == ("fail", "not tested", "not tested", None)


def test_a_date_that_is_none_is_not_known() -> None:
    told, day = while_agent_runs({"gnss": "heard", "date": None})
    assert (day, {each.check: each.outcome for each in told}["date"]) == (None, "fail")
