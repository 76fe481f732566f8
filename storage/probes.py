"""What the probe of a model found, kept so that a model is probed once and not at every start."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from storage.engine import Database, upsert, utc_now
from storage.tables import ProbeRow


@dataclass(frozen=True)
class KeptProbe:
    """`result` has an entry for each language that was probed to the end: debrief.manner.Probed as data."""

    model: str
    result: dict[str, dict[str, Any]]
    at: datetime


def find_probe(db: Database, key: str) -> KeptProbe | None:
    """The probe of this key (debrief.probe.probe_key)."""
    with db.read() as session:
        row = session.get(ProbeRow, key)
        return KeptProbe(row.model, row.result, row.at) if row else None


def find_newest_probe(db: Database) -> KeptProbe | None:
    """The probe that was made last, of whatever model."""
    with db.read() as session:
        row = session.scalar(select(ProbeRow).order_by(ProbeRow.at.desc()).limit(1))
        return KeptProbe(row.model, row.result, row.at) if row else None


def keep_probe(db: Database, key: str, model: str, result: dict[str, dict[str, Any]]) -> None:
    """Keep a probe; one of the same key is replaced."""
    with db.write() as session:
        upsert(session, ProbeRow, {"key": key}, {"model": model[:200], "result": result, "at": utc_now()})
