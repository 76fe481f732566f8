"""Which routes of the mounted Gradio apps are open."""

from __future__ import annotations

import re
from typing import Any

from debrief.errors import NotFound
from webapp.refusals import refuse

GRADIO_DOORS: dict[str, str] = {
    "queue/join": "how a page starts an event",
    "queue/data": "how a page hears of its event",
    "run": "how a page starts an event that skips the queue; by name, `webapp.gradio_events` knows which",
    "call": "the plain endpoint of a public event, for gradio_client and curl; no other answers",
    "info": "gradio_client reads the list of endpoints",
    "theme.css": "the theme",
    "app_id": "a page asks after a lost connection whether the server is a new one",
}
"""Gradio's routes below `/gradio_api/` that stay open, with the reason. Every other is answered with 404: `cancel`,
`reset`, `heartbeat` and `stream` act on a session hash that its sender chose, without asking whose it is; `upload`,
`file=`, `proxy=`, `stream`, `process_recording` move files that no page of ours has; `component_server` runs methods
of components; `runs`, `run-history`, `deep_link` keep what people typed; `monitoring`, `profiling`, `vibe-*`, `dev`
and `token` are for developers; `call/v2` is `call` with named values."""

PATH_MAX_BYTES = 1024
PATH_PART_MAX_BYTES = 200
"""Longer names cannot be a file's: Gradio's file routes ask the system for them and answer its refusal with 500."""

_GRADIO_PATH = re.compile(r"(?:^|/)gradio_api(?:/|$)(.*)", re.DOTALL)
_CLOSED_PAGES = re.compile(r"(?:^|/)(?:monitoring(?:/.*)?|svelte/.*|proxy=.*|file=.*|file/.*)/?$", re.DOTALL)
"""Gradio's own pages outside `/gradio_api/` that we do not use."""


class GradioDoors:
    """Closes the routes of mounted Gradio apps that the pages do not need (`GRADIO_DOORS`)."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] == "http" and not is_open_door(scope["path"]):
            await refuse(scope, send, NotFound("no_such_door"))
            return
        await self._app(scope, receive, send)


def is_open_door(path: str) -> bool:
    """Whether a path may reach the Gradio apps or our own routes."""
    if len(path.encode("utf-8", "surrogatepass")) > PATH_MAX_BYTES or any(
        len(part.encode("utf-8", "surrogatepass")) > PATH_PART_MAX_BYTES for part in path.split("/")
    ):
        return False
    found = _GRADIO_PATH.search(path)
    if found is None:
        return not _CLOSED_PAGES.search(path)
    rest = found.group(1).strip("/")
    first = rest.partition("/")[0]
    if first == "queue":
        return rest in GRADIO_DOORS
    if first in ("run", "call"):
        return "/" in rest and not rest.startswith("call/v2/")
    return rest in GRADIO_DOORS
