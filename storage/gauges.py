"""Numbers that one process tells another, such as chat's recent time to first token."""

from __future__ import annotations

from datetime import timedelta

from storage.engine import Database, upsert, utc_now
from storage.tables import GaugeRow


def set_gauge(db: Database, name: str, value: float) -> None:
    with db.write() as session:
        upsert(session, GaugeRow, {"name": name}, {"value": value, "at": utc_now()})


def get_gauge(db: Database, name: str, *, max_age_s: float) -> float | None:
    """The number, or None when nobody told it in the last `max_age_s` seconds."""
    with db.read() as session:
        row = session.get(GaugeRow, name)
        if row is None or row.at < utc_now() - timedelta(seconds=max_age_s):
            return None
        return row.value
