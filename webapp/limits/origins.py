"""Other sites' pages change nothing here."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from debrief.errors import NotAllowed
from webapp.bearer import bearer_token
from webapp.limits import CHANGING
from webapp.refusals import header, refuse


class OwnOriginOnly:
    """Refuses a changing request that another site's page sent. Programs send no Origin and pass.

    So does a request with a token: no browser adds one by itself, and its cookies count for nothing.
    """

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["method"] in CHANGING and not _may_change(scope):
            await refuse(scope, send, NotAllowed("wrong_origin"))
            return
        await self._app(scope, receive, send)


def _may_change(scope: Any) -> bool:
    return bearer_token(scope) is not None or _is_own_origin(scope)


def _is_own_origin(scope: Any) -> bool:
    origin = header(scope, b"origin")
    if origin is None:
        return header(scope, b"sec-fetch-site") != "cross-site"
    host = header(scope, b"host") or ""
    try:
        theirs, ours = urlsplit(origin), urlsplit(f"//{host}")
        default = {"http": 80, "https": 443}.get(theirs.scheme)
        if default is None or not theirs.hostname:
            return False
        return (theirs.hostname, theirs.port or default) == (ours.hostname, ours.port or default)
    except ValueError:
        return False
