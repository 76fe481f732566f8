"""OpenID Connect as its client: the authorization code flow with state, nonce and PKCE (S256), and nothing else.

The ID token comes from the token endpoint over TLS, in answer to our own request: by OpenID Connect Core 3.1.3.7 (6)
that may stand for the check of its signature. Issuer, audience, nonce and times are checked here. The access token is
thrown away. Nothing of a token is logged.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import logging
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, cast
from urllib.parse import quote, urlencode, urlsplit

import httpx2

from debrief.errors import DebriefError
from debrief.settings import Settings

logger = logging.getLogger(__name__)

SCOPES = "openid profile"
CALLBACK = "/login/callback"
TIMEOUT_S = 10.0
MOST_BYTES = 256 * 1024
METADATA_S = 3600.0
"""For how long the provider's description of itself is taken as read."""
LEEWAY_S = 60
SUBJECT_MAX_CHARS = 255
HUGGING_FACE = "huggingface.co"


class ProviderFailed(DebriefError):
    """Its server cannot be reached, or answers what it must not."""

    code = "login_down"
    http_status = 502
    retryable = True


class TokenRefused(DebriefError):
    """The provider does not take the code, or its token is not for us, not for now, or not for this try."""

    code = "login_refused"
    http_status = 403


@dataclass(frozen=True)
class Provider:
    """Where people sign in, and as whom we ask there."""

    url: str
    client_id: str
    client_secret: str
    callback: str
    """Our own address that it sends people back to."""

    @property
    def name(self) -> str:
        host = urlsplit(self.url).hostname or self.url
        return "Hugging Face" if host == HUGGING_FACE else host


@dataclass(frozen=True)
class Try:
    """One way to the provider and back. Kept in the browser that began it, and good for nothing in another."""

    state: str
    nonce: str
    verifier: str
    began_at: float

    @classmethod
    def new(cls) -> Try:
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        return cls(state, nonce, verifier, time.time())


@dataclass(frozen=True)
class Person:
    """Who signed in there. `subject` is theirs for ever; `name` they may change."""

    subject: str
    name: str


def provider_of(settings: Settings, environ: Mapping[str, str]) -> Provider | None:
    """The provider of the settings, else the one that a Space with `hf_oauth: true` names; None where neither does."""
    if settings.openid_url:
        secret = settings.openid_client_secret.get_secret_value()
        return Provider(settings.openid_url, settings.openid_client_id, secret, f"{settings.public_url}{CALLBACK}")
    url, client_id, secret, host = (
        environ.get(name, "")
        for name in ("OPENID_PROVIDER_URL", "OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "SPACE_HOST")
    )
    if not (url and client_id and secret and host):
        return None
    return Provider(url.rstrip("/"), client_id, secret, f"https://{host}{CALLBACK}")


class OpenId:
    """The provider's client, for one event loop."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self._metadata: dict[str, Any] = {}
        self._read_at = 0.0

    async def address(self, trial: Try) -> str:
        """Where the person goes to say yes. Raises ProviderFailed."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(trial.verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": self.provider.client_id,
            "redirect_uri": self.provider.callback,
            "scope": SCOPES,
            "state": trial.state,
            "nonce": trial.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        endpoint = await self._endpoint("authorization_endpoint")
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"

    async def person(self, code: str, trial: Try) -> Person:
        """Give the code for an ID token, and check that.

        Raises:
            ProviderFailed: no answer, or none that can be read.
            TokenRefused: the code was used or is somebody else's, or a claim is not as it must be.
        """
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.provider.callback,
            "client_id": self.provider.client_id,
            "code_verifier": trial.verifier,
        }
        # RFC 6749, 2.3.1: both are encoded before they become a user name and a password.
        login = (quote(self.provider.client_id, safe=""), quote(self.provider.client_secret, safe=""))
        answer = await _ask("POST", await self._endpoint("token_endpoint"), data=form, auth=login)
        claims = read_claims(str(answer.get("id_token", "")))
        problem = whats_wrong(claims, issuer=await self._issuer(), client_id=self.provider.client_id, nonce=trial.nonce)
        if problem:
            logger.warning("id token refused: %s", problem)
            raise TokenRefused
        name = claims.get("preferred_username") or claims.get("name") or self.provider.name
        return Person(subject=cast("str", claims["sub"]), name=str(name))

    async def _issuer(self) -> str:
        return str((await self._described())["issuer"])

    async def _endpoint(self, name: str) -> str:
        endpoint = (await self._described()).get(name)
        if not isinstance(endpoint, str) or not is_safe_address(endpoint):
            logger.error("the provider's %s is missing or not https", name)
            raise ProviderFailed
        return endpoint

    async def _described(self) -> dict[str, Any]:
        now = time.monotonic()
        if not self._metadata or now - self._read_at > METADATA_S:
            described = await _ask("GET", f"{self.provider.url}/.well-known/openid-configuration")
            # Discovery 1.0, 4.3: who answers must be who was asked; else one provider could speak for another.
            if str(described.get("issuer", "")).rstrip("/") != self.provider.url:
                logger.error("the provider says that it is another one")
                raise ProviderFailed
            self._metadata, self._read_at = described, now
        return self._metadata


