"""Searching one's own talks. What is looked for comes in the body: addresses end up in logs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from storage import search
from webapp.api.asking import TheAsker, TheParts
from webapp.api.shapes import StrictRequest

PAGE_MAX = 50

router = APIRouter(prefix="/api/v1")


class SearchRequest(StrictRequest):
    text: str
    """One or more terms; a talk is found by those that stand in its title, or all in one message."""
    limit: Annotated[int, Field(ge=1, le=PAGE_MAX)] = 20
    cursor: Annotated[str, Field(max_length=300)] | None = None


class HitOut(BaseModel):
    """The newest message that was found in the talk, and the words around the hit as they stand there."""

    message_id: str
    role: str
    before: str
    match: str
    after: str
    is_cut: bool
    """Whether the message begins before `before`."""


class FoundOut(BaseModel):
    id: str
    scenario: str
    title: str
    updated_at: datetime
    count: int
    """Messages that were found in it; 0: only its title was."""
    hit: HitOut | None

    @classmethod
    def of(cls, found: search.Found) -> FoundOut:
        talk = found.conversation
        hit = found.hit and HitOut(**{name: getattr(found.hit, name) for name in HitOut.model_fields})
        return cls(
            id=talk.id,
            scenario=talk.scenario_id,
            title=talk.title,
            updated_at=talk.updated_at,
            count=found.count,
            hit=hit,
        )


class FoundList(BaseModel):
    items: list[FoundOut]
    next: str | None


@router.post("/search", summary="Search my talks, the one touched last first")
async def search_mine(parts: TheParts, asker: TheAsker, wish: SearchRequest) -> FoundList:
    page = await parts.store(search.list_found, asker.visitor_id, wish.text, limit=wish.limit, cursor=wish.cursor)
    return FoundList(items=[FoundOut.of(found) for found in page.items], next=page.next)
