"""Real receivers' logs that are no part of the project: inspect survives each of them.

FAIRHAUL_EXTRA_LOGS names a folder; every file below it is a log. Skipped when it is not set.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.cli.inspect import inspect

FOLDER = os.environ.get("FAIRHAUL_EXTRA_LOGS")
LOGS = sorted(path for path in Path(FOLDER).rglob("*") if path.is_file()) if FOLDER else []


@pytest.mark.skipif(not LOGS, reason="FAIRHAUL_EXTRA_LOGS names no folder with logs")
@pytest.mark.parametrize("log", LOGS, ids=lambda path: path.name)
def test_inspect_survives_every_recorded_log(log: Path, tmp_path: Path) -> None:
    out = tmp_path / "fixes.ndjson"
    result = CliRunner().invoke(inspect, [str(log), "--fixes", str(out)])
    assert result.exit_code == 0, result.stderr
    assert "Traceback" not in result.stderr
    for line in out.read_text().splitlines():
        fix = json.loads(line)
        assert fix["accepted"] == (fix["refused"] is None)
        assert fix["quality"] != "none" or fix["latitude_deg"] is None
