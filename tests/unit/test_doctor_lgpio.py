"""lgpio makes a FIFO where it is imported; the doctor leaves none with the technician."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
TRUCK = """\
fleet: springfield
vehicle: truck-017
state: state
pins: {crew: {gpio: 22, kind: crew_switch}}
link: {brokers: [mqtt://127.0.0.1:1], connect_within: 1 s}
"""
LIKE_LGPIO = """\
import os
os.mkfifo(".lgd-nfy0")
open(os.environ["MADE_IN"], "a").write(os.getcwd() + "\\n")
"""


def test_the_doctor_leaves_no_fifo_where_it_was_called(tmp_path: Path) -> None:
    here, libraries, made_in = tmp_path / "here", tmp_path / "libraries", tmp_path / "made-in"
    here.mkdir()
    libraries.mkdir()
    (libraries / "lgpio.py").write_text(LIKE_LGPIO, encoding="utf-8")
    (here / "agent.yaml").write_text(TRUCK, encoding="utf-8")
    words = ["doctor", "--config", "agent.yaml", "--seconds", "1", "--no-hands"]
    done = subprocess.run(
        [sys.executable, "-m", "agent", *words],
        cwd=here,
        env={**os.environ, "PYTHONPATH": f"{libraries}:{ROOT}", "MADE_IN": str(made_in)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.startswith("NOT READY: truck-017"), done.stderr
    assert [path.name for path in here.iterdir()] == ["agent.yaml"]
    (made,) = made_in.read_text(encoding="utf-8").splitlines()
    assert not Path(made).exists()
