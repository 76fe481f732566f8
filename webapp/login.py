"""Signing in with a provider, such as Hugging Face: the way there, and the way back.

What a try needs is kept in a signed cookie of ten minutes, which only the browser that began it has: somebody who is
sent a stranger's way back arrives nowhere. The cookie is `Lax`, since the way back is a page of our own name, never a
frame: in another site's frame the page leads to a tab of its own first (docs/security.md).
"""

from __future__ import annotations

import base64
import hmac
import json
import logging
import time
from dataclasses import asdict
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, BackgroundTasks, Request, Response
from fastapi.responses import RedirectResponse
from itsdangerous import BadSignature, Signer
from pydantic import BaseModel

from debrief.errors import DebriefError, NotFound
from storage import visitor_logins
from webapp.api.asking import TheAsker, TheParts, check_beginning
from webapp.api.links import go_over
from webapp.api.tokens import require_browser
from webapp.identity import cookie_header, read_cookies, visitor_cookie
from webapp.limits.proxies import client_address
from webapp.openid import CALLBACK, OpenId, TokenRefused, Try
from webapp.parts import Parts

log = logging.getLogger(__name__)

TRY_COOKIE = "debrief_login"
TRY_S = 600
CODE_MAX_CHARS = 2000
ATTEMPTS_OF = "openid"
"""In the place of a name, where tries are counted."""

router = APIRouter()


class WayThere(BaseModel):
    """The provider's page, where one says yes. Go there in the whole window, within ten minutes."""

    address: str


@router.post("/api/v1/me/account/provider", summary="Begin to sign in with the provider, such as Hugging Face")
async def begin(request: Request, response: Response, parts: TheParts, asker: TheAsker) -> WayThere:
    require_browser(asker)
    provider = _provider(parts)
    await check_beginning(parts, asker)
    trial = Try.new()
    address = await provider.address(trial)
    response.raw_headers.append(_try_cookie(request, parts, trial))
    return WayThere(address=address)


@router.get(CALLBACK, include_in_schema=False)
async def come_back(request: Request, parts: TheParts, asker: TheAsker, later: BackgroundTasks) -> Response:
    """Whatever happened, the page says it, and has the button for another try."""
    try:
        response = await _let_in(request, parts, asker.visitor_id, later)
    except DebriefError as error:
        log.info("sign-in refused", extra={"reason": error.reason})
        response = _home(problem=error.reason if error.reason.startswith("login_") else "login_later")
    response.raw_headers.append(_try_cookie(request, parts, None))
    response.headers["Cache-Control"] = "no-store"
    return response


async def _let_in(request: Request, parts: Parts, from_id: str, later: BackgroundTasks) -> Response:
    provider = _provider(parts)
    trial = _read_try(parts, read_cookies(request.scope).get(TRY_COOKIE))
    asked = request.query_params
    if trial is None or not hmac.compare_digest(asked.get("state", "").encode(), trial.state.encode()):
        raise TokenRefused("login_too_old")
    if "error" in asked:
        raise TokenRefused("login_cancelled" if asked["error"] == "access_denied" else "login_refused")
    code = asked.get("code", "")
    if not 0 < len(code) <= CODE_MAX_CHARS:
        raise TokenRefused
    parts.attempts.check(ATTEMPTS_OF, client_address(request.scope))
    person = await provider.person(code, trial)
    issuer = provider.provider.url
    entered = await parts.store(visitor_logins.enter, issuer, person.subject, person.name, from_id)
    response = _home(come="new" if entered.is_new else str(entered.talks))
    response.raw_headers.append(visitor_cookie(request, parts.signer, entered.visitor_id, on_space=parts.on_space))
    if entered.visitor_id != from_id:
        go_over(parts, later, from_id, entered.visitor_id)
        response.background = later
    return response


def _home(**told: str) -> Response:
    """To the page; what it is told stands in the fragment, which no server and no log sees."""
    return RedirectResponse(f"/#{urlencode(told)}", 303)


def _provider(parts: Parts) -> OpenId:
    if parts.openid is None:
        raise NotFound("no_provider")
    return parts.openid


def _signer(parts: Parts) -> Signer:
    return parts.signer.for_purpose("debrief.login")


def _try_cookie(request: Request, parts: Parts, trial: Try | None) -> tuple[bytes, bytes]:
    profile = "https" if parts.on_space or request.scope["scheme"] == "https" else "http"
    if trial is None:
        return b"set-cookie", cookie_header(TRY_COOKIE, "", profile, 0)
    body = base64.urlsafe_b64encode(json.dumps(asdict(trial)).encode()).decode()
    return b"set-cookie", cookie_header(TRY_COOKIE, _signer(parts).sign(body).decode(), profile, TRY_S)


def _read_try(parts: Parts, value: str | None) -> Try | None:
    """The try in a cookie; None when it is missing, not ours or too old."""
    if not value or len(value) > 2000:
        return None
    try:
        fields: dict[str, Any] = json.loads(base64.urlsafe_b64decode(_signer(parts).unsign(value)))
    except (BadSignature, ValueError):
        return None
    trial = Try(**fields)
    return trial if time.time() - trial.began_at <= TRY_S else None
