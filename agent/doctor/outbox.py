"""The outbox and what is kept beside it, looked into without changing anything, also while the agent runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from agent.doctor.finding import SUDO, Finding, failed, not_here, not_tested, passed, warned
from buffer import read_only, sqlite_file
from buffer.reserve import RESERVE_BYTES, SUFFIX


def outbox(path: Path) -> Iterator[Finding]:
    """Its pages, what was set aside, and the reserve for a full disk."""
    try:
        present = path.exists()
    except PermissionError:
        yield not_tested("outbox", "only its owner may look at it", SUDO)
        return
    if not present:
        yield not_here("outbox", "there is none yet: the agent makes it when it first runs")
        return
    yield _whole(path)
    yield _set_aside(path)
    yield _reserve(path.with_suffix(SUFFIX))


def _whole(path: Path) -> Finding:
    try:
        problem = read_only.first_problem(path)
    except read_only.NotReadable as error:
        if "sudo" in str(error):
            return not_tested("outbox", "only its owner may look at it", SUDO)
        if "version" in str(error):
            remedy = (
                "Install the version of Fairhaul that wrote it, or start the agent once if that was older."
            )
            return failed("outbox", str(error), remedy)
        problem = str(error)
    if problem:
        return failed(
            "outbox",
            f"it is damaged: {problem}",
            "Start the agent: it sets the file aside and makes a new one. Change the card soon.",
        )
    return passed("outbox", "every page of it is whole")


def _set_aside(path: Path) -> Finding:
    count = len(sqlite_file.damaged_files(path))
    if count:
        return warned("set aside", f"{count} damaged outboxes lie beside it", "Change the card soon.")
    return passed("set aside", "no damaged outbox lies beside it")


def _reserve(path: Path) -> Finding:
    try:
        whole = path.stat().st_blocks * 512 >= RESERVE_BYTES
    except OSError:
        whole = False
    if whole:
        return passed("reserve", "the reserve for a full disk is there")
    return warned(
        "reserve", "the reserve for a full disk was used, or could not be made", "Make room on the disk."
    )
