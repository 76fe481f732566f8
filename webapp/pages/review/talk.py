"""The talk of an open case for the page: all of it as data, and what of it Gradio's transcript shows at first.

A thousand messages take Gradio seconds to draw. Of a long talk it draws the first part; `webapp/assets/desk_talk.js`
draws what is read or quoted beyond that from what came with the case, without asking again.
"""

from __future__ import annotations

from typing import Any

from storage.reviews import ReviewCase
from webapp.inert import inert

FIRST = 40
ALL_UP_TO = 60
"""Messages; nobody is sent for the last few of a talk."""


def talk_of(case: ReviewCase | None) -> dict[str, Any]:
    """The messages in words that Gradio cannot take for more, and how many of them are `shown` at first."""
    if case is None:
        return {"id": "", "messages": [], "shown": 0}
    messages = [{"id": one.id, "role": one.role, "content": inert(one.text)} for one in case.path]
    return {"id": case.id, "messages": messages, "shown": len(messages) if len(messages) <= ALL_UP_TO else FIRST}


def first_part(talk: dict[str, Any]) -> list[dict[str, str]]:
    """For Gradio's Chatbot."""
    return [{"role": one["role"], "content": one["content"]} for one in talk["messages"][: talk["shown"]]]
