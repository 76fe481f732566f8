"""What leaves the house: reviewed feedback in slices, and the record of every export.

Slices are read by keyset in short transactions, so neither memory nor a lock grows with the export; what is deleted
while it runs is in no later slice. What came after its beginning is left for the next export. An export is audited when
it begins, because from then on words are leaving, and when it ends, with counts and the hash of what was sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select, true, tuple_
from sqlalchemy.orm import Session, aliased

from debrief.conversation import Message, MessageState
from debrief.export_rows import LEFT_OUT, SHOWN, Kind, ModelVersion, Reviewed, Row, make_row
from debrief.review import ReviewState
from debrief.training import NotUsable
from storage.audit import audit
from storage.engine import Database, new_id, utc_now
from storage.queue_filter import QueueFilter, conditions_of
from storage.tables import (
    AuditRow,
    ConversationRow,
    DisputeRow,
    FeedbackJobRow,
    FeedbackRow,
    FeedbackVersionRow,
    MessageRow,
    ReactionRow,
    ScenarioVersionRow,
)

SLICE = 100
"""Feedbacks read at once: with their talks a few megabytes."""
_OF_A_MESSAGE = ("id", "conversation_id", "seq", "parent_id", "role", "text", "state", "created_at")


@dataclass(frozen=True)
class ExportFilter:
    """Which feedback. Days are UTC and both included; `states` empty: those that are usual for the kind."""

    states: tuple[ReviewState, ...] = ()
    scenario: str | None = None
    language: str | None = None
    since: date | None = None
    until: date | None = None
    rubric: str | None = None
    """The rubric's hash, as the lineage has it."""
    level: int | None = None
    check: str | None = None
    """These two as the review queue has them."""

    def as_codes(self) -> dict[str, object]:
        """For the audit: no words of people's are in a filter."""
        codes: dict[str, object] = {
            "states": ".".join(state.value for state in self.states)[:64] or None,
            "scenario": self.scenario,
            "language": self.language,
            "since": self.since,
            "until": self.until,
            "rubric": self.rubric,
            "level": self.level,
            "check": self.check,
        }
        return {name: str(value) for name, value in codes.items() if value is not None}


EVERYTHING = ExportFilter()


@dataclass
class Tally:
    """What was looked at and what became of it: `considered` is `rows` and all of `left_out` together."""

    considered: int = 0
    rows: int = 0
    left_out: Counter[str] = field(default_factory=Counter[str])


@dataclass(frozen=True)
class ExportRun:
    """One export on record. `outcome` is complete, broken, or running (also: its process died)."""

    id: str
    kind: str
    format: str
    by: str
    began_at: datetime
    ended_at: datetime | None
    outcome: str
    filter: Mapping[str, str]
    redacted: bool
    considered: int | None
    rows: int | None
    left_out: Mapping[str, int]
    sha256: str | None


# ------------------------------------------------------------------------------------------------------------ reading


def iterate_rows(db: Database, kind: Kind, wanted: ExportFilter, tally: Tally, *, redacted: bool) -> Iterator[Row]:
    """The rows of an export, oldest feedback first, counted in `tally` as they come."""
    with_talk = redacted or kind != "feedback"  # names are looked for in all that was said
    for item in _iterate_reviewed(db, kind, wanted, with_talk=with_talk):
        tally.considered += 1
        try:
            row = make_row(kind, item, wanted.states, redacted=redacted)
        except NotUsable as why:
            tally.left_out[why.reason] += 1
            continue
        tally.rows += 1
        yield row


def count_matching(db: Database, wanted: ExportFilter) -> int:
    """How many feedbacks an export with this filter looks at now."""
    with db.read() as session:
        return session.scalar(_matching(select(func.count()), wanted, utc_now())) or 0


def list_level_keys(db: Database, wanted: ExportFilter) -> list[str]:
    """The keys of all criteria that rows of this filter can have, in order of the alphabet."""
    query = select(ScenarioVersionRow.body["rubric"]["criteria"])
    if wanted.scenario:
        query = query.where(ScenarioVersionRow.scenario_id == wanted.scenario)
    keys: set[str] = set()
    with db.read() as session:
        for criteria in session.scalars(query):
            keys |= {str(criterion["key"]) for criterion in cast("list[dict[str, Any]]", criteria or [])}
    return sorted(keys)


