"""The Debian package, as far as it can be looked at without building it; `make system-test` does the rest."""

from __future__ import annotations

import configparser
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from agent.cli.options import CONFIGURATION
from agent.decommission import KEYS_FOLDER, doomed

ROOT = Path(__file__).parent.parent.parent
DEBIAN = ROOT / "systemd" / "debian"
SCRIPTS = ["preinst", "postinst", "prerm", "postrm"]
# What the package does not bring: lgpio is the system's, and what installs packages is not needed where nothing is.
LEFT_OUT = {"lgpio", "pip", "setuptools"}


def locked() -> dict[str, tuple[Version, list[str]]]:
    """Each library of the lock file with its version and hashes."""
    text = re.sub(
        r"^ *#.*\n", "", (DEBIAN / "requirements.txt").read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    found: dict[str, tuple[Version, list[str]]] = {}
    for entry in re.split(r"\n(?=\S)", text.strip()):
        pinned, *hashes = re.split(r"\s*\\\n\s*", entry.strip())
        name, version = pinned.split("==")
        found[canonicalize_name(name)] = Version(version), hashes
    return found


def required() -> list[Requirement]:
    """What setup.cfg says that the agent needs."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return [Requirement(line) for line in parser["options"]["install_requires"].split("\n") if line]


def script(name: str) -> str:
    return (DEBIAN / name).read_text(encoding="utf-8")


def unit() -> str:
    return (ROOT / "systemd/fairhaul.service").read_text(encoding="utf-8")


def test_every_library_is_pinned_with_its_hashes() -> None:
    assert len(locked()) > 15
    for name, (_, hashes) in locked().items():
        assert hashes, name
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", each) for each in hashes), name


def test_the_lock_file_holds_for_every_machine_and_python() -> None:
    assert ";" not in script("requirements.txt"), "pip weighs a condition by the machine that builds"


@pytest.mark.parametrize("requirement", required(), ids=lambda requirement: requirement.name)
def test_what_the_agent_needs_is_locked_in_a_version_that_it_accepts(requirement: Requirement) -> None:
    name = canonicalize_name(requirement.name)
    assert name in LEFT_OUT or locked()[name][0] in requirement.specifier


@pytest.mark.parametrize("name", sorted(locked()))
def test_what_a_locked_library_needs_is_locked_too(name: str) -> None:
    needed = [Requirement(each) for each in importlib.metadata.requires(name) or []]
    for each in needed:
        if each.marker is None or each.marker.evaluate({"extra": ""}):
            assert canonicalize_name(each.name) in locked().keys() | LEFT_OUT, each


def test_nothing_is_locked_that_nobody_needs() -> None:
    asking = [
        *required(),
        *(Requirement(each) for name in locked() for each in importlib.metadata.requires(name) or []),
    ]
    assert locked().keys() <= {canonicalize_name(each.name) for each in asking}


def test_the_list_of_licences_is_fresh() -> None:
    page = (ROOT / "docs/licences.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([a-z0-9-]+) \| ([0-9]\S*) \| ([^|]+) \|", page, re.MULTILINE)
    versions = {name: str(version) for name, (version, _) in locked().items()}
    assert {name: version for name, version, _ in rows} == versions, "type: make lock"
    assert [name for name, _, licence in rows if licence.strip().lower() in ("", "none", "unknown")] == []


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_of_the_package_is_sound_and_stops_at_the_first_failure(name: str) -> None:
    subprocess.run(["sh", "-n", DEBIAN / name], check=True)
    assert re.search(r"^set -e$", script(name), re.MULTILINE)


@pytest.mark.skipif(shutil.which("dpkg") is None, reason="no dpkg here")
@pytest.mark.parametrize(
    ("words", "refused"),
    [
        (["install"], False),
        (["install", ""], False),
        (["upgrade", "0.3.0+py3.11"], False),
        (["upgrade", "0.4.0+py3.11"], False),
        (["upgrade", "0.4.0~rc1+py3.11"], False),
        (["upgrade", "0.4.1+py3.11"], True),
        (["upgrade", "0.10.0+py3.11"], True),
        (["install", "0.5.0+py3.11"], True),
        (["abort-upgrade", "0.5.0+py3.11"], False),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_an_older_package_refuses_to_follow_a_newer_one(
    words: list[str], refused: bool, tmp_path: Path
) -> None:
    preinst = tmp_path / "preinst"
    preinst.write_text(script("preinst").replace("@VERSION@", "0.4.0+py3.11"), encoding="utf-8")
    done = subprocess.run(["sh", preinst, *words], capture_output=True, text=True, check=False)
    assert done.returncode == int(refused)
    written = f"this box's outbox was written by Fairhaul {words[-1].partition('+')[0]}"
    assert (written in done.stderr) == refused


def test_everything_that_systemd_and_udev_read_is_packed() -> None:
    build = script("build.sh")
    files = [path.name for path in (ROOT / "systemd").glob("fairhaul.*")]
    assert len(files) >= 4
    assert [name for name in files if f"lay {name} " not in build] == []
    assert "for rules in systemd/*.rules" in build


def test_the_program_that_the_service_starts_is_the_one_that_is_packed_and_compiled() -> None:
    assert re.search(r"^ExecStart=fairhaul run", unit(), re.MULTILINE)
    assert 'ln -s ../lib/fairhaul/bin/fairhaul "$root/usr/bin/fairhaul"' in script("build.sh")
    optimised = re.search(r"^Environment=.*PYTHONOPTIMIZE=(\d)", unit(), re.MULTILINE)
    assert optimised is not None
    assert f"-o 0 -o {optimised[1]} " in script("postinst")


def test_R21_purge_destroys_every_folder_that_the_agent_has() -> None:
    destroyed = re.search(r"for folder in (.*); do", script("postrm"))
    assert destroyed is not None
    kinds = {"StateDirectory": "/var/lib", "RuntimeDirectory": "/run", "CacheDirectory": "/var/cache"}
    own = re.findall(r"^(\w+Directory)=(\w+)$", unit(), re.MULTILINE)
    folders = {f"{kinds[kind]}/{name}" for kind, name in own if kind in kinds}
    assert len(folders) >= 2
    assert folders | {str(CONFIGURATION.parent)} <= set(destroyed[1].split())


SECRET = "what only truck-017 knows"
FOLDERS = ("etc/fairhaul", "var/lib/fairhaul", "var/cache/fairhaul", "run/fairhaul")


@pytest.fixture
def box(tmp_path: Path) -> Path:
    """The root of a box with keys and an outbox, on which the package's scripts can be run."""
    root = tmp_path / "box"
    for name in ("etc/fairhaul/keys/truck.key", "var/lib/fairhaul/outbox.db", "run/fairhaul/status.json"):
        write(root / name, SECRET)
    write(root / "usr/lib/fairhaul/module.py", "")
    stub = f'exec {sys.executable} -m agent "$@" --config {root}/etc/fairhaul/agent.yaml'
    write(root / "bin/fairhaul", f"#!/bin/sh\n{stub}\n")
    (root / "bin/fairhaul").chmod(0o755)
    return root


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def laid(box: Path, name: str) -> Path:
    """A script of the package, which takes the box for the whole system."""
    path = box.parent / name
    path.write_text(re.sub(r"(?<![\w@])/(etc|var|run|usr)/", rf"{box}/\1/", script(name)), encoding="utf-8")
    return path


def ran(box: Path, name: str, word: str) -> subprocess.CompletedProcess[str]:
    """What the package manager gets to hear."""
    return subprocess.run(
        ["sh", laid(box, name), word],
        env={
            "PATH": f"{box}/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "PYTHONPATH": str(ROOT),
            "LC_ALL": "C.UTF-8",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def purge_list(box: Path) -> list[str]:
    return (box / "etc/fairhaul/purge.list").read_text(encoding="utf-8").splitlines()


def test_R21_purge_is_told_of_every_file_that_decommission_would_destroy(box: Path) -> None:
    state = box / "opt/state"
    elsewhere = [box / "opt/a password", box / "opt/truck.pem", state / "outbox.db", state / "outbox.db-wal"]
    for path in elsewhere:
        write(path, SECRET)
    link = {"password_file": str(elsewhere[0]), "certificate_file": str(elsewhere[1])}
    config = box / "etc/fairhaul/agent.yaml"
    write(config, f"state: {state}\nlink: {link}\n")
    done = ran(box, "prerm", "remove")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    secrets = [box / "etc/fairhaul" / KEYS_FOLDER / "truck.key", *elsewhere]
    assert purge_list(box) == [str(path) for path in doomed(config, state, link, []).files]
    assert sorted(purge_list(box)) == sorted(str(path) for path in secrets)
    assert all(path.read_text(encoding="utf-8") == SECRET for path in secrets)
    done = ran(box, "postrm", "purge")
    assert done.returncode == 0
    assert {str(path) for path in secrets} <= set(done.stdout.splitlines())
    assert not any(path.exists() for path in secrets)


def test_R21_what_could_not_be_listed_for_a_purge_is_said(box: Path) -> None:
    write(box / "etc/fairhaul/agent.yaml", "link: [")
    done = ran(box, "prerm", "remove")
    assert done.returncode == 0, "a box with a mistake can be cleaned all the same"
    assert f"{box}/etc/fairhaul/agent.yaml:1" in done.stderr
    assert "Keys and outbox elsewhere: look for them by hand." in done.stderr
    assert purge_list(box) == []


def test_R21_a_name_of_two_lines_brings_no_second_file_onto_the_list(box: Path) -> None:
    state = box / "opt/state"
    write(state / "outbox.db", SECRET)
    write(state / "outbox.x\n  ", SECRET)
    write(box / "etc/fairhaul/agent.yaml", f"state: {state}\n")
    done = ran(box, "prerm", "remove")
    assert f"NOT LISTED '{state}/outbox.x\\n  '" in done.stderr
    assert "look for them by hand" in done.stderr
    assert purge_list(box) == [f"{box}/etc/fairhaul/keys/truck.key", f"{state}/outbox.db"]


def test_R21_purge_overwrites_tells_and_removes_and_can_be_said_again(box: Path, tmp_path: Path) -> None:
    kept = tmp_path / "another name of the same bytes"
    kept.hardlink_to(box / "var/lib/fairhaul/outbox.db")
    assert ran(box, "postrm", "remove").returncode == 0
    assert kept.read_text(encoding="utf-8") == SECRET
    for _ in range(2):
        done = ran(box, "postrm", "purge")
        assert (done.returncode, done.stderr) == (0, "")
    assert SECRET.encode() not in kept.read_bytes()
    assert not any((box / folder).exists() for folder in FOLDERS)


def test_R21_purge_says_which_files_it_destroys(box: Path) -> None:
    os.mkfifo(box / "run/fairhaul/a fifo")
    told = ran(box, "postrm", "purge").stdout.splitlines()
    assert told[0].startswith("fairhaul: these files are destroyed")
    assert sorted(told[1:]) == sorted(
        f"{box}/{name}"
        for name in (
            "etc/fairhaul/keys/truck.key",
            "var/lib/fairhaul/outbox.db",
            "run/fairhaul/status.json",
            "run/fairhaul/a fifo",
        )
    )


def test_R21_whoever_names_a_folder_over_two_lines_destroys_nothing_elsewhere(
    box: Path, tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    write(victim, "somebody else's")
    write(Path(f"{box}/var/lib/fairhaul/a\n{victim}"), SECRET)
    assert ran(box, "postrm", "purge").returncode == 0
    assert victim.read_text(encoding="utf-8") == "somebody else's"
    assert not (box / "var/lib/fairhaul").exists()


def test_R21_purge_follows_no_link_of_the_agent_s(box: Path, tmp_path: Path) -> None:
    victim = tmp_path / "elsewhere/victim"
    write(victim, "somebody else's")
    (box / "var/lib/fairhaul/outbox.reserve").symlink_to(victim)
    (box / "var/lib/fairhaul/folder").symlink_to(victim.parent)
    assert ran(box, "postrm", "purge").returncode == 0
    assert victim.read_text(encoding="utf-8") == "somebody else's"
    assert not (box / "var/lib/fairhaul").exists()


def test_R21_a_state_folder_that_root_has_put_on_another_disk_is_purged_there(
    box: Path, tmp_path: Path
) -> None:
    (box / "var/lib/fairhaul").rename(tmp_path / "disk")
    (box / "var/lib/fairhaul").symlink_to(tmp_path / "disk")
    assert ran(box, "postrm", "purge").returncode == 0
    assert list((tmp_path / "disk").iterdir()) == []
    assert not (box / "var/lib/fairhaul").is_symlink()


OWN_MOUNTS = ["unshare", "--mount", "--map-root-user"]


def has_own_mounts() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*OWN_MOUNTS, "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not has_own_mounts(), reason="no mounts of one's own here")
def test_R21_purge_empties_a_folder_that_is_a_mount_and_goes_through(box: Path) -> None:
    state = box / "var/lib/fairhaul"
    steps = (
        'mount -t tmpfs none "$1" && echo x > "$1/outbox.db" && sh "$2" purge && ls -A "$1" && echo through'
    )
    done = subprocess.run(
        [*OWN_MOUNTS, "sh", "-c", steps, "sh", state, laid(box, "postrm")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"fairhaul: {state} is left: a mount" in done.stderr
    assert done.stdout.splitlines()[-1] == "through"
    assert "outbox.db" not in done.stdout.splitlines()
    assert not (box / "etc/fairhaul").exists()
