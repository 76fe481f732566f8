"""Talk that happened elsewhere, brought here to be debriefed. Nothing of it is sent to a model on the way in."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from debrief.errors import InputRejected
from debrief.scenario import Scenario, conversation_title, fill_form
from debrief.settings import Settings
from storage.imports import Said, import_conversation
from webapp.api.asking import TheAsker, TheParts, check_beginning
from webapp.api.shapes import Language, StrictRequest

MESSAGES_MAX = 500
ANSWER_MAX_CHARS = 20_000
"""Of the partner's messages; the visitor's own have the limit of the page."""

router = APIRouter(prefix="/api/v1/import")


class ImportedMessage(StrictRequest):
    role: Literal["user", "assistant"]
    """`user` is the one whose part is reviewed."""
    text: str


class ImportedTalk(StrictRequest):
    """The messages in the order in which they were said. Either side may begin, and may say several in a row."""

    scenario: Annotated[str, Field(min_length=1, max_length=80)]
    """Whose rubric is to be applied."""
    messages: Annotated[list[ImportedMessage], Field(min_length=1, max_length=MESSAGES_MAX)]
    language: Language | None = None
    """Of the page and the debrief; else as Accept-Language says."""
    title: Annotated[str, Field(max_length=1000)] | None = None
    answers: dict[str, str] | None = None
    """Fills the scenario's form, if there was such a choice."""


class Imported(BaseModel):
    id: str


@router.post("/conversations", status_code=201, summary="Bring a talk from elsewhere")
async def import_talk(parts: TheParts, asker: TheAsker, talk: ImportedTalk) -> Imported:
    scenario = parts.scenarios.get(talk.scenario)
    if scenario is None:
        raise InputRejected("unknown_scenario", scenario=talk.scenario)
    check_messages(talk.messages, parts.settings)
    language = talk.language or asker.language
    answers = fill_form(scenario, talk.answers, language) if talk.answers is not None else {}
    await check_beginning(parts, asker)
    id = await parts.store(
        import_conversation,
        visitor_id=asker.visitor_id,
        scenario_id=scenario.id,
        scenario_hash=scenario.hash,
        scenario_body=scenario.body(),
        language=language,
        title=_title(talk.title, scenario, language, answers),
        answers=answers,
        said=[Said(message.role, message.text) for message in talk.messages],
    )
    parts.hub.tell_list(asker.visitor_id, id)
    return Imported(id=id)


def check_messages(messages: list[ImportedMessage], settings: Settings) -> None:
    """Refuse what could not have been said here; the sentence names the message, counted from 0 as in JSON paths.

    Raises:
        InputRejected: an empty or too long text, or nothing of the visitor's own.
    """
    for at, message in enumerate(messages):
        limit = settings.message_max_chars if message.role == "user" else ANSWER_MAX_CHARS
        if not message.text.strip():
            raise InputRejected(reason=f"messages.{at}.text: it is empty")
        if len(message.text) > limit:
            raise InputRejected(
                reason=f"messages.{at}.text: it has {len(message.text)} characters, the limit is {limit}"
            )
    if not any(message.role == "user" for message in messages):
        raise InputRejected(reason='messages: none has the role "user", so there is nothing to review')


def _title(title: str | None, scenario: Scenario, language: str, answers: dict[str, str]) -> str:
    return title.strip() if title and title.strip() else conversation_title(scenario, language, answers)
