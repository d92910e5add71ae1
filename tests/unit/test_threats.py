"""The threat-model page names only tests and commands that exist, and keeps to what the notice card says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "threats.md").read_text(encoding="utf-8")


def test_every_test_that_the_page_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    assert len(named) > 8
    assert [name for name in sorted(named) if f"def {name}(" not in code] == []


@pytest.mark.parametrize(
    "who",
    ["root on the truck", "roster", "phone company", "a supervisor who follows", "database", "one truck"],
)
def test_whoever_no_software_stops_has_a_section(who: str) -> None:
    headings = " ".join(re.findall(r"^## (.*)$", PAGE, re.MULTILINE)).lower()
    assert who in headings


def test_every_row_of_the_table_says_what_does_not_stop_them() -> None:
    table = PAGE.partition("## At a glance")[2].partition("\n## ")[0]
    rows = [line.split(" | ") for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 10
    assert all(len(row) == 5 and row[3].strip() for row in rows)
