"""Second opinions: a share of the decided debriefs, judged once more by somebody who sees neither decision nor levels.

Who is asked about is drawn by a hash of the feedback's id, so the same ones every time. What both said is compared in
`storage/agreements.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.orm import Session, aliased

from debrief.conversation import Message
from debrief.errors import Conflict, InputRejected, NotFound
from debrief.feedback import CriterionResult, FeedbackBody
from debrief.policy import DRAWS
from debrief.review import ReviewState
from debrief.scenario import Scenario
from storage.accounts import Account
from storage.audit import audit
from storage.engine import Database, new_id, utc_now
from storage.moves import seconds_between
from storage.reviews import read_reviewed
from storage.tables import ConversationRow, FeedbackRow, FeedbackVersionRow, ReviewRow, ScenarioVersionRow

TRIED = 20
"""So many of the newest are tried, should others take them in this moment."""
LEFT_AFTER = timedelta(minutes=30)
"""Who opened one and did not answer for so long has left it to the others."""
DECISIONS = ("approve", "reject")
DECIDED = (ReviewState.APPROVED, ReviewState.EDITED_APPROVED, ReviewState.REJECTED)


@dataclass(frozen=True)
class BlindCase:
    """A debrief without its levels and without what was decided; `body` has only the words that tell no level."""

    id: str
    scenario: Scenario
    language: str
    path: list[Message]
    body: FeedbackBody


def open_next(db: Database, account: Account, percent: int) -> BlindCase | None:
    """The one that this account has open, or the newest that waits for a second opinion; None when none does."""
    with db.write() as session:
        mine = session.scalar(select(ReviewRow).where(*_open_of(account)).limit(1))
        if mine is None:
            first = _find(session, account, percent)
            if first is None:
                return None
            mine = _begin(session, account, first)
        return _blind_case(session, mine)


def give(
    db: Database, account: Account, feedback_id: str, *, decision: str, levels: Mapping[str, int | None]
) -> ReviewRow:
    """What this account thinks of the one that it has open. The first reviewer's opinion is given back.

    Raises:
        NotFound: the account has not opened it.
        InputRejected: a level or a decision is missing, or none that we know.
    """
    now = utc_now()
    with db.write() as session:
        mine = session.scalar(select(ReviewRow).where(*_open_of(account), ReviewRow.feedback_id == feedback_id))
        if mine is None:
            raise NotFound
        version = session.get_one(FeedbackVersionRow, mine.version_id)
        asked = {result.key for result in FeedbackBody.model_validate(version.body).criteria}
        if decision not in DECISIONS or set(levels) != asked or not all(map(_is_level, levels.values())):
            raise InputRejected("opinion_incomplete")
        mine.decision, mine.levels, mine.created_at = decision, dict(levels), now
        mine.seconds_spent = seconds_between(mine.opened_at, now)
        audit(
            session, account.id, "second_opinion", "feedback", feedback_id,
            decision=decision, version=mine.version_id, round=mine.round,
        )  # fmt: skip
        first = session.scalar(
            select(ReviewRow).where(
                ReviewRow.feedback_id == feedback_id, ReviewRow.round == mine.round, ReviewRow.blind.is_(False)
            )
        )
        if first is None:
            raise Conflict
        return first


def _is_level(level: int | None) -> bool:
    return level is None or (not isinstance(level, bool) and 1 <= level <= 5)


def _open_of(account: Account) -> tuple[ColumnElement[bool], ...]:
    return (ReviewRow.reviewer_id == account.id, ReviewRow.blind.is_(True), ReviewRow.decision.is_(None))


def _find(session: Session, account: Account, percent: int) -> ReviewRow | None:
    """The newest decision of somebody else that was drawn and that nobody judges a second time yet."""
    is_drawn = ReviewRow.second_draw < percent * (DRAWS // 100)
    newest = _waiting_for(account).where(is_drawn).order_by(ReviewRow.created_at.desc(), ReviewRow.id)
    rows = session.scalars(newest.limit(TRIED)).all()
    return next((row for row in rows if _is_still_free(session, account, row)), None)


def _is_still_free(session: Session, account: Account, first: ReviewRow) -> bool:
    """Looked at once more under the feedback's lock, so that two who ask at once do not both get it."""
    session.get(FeedbackRow, first.feedback_id, with_for_update=True)
    return session.scalar(_waiting_for(account).where(ReviewRow.id == first.id)) is not None


def _waiting_for(account: Account) -> Select[ReviewRow]:
    other = aliased(ReviewRow)
    is_open = or_(other.decision.is_not(None), other.opened_at > utc_now() - LEFT_AFTER)
    taken = (
        select(other.id)
        .where(
            other.feedback_id == ReviewRow.feedback_id,
            other.round == ReviewRow.round,
            or_(other.reviewer_id == account.id, and_(other.blind.is_(True), is_open)),
        )
        .exists()
    )
    # Asked of each of the few that were drawn: for a join SQLite begins with all that were ever decided.
    is_decided = (
        select(FeedbackRow.id)
        .where(
            FeedbackRow.id == ReviewRow.feedback_id,
            FeedbackRow.review_round == ReviewRow.round,
            FeedbackRow.review_state.in_([state.value for state in DECIDED]),
        )
        .exists()
    )
    return select(ReviewRow).where(ReviewRow.blind.is_(False), is_decided, ~taken)


def _begin(session: Session, account: Account, first: ReviewRow) -> ReviewRow:
    mine = ReviewRow(
        id=new_id("r"),
        feedback_id=first.feedback_id,
        version_id=first.version_id,
        reviewer_id=account.id,
        round=first.round,
        decision=None,
        levels={},
        blind=True,
        opened_at=utc_now(),
    )
    session.add(mine)
    session.flush()
    return mine


def _blind_case(session: Session, mine: ReviewRow) -> BlindCase:
    row = session.get_one(FeedbackRow, mine.feedback_id)
    version = session.get_one(FeedbackVersionRow, mine.version_id)
    conversation = session.get_one(ConversationRow, row.conversation_id)
    body = session.get_one(ScenarioVersionRow, conversation.scenario_hash).body
    return BlindCase(
        id=row.id,
        scenario=Scenario.from_body(body),
        language=row.language,
        path=read_reviewed(session, row, version),
        body=without_levels(FeedbackBody.model_validate(version.body)),
    )


def without_levels(body: FeedbackBody) -> FeedbackBody:
    """The words that tell no level. Where they are the rubric's they are chosen by the level, so only quotes remain."""
    is_rubric = body.way == "rubric"
    changes: dict[str, object] = {"criteria": [_without_level(result, is_rubric=is_rubric) for result in body.criteria]}
    if is_rubric:
        changes |= {"strengths": [], "improvements": [], "next_step": None, "summary": None}
    return body.model_copy(update=changes)


def _without_level(result: CriterionResult, *, is_rubric: bool) -> CriterionResult:
    words = {"reason": None, "tip": None, "example": None} if is_rubric else {}
    hidden = {"status": "unscored", "level": None, "level_name": None, "agreement": None}
    return result.model_copy(update={**hidden, **words})
