"""Writes docs/licences.md: every library of the Debian package with its version and licence, from its own metadata.

    python systemd/debian/licences.py SITE_PACKAGES > docs/licences.md

`make lock` does it for the site-packages of the package that it builds.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path

OURS = "fairhaul"
WORDS = """\
# Licences

Fairhaul is under the Apache License 2.0. The Debian package brings these libraries, each of the version and the hash in
`systemd/debian/requirements.txt`. Where a library brings the text of its licence, it lies in its `.dist-info` folder. A
Raspberry Pi has beside them lgpio (The Unlicense), which is the system's. Written by `make lock`.

| library | version | licence | what it is |
| --- | --- | --- | --- |
"""


def page(site: Path) -> str:
    """The page for what is installed in `site`."""
    return WORDS + "".join(f"{row}\n" for row in sorted(_rows(site)))


def licence(metadata: Message) -> str:
    """As the library names it: an SPDX expression, else its classifiers, else the first line of its own words."""
    if expression := metadata["License-Expression"]:
        return str(expression)
    classifiers = [each for each in metadata.get_all("Classifier", []) if each.startswith("License ::")]
    named = [each.rpartition(" :: ")[2] for each in classifiers]
    return (
        ", ".join(name for name in named if name != "OSI Approved")
        or str(metadata["License"]).splitlines()[0]
    )


def _rows(site: Path) -> Iterator[str]:
    for path in site.glob("*.dist-info/METADATA"):
        metadata = HeaderParser().parsestr(path.read_text(encoding="utf-8"))
        name = re.sub(r"[-_.]+", "-", metadata["Name"]).lower()
        if name != OURS:
            summary = re.sub(r"\s+", " ", metadata["Summary"]).strip().rstrip(".")
            yield f"| {name} | {metadata['Version']} | {licence(metadata)} | {summary} |"


if __name__ == "__main__":
    sys.stdout.write(page(Path(sys.argv[1])))
