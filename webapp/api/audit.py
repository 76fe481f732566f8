"""The audit, for admins: who did what to what, when. Ids, states and counts; never people's words."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from debrief.texts import catalog, say
from storage.accounts import list_account_names
from storage.audit import AuditEvent, AuditQuery, list_actions, list_events
from webapp.api.asking import TheAdmin, TheAsker, TheParts

PAGE_MAX = 200
ACTORS = ("system", "visitor", "worker")
router = APIRouter(prefix="/api/v1/audit", tags=["audit"])


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


class AuditPage(BaseModel):
    """`actions` are all that are on record, `actors` all accounts by id: for the menus of the filters."""

    items: list[AuditOut]
    next: str | None
    actions: dict[str, str]
    actors: dict[str, str]


@router.get("", summary="Who did what, newest first")
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
    names = {name: say(f"audit.actor_{name}", language) for name in ACTORS} | await parts.store(list_account_names)
    actions = await parts.store(list_actions)
    return AuditPage(
        items=[AuditOut.of(event, names, language) for event in page.items],
        next=page.next,
        actions={name: _said(name, language) for name in actions},
        actors=names,
    )


def _said(action: str, language: str) -> str:
    """In words; an action that has none yet by its own name."""
    return catalog(language).get(f"audit.did_{action}", action)


def _midnight(day: date | None, *, days_later: int = 0) -> datetime | None:
    return datetime.combine(day + timedelta(days=days_later), time(), UTC) if day else None