def _iterate_reviewed(db: Database, kind: Kind, wanted: ExportFilter, *, with_talk: bool) -> Iterator[Reviewed]:
    began, after = utc_now(), None
    scenarios: dict[str, dict[str, Any]] = {}
    while True:
        with db.read() as session:
            query = _matching(_columns(kind), wanted, began).order_by(FeedbackRow.created_at, FeedbackRow.id)
            if after is not None:
                query = query.where(tuple_(FeedbackRow.created_at, FeedbackRow.id) > tuple_(*after))
            found = session.execute(query.limit(SLICE)).all()
            items = _read_slice(session, found, scenarios, with_talk=with_talk)
        yield from items
        if len(found) < SLICE:
            return
        after = (found[-1][0].created_at, found[-1][0].id)


def _matching(query: Select[Any], wanted: ExportFilter, began: datetime) -> Select[Any]:
    query = (
        query.select_from(FeedbackRow)
        .join(ConversationRow, ConversationRow.id == FeedbackRow.conversation_id)
        .join(FeedbackVersionRow, FeedbackVersionRow.id == FeedbackRow.version_id)
        .where(FeedbackRow.review_state != ReviewState.NONE.value, FeedbackRow.created_at <= began)
    )
    return query.where(*_conditions(wanted))


def _conditions(wanted: ExportFilter) -> Iterable[ColumnElement[bool]]:
    if wanted.states:
        yield FeedbackRow.review_state.in_([state.value for state in wanted.states])
    yield from conditions_of(
        QueueFilter(
            scenario=wanted.scenario,
            rubric=wanted.rubric,
            language=wanted.language,
            level=wanted.level,
            check=wanted.check,
            since=_midnight(wanted.since),
            until=_midnight(wanted.until, days_later=1),
        )
    )


def _midnight(day: date | None, *, days_later: int = 0) -> datetime | None:
    return datetime.combine(day + timedelta(days=days_later), time(), UTC) if day else None


def _columns(kind: Kind) -> Any:
    """The row itself, what its talk is, whether it was objected to. No other talk's words."""
    disputes = (
        select(func.count())
        .where(DisputeRow.version_id == FeedbackRow.version_id, DisputeRow.closed_at.is_(None))
        .correlate(FeedbackRow)
        .scalar_subquery()
    )
    helpful = (
        select(ReactionRow.helpful)
        .where(ReactionRow.version_id == FeedbackRow.version_id)
        .correlate(FeedbackRow)
        .scalar_subquery()
    )
    newest = ~_has_newer() if kind == "conversations" else true()
    return select(FeedbackRow, ConversationRow, FeedbackVersionRow, disputes, helpful, newest)


def _has_newer() -> ColumnElement[bool]:
    """A later debrief of the same talk that a visitor may read: its talk is longer, and one row a talk is enough."""
    later = aliased(FeedbackRow)
    return exists().where(
        later.conversation_id == FeedbackRow.conversation_id,
        later.review_state.in_([state.value for state in SHOWN]),
        or_(
            later.created_at > FeedbackRow.created_at,
            and_(later.created_at == FeedbackRow.created_at, later.id > FeedbackRow.id),
        ),
    )


def _read_slice(
    session: Session, found: Sequence[Any], scenarios: dict[str, dict[str, Any]], *, with_talk: bool
) -> list[Reviewed]:
    feedback_ids = [row[0].id for row in found]
    missing = {talk.scenario_hash for _, talk, *_ in found} - scenarios.keys()
    if missing:
        bodies = select(ScenarioVersionRow).where(ScenarioVersionRow.hash.in_(missing))
        scenarios |= {version.hash: dict(version.body) for version in session.scalars(bodies)}
    paths = _paths(session, found, _leaves(session, feedback_ids, found)) if with_talk else {}
    before = _model_versions(session, found)
    items = [
        _reviewed(row, scenarios[row[1].scenario_hash], paths.get(row[0].id, []), before.get(row[0].id))
        for row in found
    ]
    session.expunge_all()
    return items


