"""Conversations, what is said in them, and the answers: begin, read, rename, say, stop, try again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from debrief.conversation import Conversation, Message, Turn
from debrief.errors import InputRejected, TooBusy
from debrief.scenario import conversation_title, fill_form, opening_line
from storage import conversations, messages
from storage.engine import Database
from webapp.api.asking import TheAsker, TheParts, check_beginning
from webapp.api.shapes import (
    ConversationChange,
    ConversationLine,
    ConversationLines,
    ConversationOut,
    MessageOut,
    NewConversation,
    NewMessage,
    Retry,
    ScenarioList,
    ScenarioOut,
    Stopped,
    TurnOut,
)
from webapp.hub import Listener
from webapp.identity import Asker
from webapp.live import follow_turn
from webapp.parts import Parts

PAGE_MAX = 100


router = APIRouter(prefix="/api/v1")


@router.get("/scenarios", summary="What can be practised")
async def list_scenarios(parts: TheParts, asker: TheAsker) -> ScenarioList:
    return ScenarioList(items=[ScenarioOut.of(scenario, asker.language) for scenario in parts.scenarios.values()])


@router.post("/conversations", status_code=201, summary="Begin a talk")
async def begin(parts: TheParts, asker: TheAsker, wish: NewConversation) -> ConversationOut:
    conversation, opening = await _begin(parts, asker, wish)
    parts.hub.tell_list(asker.visitor_id, conversation.id)
    return ConversationOut.of(conversation, [opening], asker.language)


@router.get("/conversations", summary="My talks, the one touched last first")
async def list_mine(
    parts: TheParts,
    asker: TheAsker,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 50,
    cursor: Annotated[str | None, Query(max_length=300)] = None,
) -> ConversationLines:
    page = await parts.store(conversations.list_conversations, asker.visitor_id, limit=limit, cursor=cursor)
    total = await parts.store(conversations.count_conversations, asker.visitor_id)
    return ConversationLines(items=[ConversationLine.of(item) for item in page.items], next=page.next, total=total)


@router.get("/conversations/{conversation_id}", summary="One talk with its messages")
async def get(parts: TheParts, asker: TheAsker, conversation_id: str) -> ConversationOut:
    conversation, path = await parts.store(read_talk, asker.visitor_id, conversation_id)
    return ConversationOut.of(conversation, path, asker.language)


@router.patch("/conversations/{conversation_id}", summary="Rename a talk")
async def rename(parts: TheParts, asker: TheAsker, conversation_id: str, change: ConversationChange) -> ConversationOut:
    await parts.store(conversations.rename_conversation, asker.visitor_id, conversation_id, change.title)
    parts.hub.tell_list(asker.visitor_id, conversation_id, is_changed=True)
    conversation, path = await parts.store(read_talk, asker.visitor_id, conversation_id)
    return ConversationOut.of(conversation, path, asker.language)


@router.post(
    "/conversations/{conversation_id}/messages", status_code=202, response_model=TurnOut, summary="Say something"
)
async def say(
    request: Request, parts: TheParts, asker: TheAsker, conversation_id: str, message: NewMessage
) -> TurnOut | Response:
    turn = await parts.turns.send(asker.visitor_id, conversation_id, message.text, message.request_id)
    return await _turn_response(parts, request, asker, turn)


@router.post("/conversations/{conversation_id}/stop", summary="Stop the answer")
async def stop(parts: TheParts, asker: TheAsker, conversation_id: str) -> Stopped:
    return Stopped(stopped=await parts.turns.stop(asker.visitor_id, conversation_id))


@router.get("/messages/{message_id}", summary="One message")
async def get_message(parts: TheParts, asker: TheAsker, message_id: str) -> MessageOut:
    message = await parts.store(messages.get_message, asker.visitor_id, message_id)
    return MessageOut.of(message, asker.language)


@router.post("/messages/{message_id}/retry", status_code=202, response_model=TurnOut, summary="Another answer, please")
async def retry(
    request: Request, parts: TheParts, asker: TheAsker, message_id: str, wish: Retry | None = None
) -> TurnOut | Response:
    turn = await parts.turns.retry(asker.visitor_id, message_id, wish.request_id if wish else None)
    return await _turn_response(parts, request, asker, turn)


async def _begin(parts: Parts, asker: Asker, wish: NewConversation) -> tuple[Conversation, Message]:
    scenario = parts.scenarios.get(wish.scenario)
    if scenario is None:
        raise InputRejected("unknown_scenario", scenario=wish.scenario)
    language = wish.language or asker.language
    answers = fill_form(scenario, wish.answers, language)
    await check_beginning(parts, asker)
    return await parts.store(
        conversations.create_conversation,
        visitor_id=asker.visitor_id,
        scenario_id=scenario.id,
        scenario_hash=scenario.hash,
        scenario_body=scenario.body(),
        language=language,
        title=conversation_title(scenario, language, answers),
        answers=answers,
        opening=opening_line(scenario, language, answers),
    )


def read_talk(db: Database, visitor_id: str, conversation_id: str) -> tuple[Conversation, list[Message]]:
    """A talk of this visitor's with its active path; NotFound for everybody else."""
    conversation = conversations.get_conversation(db, visitor_id, conversation_id)
    return conversation, messages.list_path(db, conversation_id)


async def _turn_response(parts: Parts, request: Request, asker: Asker, turn: Turn) -> TurnOut | Response:
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
