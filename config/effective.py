"""The configuration as it takes effect, as YAML again, with the origin of each value beside it."""

from __future__ import annotations

from typing import Any

from config.load import Loaded
from config.located import KeyPath
from config.writing import yaml_text

DEFAULT = "default"


def effective_yaml(loaded: Loaded) -> str:
    """A complete configuration file; each value followed by `# file:line`, or `# default`.

    What is not set and has no default is left out, and so is `extends:`, which has done its work.
    """
    tree = loaded.configuration.model_dump(mode="json", by_alias=True, exclude={"extends"})
    places = loaded.located.values

    def origin(path: KeyPath) -> str:
        found = places.get(path)
        return f"{found.file}:{found.line}" if found else DEFAULT

    return yaml_text(_set(tree), origin)


def _set(tree: dict[str, Any]) -> dict[str, Any]:
    """Without what is not set."""
    return {
        key: _set(value) if isinstance(value, dict) else value
        for key, value in tree.items()
        if value is not None
    }
