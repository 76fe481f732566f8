"""A talk as a file to take along: JSON with the whole tree to bring back, Markdown of what is shown to read."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import datetime

from debrief.conversation import Conversation, Message, MessageState
from debrief.talk_file import TALKS_BEGIN, TALKS_BETWEEN, TALKS_END, file_talk, write_part
from debrief.texts import say
from storage.talk_files import list_whole
from webapp.export import escaped
from webapp.store import Store

TALKS_AT_ONCE = 20
"""Read and written in one piece of a file of all talks."""


def file_name(at: datetime, id: str, ending: str) -> str:
    """A name that any file system and any header takes: "talk-2026-11-28-1a2b3c.md"."""
    mark = re.sub(r"[^A-Za-z0-9]", "", id)[-6:]
    return f"talk-{at:%Y-%m-%d}-{mark}.{ending}"


def talk_markdown(talk: Conversation, path: list[Message], partner: str, language: str) -> str:
    """What is shown of the talk. The words of people and models stay words, whatever signs are in them."""
    you, name = say("talk.you", language), escaped(partner)
    lines = [f"# {escaped(talk.title)}", f"*{talk.created_at:%Y-%m-%d}*"]
    for message in path:
        lines.append(f"**{you if message.role == 'user' else name}**")
        lines.append(_paragraphs(message.text))
        if (mark := _mark(message)) is not None:
            lines.append(f"*{say(mark, language)}*")
    return "\n\n".join(line for line in lines if line) + "\n"


def _mark(message: Message) -> str | None:
    """The key of the words that stand under an answer which did not end by itself, as in the page."""
    if message.state is MessageState.ERROR:
        return "ui.mark_broken" if message.text else "ui.mark_failed"
    is_whole = message.state in (MessageState.COMPLETE, MessageState.RUNNING)
    return None if is_whole else f"ui.mark_{message.state.value}"


def _paragraphs(text: str) -> str:
    """Each line of the message as one of its own."""
    return "\n\n".join(line for line in (escaped(line) for line in text.splitlines()) if line)


async def all_talks(store: Store, visitor_id: str) -> AsyncIterator[bytes]:
    """A file of all talks, piece by piece: nobody holds all of it in memory."""
    yield TALKS_BEGIN
    cursor, is_first = None, True
    while True:
        page = await store(list_whole, visitor_id, limit=TALKS_AT_ONCE, cursor=cursor)
        for talk, messages in page.items:
            yield (b"" if is_first else TALKS_BETWEEN) + write_part(file_talk(talk, messages))
            is_first = False
        cursor = page.next
        if cursor is None:
            break
    yield TALKS_END
