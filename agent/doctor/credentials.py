"""Keys and certificates that systemd gives to the agent alone, and only while it runs.

Beside the service, or while it is stopped, they are looked for where systemd takes them from.
"""

from __future__ import annotations

from pathlib import Path

from config.schema import Configuration

GIVEN = Path("/run/credentials")
KEPT = Path("/etc/fairhaul/keys")
PREFIX = "keys_"
_FILES = ("certificate_file", "key_file", "ca_file", "password_file")


def as_kept(configuration: Configuration, kept: Path = KEPT) -> Configuration:
    """The same with each file that is not given just now named where it is kept, if it is there."""
    link = configuration.link
    moved = {
        key: place
        for key in _FILES
        if (path := getattr(link, key)) and (place := _place(path, kept)) is not None
    }
    return configuration.model_copy(update={"link": link.model_copy(update=moved)})


def _place(path: Path, kept: Path) -> Path | None:
    if not path.is_relative_to(GIVEN) or not path.name.startswith(PREFIX) or _is_there(path):
        return None
    place = kept / path.name.removeprefix(PREFIX)
    return place if _is_there(place) else None


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:
        return False
