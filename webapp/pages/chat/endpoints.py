"""The endpoints that a program may call by name, with gradio_client or curl: `/chat` and `/debrief`.

The page itself uses neither. What they do is `webapp/calls.py`; who may start them is `webapp/gradio_events.py`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, cast

import gradio as gr
from gradio import events as gradio_events

from debrief.errors import DebriefError
from webapp import calls
from webapp.identity import Asker, who_is_asking
from webapp.parts import Parts

SCENARIO = "job_interview"


def bind(page: gr.Blocks, parts: Parts) -> None:
    """Add the endpoints to the page. Must be called inside it.

    Gradio's own limit of one call at a time is off: who may talk is decided where all talk is (`webapp/turns.py`), and
    how many may wait for a debrief where all are asked for. Its second limit, of 40 calls of all kinds, becomes the
    sum of both, so that no crowd of waiting programs keeps others from talking.
    """

    async def chat(
        request: gr.Request, message: str, conversation: str = "", scenario: str = SCENARIO
    ) -> AsyncGenerator[tuple[str, str, str], None]:
        asker = who_is_asking(request)
        try:
            async with aclosing(
                calls.chat(parts, asker, message or "", conversation or "", scenario or SCENARIO)
            ) as growing:
                async for said in growing:
                    if said.error is not None:
                        raise gr.Error(said.error["message"], title=said.error["code"], print_exception=False)
                    yield said.text, said.conversation_id, said.state
        except DebriefError as error:
            raise _refusal(asker, error) from error

    async def debrief(request: gr.Request, conversation: str) -> AsyncGenerator[dict[str, Any], None]:
        asker = who_is_asking(request)
        try:
            async with aclosing(calls.debrief(parts, asker, conversation or "")) as coming:
                async for view in coming:
                    yield view.model_dump(mode="json")
        except DebriefError as error:
            raise _refusal(asker, error) from error

    settings = parts.settings
    page.max_threads = settings.answers_at_once + settings.feedbacks_waiting
    page.queue(default_concurrency_limit=None)
    chat.__annotations__["return"] = tuple[str, str, str]  # Gradio tells clients of what it finds here: of one frame
    debrief.__annotations__["return"] = dict[str, Any]
    add = cast("Callable[..., Any]", gradio_events.api)  # pyright: ignore[reportUnknownMemberType]  # a bare Callable
    add(
        chat,
        api_name="chat",
        api_description="Say something; the answer as it grows, the conversation to go on in, and its state. "
        "Without a conversation a new one begins in the scenario.",
        concurrency_limit=None,
    )
    add(
        debrief,
        api_name="debrief",
        api_description="Ask for the debrief of a conversation and wait for it; the shape of GET /api/v1/feedback.",
        concurrency_limit=settings.feedbacks_waiting,
    )


def _refusal(asker: Asker, error: DebriefError) -> gr.Error:
    return gr.Error(error.sentence(asker.language), title=error.reason, print_exception=False)
