"""The model as the rest of Debrief sees it: answers that stream, structured output, what it can do, how it is.

Speaks to any OpenAI-compatible server and uses what vLLM adds (token counts, request priorities). Retries are the
caller's: a chat turn offers "try again", a feedback job has its own schedule.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import AsyncGenerator, Generator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any, Literal, cast
from urllib.parse import urlsplit

import httpx2
import openai
import orjson

from debrief.errors import ModelBroke, ModelError, ModelRefused, ModelUnavailable
from debrief.prompts import TemplateRules
from debrief.settings import Settings
from inference.failures import as_our_errors
from inference.probe import Message, NoTokenizer, choose_model, estimate_tokens, probe_template, told_context
from inference.reply import FinishReason, Patience, Reply, read_finish_reason
from inference.sse import without_thinking

log = logging.getLogger(__name__)

ASK_TIMEOUT_S = 10
STATE_FRESH_S = 1
# Below the 5 s after which vLLM's server drops an idle connection: never send on one that is about to close.
IDLE_CONNECTION_S = 2


@dataclass(frozen=True)
class ModelInfo:
    """What the server told about the model; `counts_exactly` is False where tokens are estimated."""

    name: str
    context_tokens: int
    counts_exactly: bool
    template: TemplateRules


@dataclass(frozen=True)
class ModelState:
    """How the model is, and for how long. "starting" until it was ready once, "down" after."""

    state: Literal["starting", "ready", "down"]
    since_s: float
    detail: str


@dataclass(frozen=True)
class Completion:
    """A whole answer at once. `cached_tokens` of the prompt were read from the server's prefix cache."""

    text: str
    finish_reason: FinishReason
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None
    seconds: float


class ChatModel:
    """The model server of the settings. Belongs to one event loop; raises only the ModelError family.

    Args:
        settings: address, key, model and timeouts.
        priority: of all requests made here, lower goes first; sent only to a server that is known to heed it.
    """

    def __init__(self, settings: Settings, *, priority: int) -> None:
        self._settings = settings
        self._extra_body = {"priority": priority} if settings.sends_priority else None
        self._openai = _connect(settings)
        self._root = settings.model_base_url.removesuffix("/v1")
        self._info: ModelInfo | None = None
        self._info_lock = asyncio.Lock()
        self._state: Literal["starting", "ready", "down"] = "starting"
        self._state_since = monotonic()
        self._state_checked_at = 0.0
        self._state_detail = ""
        self._state_lock = asyncio.Lock()
        self._was_ready = False

    async def aclose(self) -> None:
        """Close all connections; answers that still stream break."""
        await self._openai.close()

    async def info(self) -> ModelInfo:
        """What the model is and can do; asked once, and again after the server was lost."""
        async with self._info_lock:
            if self._info is None:
                self._info = await self._ask_info()
            return self._info

    async def state(self) -> ModelState:
        """How the model is now, at most a second old."""
        async with self._state_lock:
            if monotonic() - self._state_checked_at >= STATE_FRESH_S:
                await self._check_state()
        return ModelState(self._state, monotonic() - self._state_since, self._state_detail)

    async def count_tokens(self, messages: list[Message]) -> int:
        """Tokens of these messages as one prompt, template included; estimated on the high side where not told."""
        info = await self.info()
        counted = await self._tokenize(info.name, messages) if info.counts_exactly else None
        return estimate_tokens(messages) if counted is None else counted

    def stream_reply(
        self, messages: list[Message], *, max_tokens: int, temperature: float, seed: int | None = None
    ) -> AbstractAsyncContextManager[Reply]:
        """Ask for an answer and read it while it is written.

        Leaving the block closes the connection, and with it the server stops: this is what makes Stop real.

        Raises:
            ModelUnavailable, ModelTimedOut, ModelBroke, ModelRefused, PromptTooLong: on entering or in the loop.
        """
        return self._stream(messages, max_tokens, temperature, seed)

    async def complete_structured(
        self,
        messages: list[Message],
        *,
        schema: dict[str, object],
        schema_name: str,
        max_tokens: int,
        temperature: float,
        seed: int | None,
    ) -> Completion:
        """Ask for one whole answer in the shape of a JSON schema. Cancelling the task frees the server's seat.

        Look at `finish_reason` before parsing: "length" means a cut text.
        """
        body: dict[str, object] = {
            "model": (await self.info()).name,
            "messages": messages,
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": schema_name, "schema": schema, "strict": True},
            },
            "max_tokens": max_tokens,
            "temperature": temperature,
            **({} if seed is None else {"seed": seed}),
            **(self._extra_body or {}),
        }
        started_at = monotonic()
        with self._noting_failure():
            answer = await self._post("/chat/completions", body, self._settings.feedback_timeout_s)
            return _read_completion(answer, monotonic() - started_at)

    @asynccontextmanager
    async def _stream(
        self, messages: list[Message], max_tokens: int, temperature: float, seed: int | None
    ) -> AsyncGenerator[Reply]:
        model = (await self.info()).name
        clock = asyncio.get_running_loop().time
        started_at = clock()
        patience = self._patience()
        request = self._openai.chat.completions.with_streaming_response.create(
            model=model,
            messages=cast("Any", messages),  # openai types each role; ours are {"role", "content"}
            max_tokens=max_tokens,
            temperature=temperature,
            seed=openai.omit if seed is None else seed,
            stream=True,
            stream_options={"include_usage": True},
            extra_body=self._extra_body,
        )
        with self._noting_failure():
            with as_our_errors():
                async with asyncio.timeout_at(started_at + min(patience.first_token_s, patience.total_s)):
                    response = await request.__aenter__()
            try:
                async with aclosing(cast("Any", response.iter_bytes())) as received:
                    yield Reply(received, patience, started_at=started_at)
            finally:
                await response.close()

    @contextmanager
    def _noting_failure(self) -> Generator[None]:
        """Ask anew who is there after the server was lost or refused the model's name."""
        try:
            yield
        except (ModelUnavailable, ModelBroke, ModelRefused):
            self._info = None
            self._state_checked_at = 0.0
            raise

    async def _ask_info(self) -> ModelInfo:
        model = await self._ask_model()
        context_tokens = _context(told_context(model), self._settings.model_context_tokens)
        name = str(model["id"])
        try:
            template = await probe_template(lambda messages: self._tokenize(name, messages))
            counts_exactly = True
        except NoTokenizer:
            template = TemplateRules(takes_system=False, takes_assistant_first=False)
            counts_exactly = False
            log.warning("The model server does not count tokens; they are estimated", extra={"model": name})
        return ModelInfo(name, context_tokens, counts_exactly, template)

    async def _ask_model(self) -> dict[str, object]:
        """Our entry of /v1/models. Our own server has one model, under a name that it chooses."""
        wanted = "" if self._settings.starts_own_model else self._settings.model
        return choose_model(await self._get("/models", ASK_TIMEOUT_S), wanted)

    async def _tokenize(self, model: str, messages: list[Message]) -> int | None:
        """Tokens of a prompt by vLLM's own route; None when the model's template refuses the messages.

        Raises:
            NoTokenizer: this server has no such route.
        """
        try:
            answer = await self._post(f"{self._root}/tokenize", {"model": model, "messages": messages}, ASK_TIMEOUT_S)
        except ModelRefused as error:
            if error.values.get("status") == 400:
                return None
            raise NoTokenizer from error
        count = answer.get("count")
        if not isinstance(count, int):
            raise NoTokenizer
        return count

    async def _check_state(self) -> None:
        try:
            await self._ask_model()
        except ModelRefused as error:
            self._note_state("down", str(error.values.get("reason", error)))
        except ModelError:
            self._note_state("down" if self._was_ready else "starting", "not reachable")
        else:
            self._was_ready = True
            self._note_state("ready", "")
        self._state_checked_at = monotonic()

    def _note_state(self, state: Literal["starting", "ready", "down"], detail: str) -> None:
        if state != self._state:
            self._state, self._state_since = state, monotonic()
        self._state_detail = detail

    async def _get(self, path: str, timeout_s: float) -> dict[str, object]:
        with as_our_errors():
            async with asyncio.timeout(timeout_s):
                response = await self._openai.get(path, cast_to=httpx2.Response)
        return _read_json(response)

    async def _post(self, path: str, body: dict[str, object], timeout_s: float) -> dict[str, object]:
        with as_our_errors():
            async with asyncio.timeout(timeout_s):
                response = await self._openai.post(path, cast_to=httpx2.Response, body=body)
        return _read_json(response)

    def _patience(self) -> Patience:
        settings = self._settings
        return Patience(settings.first_token_timeout_s, settings.next_token_timeout_s, settings.reply_timeout_s)


