"""Progress bars on stderr for long work, shown only to people at a terminal."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence

from drivers.replay import Log


@contextlib.contextmanager
def followed(logs: Sequence[Log], what: str = "reading") -> Iterator[Sequence[Log]]:
    """The logs, with a bar that follows how far they have been read; closes them at the end."""
    try:
        with _bar(logs, what) if sys.stderr.isatty() else contextlib.nullcontext():
            yield logs
    finally:
        for log in logs:
            log.close()


@contextlib.contextmanager
def _bar(logs: Sequence[Log], what: str) -> Iterator[None]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    total = sum(log.size or 0 for log in logs)

    class Following(Progress):
        """A bar that asks the logs itself whenever it is drawn."""

        def get_renderables(self) -> Iterator[object]:  # type: ignore[override]
            for task in self.tasks:
                task.completed = sum(log.position for log in logs)
            yield from super().get_renderables()

    with Following(*columns, console=Console(stderr=True), transient=True) as bar:
        bar.add_task(what, total=total or None)
        yield
