"""HTTP to the model server: one request at a time in, JSON or a stream of bytes out, failures in our own words."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractContextManager, aclosing, asynccontextmanager
from functools import cache
from typing import Any, cast
from urllib.parse import urlsplit

import httpx2
import openai
import orjson

from debrief.errors import ConfigError, ModelBroke, ModelRefused, ModelUnavailable
from debrief.settings import Settings
from inference.failures import as_our_errors

Message = dict[str, str]
MOST_BYTES = 16 * 1024 * 1024
"""Of one response: a whole answer takes some hundred kilobytes, and a server may have lost its way."""
# Below the 5 s after which vLLM's server drops an idle connection: never send on one that is about to close.
IDLE_CONNECTION_S = 2


class ModelServer:
    """The server of the settings, for one event loop. Raises only the ModelError family; never tries again.

    Args:
        settings: address, key and connect timeout.
        extra_body: fields that openai does not know, sent with every chat request.

    Raises:
        ConfigError: the address or the key cannot be sent at all.
    """

    def __init__(self, settings: Settings, extra_body: dict[str, object]) -> None:
        self.root = settings.model_base_url.removesuffix("/v1")
        self._extra_body = extra_body
        self._openai = _connect(settings)

    async def aclose(self) -> None:
        await self._openai.close()

    async def get(self, path: str, timeout_s: float) -> dict[str, object]:
        """The JSON object under a path below /v1; {} when it is something else than an object."""
        with self._our_errors():
            async with asyncio.timeout(timeout_s):
                response = await self._openai.get(path, cast_to=httpx2.Response)
        try:
            return _read_json(response)
        except ModelBroke as error:
            raise ModelRefused(reason="it does not answer in JSON; check DEBRIEF_MODEL_URL") from error

    async def post(self, path: str, body: dict[str, object], timeout_s: float) -> dict[str, object]:
        """The JSON object that answers this one. A path with a scheme and a host is taken as it is."""
        with self._our_errors():
            async with asyncio.timeout(timeout_s):
                response = await self._openai.post(path, cast_to=httpx2.Response, body=body)
        return _read_json(response)

    async def post_chat(self, body: dict[str, object], timeout_s: float) -> dict[str, object]:
        return await self.post("/chat/completions", body | self._extra_body, timeout_s)

    @asynccontextmanager
    async def stream_chat(
        self, model: str, messages: list[Message], *, headers_by: float, extra: dict[str, bool], **sampling: Any
    ) -> AsyncGenerator[AsyncIterator[bytes]]:
        """The bytes of a streamed answer. Leaving the block closes the connection.

        Args:
            model: served name.
            messages: role and content of each.
            headers_by: time of the loop's clock by which the answer must have begun.
            extra: fields of this request that openai does not know.
            sampling: max_tokens, temperature, seed.
        """
        with self._our_errors():
            request = self._openai.chat.completions.with_streaming_response.create(
                model=model,
                messages=cast("Any", messages),  # openai has a type for each role; ours are plain
                stream=True,
                stream_options={"include_usage": True},
                extra_body=self._extra_body | extra,
                **sampling,
            )
            async with asyncio.timeout_at(headers_by):
                response = await request.__aenter__()
        try:
            _refuse_page(response)
            async with aclosing(cast("AsyncGenerator[bytes]", response.iter_bytes())) as received:
                yield received
        finally:
            await response.close()

    def _our_errors(self) -> AbstractContextManager[None]:
        if self._openai.is_closed():
            raise ModelUnavailable
        return as_our_errors()


def _connect(settings: Settings) -> openai.AsyncOpenAI:
    """The client. Silence is timed by us: a read timeout of httpx would start anew with each comment line."""
    url, key = settings.model_base_url, settings.model_api_key.get_secret_value()
    if not (key.isascii() and key.isprintable()):
        raise ConfigError(reason="DEBRIEF_MODEL_API_KEY has characters that no HTTP header may carry.")
    patience = httpx2.Timeout(None, connect=settings.connect_timeout_s, pool=settings.connect_timeout_s)
    try:
        trust_env = not _is_loopback(url)  # HTTP_PROXY is not meant for our own machine
        client = openai.AsyncOpenAI(
            base_url=url,
            api_key=key or "none",
            max_retries=0,
            timeout=patience,
            http_client=openai.DefaultAsyncHttpxClient(
                timeout=patience,
                limits=httpx2.Limits(keepalive_expiry=IDLE_CONNECTION_S),
                trust_env=trust_env,
                verify=_certificates(trust_env),
                event_hooks={"response": [_bound]},
            ),
        )
    except (httpx2.InvalidURL, ValueError) as error:
        raise ConfigError(reason=f"DEBRIEF_MODEL_URL cannot be read as an address: {error}.") from error
    # openai takes these from OPENAI_ORG_ID and OPENAI_PROJECT_ID; they are no other server's business.
    client.organization = client.project = None
    return client


class _Bounded(httpx2.AsyncByteStream):
    """The bytes of a response until there are too many of them."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        left = MOST_BYTES
        async for part in self._stream:
            left -= len(part)
            if left < 0:
                raise httpx2.ReadError(f"more than {MOST_BYTES} bytes")
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()


async def _bound(response: httpx2.Response) -> None:
    response.stream = _Bounded(cast("httpx2.AsyncByteStream", response.stream))


@cache
def _certificates(trust_env: bool) -> ssl.SSLContext:
    """Read once in a process: it takes longer than all else that a client is made of."""
    return httpx2.create_ssl_context(trust_env=trust_env)


def _is_loopback(url: str) -> bool:
    address = urlsplit(url)
    host = address.hostname or ""
    _ = address.port  # a ValueError when no port has this number
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _refuse_page(response: httpx2.Response | openai.AsyncAPIResponse[Any]) -> None:
    if "html" in response.headers.get("content-type", ""):
        raise ModelRefused(reason="it answers with a web page; check DEBRIEF_MODEL_URL")


def _read_json(response: httpx2.Response) -> dict[str, object]:
    _refuse_page(response)
    try:
        answer = orjson.loads(response.content)
    except orjson.JSONDecodeError as error:
        raise ModelBroke from error
    return cast("dict[str, object]", answer) if isinstance(answer, dict) else {}
