"""Debriefs: ask for one, see where it stands, read it."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter

from storage import feedback
from webapp.api.asking import TheAsker, TheParts
from webapp.api.shapes import FeedbackList, FeedbackOut, FeedbackRequest

router = APIRouter(prefix="/api/v1")


@router.post("/conversations/{conversation_id}/feedback", status_code=202, summary="Ask for the debrief")
async def ask(
    parts: TheParts, asker: TheAsker, conversation_id: str, wish: FeedbackRequest | None = None
) -> FeedbackOut:
    view = await parts.store.in_thread(partial(parts.request_feedback, asker.visitor_id, conversation_id))
    return FeedbackOut.of(view, asker.language)


@router.get("/conversations/{conversation_id}/feedback", summary="All debriefs of a talk, newest first")
async def list_of(parts: TheParts, asker: TheAsker, conversation_id: str) -> FeedbackList:
    views = await parts.store(feedback.list_feedback, asker.visitor_id, conversation_id)
    return FeedbackList(items=[FeedbackOut.of(view, asker.language) for view in views])


@router.get("/feedback/{feedback_id}", summary="One debrief")
async def get(parts: TheParts, asker: TheAsker, feedback_id: str) -> FeedbackOut:
    return FeedbackOut.of(await parts.store(feedback.get_feedback, asker.visitor_id, feedback_id), asker.language)
