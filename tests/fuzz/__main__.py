"""`make fuzz`: a coverage-guided fuzzer over every parser, for a bounded time each; findings are kept as tests.

Prints executions and findings. A finding lies in `tests/fuzz/found/` afterwards, where the unit tests run it for ever.
A planted bug goes first: a fuzzer that does not find it finds nothing.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.fuzz.parsers import ALL, FOUND, PARSERS, PLANTED

SECONDS = 60
START_S = 600.0  # beside the seconds asked for: imports are instrumented, which a busy machine is slow at
EXECUTED = re.compile(r"number_of_executed_units: (\d+)|^Done (\d+) runs|^#(\d+)\s", re.MULTILINE)
COVERED = re.compile(r" ft: (\d+)")


class Fuzzed(NamedTuple):
    """What became of one parser; `features`: how much of it was reached, by the fuzzer's own count."""

    name: str
    executions: int
    features: int
    findings: list[Path]
    status: int


def main(words: Sequence[str] | None = None) -> int:
    """Fuzz, print, and say 1 where something was found or the planted bug was not."""
    given = _arguments().parse_args(words)
    failed = False
    _say(f"{'parser':16} {'executions':>12} {'features':>9} {'findings':>9}")
    for name in [PLANTED, *(given.parsers or PARSERS)]:
        with tempfile.TemporaryDirectory() as folder:
            of = fuzzed(name, given.seconds, given.seed, Path(folder))
            kept = [keep(name, path) for path in of.findings if name != PLANTED]
        _say(f"{name:16} {of.executions:12,} {of.features:9,} {len(of.findings):9}")
        for path in kept:
            _say(f"  {path.relative_to(FOUND.parents[2])}")
        failed |= bool(of.findings) != (name == PLANTED) or (of.status != 0 and not of.findings)
    return int(failed)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument(
        "parsers", nargs="*", metavar="PARSER", help=f"of {', '.join(PARSERS)}; all when left out"
    )
    parser.add_argument("--seconds", type=int, default=SECONDS, metavar="N", help="for each parser")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the fuzzer's own chance")
    return parser


def fuzzed(name: str, seconds: int, seed: int, folder: Path) -> Fuzzed:
    """One parser for so long, from its seeds; stops at the first finding."""
    corpus, artifacts = folder / "corpus", folder / "artifacts"
    corpus.mkdir()
    artifacts.mkdir()
    for number, data in enumerate(_seeds(name)):
        (corpus / f"seed-{number:03d}").write_bytes(data)
    options = [
        f"-max_total_time={seconds}",
        f"-seed={seed}",
        f"-max_len={ALL[name].longest}",
        f"-artifact_prefix={artifacts}/",
        "-timeout=20",
        "-rss_limit_mb=1024",
        "-print_final_stats=1",
    ]
    ended = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.one", name, *options, str(corpus)],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=seconds + START_S,
    )
    findings = sorted(artifacts.iterdir())
    if name != PLANTED and (findings or ended.returncode):
        sys.stderr.write(ended.stderr[-3_000:])
    numbers = [int(one) for found in EXECUTED.findall(ended.stderr) for one in found if one]
    features = [int(one) for one in COVERED.findall(ended.stderr)]
    return Fuzzed(name, max(numbers, default=0), max(features, default=0), findings, ended.returncode)


def _seeds(name: str) -> Iterator[bytes]:
    yield from ALL[name].seeds()
    yield from (path.read_bytes() for path in sorted((FOUND / name).glob("*")))


def keep(name: str, found: Path) -> Path:
    """A finding, copied to where the unit tests run it."""
    path = FOUND / name / found.name[:24]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(found.read_bytes())
    return path


if __name__ == "__main__":
    sys.exit(main())
