"""Debriefs written over by reviewers: what there is to edit, the checks as one types, and the new version.

A version is never changed. An edit is one more version, with its author and the version that it was made from; the
same transaction approves it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from debrief.edit import Edit, apply_edit, check_edit, edit_of
from debrief.errors import Conflict, NotFound
from debrief.feedback import Check, FeedbackBody
from debrief.request import Plan
from debrief.review import ReviewState
from debrief.scenario import Scenario
from debrief.transcript import number_lines
from storage.accounts import Account
from storage.engine import Database, new_id, utc_now
from storage.feedback import digest
from storage.jobs import last_version
from storage.moves import levels_of, move_review, take_in_hand
from storage.review_facts import facts_of
from storage.reviews import ReviewCase, checked_note, read_case, read_reviewed
from storage.tables import ConversationRow, FeedbackRow, FeedbackVersionRow, ScenarioVersionRow


@dataclass(frozen=True)
class Draft:
    """What a reviewer writes over: the version that counts, and the talk whose lines may be quoted."""

    version_id: str
    version_n: int
    row_version: int
    body: FeedbackBody
    checks: list[Check]
    plan: Plan

    @property
    def unchanged(self) -> Edit:
        """The version as an edit that changes nothing."""
        return edit_of(self.body, self.plan.transcript)


def get_draft(db: Database, feedback_id: str) -> Draft:
    """Raises NotFound: there is no such feedback, or no words of it yet."""
    with db.read() as session:
        return _draft(session, feedback_id)


def check_draft(db: Database, feedback_id: str, edit: Edit) -> list[Check]:
    """What the checks say of an edit; nothing is stored. Raises NotFound as `get_draft`."""
    draft = get_draft(db, feedback_id)
    return check_edit(draft.body, draft.checks, edit, draft.plan)


def approve_edit(
    db: Database,
    account: Account,
    feedback_id: str,
    row_version: int,
    edit: Edit,
    *,
    note: str = "",
    seconds: int | None = None,
    claims: bool = False,
) -> ReviewCase:
    """Store the edit as a new version and let it count: the visitor sees it.

    `seconds`: how long the reviewer had it open, for what needs no claim. `claims`: first take it, where it waits.

    Raises:
        InputRejected: as `debrief.edit.apply_edit`, or the note is too long.
        NotFound, NotAllowed, Conflict: as `storage.moves.move_review`; Conflict also where nothing was changed.
    """
    kept = checked_note(note)
    with db.write() as session:
        if claims:
            row_version = take_in_hand(session, account, feedback_id, row_version)
        row = session.get(FeedbackRow, feedback_id, with_for_update=True)
        if row is None:
            raise NotFound
        if row.row_version != row_version:
            raise Conflict
        draft = _draft(session, feedback_id)
        body = apply_edit(draft.body, edit, draft.plan)
        if body == draft.body:
            raise Conflict("nothing_changed")
        version = _add(
            session, account, draft, feedback_id, body, check_edit(draft.body, draft.checks, edit, draft.plan)
        )
        move_review(
            session, account, feedback_id, row_version, "edit",
            detail={"parent": draft.version_id, "body": digest(version.body)}, levels=levels_of(body),
            seconds=seconds,
            version_id=version.id, reviewed_by=account.id, review_note=kept, reject_reason=None, seen_at=None,
            **facts_of(version), open_disputes=0,
        )  # fmt: skip
        return read_case(session, feedback_id)


def _draft(session: Session, feedback_id: str) -> Draft:
    row = session.get(FeedbackRow, feedback_id)
    version = session.get(FeedbackVersionRow, row.version_id or "") if row else None
    if row is None or version is None or row.review_state == ReviewState.NONE:
        raise NotFound
    conversation = session.get_one(ConversationRow, row.conversation_id)
    scenario = Scenario.from_body(session.get_one(ScenarioVersionRow, conversation.scenario_hash).body)
    body = FeedbackBody.model_validate(version.body)
    transcript = number_lines(read_reviewed(session, row, version))
    return Draft(
        version_id=version.id,
        version_n=version.n,
        row_version=row.row_version,
        body=body,
        checks=[Check.model_validate(check) for check in version.checks],
        plan=Plan(transcript, scenario, body.language, body.way),
    )


def _add(
    session: Session, account: Account, draft: Draft, feedback_id: str, body: FeedbackBody, checks: list[Check]
) -> FeedbackVersionRow:
    parent = session.get_one(FeedbackVersionRow, draft.version_id)
    version = FeedbackVersionRow(
        id=new_id("fv"),
        feedback_id=feedback_id,
        n=1 + last_version(session, feedback_id),
        job_id=None,
        origin="human_edit",
        author_id=account.id,
        parent_id=parent.id,
        partial=any(result.status == "unscored" for result in body.criteria),
        body=body.model_dump(mode="json"),
        checks=[check.model_dump(mode="json") for check in checks],
        lineage=_lineage(parent),
        created_at=utc_now(),
    )
    session.add(version)
    session.flush()
    return version


def _lineage(parent: FeedbackVersionRow) -> dict[str, Any]:
    """All that produced the version it was made from goes on holding; what a person did to it is said beside it."""
    kept: Mapping[str, Any] = parent.lineage
    return {**kept, "edit": {"of": parent.id, "of_n": parent.n, "body_hash": digest(parent.body)}}
