"""The page of words in an exported folder of receipts: what it holds, and how to check it with stock tools."""

from __future__ import annotations

PYTHON_OPEN = (
    'python3 -c "import json, sys, zlib; '
    'print(json.dumps(json.loads(zlib.decompress(sys.stdin.buffer.read()))))"'
)
PYTHON_CHAIN = """\
python3 - <<'END'
import hashlib, json, zlib
before, links = {}, 0
for line in open("index.ndjson"):
    batch = json.loads(line)
    if "file" in batch:
        payload = open(batch["file"], "rb").read()
        inside = json.loads(zlib.decompress(payload))
        assert hashlib.sha256(payload).hexdigest() == batch["sha256"], batch["file"]
        series = batch["stream"], inside["epoch"]
        n, sha256 = before.get(series, (0, ""))
        if n and n == inside["n"] - 1:
            assert inside["prev"] == sha256[:32], batch["file"]
            links += 1
        before[series] = inside["n"], batch["sha256"]
print("nothing was changed;", links, "of the files name the one before")
END
"""

_PAGE = """\
What left the truck on {day}, and what tells of {day}
=====================================================
(en español más abajo)

Each file *.bin is one message, byte for byte as the truck published it. index.ndjson has a line for each:

  file     its name: kind of record, and the truck's number of it
  topic    where it was published; null when only the buffer's file was at hand
  day      the day on which it was made ready to leave
  dates    the days that its records tell of
  bytes    its length; messages are filled up to one size, so that their length tells nothing
  sha256   its fingerprint
  prev     the first half of the fingerprint of the message before it
  state    acknowledged: a broker has taken it; refused: no broker would

A line with "gone" stands for numbers that are not here: "purged" had been kept for the agreed days, "evicted" gave way
when the storage was full, "expired" was never sent, "unsent" has no answer yet and may have arrived.

To check it, on any computer, in this folder:

1. Are the files as they were exported?

{sums}

2. What does a message say?

{open}

3. Does each message name the one before it?

{chain}
4. Was it really published like this? The city has the same files. Compare the fingerprints of its store with those in
   SHA256SUMS, or let Fairhaul do it: fairhaul receipts verify FOLDER --received STORE.db

Write down the fingerprint of SHA256SUMS itself, and keep it elsewhere: then nobody can change this folder unseen.

Keep this folder among yourselves. It says where the truck was. And who has a harsh_braking file of this truck
can find it again in the city's list, where no truck's name stands beside it.

En español
==========

Cada archivo *.bin es un mensaje, tal como lo publicó el camión, byte por byte. index.ndjson tiene una línea para cada
uno: "day" es el día en que quedó listo para salir, "dates" los días de los que habla, "sha256" su huella, "prev" la
primera mitad de la huella del mensaje anterior. Una línea con "gone" dice qué números no están y por qué.

Para comprobarlo, en cualquier computadora y en esta carpeta, sirven las mismas tres órdenes de arriba: la primera
compara las huellas, la segunda abre un mensaje, la tercera mira si cada mensaje nombra al anterior. La ciudad tiene los
mismos archivos: compare las huellas.

Anote la huella de SHA256SUMS y guárdela en otro lugar. No dé esta carpeta a cualquiera: dice dónde estuvo el camión, y
con un archivo harsh_braking se puede encontrar esa frenada en la lista de la ciudad, donde no figura ningún camión.
"""


def page_for(day: str, file: str) -> str:
    """The page for an export of that day, given as 2026-11-03; `file` is the name of one of its files."""
    return _PAGE.format(
        day=day,
        sums="   sha256sum -c SHA256SUMS",
        open=f"   {PYTHON_OPEN} < {file}",
        chain=PYTHON_CHAIN,
    )
