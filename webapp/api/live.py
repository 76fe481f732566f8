"""The live route. What it sends and when is `webapp/live.py`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.responses import Response

from webapp.api.asking import TheAsker, TheParts
from webapp.live import open_live

router = APIRouter(prefix="/api/v1")

LastEventId = Annotated[str | None, Header(alias="Last-Event-ID", description="Go on after this event.")]


@router.get("/live", summary="What happens, as server-sent events", response_class=Response)
async def live(
    parts: TheParts,
    asker: TheAsker,
    conversation_id: Annotated[str | None, Query(description="Only of this conversation.")] = None,
    last_event_id: LastEventId = None,
) -> Response:
    return await open_live(parts, asker, conversation_id, last_event_id)


@router.get("/conversations/{conversation_id}/live", summary="The same for one talk", response_class=Response)
async def live_of_conversation(
    parts: TheParts, asker: TheAsker, conversation_id: str, last_event_id: LastEventId = None
) -> Response:
    return await open_live(parts, asker, conversation_id, last_event_id)
