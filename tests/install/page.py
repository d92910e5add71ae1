"""A log in a page of the docs, between two marks, with the day, the command and the machine."""

from __future__ import annotations

import datetime
import os
import platform
from collections.abc import Sequence
from pathlib import Path

MARKS = "<!-- log: begin -->", "<!-- log: end -->"


def write_log(page: Path, command: str, log: Sequence[str]) -> None:
    """Put it in place of the one that is there."""
    text = page.read_text(encoding="utf-8")
    before, after = text.partition(MARKS[0])[0], text.rpartition(MARKS[1])[2]
    today = datetime.date.today().isoformat()
    where = f"{os.cpu_count()} {platform.machine()} cores, Linux {platform.release()}"
    told = f"Run on {today} with `{command}`: {where}."
    block = "\n".join([MARKS[0], "", told, "", "```text", *log, "```", "", MARKS[1]])
    page.write_text(f"{before}{block}{after}", encoding="utf-8")
