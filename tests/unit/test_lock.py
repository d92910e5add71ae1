"""Two agents never share an outbox."""

from __future__ import annotations

from pathlib import Path

import pytest

from buffer.lock import OutboxInUse, held


def test_a_second_holder_is_turned_away_and_the_next_one_is_not(tmp_path: Path) -> None:
    with held(tmp_path), pytest.raises(OutboxInUse, match="another agent is running"), held(tmp_path):
        pytest.fail("two held it")
    with held(tmp_path):
        pass
