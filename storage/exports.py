"""What leaves the house: reviewed feedback as rows, how much that is, and the record of every export.

Which feedback that is, `storage/queue_filter.py` says, as for the review queue; `storage/export_walk.py` reads it. An
export is audited when it begins, because from then on words are leaving, and when it ends, with counts and the hash of
what was sent.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from debrief.export_rows import LEFT_OUT, Kind, Row, counting_states, make_row
from debrief.review import ReviewState
from debrief.training import NotUsable
from storage.audit import audit
from storage.engine import Database, new_id, utc_now
from storage.export_walk import admitted, iterate_reviewed
from storage.queue_filter import NOBODY, QueueFilter
from storage.tables import AccountRow, AuditRow, ScenarioVersionRow

_SAME_CODES = (
    "scenario",
    "rubric",
    "model",
    "language",
    "level",
    "check",
    "flagged",
    "disputed",
    "partial",
    "asked_by",
)
_CODE_MAX = 64


@dataclass
class Tally:
    """What was looked at and what became of it: `considered` is `rows` and all of `left_out` together."""

    considered: int = 0
    rows: int = 0
    left_out: Counter[str] = field(default_factory=Counter[str])


@dataclass(frozen=True)
class Matching:
    """How many feedbacks an export looks at, and how many of them are in a state that makes rows and undisputed."""

    looked_at: int
    counting: int


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


def iterate_rows(db: Database, kind: Kind, wanted: QueueFilter, tally: Tally, *, redacted: bool) -> Iterator[Row]:
    """The rows of an export, oldest feedback first, counted in `tally` as they come."""
    with_talk = redacted or kind != "feedback"  # names are looked for in all that was said
    for item in iterate_reviewed(db, kind, wanted, with_talk=with_talk):
        tally.considered += 1
        if item is None:
            tally.left_out["deleted"] += 1
            continue
        try:
            row = make_row(kind, item, wanted.states, redacted=redacted)
        except NotUsable as why:
            tally.left_out[why.reason] += 1
            continue
        tally.rows += 1
        yield row


def count_matching(db: Database, wanted: QueueFilter, kind: Kind) -> Matching:
    """How much an export with this filter looks at now, and at most how many rows it can have."""
    now = utc_now()
    narrower = replace(wanted, disputed=False, states=_both(wanted.states, counting_states(kind, wanted.states)))
    with db.read() as session:
        return Matching(
            _count(session, wanted, now),
            _count(session, narrower, now) if narrower.states and wanted.disputed is not True else 0,
        )


def _count(session: Session, wanted: QueueFilter, now: datetime) -> int:
    return session.scalar(select(func.count()).select_from(admitted(wanted, now).subquery())) or 0


def _both(named: tuple[ReviewState, ...], counting: Sequence[ReviewState]) -> tuple[ReviewState, ...]:
    usable = (state for state in counting if state is not ReviewState.WITHDRAWN)
    return tuple(state for state in usable if not named or state in named)


def list_level_keys(db: Database, wanted: QueueFilter) -> list[str]:
    """The keys of all criteria that rows of this filter can have, in order of the alphabet."""
    query = select(ScenarioVersionRow.body["rubric"]["criteria"])
    if wanted.scenario:
        query = query.where(ScenarioVersionRow.scenario_id == wanted.scenario)
    keys: set[str] = set()
    with db.read() as session:
        for criteria in session.scalars(query):
            keys |= {str(criterion["key"]) for criterion in cast("list[dict[str, Any]]", criteria or [])}
    return sorted(keys)


# ---------------------------------------------------------------------------------------------------------- on record


def begin_export(db: Database, actor: str, kind: Kind, form: str, wanted: QueueFilter, *, redacted: bool) -> str:
    """Note that an export begins; gives its id."""
    export_id = new_id("x")
    with db.write() as session:
        detail = {"kind": kind, "format": form, "redacted": redacted, **_codes(session, wanted)}
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


def filter_codes(db: Database, wanted: QueueFilter) -> dict[str, str]:
    """A filter as the record has it: see `_codes`."""
    with db.read() as session:
        return _codes(session, wanted)


def _codes(session: Session, wanted: QueueFilter) -> dict[str, str]:
    """For the audit, which keeps no words: accounts by id, of a search only that there was one, days both included."""
    codes: dict[str, object] = {
        **_states(wanted.states),
        **{name: getattr(wanted, name) for name in _SAME_CODES},
        "reviewer": _account(session, wanted.reviewer),
        "assignee": _account(session, wanted.assignee),
        "since": wanted.since and wanted.since.date(),
        "until": wanted.until and (wanted.until - timedelta.resolution).date(),
        "waiting_since_before": wanted.waiting_since_before and f"{wanted.waiting_since_before:%Y-%m-%dT%H:%M:%SZ}",
        "words": "yes" if wanted.words else None,
    }
    return {
        name: re.sub(r"[^A-Za-z0-9_.:-]", "_", str(value))[:_CODE_MAX]
        for name, value in codes.items()
        if value is not None
    }


def _states(states: Sequence[ReviewState]) -> dict[str, str]:
    """All of them: a code is short, so there may be a second one."""
    lines = [""]
    for state in states:
        longer = f"{lines[-1]}.{state.value}".lstrip(".")
        lines = [*lines[:-1], longer] if len(longer) <= _CODE_MAX else [*lines, state.value]
    return {f"states{n or ''}": line for n, line in enumerate(lines) if line}


def _account(session: Session, name: str | None) -> str | None:
    if name is None or name == NOBODY:
        return name
    return session.scalar(select(AccountRow.id).where(AccountRow.name == name)) or "unknown"
