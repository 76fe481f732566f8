"""The walk of an export: each feedback that a filter admitted at the beginning is met once, as it is when it is met.

Which ones they are is read in one transaction and noted down as ids, in a file of their own when there are many; then
they are loaded slice by slice in short transactions. So neither memory nor a lock grows with the export. What came
after the beginning is left for the next one; what changed its state meanwhile is neither missed nor met twice, and is
judged as it is by then; of what was deleted meanwhile nothing is read, and it is counted.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select, true, tuple_
from sqlalchemy.orm import Bundle, Session, aliased

from debrief.conversation import Message, MessageState
from debrief.export_rows import (
    READ_OF_VERSION,
    READS_EARLIER,
    SHOWN,
    Kind,
    ModelVersion,
    Reviewed,
    read_scenario,
)
from debrief.review import ReviewState
from debrief.scenario import Scenario
from storage.engine import Database, utc_now
from storage.queue_filter import QueueFilter, arms_of, conditions_of, select_ids
from storage.reviews import state_now
from storage.tables import (
    ConversationRow,
    DisputeRow,
    FeedbackJobRow,
    FeedbackRow,
    FeedbackVersionRow,
    MessageRow,
    ReactionRow,
    ReviewRow,
    ScenarioVersionRow,
)

SLICE = 100
"""Feedbacks read at once: with their talks a few megabytes."""
IDS_IN_MEMORY_BYTES = 1024 * 1024
"""Of ids noted down; more go into a file that has no name."""
_IDS_AT_ONCE = 1000
_OF_A_VERSION = ("id", "n", "job_id", "origin", "partial")
_OF_A_MESSAGE = ("id", "conversation_id", "seq", "parent_id", "role", "text", "state", "created_at")
_Row = aliased(FeedbackRow)


def iterate_reviewed(db: Database, kind: Kind, wanted: QueueFilter, *, with_talk: bool) -> Iterator[Reviewed | None]:
    """What the filter admits now, oldest first. None in the place of what was deleted since the beginning."""
    began = utc_now()
    scenarios: dict[str, Scenario | None] = {}
    with _noted(db, wanted, began) as ids:
        while some := [*islice(ids, SLICE)]:
            with db.read() as session:
                found = {row[0].id: row for row in session.execute(_columns(kind, wanted, began, some))}
                items = _read_slice(session, kind, [*found.values()], scenarios, with_talk=with_talk)
            for feedback_id in some:
                yield items.get(feedback_id)


def admitted(wanted: QueueFilter, now: datetime) -> Any:
    """The ids of all that an export with this filter looks at: what has words, and was made by now."""
    return select_ids(wanted, now).where(FeedbackRow.version_id.is_not(None), FeedbackRow.created_at <= now)


@contextmanager
def _noted(db: Database, wanted: QueueFilter, began: datetime) -> Generator[Iterator[str]]:
    with SpooledTemporaryFile(IDS_IN_MEMORY_BYTES) as notes:
        with db.read() as session:
            walk = admitted(wanted, began).order_by(FeedbackRow.created_at, FeedbackRow.id)
            for feedback_id in session.scalars(walk.execution_options(yield_per=_IDS_AT_ONCE)):
                notes.write(f"{feedback_id}\n".encode())
        notes.seek(0)
        yield (line.decode().rstrip("\n") for line in notes)


def _columns(kind: Kind, wanted: QueueFilter, began: datetime, ids: Sequence[str]) -> Any:
    """The row itself, what its talk is, whether it was objected to. No other talk's words, nothing that is not used."""
    version = [getattr(FeedbackVersionRow, name) for name in (*_OF_A_VERSION, *READ_OF_VERSION[kind])]
    disputes = (
        select(func.count())
        .where(DisputeRow.version_id == _Row.version_id, DisputeRow.closed_at.is_(None))
        .correlate(_Row)
        .scalar_subquery()
    )
    helpful = (
        select(ReactionRow.helpful).where(ReactionRow.version_id == _Row.version_id).correlate(_Row).scalar_subquery()
    )
    newest = ~_has_newer(wanted, began) if kind == "conversations" else true()
    return (
        select(_Row, ConversationRow, Bundle[Any]("version", *version), disputes, helpful, newest)
        .join(ConversationRow, ConversationRow.id == _Row.conversation_id)
        .join(FeedbackVersionRow, FeedbackVersionRow.id == _Row.version_id)
        .where(_Row.id.in_(ids))
    )


def _has_newer(wanted: QueueFilter, began: datetime) -> ColumnElement[bool]:
    """A later debrief of the same talk that becomes a row: its talk is longer, and one row a talk is enough."""
    later = FeedbackRow
    return (
        select(later.id)
        .where(
            later.conversation_id == _Row.conversation_id,
            or_(*arms_of(wanted.states or SHOWN, began)),
            later.review_state != ReviewState.WITHDRAWN.value,
            later.version_id.is_not(None),
            later.open_disputes == 0,
            later.created_at <= began,
            tuple_(later.created_at, later.id) > tuple_(_Row.created_at, _Row.id),
            *conditions_of(wanted),
        )
        .correlate(_Row)
        .exists()
    )


