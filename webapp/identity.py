"""Who is asking: the visitor that a signed cookie names, and the account of a reviewer who signed in.

The id comes from the request on every use, never from a component. A browser without the cookie gets a new id, which
lasts only if the cookie reaches it: with a page, or with the first conversation made by the API. The visitor's row
is made with that first conversation, so that a bare request leaves nothing behind.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from itsdangerous import BadSignature, Signer
from starlette.requests import cookie_parser

from debrief.errors import DebriefError, SignInNeeded
from webapp.bearer import bearer_token
from webapp.limits import CHANGING
from webapp.limits.proxies import client_address
from webapp.refusals import header, reader_language, refuse

if TYPE_CHECKING:
    from storage.accounts import Account
    from storage.tokens import Bearer

VISITOR_COOKIE = "debrief_visitor"
SIGN_IN_COOKIE = "debrief_sign_in"
COOKIE_MAX_AGE_S = 400 * 24 * 3600  # the longest that browsers keep one
CookieProfile = Literal["http", "https", "framed"]
FindAccount = Callable[[str], Awaitable["Account | None"]]
FindProgram = Callable[[str], Awaitable["Bearer | None"]]
HasMoved = Callable[[str], Awaitable[bool]]


@dataclass(frozen=True)
class Asker:
    """Who sent a request, and from which address. `language` is that of the browser.

    `is_program`: it showed a token, which cannot make others or hand the identity on.
    """

    visitor_id: str
    account: Account | None
    language: str
    address: str
    is_program: bool = False


def who_is_asking(request: Any) -> Asker:
    """The visitor and account behind a Starlette request or a `gr.Request`."""
    inner = getattr(request, "request", None)
    asked = inner if inner is not None else request
    state = asked.state
    return Asker(state.visitor_id, state.account, state.language, client_address(asked.scope), state.is_program)


class VisitorSigner:
    """Turns visitor ids into cookie values that only this installation can make."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._signer = self.for_purpose("debrief.visitor")

    def for_purpose(self, salt: str) -> Signer:
        """Signs something else: what is signed for one purpose is not valid for another."""
        return Signer(self._secret, salt=salt, digest_method=hashlib.sha256)

    def sign(self, visitor_id: str) -> str:
        return self._signer.sign(visitor_id).decode("ascii")

    def read(self, value: str | None) -> str | None:
        """The id in a cookie, or None when it is missing or not ours."""
        if not value or len(value) > 200:
            return None
        try:
            return self._signer.unsign(value).decode("ascii")
        except (BadSignature, UnicodeError):
            return None


def cookie_header(name: str, value: str, profile: CookieProfile, max_age_s: int | None = COOKIE_MAX_AGE_S) -> bytes:
    """A Set-Cookie header, by hand: `partitioned=` of the standard library needs Python 3.14.

    With `max_age_s` None the cookie ends with the browser.

    In another site's frame, as on a Space, only `SameSite=None; Secure; Partitioned` is kept by browsers.
    """
    flags = {
        "http": "SameSite=Lax",
        "https": "SameSite=Lax; Secure",
        "framed": "SameSite=None; Secure; Partitioned",
    }[profile]
    age = "" if max_age_s is None else f" Max-Age={max_age_s};"
    return f"{name}={value}; Path=/;{age} HttpOnly; {flags}".encode("ascii")


def visitor_cookie(request: Any, signer: VisitorSigner, visitor_id: str, *, on_space: bool) -> tuple[bytes, bytes]:
    """The header that makes a browser somebody, instead of who it was."""
    profile = cookie_profile(request.scope, on_space=on_space)
    return b"set-cookie", cookie_header(VISITOR_COOKIE, signer.sign(visitor_id), profile)


def new_visitor_id() -> str:
    return f"v_{secrets.token_urlsafe(16)}"


def cookie_profile(scope: Any, *, on_space: bool) -> CookieProfile:
    if on_space:
        return "framed"
    return "https" if scope["scheme"] == "https" else "http"


def read_cookies(scope: Any) -> dict[str, str]:
    raw = header(scope, b"cookie")
    return cookie_parser(raw) if raw else {}


