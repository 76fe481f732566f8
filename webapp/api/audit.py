"""The audit: who did what to what, when. All of it for admins, that of one debrief for whoever reviews it.

Ids, states and counts; never people's words.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from debrief.texts import catalog, say
from storage.accounts import list_account_names
from storage.audit import AuditEvent, AuditQuery, list_actions, list_events
from storage.case_audit import CaseEvent, read_case_audit
from webapp.api.asking import TheAdmin, TheAsker, TheParts, TheReviewer
from webapp.parts import Parts

PAGE_MAX = 200
ACTORS = ("system", "visitor", "worker")
router = APIRouter(prefix="/api/v1", tags=["audit"])


class AuditOut(BaseModel):
    """`said` is the action in the asker's language; `by` is a name where the actor has an account."""

    at: datetime
    actor: str
    by: str
    action: str
    said: str
    object_type: str
    object_id: str
    detail: dict[str, Any]

    @classmethod
    def of(cls, event: AuditEvent, names: dict[str, str], language: str) -> AuditOut:
        return cls(by=names.get(event.actor, event.actor), said=_said(event.action, language), **vars(event))


class CaseEventOut(AuditOut):
    """`version_n`: the version that it was about; `to`: whom it was assigned to."""

    version_n: int | None
    to: str | None

    @classmethod
    def of_case(cls, one: CaseEvent, names: dict[str, str], language: str) -> CaseEventOut:
        event = AuditOut.of(one.event, names, language)
        to = one.event.detail.get("to")
        return cls(**event.model_dump(), version_n=one.version_n, to=names.get(str(to)) if to else None)


class CaseAudit(BaseModel):
    items: list[CaseEventOut]
    next: None = None


class AuditPage(BaseModel):
    """`actions` are all that are on record, `actors` all accounts by id: for the menus of the filters."""

    items: list[AuditOut]
    next: str | None
    actions: dict[str, str]
    actors: dict[str, str]


@router.get("/audit", summary="Who did what, newest first")
async def read_audit(
    parts: TheParts,
    admin: TheAdmin,
    asker: TheAsker,
    actor: Annotated[str | None, Query(max_length=80)] = None,
    action: Annotated[str | None, Query(max_length=40)] = None,
    object_type: Annotated[str | None, Query(max_length=40)] = None,
    object_id: Annotated[str | None, Query(max_length=60)] = None,
    since: date | None = None,
    until: date | None = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 50,
    cursor: Annotated[int | None, Query(ge=0, lt=2**62)] = None,
) -> AuditPage:
    """Days are UTC, both included."""
    wanted = AuditQuery(actor, action, object_type, object_id, _midnight(since), _midnight(until, days_later=1))
    page = await parts.store(list_events, wanted, limit=limit, before=cursor)
    language = asker.language
    names = await _names(parts, language)
    actions = await parts.store(list_actions)
    return AuditPage(
        items=[AuditOut.of(event, names, language) for event in page.items],
        next=page.next,
        actions={name: _said(name, language) for name in actions},
        actors=names,
    )


@router.get("/review/{feedback_id}/audit", summary="What was done to one debrief, by whom and when, newest first")
async def read_audit_of_case(parts: TheParts, reviewer: TheReviewer, asker: TheAsker, feedback_id: str) -> CaseAudit:
    names = await _names(parts, asker.language)
    found = await parts.store(read_case_audit, feedback_id)
    return CaseAudit(items=[CaseEventOut.of_case(one, names, asker.language) for one in found])


async def _names(parts: Parts, language: str) -> dict[str, str]:
    """Who acts, by the id that the audit has."""
    return {name: say(f"audit.actor_{name}", language) for name in ACTORS} | await parts.store(list_account_names)


def _said(action: str, language: str) -> str:
    """In words; an action that has none yet by its own name."""
    return catalog(language).get(f"audit.did_{action}", action)


def _midnight(day: date | None, *, days_later: int = 0) -> datetime | None:
    return datetime.combine(day + timedelta(days=days_later), time(), UTC) if day else None