def _read_slice(
    session: Session, kind: Kind, found: Sequence[Any], scenarios: dict[str, Scenario | None], *, with_talk: bool
) -> dict[str, Reviewed]:
    """The items by id, with the same few questions however many they are."""
    missing = {talk.scenario_hash for _, talk, *_ in found} - scenarios.keys()
    if missing:
        bodies = select(ScenarioVersionRow).where(ScenarioVersionRow.hash.in_(missing))
        scenarios |= {version.hash: read_scenario(version.body) for version in session.scalars(bodies)}
    paths = _paths(session, found, _leaves(session, found)) if with_talk else {}
    before, turned_down = _earlier_versions(session, found) if kind in READS_EARLIER else ({}, {})
    items = {
        row[0].id: _reviewed(
            row, scenarios[row[1].scenario_hash], paths.get(row[0].id, []), before.get(row[0].id),
            turned_down.get(row[0].id),
        )
        for row in found
    }  # fmt: skip
    session.expunge_all()
    return items


def _reviewed(
    found: Any,
    scenario: Scenario | None,
    path: Sequence[Message],
    before: ModelVersion | None,
    turned_down: ModelVersion | None,
) -> Reviewed:
    row, talk, version, disputes, helpful, newest = found
    is_edited = version.origin not in ("model", "repeat")
    return Reviewed(
        feedback_id=row.id,
        conversation_id=talk.id,
        scenario_id=talk.scenario_id,
        scenario=scenario,
        language=row.language,
        origin=talk.origin,
        state=state_now(row, utc_now()),
        answers={str(key): str(value) for key, value in talk.answers.items()},
        path=path,
        version_n=version.n,
        version_origin=version.origin,
        body=getattr(version, "body", {}),
        checks=getattr(version, "checks", ()),
        lineage=getattr(version, "lineage", {}),
        partial=version.partial,
        before=before if is_edited else None,
        turned_down=None if is_edited else turned_down,
        helpful=None if helpful is None else bool(helpful),
        disputes_open=disputes,
        reject_reason=row.reject_reason,
        is_newest=bool(newest),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _leaves(session: Session, found: Sequence[Any]) -> dict[str, str]:
    """Where the reviewed talk ends: at the leaf of the job that made the version, else of the newest job."""
    jobs = session.execute(
        select(FeedbackJobRow.feedback_id, FeedbackJobRow.id, FeedbackJobRow.leaf_id)
        .where(FeedbackJobRow.feedback_id.in_([row[0].id for row in found]), FeedbackJobRow.repeats.is_(None))
        .order_by(FeedbackJobRow.created_at)
    ).all()
    newest = {feedback_id: leaf_id for feedback_id, _, leaf_id in jobs}
    by_job = {job_id: leaf_id for _, job_id, leaf_id in jobs}
    return {
        row.id: by_job.get(version.job_id or "") or newest.get(row.id) or talk.active_leaf_id or ""
        for row, talk, version, *_ in found
    }


def _paths(session: Session, found: Sequence[Any], leaves: Mapping[str, str]) -> dict[str, list[Message]]:
    """The talks from their opening lines to these leaves, with one question for all of the slice."""
    talks = {talk.id for _, talk, *_ in found}
    columns = [getattr(MessageRow, name) for name in _OF_A_MESSAGE]
    rows = session.execute(select(*columns).where(MessageRow.conversation_id.in_(talks)))
    by_id = {row.id: _message(row) for row in rows}
    paths: dict[str, list[Message]] = {}
    for feedback_id, leaf_id in leaves.items():
        path: list[Message] = []
        node = by_id.get(leaf_id)
        while node is not None:
            path.append(node)
            node = by_id.get(node.parent_id or "")
        paths[feedback_id] = path[::-1]
    return paths


def _message(row: Any) -> Message:
    values: dict[str, Any] = {name: getattr(row, name) for name in _OF_A_MESSAGE}
    values["state"] = MessageState(row.state)
    return Message(**values)


def _earlier_versions(
    session: Session, found: Sequence[Any]
) -> tuple[dict[str, ModelVersion], dict[str, ModelVersion]]:
    """Of the model's versions before the one that counts: the last, and the last that a reviewer rejected."""
    counts = {row.id: version.n for row, _, version, *_ in found if version.n > 1}
    last: dict[str, ModelVersion] = {}
    rejected: dict[str, ModelVersion] = {}
    if not counts:
        return last, rejected
    was_rejected = (
        select(ReviewRow.id)
        .where(
            ReviewRow.version_id == FeedbackVersionRow.id,
            ReviewRow.feedback_id == FeedbackVersionRow.feedback_id,
            ReviewRow.decision == "reject",
            ReviewRow.blind.is_(False),
        )
        .correlate(FeedbackVersionRow)
        .exists()
    )
    version = FeedbackVersionRow
    earlier = (
        select(version.feedback_id, version.n, version.body, version.lineage, was_rejected)
        .where(FeedbackVersionRow.feedback_id.in_(counts), FeedbackVersionRow.origin == "model")
        .order_by(FeedbackVersionRow.n)
    )
    for feedback_id, n, body, lineage, is_rejected in session.execute(earlier):
        if n < counts[feedback_id]:
            last[feedback_id] = ModelVersion(n, body, lineage)
            if is_rejected:
                rejected[feedback_id] = last[feedback_id]
    return last, rejected
