"""Choosing a password: by a link that an admin handed over, or, when signed in, in the place of the present one.

A plain form, as the sign-in is. Whoever chose a password is signed in with it, and everywhere else signed out.
"""

from __future__ import annotations

import html
import logging
from functools import partial
from pathlib import Path
from string import Template

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from debrief.errors import DebriefError, InputRejected, NotFound
from debrief.texts import say
from storage import accounts, password_links
from storage.accounts import Account
from storage.tokens import TOKEN_MAX_CHARS
from webapp.limits.proxies import client_address
from webapp.parts import Parts
from webapp.sign_in import CHOOSE_PAGE, HOME, STYLE, notice_line, read_form, status_of, with_cookie

log = logging.getLogger(__name__)

_PAGE = Template((Path(__file__).parent / "password.html").read_text("utf-8"))
_HEADERS = {"Cache-Control": "no-store"}


def password_routes(parts: Parts) -> APIRouter:
    """The page and its form. Include it before the desk is mounted."""
    router = APIRouter(include_in_schema=False)

    @router.get(CHOOSE_PAGE)
    async def show(request: Request) -> Response:
        return _page(request)

    @router.post(CHOOSE_PAGE)
    async def choose(request: Request) -> Response:
        form = read_form(await request.body())
        account: Account | None = request.state.account
        link = form.get("token", "")[: TOKEN_MAX_CHARS + 1]
        new = form.get("new_password", "")
        try:
            if new != form.get("again", ""):
                raise InputRejected("passwords_differ")
            async with parts.attempts.one(account.name if account else "", client_address(request.scope)):
                if link:
                    account = await parts.store(password_links.use_link, link, new)
                elif account is None:
                    raise NotFound("password_link_not_valid")
                else:
                    account = await parts.store(password_links.change_own, account, form.get("password", ""), new)
                hours = parts.settings.sign_in_hours
                token = await parts.store(accounts.sign_in, account.name, new, hours=hours)
        except DebriefError as error:
            log.info("password refused", extra={"reason": error.reason})
            return _page(request, token=link, error=error)
        return with_cookie(RedirectResponse(HOME, 303), request, token)

    del show, choose
    return router


def _page(request: Request, *, token: str = "", error: DebriefError | None = None) -> Response:
    account: Account | None = request.state.account
    language: str = request.state.language
    words = partial(say, language=language)
    names = ("title", "lead", "no_link", "present_label", "new_label", "again_label", "button", "back")
    if error is not None and error.reason == "password_link_not_valid":
        token = ""
    body = _PAGE.substitute(
        {name: html.escape(words(f"password.{name}")) for name in names},
        style=STYLE,
        language=language,
        notice=notice_line("bad", error.sentence(language), role="alert") if error else "",
        token=html.escape(token),
        name=html.escape(account.name) if account else "",
        is_known="true" if account else "false",
    )
    return HTMLResponse(body, 200 if error is None else status_of(error), _HEADERS)
