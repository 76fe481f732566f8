"""Single messages: read, try again, say anew, go on, choose a version, rate."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from debrief.conversation import Turn
from debrief.errors import TooBusy
from debrief.rating import check_rating
from storage import ratings, versions
from webapp.api.asking import TheAsker, TheParts
from webapp.api.shapes import ConversationOut, MessageOut, NewMessage, RatingRequest, Retry, TurnOut
from webapp.hub import Listener
from webapp.identity import Asker
from webapp.live import follow_turn
from webapp.parts import Parts

router = APIRouter(prefix="/api/v1/messages/{message_id}")


@router.get("", summary="One message")
async def get_message(parts: TheParts, asker: TheAsker, message_id: str) -> MessageOut:
    return await _read(parts, asker, message_id)


@router.post("/retry", status_code=202, response_model=TurnOut, summary="Another answer, please")
async def retry(
    request: Request, parts: TheParts, asker: TheAsker, message_id: str, wish: Retry | None = None
) -> TurnOut | Response:
    turn = await parts.turns.retry(asker.visitor_id, message_id, wish.request_id if wish else None)
    return await turn_response(parts, request, asker, turn)


@router.post("/edit", status_code=202, response_model=TurnOut, summary="Say it in other words, as another branch")
async def edit(
    request: Request, parts: TheParts, asker: TheAsker, message_id: str, message: NewMessage
) -> TurnOut | Response:
    turn = await parts.turns.edit(asker.visitor_id, message_id, message.text, message.request_id)
    return await turn_response(parts, request, asker, turn)


@router.post("/continue", status_code=202, response_model=TurnOut, summary="Go on with an answer that broke off")
async def go_on(
    request: Request, parts: TheParts, asker: TheAsker, message_id: str, wish: Retry | None = None
) -> TurnOut | Response:
    turn = await parts.turns.go_on(asker.visitor_id, message_id, wish.request_id if wish else None)
    return await turn_response(parts, request, asker, turn)


@router.post("/choose", summary="Go on from this version")
async def choose(parts: TheParts, asker: TheAsker, message_id: str) -> ConversationOut:
    chosen = await parts.store(versions.choose_version, asker.visitor_id, message_id)
    parts.hub.tell_path(asker.visitor_id, chosen.id, chosen.active_leaf_id)
    conversation, told = await parts.store(versions.read_talk, asker.visitor_id, chosen.id)
    return ConversationOut.of(conversation, told, asker.language)


@router.post("/rate", summary="Say whether an answer is good")
async def rate(parts: TheParts, asker: TheAsker, message_id: str, wish: RatingRequest) -> MessageOut:
    reasons, comment = check_rating(wish.value, wish.reasons, wish.comment) if wish.value else ((), "")
    await parts.store(ratings.rate, asker.visitor_id, message_id, wish.value, reasons, comment)
    return await _read(parts, asker, message_id)


async def _read(parts: Parts, asker: Asker, message_id: str) -> MessageOut:
    told = await parts.store(versions.read_message, asker.visitor_id, message_id)
    return MessageOut.of(told.messages[0], told, asker.language)


async def turn_response(parts: Parts, request: Request, asker: Asker, turn: Turn) -> TurnOut | Response:
    """The two ids, or the answer itself as it is written when the sender accepts an event stream.

    Without room for one more stream the ids too: what was said is stored, so it must not be answered as refused.
    """
    if "text/event-stream" not in request.headers.get("accept", ""):
        return TurnOut.of(turn)
    listener = Listener(asker.visitor_id, asker.language, answer_id=turn.answer.id)
    try:
        return await follow_turn(parts, listener, turn)
    except TooBusy:
        return TurnOut.of(turn)
