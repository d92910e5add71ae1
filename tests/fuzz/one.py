"""One parser under the fuzzer, in a process of its own: `python -m tests.fuzz.one NAME [libFuzzer's options]`.

Coverage is measured in this project's modules and in the libraries that parse for it.
"""

from __future__ import annotations

import sys

import atheris  # type: ignore[import-not-found, import-untyped, unused-ignore]

with atheris.instrument_imports(
    include=["agent", "buffer", "config", "drivers", "pynmea2", "ruamel", "tests.fuzz"]
):
    from tests.fuzz.parsers import ALL


def main() -> None:
    """Fuzz until an option ends it."""
    name, *options = sys.argv[1:]
    atheris.Setup([sys.argv[0], *options], ALL[name].parse)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
