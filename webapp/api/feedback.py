"""Debriefs: ask for one, see where it stands, read it, say what one thinks of it, take it along."""

from __future__ import annotations

from functools import partial
from typing import Literal

from fastapi import APIRouter, Response

from debrief.errors import NotFound
from storage import conversations, feedback, reactions
from webapp.api.asking import TheAsker, TheParts
from webapp.api.shapes import DisputeRequest, FeedbackList, FeedbackOut, FeedbackRequest, ReactionRequest
from webapp.export import export_name, feedback_json, feedback_markdown

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


@router.post("/feedback/{feedback_id}/cancel", summary="Stop the making of a debrief")
async def cancel(parts: TheParts, asker: TheAsker, feedback_id: str) -> FeedbackOut:
    """Where it has ended already, nothing changes."""
    return FeedbackOut.of(await parts.store(feedback.cancel_feedback, asker.visitor_id, feedback_id), asker.language)


@router.post("/feedback/{feedback_id}/seen", status_code=204, summary="The words have been before the visitor's eyes")
async def see(parts: TheParts, asker: TheAsker, feedback_id: str) -> None:
    """Reading by a program counts as nothing: only who shows it to a person says so."""
    await parts.store(reactions.mark_seen, asker.visitor_id, feedback_id)


@router.put("/feedback/{feedback_id}/reaction", summary="Helpful or not")
async def react(parts: TheParts, asker: TheAsker, feedback_id: str, said: ReactionRequest) -> FeedbackOut:
    view = await parts.store(reactions.react, asker.visitor_id, feedback_id, said.helpful)
    return FeedbackOut.of(view, asker.language)


@router.post("/feedback/{feedback_id}/disputes", summary="Say that a sentence is wrong")
async def dispute(parts: TheParts, asker: TheAsker, feedback_id: str, said: DisputeRequest) -> FeedbackOut:
    """A person will look at it. The same sentence again replaces the comment."""
    view = await parts.store(reactions.dispute, asker.visitor_id, feedback_id, said.path, said.comment)
    return FeedbackOut.of(view, asker.language)


@router.get("/feedback/{feedback_id}/export", summary="The debrief as a file", response_class=Response)
async def export(parts: TheParts, asker: TheAsker, feedback_id: str, format: Literal["md", "json"] = "md") -> Response:
    """What is shown, and nothing else: without words to show it is not there."""
    view = await parts.store(feedback.get_feedback, asker.visitor_id, feedback_id)
    if view.body is None:
        raise NotFound
    talk = await parts.store(conversations.get_conversation, asker.visitor_id, view.conversation_id)
    is_json = format == "json"
    return Response(
        feedback_json(view, talk) if is_json else feedback_markdown(view, talk, asker.language),
        media_type="application/json" if is_json else "text/markdown",
        headers={
            "Content-Disposition": f'attachment; filename="{export_name(view, format)}"',
            "Cache-Control": "no-store",
        },
    )
