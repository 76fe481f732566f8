"""The versions of scenarios that people talked in, kept as they were."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from debrief.errors import NotFound
from storage.engine import Database, insert_or_ignore, utc_now
from storage.tables import ScenarioVersionRow


def keep_version(session: Session, scenario_id: str, hash: str, body: dict[str, Any]) -> None:
    """Keep this version unless it is kept already; inside the caller's transaction."""
    insert_or_ignore(
        session,
        ScenarioVersionRow,
        {"hash": hash, "scenario_id": scenario_id, "body": body, "created_at": utc_now()},
    )


def get_body(db: Database, hash: str) -> dict[str, Any]:
    """The whole scenario file of that version.

    Raises:
        NotFound: nobody ever talked in that version.
    """
    with db.read() as session:
        row = session.get(ScenarioVersionRow, hash)
        if row is None:
            raise NotFound
        return row.body
