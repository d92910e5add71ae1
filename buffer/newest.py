"""What the receiver's file knows of each truck by what it said last of itself."""

from __future__ import annotations

import sqlite3


def payloads(db: sqlite3.Connection, stream: str) -> dict[str, bytes]:
    """By vehicle, the payload with the latest dated record of a stream; of one date, the one that came last."""
    dated = (
        "SELECT batch.id AS id, vehicle, payload, json_extract(body, '$.date') AS date"
        " FROM record JOIN batch ON batch.id = record.batch WHERE record.stream = ?"
    )
    sql = f"SELECT vehicle, payload, max(date || ' ' || printf('%020d', id)) FROM ({dated}) GROUP BY vehicle"
    return {vehicle: payload for vehicle, payload, _ in db.execute(sql, (stream,))}
