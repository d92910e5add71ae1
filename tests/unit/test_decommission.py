"""One command destroys keys and buffer."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agent.cli.decommission import decommission
from agent.decommission import CHUNK_BYTES, Left, destroy
from buffer import lock
from buffer.outbox import Kept, Outbox

CANARY = b"canary that must not stay"
SECRETS = ("keys/truck.key", "keys/deeper/password", "named.key", "named.pem", "named.password")
BUFFER = (
    "outbox.db",
    "outbox.db-wal",
    "outbox.db-shm",
    "outbox.reserve",
    "outbox.damaged-1.db",
    "outbox.damaged-1.db-wal",
    "status.json",
    "status.json.new",
)
STAYS = ("agent.yaml", "agreement.yaml", "ca.pem", "state/somebody-else.txt")


@pytest.fixture
def box(tmp_path: Path) -> Path:
    """A truck's files, with a canary in each."""
    for name in (*SECRETS, *(f"state/{name}" for name in BUFFER), *STAYS):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(CANARY * 3)
    configured(tmp_path)
    return tmp_path


def configured(folder: Path, **more: object) -> None:
    link = {
        "brokers": ["mqtts://mqtt.city.example"],
        "key_file": "named.key",
        "certificate_file": "named.pem",
        "username": "truck-017",
        "password_file": "named.password",
        "ca_file": "ca.pem",
    }
    tree = {
        "fleet": "springfield",
        "vehicle": "truck-017",
        "state": "state",
        "agreement": "agreement.yaml",
        "link": link,
    }
    (folder / "agent.yaml").write_text(json.dumps(tree | more), encoding="utf-8")


def said(box: Path, *words: str) -> Result:
    return CliRunner().invoke(decommission, ["--config", str(box / "agent.yaml"), *words])


def there(box: Path) -> set[str]:
    return {str(path.relative_to(box)) for path in box.rglob("*") if not path.is_dir()}


@pytest.fixture
def descriptors(box: Path) -> Iterator[dict[str, int]]:
    """An open descriptor on each doomed file: it shows what the file's blocks hold when its name is gone."""
    names = [*SECRETS, *(f"state/{name}" for name in BUFFER)]
    opened = {name: os.open(box / name, os.O_RDONLY) for name in names}
    yield opened
    for descriptor in opened.values():
        os.close(descriptor)


def test_R21_one_command_destroys_keys_and_buffer_and_leaves_the_rest(box: Path) -> None:
    done = said(box, "--yes")
    assert done.exit_code == 0
    assert there(box) == {*STAYS, "state/lock"}
    assert all(f"destroyed  {box / name}" in done.output for name in SECRETS)


def test_R21_what_the_blocks_held_is_overwritten_before_the_name_goes(
    box: Path, descriptors: dict[str, int]
) -> None:
    said(box, "--yes")
    for name, descriptor in descriptors.items():
        assert os.pread(descriptor, 4096, 0) == bytes(3 * len(CANARY)), name


def test_R21_no_byte_of_a_real_outbox_stays(tmp_path: Path) -> None:
    configured(tmp_path)
    (tmp_path / "state").mkdir()
    outbox = Outbox.open(tmp_path / "state/outbox.db", random_bytes=os.urandom, size_bytes_max=2**24)
    outbox.commit(keep=[Kept("track", 20_000, CANARY * 600)])
    held = [os.open(path, os.O_RDONLY) for path in sorted((tmp_path / "state").glob("outbox*"))]
    before = b"".join(os.pread(each, 2**24, 0) for each in held)
    assert CANARY in before  # and no close: as after a power cut, log and all
    assert said(tmp_path, "--yes").exit_code == 0
    assert there(tmp_path) == {"agent.yaml", "state/lock"}
    assert b"".join(os.pread(each, 2**24, 0) for each in held).strip(b"\0") == b""
    for each in held:
        os.close(each)
    outbox.close()


