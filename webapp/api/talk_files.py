"""Talks as files: take one along, take all along, bring them back."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from debrief.errors import InputRejected
from debrief.scenario import fill_form
from debrief.talk_file import FileTalk, file_talk, read_talks, write_talk
from storage.engine import utc_now
from storage.talk_files import Arrival, get_whole, import_whole
from storage.versions import read_talk
from webapp.api.asking import TheAsker, TheParts, check_beginning
from webapp.hub import answer_error
from webapp.parts import Parts
from webapp.talk_files import all_talks, file_name, talk_markdown

router = APIRouter(prefix="/api/v1")

Format = Literal["md", "json"]
IMPORT_PATH = "/api/v1/import/talks"
IMPORT_MAX_BYTES = 4 * 1024 * 1024
"""About ten thousand messages; of a file that is larger the page sends some talks at a time."""
BYTES_A_MESSAGE = 256 * 1024
"""A file counts as one message sent for each of these that it has begun."""
_NO_STORE = {"Cache-Control": "no-store"}


class Brought(BaseModel):
    ids: list[str]
    """Of the new talks, in the order of the file."""


@router.get("/conversations/{conversation_id}/export", summary="A talk as a file", response_class=Response)
async def export(parts: TheParts, asker: TheAsker, conversation_id: str, format: Format = "json") -> Response:
    """JSON with every branch, to be brought back; Markdown of what is shown, to read."""
    if format == "json":
        talk, messages = await parts.store(get_whole, asker.visitor_id, conversation_id)
        body, kind = write_talk(file_talk(talk, messages)), "application/json"
    else:
        talk, told = await parts.store(read_talk, asker.visitor_id, conversation_id)
        scenario = parts.scenarios.get(talk.scenario_id)
        partner = scenario.persona.name.to(talk.language) if scenario else talk.scenario_id
        body, kind = talk_markdown(talk, told.messages, partner, asker.language).encode(), "text/markdown"
    name = file_name(talk.created_at, talk.id, format)
    return Response(body, media_type=kind, headers=_NO_STORE | _attachment(name))


@router.get("/export/conversations", summary="All my talks as one file", response_class=Response)
async def export_all(parts: TheParts, asker: TheAsker) -> StreamingResponse:
    """JSON with every branch of every talk, written piece by piece."""
    name = f"talks-{utc_now():%Y-%m-%d}.json"
    pieces = all_talks(parts.store, asker.visitor_id)
    return StreamingResponse(pieces, media_type="application/json", headers=_NO_STORE | _attachment(name))


@router.post("/import/talks", status_code=201, summary="Bring back talks from a file of Debrief's own")
async def bring_back(request: Request, parts: TheParts, asker: TheAsker) -> Brought:
    """The body is the file, of one talk or of many, as the export wrote it; all of it is stored, or nothing."""
    file = await request.body()
    arrivals = await parts.store.in_thread(lambda: [_arrival(parts, talk) for talk in read_talks(file)])
    await check_beginning(parts, asker)
    for _ in range(len(file) // BYTES_A_MESSAGE):
        parts.limits.check_message(asker.visitor_id)
    ids = await parts.store(import_whole, asker.visitor_id, arrivals)
    parts.hub.tell_list(asker.visitor_id, ids[0] if len(ids) == 1 else None)
    return Brought(ids=ids)


def _arrival(parts: Parts, talk: FileTalk) -> Arrival:
    """The talk with what only this server can check.

    Raises:
        InputRejected: its scenario is not here, or its form is another one now.
    """
    scenario = parts.scenarios.get(talk.scenario.id)
    if scenario is None:
        raise InputRejected("file_scenario_missing", scenario=talk.scenario.id, title=talk.title)
    if talk.answers:
        talk.answers = fill_form(scenario, talk.answers, talk.language)
    for message in talk.messages:
        message.error_code = _known_error(message.error_code)
    return Arrival(talk, scenario.hash, scenario.body())


def _known_error(code: str | None) -> str | None:
    """A file may name an error that this program has no sentence for."""
    try:
        answer_error(code, "", "en")
    except KeyError:
        return "unexpected"
    return code


def _attachment(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}
