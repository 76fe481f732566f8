"""Which trigger does what at the review desk. Every event gives a whole `Desk` back and then redraws the slots."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

import gradio as gr
from gradio.events import Dependency

from debrief.errors import DebriefError
from webapp.identity import who_is_asking
from webapp.pages.review.handlers import Desk, DeskHandlers, Place
from webapp.pages.review.layout import DeskView
from webapp.pages.review.talk import first_part

READ_ADDRESS_JS = "() => window.desk.readAddress()"
WITH_VIEW_JS = "(_, ...inputs) => [window.desk.view(), ...inputs]"
"""What the list shows is known to the page alone; its address has it."""
SHOW_JS = "(facts, talk) => { window.desk.show(facts, talk) }"
PAINT_JS = "() => window.desk.paint()"
BUTTONS = ("claim", "approve", "reject", "release", "reopen", "next", "skip")

Handler = Callable[..., Awaitable[Desk]]


def bind(page: gr.Blocks, view: DeskView, handlers: DeskHandlers) -> None:
    place = [view.queue_view, view.feedback_id, view.row_version]

    async def open_desk(wanted: str, feedback_id: str, seen: float, request: gr.Request) -> Any:
        start = Place(str(wanted))
        return outputs_of(view, start, await _asked(handlers.open_case, request, start, feedback_id))

    async def open_case(wanted: str, feedback_id: str, seen: float, request: gr.Request, chosen: gr.EventData) -> Any:
        here = _place(wanted, feedback_id, seen)
        return outputs_of(view, here, await _asked(handlers.open_case, request, here, _chosen_id(chosen)))

    async def reject(
        wanted: str, feedback_id: str, seen: float, reason: str | None, note: str, request: gr.Request
    ) -> Any:
        here = _place(wanted, feedback_id, seen)
        return outputs_of(view, here, await _asked(handlers.reject, request, here, reason, note))

    def plain(handler: Handler) -> Callable[..., Awaitable[Any]]:
        async def run(wanted: str, feedback_id: str, seen: float, request: gr.Request) -> Any:
            here = _place(wanted, feedback_id, seen)
            return outputs_of(view, here, await _asked(handler, request, here))

        return run

    def on(listen: Any, function: Any, name: str, *, more: list[Any] | None = None, js: str = WITH_VIEW_JS) -> None:
        event: Dependency = listen(
            function,
            inputs=[*place, *(more or [])],
            outputs=_all_outputs(view),
            js=js,
            show_progress="hidden",
            concurrency_limit=None,
            api_name=name,
            api_visibility="private",
        )
        event.then(
            None,
            inputs=[view.facts, view.whole_talk],
            js=SHOW_JS,
            api_name=f"draw_after_{name}",
            api_visibility="private",
        )

    view.painter.select(
        None, outputs=[view.talk], js=PAINT_JS, show_progress="hidden", api_name="paint_talk", api_visibility="private"
    )
    on(page.load, open_desk, "open_desk", js=READ_ADDRESS_JS)
    on(view.items.select, open_case, "open_case")
    on(view.refresh.click, plain(handlers.show), "refresh_desk")
    on(view.skip.click, plain(handlers.take_next), "skip")
    on(view.next.click, plain(handlers.take_next), "take_next")
    on(view.claim.click, plain(handlers.claim), "claim")
    on(view.release.click, plain(handlers.release), "release")
    on(view.approve.click, plain(handlers.approve), "approve")
    on(view.confirm_reject.click, reject, "reject", more=[view.reason, view.note])
    by_script = ((view.reject, "open_reject"), (view.cancel_reject, "close_reject"), (view.reopen, "open_reopen"))
    for button, name in by_script:
        button.click(None, js=f"() => {{ window.desk.{name}() }}", api_name=name, api_visibility="private")


async def _asked(handler: Handler, request: gr.Request, *values: object) -> Desk:
    """Who asks comes from the request. What is not answered in the page becomes Gradio's own message."""
    asker = who_is_asking(request)
    try:
        return await handler(asker, *values)
    except DebriefError as error:
        raise gr.Error(error.sentence(asker.language), print_exception=False) from error


def _chosen_id(chosen: gr.EventData) -> str:
    """What the list says was clicked; a request that leaves it out clicked nothing."""
    said: object = chosen._data  # pyright: ignore[reportPrivateUsage]  # its attributes raise for anything but a dict
    found = cast("dict[str, object]", said).get("id") if isinstance(said, dict) else None
    return found[:60] if isinstance(found, str) else ""


def _place(wanted: str, feedback_id: str, seen: float) -> Place:
    return Place(str(wanted), str(feedback_id)[:60], int(seen or 0))


def _all_outputs(view: DeskView) -> list[Any]:
    buttons = [getattr(view, name) for name in BUTTONS]
    return [
        view.feedback_id, view.row_version, view.facts, view.talk, view.whole_talk, view.reason, view.note,
        *buttons,
    ]  # fmt: skip


def outputs_of(view: DeskView, before: Place, desk: Desk) -> dict[Any, Any]:
    """What was typed about one feedback stays as long as it is open, also when a move was refused.

    So does its talk, which never changes: a thousand messages are not sent and drawn again with every look.
    """
    is_another = desk.place.feedback_id != before.feedback_id
    fields: dict[Any, Any] = {view.reason: None, view.note: ""} if is_another else {}
    if is_another:
        fields |= {view.talk: first_part(desk.talk), view.whole_talk: desk.talk}
    return {
        view.feedback_id: desk.place.feedback_id,
        view.row_version: desk.place.row_version,
        view.facts: desk.facts,
        **fields,
        **{getattr(view, name): gr.update(visible=name in desk.may) for name in BUTTONS},
    }
