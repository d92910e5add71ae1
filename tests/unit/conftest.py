"""What tests of more than one file are given."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where an outbox is made."""
    return tmp_path / "outbox.db"