@pytest.mark.parametrize("length", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES])
def test_R21_a_file_of_any_length_is_overwritten_to_its_last_byte(tmp_path: Path, length: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * length)
    held = os.open(path, os.O_RDONLY)
    assert list(destroy([path])) == [path]
    assert os.pread(held, length + 1, 0) == bytes(length)
    os.close(held)


def test_R21_it_can_be_said_again(box: Path) -> None:
    said(box, "--yes")
    again = said(box)
    assert again.exit_code == 0
    assert "destroyed" not in again.output


def test_R21_with_all_the_configuration_and_the_agreement_go_too_and_then_again(box: Path) -> None:
    assert said(box, "--yes", "--all").exit_code == 0
    assert there(box) == {"ca.pem", "state/somebody-else.txt", "state/lock"}


def test_R21_a_configuration_that_others_share_stays(box: Path) -> None:
    fleet = box.parent / f"{box.name}-fleet.yaml"
    fleet.write_text("log: {level: error}", encoding="utf-8")
    configured(box, extends=f"../{fleet.name}")
    assert said(box, "--yes", "--all").exit_code == 0
    assert fleet.exists()
    assert not (box / "agent.yaml").exists()


def test_R21_secrets_that_systemd_hands_over_are_destroyed_at_their_source(box: Path) -> None:
    link = {"brokers": ["mqtts://a.example"], "key_file": "/run/credentials/fairhaul.service/keys_truck.key"}
    configured(box, link=link)
    done = said(box, "--yes")
    assert done.exit_code == 0
    assert not (box / "keys/truck.key").exists()
    assert "/run/credentials" not in done.output


def test_R21_a_configuration_with_mistakes_does_not_save_the_keys(box: Path) -> None:
    configured(box, gnss={"silence": 10}, vehicle="No Such Name!")
    assert said(box, "--yes").exit_code == 0
    assert there(box) == {*STAYS, "state/lock"}


@pytest.mark.parametrize("text", ["link: [", "extends: absent.yaml\nfleet: a"])
def test_R21_a_configuration_that_can_t_be_read_may_name_keys_so_nothing_is_said_to_be_done(
    box: Path, text: str
) -> None:
    (box / "agent.yaml").write_text(text, encoding="utf-8")
    before = there(box)
    done = said(box, "--yes")
    assert done.exit_code == 2
    assert f"{box}/agent.yaml:" in done.output
    assert there(box) == before


def test_R21_while_the_agent_runs_nothing_is_destroyed_and_the_way_is_told(box: Path) -> None:
    before = there(box)
    with lock.held(box / "state"):
        done = said(box, "--yes")
    assert done.exit_code == 1
    assert "systemctl disable --now fairhaul" in done.output
    assert there(box) == {*before, "state/lock"}


def test_R21_nobody_to_ask_and_no_yes_destroys_nothing(box: Path) -> None:
    before = there(box)
    done = said(box)
    assert done.exit_code == 2
    assert "--yes" in done.output
    assert str(box / "named.key") in done.output
    assert there(box) == before


@pytest.fixture
def terminal(box: Path) -> Iterator[Callable[[bytes], int]]:
    """The command on a terminal, answered; gives its exit status."""
    ours, theirs = pty.openpty()

    def answered(answer: bytes) -> int:
        os.write(ours, answer)
        words = [sys.executable, "-m", "agent", "decommission", "--config", str(box / "agent.yaml")]
        return subprocess.run(
            words, stdin=theirs, stderr=subprocess.DEVNULL, timeout=60, check=False
        ).returncode

    yield answered
    os.close(ours)
    os.close(theirs)


def test_R21_asked_and_refused_nothing_is_destroyed(box: Path, terminal: Callable[[bytes], int]) -> None:
    before = there(box)
    assert terminal(b"n\n") == 1
    assert there(box) == before


def test_R21_asked_and_agreed_it_is(box: Path, terminal: Callable[[bytes], int]) -> None:
    assert terminal(b"y\n") == 0
    assert there(box) == {*STAYS, "state/lock"}


