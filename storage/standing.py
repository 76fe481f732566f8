"""How the record and its queue stand, for the operator's page: numbers only."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from debrief.conversation import MessageState
from debrief.feedback import JobState
from storage.engine import Database, utc_now
from storage.feedback import count_workers_alive
from storage.tables import FeedbackJobRow, MessageRow


@dataclass(frozen=True)
class Standing:
    """`jobs` counts every state, also those at 0. `oldest_waiting_s` is None when nothing waits."""

    jobs: dict[JobState, int]
    oldest_waiting_s: float | None
    workers_alive: int
    answers_running: int
    database_bytes: int


def read_standing(db: Database) -> Standing:
    now = utc_now()
    with db.read() as session:
        counted = session.execute(select(FeedbackJobRow.state, func.count()).group_by(FeedbackJobRow.state))
        numbers = {JobState(state): number for state, number in counted}
        oldest = session.scalar(
            select(func.min(FeedbackJobRow.created_at)).where(
                FeedbackJobRow.state.in_([JobState.QUEUED.value, JobState.RETRY_WAIT.value])
            )
        )
        return Standing(
            jobs={state: numbers.get(state, 0) for state in JobState},
            oldest_waiting_s=(now - oldest).total_seconds() if oldest else None,
            workers_alive=count_workers_alive(session),
            answers_running=session.scalar(select(func.count()).where(MessageRow.state == MessageState.RUNNING.value))
            or 0,
            database_bytes=_size(db, session),
        )


def _size(db: Database, session: Session) -> int:
    size = "page_count * page_size FROM pragma_page_count(), pragma_page_size()"
    query = f"SELECT {size}" if db.is_sqlite else "SELECT pg_database_size(current_database())"
    return int(session.scalar(text(query)) or 0)
