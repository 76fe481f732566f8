"""A visitor's shown debriefs over time. What may be compared with what is `debrief/comparing.py`."""

from __future__ import annotations

from sqlalchemy import Select, select

from debrief.comparing import ShownDebrief, versions_of
from debrief.feedback import FeedbackBody
from debrief.review import ReviewState
from storage.engine import Database
from storage.tables import ConversationRow, FeedbackRow, FeedbackVersionRow

MOST = 200
SHOWN = [state.value for state in ReviewState if state.is_shown]


def list_shown(
    db: Database, visitor_id: str, *, scenario_id: str | None = None, most: int = MOST
) -> tuple[list[ShownDebrief], bool]:
    """The newest debriefs that the visitor may read, oldest first, and whether older ones were left out."""
    query = select_shown(visitor_id).order_by(FeedbackRow.created_at.desc(), FeedbackRow.id.desc()).limit(most + 1)
    if scenario_id is not None:
        query = query.where(ConversationRow.scenario_id == scenario_id)
    with db.read() as session:
        rows = session.execute(query).all()
    return [shown_debrief(*row) for row in reversed(rows[:most])], len(rows) > most


def select_shown(visitor_id: str) -> Select[FeedbackRow, ConversationRow, FeedbackVersionRow]:
    """Feedback that its owner may read, with its talk and the version that counts."""
    return (
        select(FeedbackRow, ConversationRow, FeedbackVersionRow)
        .join(ConversationRow, ConversationRow.id == FeedbackRow.conversation_id)
        .join(FeedbackVersionRow, FeedbackVersionRow.id == FeedbackRow.version_id)
        .where(ConversationRow.visitor_id == visitor_id, FeedbackRow.review_state.in_(SHOWN))
    )


def shown_debrief(feedback: FeedbackRow, talk: ConversationRow, version: FeedbackVersionRow) -> ShownDebrief:
    body = FeedbackBody.model_validate(version.body)
    return ShownDebrief(
        feedback_id=feedback.id,
        conversation_id=talk.id,
        scenario_id=talk.scenario_id,
        scenario_hash=talk.scenario_hash,
        at=feedback.created_at,
        body=body,
        versions=versions_of(body, version.lineage),
    )
