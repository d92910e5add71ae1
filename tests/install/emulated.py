"""`make arm64-tests`: the core of the tests on the Raspberry Pi's kind of processor, emulated. Root; half an hour.

An arm64 Debian 12 is laid out without running it, with the locked libraries as arm64 wheels; qemu runs its Python.
Tests that start other programs are left out: the emulator runs one.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.install.machine import SUITE
from tests.install.page import write_log

ROOT = Path(__file__).parent.parent.parent
CORE = [
    "nmea",
    "quantities",
    "fixes",
    "gate",
    "geometry",
    "wire",
    "columns",
    "sealing",
    "agreement",
    "agreement_values",
    "agreement_narrower",
    "duty",
    "pulses",
    "braking",
    "standstill",
    "stretches",
    "way",
    "release",
    "outbox",
    "outbox_bytes",
    "outbox_gone",
    "outbox_notes",
    "migrations",
    "durable",
]
# The tests' own libraries; what the agent needs comes from the lock file.
FOR_TESTS = [
    "pytest",
    "hypothesis",
    "iniconfig",
    "packaging",
    "sortedcontainers",
    "cryptography",
    "cffi",
    "pycparser",
]
PLATFORMS = [f"--platform=manylinux{tag}_aarch64" for tag in ("_2_34", "_2_28", "_2_17", "2014")]
SOURCES = ["agent", "drivers", "buffer", "config", "tests", "setup.cfg", "pyproject.toml"]
LAID_S, TESTED_S = 1200.0, 3000.0
# It starts another Python, which the emulator can't.
LEFT_OUT = (
    "--deselect=tests/unit/test_migrations.py::test_sqlite_utils_is_imported_only_to_make_or_change_a_schema"
)
INSIDE = f"""
import os, platform, sys
sys.path[:0] = ["/opt/fairhaul", "/opt/libraries"]
os.chdir("/opt/fairhaul")
import pytest
print(platform.machine(), "Python", platform.python_version(), flush=True)
files = [f"tests/unit/test_{{name}}.py" for name in sys.argv[1:]]
sys.exit(pytest.main(["-p", "no:cacheprovider", {LEFT_OUT!r}, *files]))
"""


def main() -> int:
    """Lay it out, run the tests, and keep what they said."""
    parser = argparse.ArgumentParser(prog="python -m tests.install.emulated", description=__doc__)
    parser.add_argument("--page", type=Path, help="write the output into this page, when all is well")
    parser.add_argument(
        "names", nargs="*", default=CORE, help="of the files in tests/unit, without test_ and .py"
    )
    given = parser.parse_args()
    kept = ROOT / "build" / "install"
    kept.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="arm64-", dir=kept) as folder:
        root = _laid(Path(folder))
        done = subprocess.run(
            [
                "chroot",
                root,
                "/usr/bin/qemu-aarch64-static",
                "/usr/bin/python3.11",
                "-c",
                INSIDE,
                *given.names,
            ],
            stdout=subprocess.PIPE,
            text=True,
            check=False,
            timeout=TESTED_S,
        )
    sys.stdout.write(done.stdout)
    if done.returncode == 0 and given.page:
        write_log(given.page, "make arm64-tests", done.stdout.splitlines())
    return done.returncode


def _laid(folder: Path) -> Path:
    """The tree: Debian, the emulator, libraries, sources."""
    root = folder / "root"
    _run(
        "mmdebstrap",
        "--quiet",
        "--architectures=arm64",
        "--variant=extract",
        "--include=python3,tzdata",
        SUITE,
        root,
    )
    _run("apt-get", "--quiet", "download", "qemu-user-static", at=folder)
    _run("dpkg", "--extract", next(folder.glob("qemu-user-static_*.deb")), folder / "qemu")
    shutil.copy(folder / "qemu/usr/bin/qemu-aarch64-static", root / "usr/bin")
    wheels = [
        "--quiet",
        "--no-compile",
        "--no-deps",
        "--only-binary=:all:",
        "--python-version=3.11",
        *PLATFORMS,
    ]
    target = f"--target={root / 'opt/libraries'}"
    lock = ROOT / "systemd/debian/requirements.txt"
    _run(sys.executable, "-m", "pip", "install", *wheels, target, "--require-hashes", f"--requirement={lock}")
    _run(sys.executable, "-m", "pip", "install", *wheels, target, *FOR_TESTS)
    for name in SOURCES:
        source, place = ROOT / name, root / "opt/fairhaul" / name
        if source.is_dir():
            shutil.copytree(source, place, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, place)
    return root


def _run(*words: str | Path, at: Path | None = None) -> None:
    subprocess.run(
        words, check=True, timeout=LAID_S, cwd=at, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    )


if __name__ == "__main__":
    sys.exit(main())
