"""Trying again from a moment that a debrief points at, and the two debriefs side by side."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from debrief.comparing import Compared, ShownDebrief, Stand, Versions, compare, differences
from storage import again
from storage.again import TwoTries
from storage.versions import read_talk
from webapp.api.asking import TheAsker, TheParts
from webapp.api.shapes import ConversationOut, StrictRequest

router = APIRouter(prefix="/api/v1")


class TryAgain(StrictRequest):
    message_id: Annotated[str, Field(min_length=1, max_length=80)]
    """What the visitor said and says anew; the new talk ends just before it."""


class DebriefSide(BaseModel):
    feedback_id: str
    conversation_id: str
    at: datetime
    said: str | None
    """What the visitor said where the two tries part."""
    summary: str | None
    next_step: str | None
    versions: Versions

    @classmethod
    def of(cls, debrief: ShownDebrief, said: str | None) -> DebriefSide:
        return cls(
            feedback_id=debrief.feedback_id,
            conversation_id=debrief.conversation_id,
            at=debrief.at,
            said=said,
            summary=debrief.body.summary,
            next_step=debrief.body.next_step,
            versions=debrief.versions,
        )


class CriterionPair(BaseModel):
    key: str
    name: str
    before: Stand | None
    after: Stand | None

    @classmethod
    def of(cls, compared: Compared) -> CriterionPair:
        return cls(key=compared.key, name=compared.name, before=compared.before, after=compared.after)


class Comparison(BaseModel):
    """Two debriefs. Levels are given only where `same_versions`; else `different` says in what they differ."""

    before: DebriefSide
    after: DebriefSide
    same_versions: bool
    different: list[str]
    criteria: list[CriterionPair]

    @classmethod
    def of(cls, tries: TwoTries) -> Comparison:
        different = differences(tries.before.versions, tries.after.versions)
        return cls(
            before=DebriefSide.of(tries.before, tries.said_before),
            after=DebriefSide.of(tries.after, tries.said_after),
            same_versions=not different,
            different=different,
            criteria=[CriterionPair.of(pair) for pair in compare(tries.before, tries.after)],
        )


@router.post("/feedback/{feedback_id}/again", status_code=201, summary="Try again from something that I said")
async def try_again(parts: TheParts, asker: TheAsker, feedback_id: str, wish: TryAgain) -> ConversationOut:
    parts.limits.check_message(asker.visitor_id)
    talk_id = await parts.store(again.begin_again, asker.visitor_id, feedback_id, wish.message_id)
    parts.hub.tell_list(asker.visitor_id, talk_id)
    conversation, told = await parts.store(read_talk, asker.visitor_id, talk_id)
    return ConversationOut.of(conversation, told, asker.language)


@router.get("/feedback/{feedback_id}/compare", summary="This debrief beside the one of the talk that was tried again")
async def get_comparison(parts: TheParts, asker: TheAsker, feedback_id: str) -> Comparison:
    return Comparison.of(await parts.store(again.get_comparison, asker.visitor_id, feedback_id))