def _connect(settings: Settings) -> openai.AsyncOpenAI:
    """The HTTP side. Silence is timed by us (a read timeout of httpx would start anew with each comment line)."""
    url = settings.model_base_url
    patience = httpx2.Timeout(None, connect=settings.connect_timeout_s, pool=settings.connect_timeout_s)
    client = openai.AsyncOpenAI(
        base_url=url,
        api_key=settings.model_api_key.get_secret_value() or "none",
        max_retries=0,
        timeout=patience,
        http_client=openai.DefaultAsyncHttpxClient(
            timeout=patience,
            limits=httpx2.Limits(keepalive_expiry=IDLE_CONNECTION_S),
            trust_env=not _is_loopback(url),  # HTTP_PROXY is not meant for our own machine
        ),
    )
    # openai takes these from OPENAI_ORG_ID and OPENAI_PROJECT_ID; they are nobody else's business.
    client.organization = client.project = None
    return client


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _context(told: int, configured: int) -> int:
    """The context length: what the server tells, less if the operator wants less.

    Raises:
        ModelRefused: neither says one.
    """
    if told and configured:
        return min(told, configured)
    if not (told or configured):
        raise ModelRefused("model_context_unknown")
    return told or configured


def _read_json(response: httpx2.Response) -> dict[str, object]:
    try:
        answer = orjson.loads(response.content)
    except orjson.JSONDecodeError as error:
        raise ModelRefused(reason="what it answers is not JSON; check DEBRIEF_MODEL_URL") from error
    return cast("dict[str, object]", answer) if isinstance(answer, dict) else {}


def _read_completion(answer: dict[str, object], seconds: float) -> Completion:
    choices = cast("list[dict[str, object]]", answer.get("choices") or [])
    if not choices:
        raise ModelBroke
    message = cast("dict[str, str | None]", choices[0].get("message") or {})
    usage = cast("dict[str, Any]", answer.get("usage") or {})
    details = cast("dict[str, int | None]", usage.get("prompt_tokens_details") or {})
    return Completion(
        text=without_thinking(message.get("content") or ""),
        finish_reason=read_finish_reason(choices[0].get("finish_reason")),
        prompt_tokens=usage.get("prompt_tokens"),
        completion_tokens=usage.get("completion_tokens"),
        cached_tokens=details.get("cached_tokens"),
        seconds=seconds,
    )
