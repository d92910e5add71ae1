"""What systemd itself says of our files: apt install systemd."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent.parent / "systemd"
EXPOSURE_MAX = 1.5


def unit(folder: Path, text: str | None = None) -> Path:
    """The service with a command that is there."""
    text = text or (FOLDER / "fairhaul.service").read_text(encoding="utf-8")
    path = folder / "fairhaul.service"
    path.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", text, flags=re.MULTILINE))
    return path


def ran(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, timeout=60, check=False
    )


def judged(folder: Path) -> list[dict[str, str]]:
    done = ran("systemd-analyze", "security", "--offline=true", "--json=short", unit(folder))
    assert done.returncode == 0, done.stderr
    found: list[dict[str, str]] = json.loads(done.stdout)
    return found


def test_verify_has_nothing_to_say(tmp_path: Path) -> None:
    done = ran("systemd-analyze", "verify", "--man=no", unit(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_verify_would_have_found_a_misspelt_directive(tmp_path: Path) -> None:
    text = (FOLDER / "fairhaul.service").read_text(encoding="utf-8")
    done = ran(
        "systemd-analyze", "verify", "--man=no", unit(tmp_path, text.replace("ProtectProc=", "ProtectPork="))
    )
    assert "ProtectPork" in done.stderr


def test_the_exposure_is_small(tmp_path: Path) -> None:
    done = ran("systemd-analyze", "security", "--offline=true", unit(tmp_path))
    overall = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert overall
    assert float(overall[1]) <= EXPOSURE_MAX
    assert (
        ran(*("systemd-analyze", "security", "--offline=true", "--threshold=15", unit(tmp_path))).returncode
        == 0
    )


def test_whatever_is_left_open_has_its_reason_in_the_file(tmp_path: Path) -> None:
    text = (FOLDER / "fairhaul.service").read_text(encoding="utf-8")
    reasons = set(re.findall(r"^# ([A-Z]\w+) {2,}\S", text.partition("# Not here")[2], re.MULTILINE))
    open_ = {
        re.split(r"[=:]", row["name"])[0]
        for row in judged(tmp_path)
        if row["set"] is False and float(row["exposure"] or 0) > 0
    }
    assert len(open_) > 3
    assert sorted(open_ - reasons) == []


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A system that knows our user and groups."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/group").write_text("root:x:0:\ndialout:x:20:\n")
    (tmp_path / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    for _ in range(2):
        done = ran("systemd-sysusers", f"--root={tmp_path}", FOLDER / "fairhaul.sysusers")
        assert done.returncode == 0, done.stderr
    return tmp_path


def test_sysusers_make_a_user_that_nobody_can_log_in_as_and_the_group_of_the_pins(root: Path) -> None:
    users = (root / "etc/passwd").read_text()
    groups = (root / "etc/group").read_text()
    assert re.findall(r"^fairhaul:.*:(.*):(.*)$", users, re.MULTILINE) == [
        ("/var/lib/fairhaul", "/usr/sbin/nologin")
    ]
    assert [len(re.findall(f"^{name}:", groups, re.MULTILINE)) for name in ("gpio", "fairhaul")] == [1, 1]


def test_tmpfiles_make_folders_that_keep_keys_from_others(root: Path) -> None:
    keys = root / "etc/fairhaul/keys"
    keys.mkdir(parents=True)
    (keys / "truck.key").write_text("secret")
    (keys / "truck.key").chmod(0o644)
    done = ran("systemd-tmpfiles", "--create", f"--root={root}", FOLDER / "fairhaul.tmpfiles")
    assert (done.returncode, done.stderr) == (0, "")
    modes = {
        name: (root / name).stat().st_mode & 0o7777
        for name in ("etc/fairhaul", "etc/fairhaul/keys", "etc/fairhaul/keys/truck.key", "var/lib/fairhaul")
    }
    assert list(modes.values()) == [0o755, 0o700, 0o600, 0o700]
    uid = int(re.findall(r"^fairhaul:x:(\d+)", (root / "etc/passwd").read_text(), re.MULTILINE)[0])
    assert (root / "var/lib/fairhaul").stat().st_uid == uid
    assert keys.stat().st_uid == 0