FIRST_POSTS = {
    "/api/v1/conversations": 201,
    "/api/v1/import/conversations": 201,
    "/api/v1/me/tokens": 201,
    "/api/v1/me/link": 201,
    "/api/v1/me/account": 201,
    "/gradio_api/call/chat": 200,
}
"""What gives a program its cookie, with the status that says so: it makes the first thing that is the visitor's."""
WHO_AM_I = "/api/v1/me"
CLIENTS_FIRST_GET = "/config"
"""What gradio_client asks for first; it keeps the cookies of this one response."""


class Identity:
    """ASGI middleware: puts `visitor_id`, `account` and `language` on `request.state`, gives the cookie with pages.

    A cookie of a visitor who has become another (signed in, signed out everywhere) names nobody: its browser gets a new
    one with the next page, and with whatever could store something. Else all browsers that still had the old cookie
    would share what is begun with it.

    Pure ASGI, because Starlette's BaseHTTPMiddleware puts a queue between a live stream and its reader.
    """

    def __init__(
        self,
        app: Any,
        *,
        signer: VisitorSigner,
        find_account: FindAccount,
        find_program: FindProgram,
        has_moved: HasMoved,
        on_space: bool,
    ) -> None:
        self._app = app
        self._signer = signer
        self._find_account = find_account
        self._find_program = find_program
        self._has_moved = has_moved
        self._on_space = on_space

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        token = bearer_token(scope)
        if token is not None:
            await self._let_program_in(token, scope, receive, send)
            return
        cookies = read_cookies(scope)
        known = self._signer.read(cookies.get(VISITOR_COOKIE))
        if known and _may_begin(scope) and await self._is_nobody_now(known):
            known = None
        visitor_id = known or new_visitor_id()
        sign_in = cookies.get(SIGN_IN_COOKIE)
        state = scope.setdefault("state", {})
        state["visitor_id"] = visitor_id
        state["is_newcomer"] = known is None
        state["is_program"] = False
        state["account"] = await self._find_account(sign_in) if sign_in else None
        state["language"] = reader_language(scope)
        if not _may_hand_out(scope, known):
            await self._app(scope, receive, send)
            return

        async def send_with_cookie(message: Any) -> None:
            if message["type"] == "http.response.start" and _is_keepable(message, scope):
                value = cookie_header(
                    VISITOR_COOKIE, self._signer.sign(visitor_id), cookie_profile(scope, on_space=self._on_space)
                )
                message["headers"] = [*message["headers"], (b"set-cookie", value)]
            await send(message)

        await self._app(scope, receive, send_with_cookie)

    async def _is_nobody_now(self, visitor_id: str) -> bool:
        try:
            return await self._has_moved(visitor_id)
        except DebriefError:  # the page comes up all the same, and says that the database cannot be read
            return False

    async def _let_program_in(self, token: str, scope: Any, receive: Any, send: Any) -> None:
        bearer = await self._find_program(token)
        if bearer is None:
            await refuse(scope, send, SignInNeeded("wrong_token"), extra_headers=[(b"www-authenticate", b"Bearer")])
            return
        state = scope.setdefault("state", {})
        state["visitor_id"], state["account"] = bearer.visitor_id, bearer.account
        state["is_newcomer"], state["is_program"] = False, True
        state["language"] = reader_language(scope)
        await self._app(scope, receive, send)


def _may_begin(scope: Any) -> bool:
    """Whether the request may store something, or gets a page: there it is looked at whose cookie it is."""
    if scope["method"] in CHANGING:
        return True
    return scope["path"] in (CLIENTS_FIRST_GET, WHO_AM_I) or "text/html" in (header(scope, b"accept") or "")


def _may_hand_out(scope: Any, known: str | None) -> bool:
    """A page renews the cookie each time; making a conversation gives it to a newcomer."""
    if scope["method"] == "GET":
        return "/gradio_api/" not in scope["path"] and not scope["path"].startswith("/api/")
    return known is None and scope["method"] == "POST" and scope["path"] in FIRST_POSTS


def _is_keepable(message: Any, scope: Any) -> bool:
    if scope["method"] == "POST":
        return message["status"] == FIRST_POSTS[scope["path"]]
    if scope["path"] == CLIENTS_FIRST_GET:
        return message["status"] == 200
    return message["status"] == 200 and any(
        name == b"content-type" and value.startswith(b"text/html") for name, value in message["headers"]
    )
