"""Signing in at the review desk: the page, the cookie, and the guard in front of everything below `/admin`.

The guard is ASGI and stands before the mounted Gradio app, because a page inside an app cannot be locked by itself
and its private events can be called by anybody. Who is signed in is read by `webapp.identity`, before the guard.
"""

from __future__ import annotations

import html
import logging
import math
from functools import partial
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from debrief.errors import DebriefError, NotAllowed, SignInNeeded
from debrief.texts import say
from storage import accounts
from webapp.identity import SIGN_IN_COOKIE, cookie_header, read_cookies
from webapp.limits.proxies import client_address
from webapp.parts import Parts
from webapp.refusals import header, refuse

log = logging.getLogger(__name__)

HOME = "/admin/"
LOGIN = "/admin/login"
LOGOUT = "/admin/logout"
CHOOSE_PAGE = "/admin/password"
OPEN_TO_ALL = (LOGIN, LOGOUT, CHOOSE_PAGE)
ADMINS_ONLY = ("/admin/system", "/admin/manage")
STYLE = (Path(__file__).parent / "sign_in.css").read_text("utf-8")
_PAGE = Template((Path(__file__).parent / "sign_in.html").read_text("utf-8"))


class Guard:
    """ASGI middleware: nobody passes below `/admin` without an account; some pages are for admins.

    Needs `account` in the request's state. A page is answered with the way to the sign-in page, all else with 401.
    """

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] not in ("http", "websocket") or not _is_guarded(scope["path"]):
            await self._app(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        account = scope.get("state", {}).get("account")
        if account is None:
            await self._turn_away(scope, receive, send)
        elif scope["path"] == HOME.rstrip("/"):
            await RedirectResponse(HOME, 307)(scope, receive, send)
        elif scope["path"].startswith(ADMINS_ONLY) and not account.is_admin:
            await refuse(scope, send, NotAllowed())
        else:
            await self._app(scope, receive, send)

    async def _turn_away(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] in ("GET", "HEAD") and "text/html" in (header(scope, b"accept") or ""):
            await RedirectResponse(_login_address(scope), 303, {"Cache-Control": "no-store"})(scope, receive, send)
        else:
            await refuse(scope, send, SignInNeeded())


def sign_in_routes(parts: Parts) -> APIRouter:
    """The sign-in page, the signing in and out. Include it before the desk is mounted."""
    router = APIRouter(include_in_schema=False)

    @router.get(LOGIN)
    async def show(request: Request, next: str = HOME) -> Response:
        if request.state.account is not None:
            return RedirectResponse(safe_next(next), 303)
        return await _page(parts, request, next)

    @router.post(LOGIN)
    async def sign_in(request: Request) -> Response:
        form = read_form(await request.body())
        name, goal = form.get("name", ""), form.get("next", HOME)
        try:
            async with parts.attempts.one(name, client_address(request.scope)):
                hours = parts.settings.sign_in_hours
                token = await parts.store(accounts.sign_in, name, form.get("password", ""), hours=hours)
        except DebriefError as error:
            log.info("sign-in refused", extra={"reason": error.reason})
            return await _page(parts, request, goal, name=name, error=error)
        await end_sign_in(parts, request)
        return with_cookie(RedirectResponse(safe_next(goal), 303), request, token)

    @router.post(LOGOUT)
    async def sign_out(request: Request) -> Response:
        await end_sign_in(parts, request)
        return with_cookie(RedirectResponse(LOGIN, 303), request, "", max_age_s=0)

    @router.get(LOGOUT)
    async def stay() -> Response:
        """A link or an image cannot sign anybody out; Gradio's own route of this name is kept out of reach."""
        return RedirectResponse(HOME, 303)

    del show, sign_in, sign_out, stay
    return router


def safe_next(goal: str) -> str:
    """Where to go after signing in: a page of the desk, never another site and never the sign-in page again."""
    parsed = urlsplit(goal) if goal.isprintable() and "\\" not in goal else None
    if parsed is None or parsed.scheme or parsed.netloc or not parsed.path.startswith(HOME):
        return HOME
    return HOME if parsed.path in OPEN_TO_ALL or ".." in parsed.path else goal


def _is_guarded(path: str) -> bool:
    return (path == HOME.rstrip("/") or path.startswith(HOME)) and path not in OPEN_TO_ALL


def _login_address(scope: Any) -> str:
    goal = scope["path"] + (f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else "")
    goal = safe_next(goal)
    return LOGIN if goal == HOME else f"{LOGIN}?next={quote(goal, safe='')}"


def read_form(body: bytes) -> dict[str, str]:
    try:
        fields = parse_qs(body.decode("utf-8"), keep_blank_values=True, max_num_fields=10)
    except ValueError:
        return {}
    return {name: values[0] for name, values in fields.items()}


async def end_sign_in(parts: Parts, request: Request) -> None:
    token = read_cookies(request.scope).get(SIGN_IN_COOKIE)
    if token:
        await parts.store(accounts.sign_out, token)


def with_cookie(response: Response, request: Request, token: str, max_age_s: int | None = None) -> Response:
    """A cookie of the session: the server's idle time ends it, and closing the browser. Never for another's frame."""
    profile = "https" if request.scope["scheme"] == "https" else "http"
    value = cookie_header(SIGN_IN_COOKIE, token, profile, max_age_s)
    response.raw_headers.append((b"set-cookie", value))
    response.headers["Cache-Control"] = "no-store"
    return response


async def _page(
    parts: Parts, request: Request, goal: str, *, name: str = "", error: DebriefError | None = None
) -> Response:
    language: str = request.state.language
    words = partial(say, language=language)
    notice = ""
    if error is not None:
        notice = notice_line("bad", error.sentence(language), role="alert")
    elif not await parts.store(accounts.count_accounts):
        first = html.escape(words("sign_in.first", command="{command}")).replace(
            "{command}", "<code>python app.py admin NAME</code>"
        )
        notice = f'<p class="notice tip">{first}</p>'
    texts = {
        key: html.escape(words(f"sign_in.{key}"))
        for key in ("title", "lead", "name_label", "password_label", "button", "back")
    }
    body = _PAGE.substitute(
        texts,
        style=STYLE,
        language=language,
        notice=notice,
        next=html.escape(safe_next(goal)),
        name=html.escape(name[: accounts.NAME_MAX_CHARS]),
        name_focus="" if name else "autofocus",
        password_focus="autofocus" if name else "",
    )
    headers = {"Cache-Control": "no-store"}
    if error is not None and error.retry_after_s is not None:
        headers["Retry-After"] = str(math.ceil(error.retry_after_s))
    return HTMLResponse(body, 200 if error is None else status_of(error), headers)


def status_of(error: DebriefError) -> int:
    return 401 if error.reason == "wrong_password" else error.http_status


def notice_line(kind: str, text: str, *, role: str) -> str:
    return f'<p class="notice {kind}" role="{role}">{html.escape(text)}</p>'
