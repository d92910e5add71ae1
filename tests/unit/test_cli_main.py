"""The commands as people and scripts meet them: exit statuses, streams, help."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agent import VERSION
from agent.__main__ import SECTIONS, main
from agent.surroundings import EXAMPLE_AGREEMENT, EXAMPLE_CONFIGURATION
from drivers.simulate import shift, write
from tests.sim.drives import MORNING_MS, sentences, straight

ROOT = Path(__file__).parent.parent.parent


def fairhaul(*words: object, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words], input=stdin, prog_name="fairhaul")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "way.nmea"
    path.write_bytes(
        b"".join(sentences(MORNING_MS + 1000 * i, spot) for i, spot in enumerate(straight(3000)))
    )
    return path


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shift")
    write(shift(4, 0.3), folder)
    return folder


def lines(result: Result) -> list[dict[str, object]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


# Help.


def test_help_is_grouped_by_where_commands_are_used() -> None:
    result = fairhaul("--help")
    assert result.exit_code == 0
    places = [result.stdout.index(f"{section}:") for section in SECTIONS]
    assert places == sorted(places)
    assert list(SECTIONS) == ["In the truck", "On the laptop", "Agreements", "At the city"]
    for commands in SECTIONS.values():
        for name in commands:
            assert f"\n  {name} " in result.stdout


@pytest.mark.parametrize("name", [name for commands in SECTIONS.values() for name in commands])
def test_every_command_has_help(name: str) -> None:
    result = fairhaul(name, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: fairhaul {name} ")


def test_the_version_is_told() -> None:
    assert VERSION in fairhaul("--version").stdout


# Replay.


def test_a_replay_writes_records_to_stdout_and_its_words_to_stderr(log: Path) -> None:
    result = fairhaul("replay", log, "--out", "-")
    assert result.exit_code == 0
    records = lines(result)
    assert {record["stream"] for record in records} == {"track", "day", "box"}
    track = next(record for record in records if record["stream"] == "track")
    assert list(track) == ["stream", "batch", "date", "stretch", "running_s", "path"]
    assert re.search(r"[\d,]+ batches, [\d,]+ bytes in all, would be published over \d+ days", result.stderr)


def test_a_log_from_stdin_or_packed_gives_the_same_records(log: Path) -> None:
    packed = log.with_suffix(".nmea.gz")
    packed.write_bytes(gzip.compress(log.read_bytes()))
    ways = [
        fairhaul("replay", log, "--out", "-"),
        fairhaul("replay", packed, "--out", "-"),
        fairhaul("replay", "-", "--out", "-", stdin=log.read_bytes()),
    ]
    assert [result.exit_code for result in ways] == [0, 0, 0]
    plain, *others = [[{**record, "batch": ""} for record in lines(result)] for result in ways]
    assert plain
    assert others == [plain, plain]


def test_a_simulated_shift_is_replayed_under_what_lies_beside_it(simulated: Path, tmp_path: Path) -> None:
    wire = tmp_path / "wire"
    result = fairhaul(
        "replay", simulated / "shift.nmea", "--pulses", simulated / "pulses.csv", "--wire", wire
    )
    assert result.exit_code == 0
    index = [json.loads(line) for line in (wire / "index.ndjson").read_text().splitlines()]
    streams = {line["topic"].rsplit("/", 1)[-1] for line in index}
    assert streams == {"track", "day", "lifts", "site_visits", "harsh_braking", "box"}
    assert all("simulated-city" in line["topic"] for line in index)


@pytest.mark.parametrize("content", [b"", b"not NMEA at all\n" * 40, bytes(range(256)) * 20])
def test_a_log_without_nmea_is_a_finding_and_no_failure(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "odd.log"
    path.write_bytes(content)
    result = fairhaul("replay", path, "--out", "-")
    assert result.exit_code == 0
    assert result.stdout == ""


@pytest.mark.parametrize("name", ["missing.nmea", ".", "broken.gz"])
def test_an_unreadable_log_is_exit_3_and_one_sentence(name: str, tmp_path: Path) -> None:
    (tmp_path / "broken.gz").write_bytes(b"no gzip")
    result = fairhaul("replay", tmp_path / name, "--out", "-")
    assert result.exit_code == 3
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert "Traceback" not in result.stderr


def test_a_second_log_that_can_t_be_read_leaves_no_file_open(log: Path, tmp_path: Path) -> None:
    result = fairhaul(
        "replay", log, tmp_path / "missing", "--agreement", EXAMPLE_AGREEMENT, "--wire", tmp_path / "w"
    )
    assert result.exit_code == 3


@pytest.mark.parametrize(
    "content", ["nonsense\n", "at_s,pin,level\n1,brake,2\n", "at_s,pin,level\n2,b,1\n1,b,0\n"]
)
def test_pulses_that_make_no_sense_are_exit_3_with_their_line(
    content: str, log: Path, tmp_path: Path
) -> None:
    pulses = tmp_path / "pulses.csv"
    pulses.write_text(content)
    result = fairhaul("replay", log, "--pulses", pulses)
    assert result.exit_code == 3
    assert "pulses.csv:" in result.stderr


@pytest.mark.parametrize("content", ["", "id: [", "fairhaul_agreement: 1\n", "\x00"])
def test_a_broken_agreement_is_exit_2_with_file_and_line(content: str, log: Path, tmp_path: Path) -> None:
    agreed = tmp_path / "agreed.yaml"
    agreed.write_text(content)
    result = fairhaul("replay", log, "--agreement", agreed, "--out", "-")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith(f"{agreed}:1:")


def test_a_missing_or_broken_configuration_is_exit_2(log: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("fleet: 5\n")
    for name in ("missing.yaml", "broken.yaml"):
        result = fairhaul("replay", log, "--config", tmp_path / name)
        assert result.exit_code == 2
        assert name in result.stderr


@pytest.mark.parametrize(
    "words", [[], ["--duty", "perhaps"], ["--speed", "0"], ["--nonsense"], ["--live", "--out", "-"]]
)
def test_bad_usage_is_exit_2(words: list[str], log: Path) -> None:
    assert fairhaul("replay", *([log] if words else []), *words).exit_code == 2


def test_a_place_that_can_t_be_written_is_exit_1(log: Path, tmp_path: Path) -> None:
    result = fairhaul("replay", log, "--out", tmp_path / "nowhere" / "out.ndjson")
    assert result.exit_code == 1
    assert "nowhere" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("duty", "streams"), [("on", {"track", "day", "box"}), ("off", {"box"}), ("pulses", {"box"})]
)
def test_duty_can_be_decided_beforehand(duty: str, streams: set[str], log: Path) -> None:
    result = fairhaul("replay", log, "--duty", duty, "--out", "-")
    assert {record["stream"] for record in lines(result)} == streams


def test_a_report_is_a_page(log: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert fairhaul("replay", log, "--report", page).exit_code == 0
    assert page.read_text(encoding="utf-8").lstrip().lower().startswith("<!doctype html")


# The other commands.


def test_an_unknown_command_is_exit_2() -> None:
    assert fairhaul("fly").exit_code == 2


def test_status_without_a_running_agent_is_exit_1_and_without_a_configuration_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "run"))
    config = tmp_path / "agent.yaml"
    assert fairhaul("status", "--config", config).exit_code == 2
    text = EXAMPLE_CONFIGURATION.read_text(encoding="utf-8").replace("/var/lib/fairhaul", str(tmp_path))
    config.write_text(text, encoding="utf-8")
    result = fairhaul("status", "--config", config)
    assert result.exit_code == 1
    assert "is the agent running?  Start it: sudo systemctl start fairhaul" in result.stderr


def test_status_reads_the_running_agent_s_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from agent.status import status_of
    from buffer import lock
    from tests.sim.drives import agreement, configuration, truck

    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    config = tmp_path / "agent.yaml"
    text = EXAMPLE_CONFIGURATION.read_text(encoding="utf-8").replace("/var/lib/fairhaul", str(tmp_path))
    config.write_text(text, encoding="utf-8")
    told = status_of(configuration(), agreement(), truck(agreement()))
    (tmp_path / "status.json").write_text(json.dumps(told), encoding="utf-8")
    with lock.held(tmp_path):
        (found,) = lines(fairhaul("status", "--config", config, "--json"))
        assert found == {**json.loads(json.dumps(told)), "running": True, "age_s": found["age_s"]}
        assert "routes-and-safety version 1" in fairhaul("status", "--config", config).stdout


def test_run_without_a_configuration_is_exit_2(tmp_path: Path) -> None:
    result = fairhaul("run", "--config", tmp_path / "missing.yaml")
    assert result.exit_code == 2
    assert "missing.yaml" in result.stderr


def test_simulate_writes_what_replay_reads(tmp_path: Path) -> None:
    assert fairhaul("simulate", "--seed", 2, "--hours", 0.05, "--out", tmp_path / "s").exit_code == 0
    assert fairhaul("replay", tmp_path / "s" / "shift.nmea").exit_code == 0


# As processes.


def process(*words: object, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-m", "agent", *map(str, words)],
        input=stdin,
        capture_output=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=60,
        check=False,
    )


def test_the_module_is_the_command_and_leaves_nothing_open(log: Path) -> None:
    done = process("replay", "-", "--out", "-", stdin=log.read_bytes())
    assert done.returncode == 0
    assert b'"stream": "track"' in done.stdout
    assert b"Warning" not in done.stderr
    missing = process("replay", log.with_name("missing"))
    assert (missing.returncode, missing.stdout) == (3, b"")


def test_a_reader_that_goes_away_early_is_no_bug(log: Path, tmp_path: Path) -> None:
    many = tmp_path / "many.nmea"
    many.write_bytes(log.read_bytes())
    with subprocess.Popen(
        [sys.executable, "-m", "agent", "replay", str(many), "--out", "-"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        said = running.stderr.read()
        running.wait(60)
    assert b"Traceback" not in said
