"""How often requests were refused today (UTC) and why, for the operator. In memory: each process counts its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from webapp.refusals import refusal_code

REFUSALS = frozenset({408, 413, 429, 503})
"""Too slow, too large, too often, no room or not saved. What was merely wrong is the asker's own affair."""


def _now() -> datetime:
    return datetime.now(UTC)


class Tally:
    """Numbers by the code of the refusal. A new day begins at nothing."""

    def __init__(self, clock: Callable[[], datetime] = _now) -> None:
        self._clock = clock
        self._day = clock().date()
        self._numbers: Counter[str] = Counter()
        self._since_start: Counter[str] = Counter()

    def count(self, code: str) -> None:
        self._turn_day()
        self._numbers[code] += 1
        self._since_start[code] += 1

    def today(self) -> dict[str, int]:
        """The most frequent first."""
        self._turn_day()
        return dict(self._numbers.most_common())

    def since_start(self) -> dict[str, int]:
        return dict(self._since_start)

    def _turn_day(self) -> None:
        today = self._clock().date()
        if today != self._day:
            self._day = today
            self._numbers.clear()


class CountRefusals:
    """ASGI middleware around all others: looks at what they answered."""

    def __init__(self, app: Any, *, tally: Tally) -> None:
        self._app = app
        self._tally = tally

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})

        async def watched_send(message: Any) -> None:
            if message["type"] == "http.response.start" and message["status"] in REFUSALS:
                self._tally.count(refusal_code(scope) or str(message["status"]))
            await send(message)

        await self._app(scope, receive, watched_send)
