"""Deleting one talk or all of them, and taking that back for a while."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel

from debrief.errors import InputRejected
from storage import turns, undo
from webapp.api.asking import TheAsker, TheParts

router = APIRouter(prefix="/api/v1")


class DeletionOut(BaseModel):
    """Talks that were deleted together. `until`: when it can no longer be undone."""

    id: str
    count: int
    title: str | None
    """The talk's, where it was only one."""
    conversation_id: str | None
    until: datetime

    @classmethod
    def of(cls, deletion: undo.Deletion) -> DeletionOut:
        return cls(**{name: getattr(deletion, name) for name in cls.model_fields})


class DeletionList(BaseModel):
    items: list[DeletionOut]
    next: None = None


class Restored(BaseModel):
    restored: int


@router.delete("/conversations/{conversation_id}", summary="Delete a talk; for ten minutes it can be undone")
async def delete(parts: TheParts, asker: TheAsker, conversation_id: str) -> DeletionOut:
    await parts.turns.stop(asker.visitor_id, conversation_id)
    deletion = await parts.store(undo.delete_with_grace, asker.visitor_id, conversation_id)
    parts.hub.tell_list(asker.visitor_id, conversation_id, is_changed=True)
    return DeletionOut.of(deletion)


@router.delete("/conversations", summary="Delete all my talks; for ten minutes it can be undone")
async def delete_all(parts: TheParts, asker: TheAsker, all: bool = False) -> DeletionOut:
    """`all` must be said: an address whose id got lost must not delete everything."""
    if not all:
        raise InputRejected(reason="say ?all=true to delete all talks")
    running = await parts.store(turns.list_running, asker.visitor_id)
    for conversation_id in {answer.conversation_id for answer in running}:
        await parts.turns.stop(asker.visitor_id, conversation_id)
    deletion = await parts.store(undo.delete_all_with_grace, asker.visitor_id)
    parts.hub.tell_list(asker.visitor_id, None, is_changed=True)
    return DeletionOut.of(deletion)


@router.get("/deletions", summary="What I deleted and can still undo, the newest first")
async def list_deletions(parts: TheParts, asker: TheAsker) -> DeletionList:
    deletions = await parts.store(undo.list_deletions, asker.visitor_id)
    return DeletionList(items=[DeletionOut.of(deletion) for deletion in deletions])


@router.post("/deletions/{deletion_id}/undo", summary="Bring back what was deleted")
async def undo_deletion(parts: TheParts, asker: TheAsker, deletion_id: str) -> Restored:
    ids = await parts.store(undo.undo_deletion, asker.visitor_id, deletion_id)
    parts.hub.tell_list(asker.visitor_id, ids[0] if len(ids) == 1 else None, is_changed=True)
    return Restored(restored=len(ids))