def _reviewed(
    found: Any, scenario: Mapping[str, Any], path: Sequence[Message], before: ModelVersion | None
) -> Reviewed:
    row, talk, version, disputes, helpful, newest = found
    return Reviewed(
        feedback_id=row.id,
        conversation_id=talk.id,
        scenario_id=talk.scenario_id,
        scenario_body=scenario,
        language=row.language,
        origin=talk.origin,
        state=ReviewState(row.review_state),
        answers={str(key): str(value) for key, value in talk.answers.items()},
        path=path,
        version_n=version.n,
        version_origin=version.origin,
        body=version.body,
        checks=version.checks,
        lineage=version.lineage,
        partial=version.partial,
        before=before,
        helpful=None if helpful is None else bool(helpful),
        disputes_open=disputes,
        reject_reason=row.reject_reason,
        is_newest=bool(newest),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _leaves(session: Session, feedback_ids: Sequence[str], found: Sequence[Any]) -> dict[str, str]:
    """Where the reviewed talk ends: at the leaf of the job that made the version, else of the newest job."""
    jobs = session.execute(
        select(FeedbackJobRow.feedback_id, FeedbackJobRow.id, FeedbackJobRow.leaf_id)
        .where(FeedbackJobRow.feedback_id.in_(feedback_ids), FeedbackJobRow.repeats.is_(None))
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


def _model_versions(session: Session, found: Sequence[Any]) -> dict[str, ModelVersion]:
    """For each version that a person wrote: the last one before it that the model wrote."""
    edited = {row.id: version.n for row, _, version, *_ in found if version.origin not in ("model", "repeat")}
    if not edited:
        return {}
    rows = session.scalars(
        select(FeedbackVersionRow)
        .where(FeedbackVersionRow.feedback_id.in_(edited), FeedbackVersionRow.origin == "model")
        .order_by(FeedbackVersionRow.n)
    )
    return {
        row.feedback_id: ModelVersion(row.n, row.body, row.lineage) for row in rows if row.n < edited[row.feedback_id]
    }


# ---------------------------------------------------------------------------------------------------------- on record


def begin_export(db: Database, actor: str, kind: Kind, form: str, wanted: ExportFilter, *, redacted: bool) -> str:
    """Note that an export begins; gives its id."""
    export_id = new_id("x")
    with db.write() as session:
        detail = {"kind": kind, "format": form, "redacted": redacted, **wanted.as_codes()}
        audit(session, actor, "begin_export", "export", export_id, **detail)
    return export_id


def end_export(db: Database, actor: str, export_id: str, tally: Tally, *, sha256: str, complete: bool) -> None:
    """Note how it ended. A broken one has the counts and the hash of what had been sent until then."""
    left_out = {f"left_out_{reason}": n for reason, n in sorted(tally.left_out.items())}
    with db.write() as session:
        audit(
            session, actor, "end_export", "export", export_id,
            outcome="complete" if complete else "broken",
            considered=tally.considered, rows=tally.rows, sha256=sha256, **left_out,
        )  # fmt: skip


def list_exports(db: Database, *, limit: int = 50, export_id: str | None = None) -> list[ExportRun]:
    """Exports on record, newest first."""
    begun = select(AuditRow).where(AuditRow.object_type == "export", AuditRow.action == "begin_export")
    if export_id is not None:
        begun = begun.where(AuditRow.object_id == export_id)
    with db.read() as session:
        starts = session.scalars(begun.order_by(AuditRow.id.desc()).limit(limit)).all()
        ends = session.scalars(
            select(AuditRow).where(
                AuditRow.object_id.in_([start.object_id for start in starts]), AuditRow.action == "end_export"
            )
        )
        ended = {end.object_id: end for end in ends}
    return [_run(start, ended.get(start.object_id)) for start in starts]


def _run(start: AuditRow, end: AuditRow | None) -> ExportRun:
    asked, came = dict(start.detail), dict(end.detail) if end else {}
    return ExportRun(
        id=start.object_id,
        kind=asked.pop("kind"),
        format=asked.pop("format"),
        redacted=asked.pop("redacted"),
        filter=asked,
        by=start.actor,
        began_at=start.at,
        ended_at=end.at if end else None,
        outcome=came.get("outcome", "running"),
        considered=came.get("considered"),
        rows=came.get("rows"),
        left_out={reason: came[key] for reason in LEFT_OUT if (key := f"left_out_{reason}") in came},
        sha256=came.get("sha256"),
    )
