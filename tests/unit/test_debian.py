"""The Debian package, as far as it can be looked at without building it; `make system-test` does the rest."""

from __future__ import annotations

import configparser
import importlib.metadata
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from agent.__main__ import main
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
    found = {}
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


def test_R21_purge_is_told_of_every_file_that_decommission_would_destroy(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    secrets = [
        tmp_path / "etc" / KEYS_FOLDER / "truck.key",
        elsewhere / "a password",
        elsewhere / "truck.pem",
    ]
    for path in [*secrets, tmp_path / "state/outbox.db", tmp_path / "state/outbox.db-wal"]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("secret", encoding="utf-8")
    link = {"password_file": str(secrets[1]), "certificate_file": str(secrets[2])}
    config = tmp_path / "etc/agent.yaml"
    config.write_text(f"state: {tmp_path / 'state'}\nlink: {link}\n", encoding="utf-8")
    said = CliRunner().invoke(main, ["decommission", "--config", str(config)]).output
    written = re.search(r"sed -n '(.*)' >", script("prerm"))
    assert written is not None
    done = subprocess.run(["sed", "-n", written[1]], input=said, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        str(path) for path in doomed(config, tmp_path / "state", link, []).files
    ]
    assert len(done.stdout.splitlines()) == 5
    assert all(path.exists() for path in secrets)