def read_claims(id_token: str) -> dict[str, Any]:
    """What a token claims. Raises TokenRefused where it is none."""
    try:
        head, body, _ = id_token.split(".")
        header, claims = (json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in (head, body))
    except (ValueError, TypeError, RecursionError) as error:
        raise TokenRefused from error
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise TokenRefused
    if str(cast("dict[str, Any]", header).get("alg", "none")).lower() == "none":
        raise TokenRefused
    return cast("dict[str, Any]", claims)


def whats_wrong(claims: dict[str, Any], *, issuer: str, client_id: str, nonce: str, now: float | None = None) -> str:
    """Which claim is not as it must be (OpenID Connect Core 3.1.3.7); empty where all are."""
    now = time.time() if now is None else now
    audience: Any = claims.get("aud")
    audiences = cast("list[Any]", audience if isinstance(audience, list) else [audience])
    expires: Any = claims.get("exp")
    issued: Any = claims.get("iat", now)
    subject: Any = claims.get("sub")
    if claims.get("iss") != issuer:
        return "iss"
    if client_id not in audiences:
        return "aud"
    if claims.get("azp", client_id) != client_id or (len(audiences) > 1 and "azp" not in claims):
        return "azp"
    if not _is_number(expires) or expires + LEEWAY_S < now:
        return "exp"
    if not _is_number(issued) or issued - LEEWAY_S > now:
        return "iat"
    if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
        return "nonce"
    if not isinstance(subject, str) or not 0 < len(subject) <= SUBJECT_MAX_CHARS:
        return "sub"
    return ""


def is_safe_address(address: str) -> bool:
    """https, or this machine itself."""
    parts = urlsplit(address)
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname or ""))


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


async def _ask(method: str, address: str, **options: Any) -> dict[str, Any]:
    """The JSON object that comes back. Follows no redirect: a secret goes to nobody else."""
    try:
        async with (
            asyncio.timeout(TIMEOUT_S),
            httpx2.AsyncClient(
                timeout=TIMEOUT_S, trust_env=not _is_loopback(urlsplit(address).hostname or "")
            ) as client,
            client.stream(method, address, headers={"accept": "application/json"}, **options) as response,
        ):
            body = await _read(response)
    except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, OSError) as error:
        logger.warning("the provider cannot be reached: %s", type(error).__name__)
        raise ProviderFailed from error
    if method == "POST" and response.status_code in (400, 401, 403):
        logger.warning("the provider refuses: %d", response.status_code)
        raise TokenRefused
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ProviderFailed from error
    if response.status_code != 200 or not isinstance(answer, dict):
        logger.warning("the provider answers %d", response.status_code)
        raise ProviderFailed
    return cast("dict[str, Any]", answer)


async def _read(response: httpx2.Response) -> bytes:
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > MOST_BYTES:
            raise httpx2.StreamError("too long an answer")
    return bytes(body)
