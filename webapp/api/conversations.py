"""Conversations: begin, read, rename, say something, stop. Single messages: `messages.py`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from debrief.conversation import Conversation, Message
from debrief.errors import InputRejected
from debrief.policy import policy_for
from debrief.scenario import conversation_title, fill_form, opening_line
from storage import conversations
from storage.versions import Told, read_talk
from webapp.api.asking import TheAsker, TheParts, check_beginning
from webapp.api.messages import turn_response
from webapp.api.shapes import (
    ConversationChange,
    ConversationLine,
    ConversationLines,
    ConversationOut,
    NewConversation,
    NewMessage,
    ScenarioList,
    ScenarioOut,
    Stopped,
    TurnOut,
)
from webapp.identity import Asker
from webapp.parts import Parts

PAGE_MAX = 100


router = APIRouter(prefix="/api/v1")


@router.get("/scenarios", summary="What can be practised")
async def list_scenarios(parts: TheParts, asker: TheAsker) -> ScenarioList:
    found = [(scenario, policy_for(parts.settings, scenario.body())) for scenario in parts.scenarios.values()]
    return ScenarioList(items=[ScenarioOut.of(one, asker.language, policy.release) for one, policy in found])


@router.post("/conversations", status_code=201, summary="Begin a talk")
async def begin(parts: TheParts, asker: TheAsker, wish: NewConversation) -> ConversationOut:
    conversation, opening = await _begin(parts, asker, wish)
    parts.hub.tell_list(asker.visitor_id, conversation.id)
    return ConversationOut.of(conversation, Told([opening], {}, {}), asker.language)


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
    conversation, told = await parts.store(read_talk, asker.visitor_id, conversation_id)
    return ConversationOut.of(conversation, told, asker.language)


@router.patch("/conversations/{conversation_id}", summary="Rename a talk")
async def rename(parts: TheParts, asker: TheAsker, conversation_id: str, change: ConversationChange) -> ConversationOut:
    await parts.store(conversations.rename_conversation, asker.visitor_id, conversation_id, change.title)
    parts.hub.tell_list(asker.visitor_id, conversation_id, is_changed=True)
    conversation, told = await parts.store(read_talk, asker.visitor_id, conversation_id)
    return ConversationOut.of(conversation, told, asker.language)


@router.post(
    "/conversations/{conversation_id}/messages", status_code=202, response_model=TurnOut, summary="Say something"
)
async def say(
    request: Request, parts: TheParts, asker: TheAsker, conversation_id: str, message: NewMessage
) -> TurnOut | Response:
    turn = await parts.turns.send(asker.visitor_id, conversation_id, message.text, message.request_id)
    return await turn_response(parts, request, asker, turn)


@router.post("/conversations/{conversation_id}/stop", summary="Stop the answer")
async def stop(parts: TheParts, asker: TheAsker, conversation_id: str) -> Stopped:
    return Stopped(stopped=await parts.turns.stop(asker.visitor_id, conversation_id))


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
