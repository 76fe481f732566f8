"""The last catch: what nobody else answered becomes a sentence with an id, and a line in the log with the same."""

from __future__ import annotations

import logging
import secrets
from typing import Any

from debrief.errors import DebriefError
from webapp.refusals import refuse

log = logging.getLogger(__name__)


class LastGuard:
    """Answers what nobody else caught: logs it with an id and shows the id."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_started = False

        async def watched_send(message: Any) -> None:
            nonlocal has_started
            has_started = True
            await send(message)

        try:
            await self._app(scope, receive, watched_send)
        except Exception:
            incident = secrets.token_hex(4)
            log.exception("request_failed incident=%s path=%r", incident, scope["path"], extra={"incident": incident})
            if has_started:
                raise
            await refuse(scope, send, DebriefError("unexpected", id=incident))
