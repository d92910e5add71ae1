"""How commands end when something is wrong: one clear sentence on stderr, and the agreed exit status.

0 done, 1 failed, 2 bad usage, configuration or agreement, 3 unreadable input.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import NoReturn

import click

FAILED, BAD_USAGE, UNREADABLE = 1, 2, 3


def fail(status: int, sentence: str) -> NoReturn:
    """Say it on stderr and exit."""
    click.echo(sentence, err=True)
    sys.exit(status)


@contextlib.contextmanager
def clear_errors() -> Iterator[None]:
    """Turn what commands may meet into sentences and exit statuses; bugs keep their traceback."""
    from config.load import ConfigurationError
    from drivers.replay import LogError, PulsesError

    try:
        yield
    except ConfigurationError as error:
        fail(BAD_USAGE, str(error))
    except (LogError, PulsesError) as error:
        fail(UNREADABLE, str(error))
    except BrokenPipeError:
        sys.exit(FAILED)
    except OSError as error:
        fail(FAILED, f"{error.filename or ''}{': ' if error.filename else ''}{error.strerror or error}")
