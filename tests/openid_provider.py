"""An OpenID provider whose people are scripted: real HTTP on loopback, the three endpoints that a sign-in needs.

    with OpenIdProvider() as provider:
        settings = Settings(**provider.settings(public_url))
        provider.signs_in("olga-1", "olga")

It checks what a provider must: the client's secret, the redirect address, the PKCE verifier, and that a code is used
once. `spoil` changes the claims of the next tokens; `is_down` answers 503 to everything, `denies` sends everybody back.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from pydantic import SecretStr

Claims = dict[str, Any]
CLIENT, SECRET = "debrief at home", "a secret: with/signs"


class OpenIdProvider:
    def __init__(self) -> None:
        self.subject, self.name = "olga-1", "olga"
        self.spoil: Callable[[Claims], Claims] = lambda claims: claims
        self.is_down = self.denies = False
        self.codes: dict[str, dict[str, str]] = {}
        self.tokens_asked = 0
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.get(self)

            def do_POST(self) -> None:
                provider.post(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(60)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def settings(self, public_url: str) -> dict[str, Any]:
        return {
            "openid_url": self.url,
            "openid_client_id": CLIENT,
            "openid_client_secret": SecretStr(SECRET),
            "public_url": public_url,
        }

    def signs_in(self, subject: str, name: str) -> None:
        """Who says yes from now on."""
        self.subject, self.name = subject, name

    # --- the endpoints

    def get(self, request: BaseHTTPRequestHandler) -> None:
        path, query = urlsplit(request.path).path, parse_qs(urlsplit(request.path).query)
        asked = {name: values[0] for name, values in query.items()}
        if self.is_down:
            _answer(request, 503, {})
        elif path == "/.well-known/openid-configuration":
            endpoints = {name: f"{self.url}/{name}" for name in ("authorization_endpoint", "token_endpoint")}
            _answer(request, 200, {"issuer": self.url, **endpoints})
        elif path == "/authorization_endpoint":
            self._say_yes(request, asked)
        else:
            _answer(request, 404, {})

    def _say_yes(self, request: BaseHTTPRequestHandler, asked: dict[str, str]) -> None:
        assert asked["client_id"] == CLIENT
        assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
        assert "openid" in asked["scope"].split()
        code = secrets.token_urlsafe(16)
        told = {"error": "access_denied"} if self.denies else {"code": code}
        self.codes[code] = asked
        request.send_response(302)
        request.send_header("location", f"{asked['redirect_uri']}?{urlencode({**told, 'state': asked['state']})}")
        request.send_header("content-length", "0")
        request.end_headers()

    def post(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["content-length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        self.tokens_asked += 1
        asked = self.codes.pop(form.get("code", ""), None)
        if self.is_down:
            _answer(request, 503, {})
        elif asked is None or not _is_ours(request) or not _fits(form, asked):
            _answer(request, 400, {"error": "invalid_grant"})
        else:
            claims = {
                "iss": self.url, "aud": CLIENT, "sub": self.subject, "preferred_username": self.name,
                "nonce": asked["nonce"], "iat": int(time.time()), "exp": int(time.time()) + 600,
            }  # fmt: skip
            token = ".".join(_part(part) for part in ({"alg": "RS256"}, self.spoil(claims))) + ".signature"
            _answer(request, 200, {"access_token": "thrown away", "token_type": "bearer", "id_token": token})


def _is_ours(request: BaseHTTPRequestHandler) -> bool:
    name, _, secret = base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode().partition(":")
    return (unquote(name), unquote(secret)) == (CLIENT, SECRET)


def _fits(form: dict[str, str], asked: dict[str, str]) -> bool:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
    return challenge == asked["code_challenge"] and form["redirect_uri"] == asked["redirect_uri"]


def _part(claims: Claims) -> str:
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()


def _answer(request: BaseHTTPRequestHandler, status: int, body: dict[str, Any]) -> None:
    content = json.dumps(body).encode()
    request.send_response(status)
    request.send_header("content-type", "application/json")
    request.send_header("content-length", str(len(content)))
    request.end_headers()
    request.wfile.write(content)