def test_R21_a_link_is_never_followed_and_is_named_as_left(box: Path) -> None:
    for name in ("state/outbox.db", "named.key"):
        elsewhere = box / f"elsewhere-{Path(name).name}"
        (box / name).rename(elsewhere)
        (box / name).symlink_to(elsewhere)
    for _ in range(2):
        done = said(box, "--yes")
        assert done.exit_code == 1
        assert f"LEFT       {box}/state/outbox.db: a link to {box}/elsewhere-outbox.db" in done.output
        assert f"LEFT       {box}/named.key" in done.output
        assert "2 left: NOT decommissioned" in done.output
    assert (box / "elsewhere-outbox.db").read_bytes() == CANARY * 3
    assert (box / "elsewhere-named.key").read_bytes() == CANARY * 3
    assert not (box / "named.pem").exists()


def test_R21_nobody_looks_behind_a_link_to_a_folder_but_it_is_named_as_left(box: Path) -> None:
    (box / "keys/deeper").rename(box / "real")
    (box / "keys/deeper").symlink_to(box / "real")
    for _ in range(2):
        done = said(box, "--yes")
        assert done.exit_code == 1
        assert f"LEFT       {box}/keys/deeper: a link to {box}/real" in done.output
        assert "1 left: NOT decommissioned" in done.output
    assert (box / "real/password").read_bytes() == CANARY * 3


def test_R21_a_closed_stdin_is_nobody_to_ask(box: Path) -> None:
    before = there(box)
    words = [sys.executable, "-m", "agent", "decommission", "--config", str(box / "agent.yaml")]
    closed = ["sh", "-c", 'exec "$@" <&-', "sh", *words]
    done = subprocess.run(closed, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "nobody is here to be asked: say --yes to destroy these files"
    assert there(box) == before


def test_R21_the_list_alone_destroys_nothing(box: Path) -> None:
    before = there(box)
    done = said(box, "--list", "--yes")
    assert done.exit_code == 0
    assert set(done.stdout.splitlines()) == {
        str(box / name) for name in (*SECRETS, *(f"state/{name}" for name in BUFFER))
    }
    assert there(box) == before


def test_R21_a_name_over_two_lines_is_told_as_one(box: Path) -> None:
    (box / "state/outbox.a\n  b").write_bytes(CANARY)
    shown = f"'{box}/state/outbox.a\\n  b'"
    assert f"  {shown}\n" in said(box).output
    assert f"destroyed  {shown}\n" in said(box, "--yes").output


def test_R21_a_lock_that_is_a_link_leads_nowhere(box: Path) -> None:
    victim = box / "victim"
    victim.write_bytes(CANARY)
    (box / "state/lock").symlink_to(victim)
    assert said(box, "--yes").exit_code == 1
    assert victim.read_bytes() == CANARY


def test_R21_what_is_no_plain_file_is_named_and_keeps_nothing_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    plain = tmp_path / "plain"
    plain.write_bytes(CANARY)
    told = list(destroy([tmp_path / "fifo", tmp_path, plain]))
    assert [type(each) for each in told] == [Left, Left, type(plain)]
    assert not plain.exists()


def test_R21_what_can_t_be_removed_is_named_and_the_rest_goes(
    box: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlink = Path.unlink

    def refusing(path: Path, missing_ok: bool = False) -> None:
        if path.name == "named.key":
            raise PermissionError(1, "Operation not permitted", str(path))
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refusing)
    done = said(box, "--yes")
    assert done.exit_code == 1
    assert f"LEFT       {box / 'named.key'}: Operation not permitted" in done.output
    assert there(box) == {*STAYS, "state/lock", "named.key"}


def test_R21_without_a_configuration_the_usual_places_are_looked_at(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.mkdir()
    (keys / "truck.key").write_bytes(CANARY)
    done = said(tmp_path)
    assert done.exit_code == 2
    assert "the usual places" in done.output
    assert str(keys / "truck.key") in done.output
