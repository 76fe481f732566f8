"""The model as the rest of Debrief sees it: answers that stream, structured output, what it can do, how it is.

Speaks to any OpenAI-compatible server and uses what vLLM adds (token counts, request priorities). Retries are the
caller's: a chat turn offers "try again", a feedback job has its own schedule.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncGenerator, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any, Literal

from debrief.errors import ModelBroke, ModelError, ModelRefused, ModelTimedOut, ModelUnavailable
from debrief.prompts import TemplateRules
from debrief.settings import Settings
from inference.failures import telling_nonsense
from inference.probe import ASK_TIMEOUT_S, GOING_ON, NoTokenizer, Tokenizer, choose_model, estimate_tokens, told_context
from inference.reply import FinishReason, Patience, Reply, read_finish_reason
from inference.server import Message, ModelServer
from inference.shared import Shared
from inference.sse import without_thinking

log = logging.getLogger(__name__)

State = Literal["starting", "ready", "down"]
STATE_FRESH_S = 1
BUSY_MAX_S = 30
"""How long a server that was ready may be too busy to answer before it counts as lost; a refusal counts at once."""


@dataclass(frozen=True)
class ModelInfo:
    """What the server told about the model.

    `counts_exactly` is False where tokens are estimated. `opens_with_thinking`: the chat template opens the model's
    thoughts itself, so that an answer begins inside of them.
    """

    name: str
    context_tokens: int
    counts_exactly: bool
    template: TemplateRules
    opens_with_thinking: bool = False


@dataclass(frozen=True)
class ModelState:
    """How the model is, and for how long. "starting" until it was ready once, "down" after."""

    state: State
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
        self._server = ModelServer(settings, {"priority": priority} if settings.sends_priority else {})
        self._info: ModelInfo | None = None
        self._ask_info = Shared(self._ask_info_now)
        self._state: State = "starting"
        self._state_since = monotonic()
        self._state_detail = ""
        self._state_checked_at = 0.0
        self._ready_at = -math.inf
        self._check_state = Shared(self._check_state_now)

    async def aclose(self) -> None:
        """Close all connections; answers that still stream break."""
        await self._ask_info.aclose()
        await self._check_state.aclose()
        await self._server.aclose()

    async def info(self) -> ModelInfo:
        """What the model is and can do; asked once, and again after the server was lost."""
        return self._info or await self._ask_info()

    async def state(self) -> ModelState:
        """How the model is now, at most a second old."""
        if monotonic() - self._state_checked_at >= STATE_FRESH_S:
            await self._check_state()
        return ModelState(self._state, monotonic() - self._state_since, self._state_detail)

    async def count_tokens(self, messages: list[Message]) -> int:
        """Tokens of these messages as one prompt, template included; estimated on the high side where not told.

        Raises:
            ModelBroke: the server is another one than it was; who asks again meets the new one.
        """
        info = await self.info()
        with self._noting_failure():
            try:
                tokens = await Tokenizer(self._server, info.name).tokenize(messages) if info.counts_exactly else None
            except NoTokenizer as error:
                raise ModelBroke from error
        return estimate_tokens(messages) if tokens is None else len(tokens)

    def stream_reply(
        self,
        messages: list[Message],
        *,
        max_tokens: int,
        temperature: float | None,
        seed: int | None = None,
        goes_on: bool = False,
    ) -> AbstractAsyncContextManager[Reply]:
        """Ask for an answer and read it while it is written.

        `goes_on`: the last message is the model's own, and only what follows it is wanted. For servers of which
        `ModelInfo.template` says that they take it.

        Leaving the block closes the connection, and with it the server stops: this is what makes Stop real.
        Without a temperature the server samples as the model's own configuration says.

        Raises:
            ModelUnavailable, ModelTimedOut, ModelBroke, ModelRefused, PromptTooLong: on entering or in the loop.
        """
        return self._stream(messages, max_tokens, temperature, seed, goes_on)

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
            **self._seed(seed),
        }
        if self._settings.starts_own_model:
            body["repetition_penalty"] = 1.0  # the packaged model's own would punish the keys that JSON repeats
        started_at = monotonic()
        with self._noting_failure():
            answer = await self._server.post_chat(body, self._settings.feedback_timeout_s)
            with telling_nonsense():
                return _read_completion(answer, monotonic() - started_at)

    @asynccontextmanager
    async def _stream(
        self, messages: list[Message], max_tokens: int, temperature: float | None, seed: int | None, goes_on: bool
    ) -> AsyncGenerator[Reply]:
        info = await self.info()
        started_at = asyncio.get_running_loop().time()
        settings = self._settings
        patience = Patience(settings.first_token_timeout_s, settings.next_token_timeout_s, settings.reply_timeout_s)
        with self._noting_failure():
            async with self._server.stream_chat(
                info.name,
                messages,
                headers_by=started_at + min(patience.first_token_s, patience.total_s),
                max_tokens=max_tokens,
                extra=GOING_ON if goes_on else {},
                **({} if temperature is None else {"temperature": temperature}),
                **self._seed(seed),
            ) as received:
                yield Reply(
                    received,
                    patience,
                    started_at=started_at,
                    max_tokens=max_tokens,
                    opens_with_thinking=info.opens_with_thinking and not goes_on,
                )

    def _seed(self, seed: int | None) -> dict[str, int]:
        """Only where the operator vouches for it.

        vLLM 0.32 rewinds the random generator of a seeded request whose prompt it reads in several steps. A generator
        on a CPU cannot do that ("CPU Generator does not use offset"), and the engine dies of it, with all requests.
        """
        return {"seed": seed} if seed is not None and self._settings.model_seeds == "on" else {}

    @contextmanager
    def _noting_failure(self) -> Generator[None]:
        """Ask anew who is there after the server was lost or refused the model's name."""
        try:
            yield
        except (ModelUnavailable, ModelBroke, ModelRefused):
            self._info = None
            self._state_checked_at = 0.0
            raise

    async def _ask_info_now(self) -> ModelInfo:
        model = await self._ask_model(ASK_TIMEOUT_S)
        name = str(model["id"])
        context_tokens = _context(told_context(model), self._settings.model_context_tokens)
        tokenizer = Tokenizer(self._server, name)
        try:
            template = await tokenizer.probe_template()
            thinking = await tokenizer.opens_with_thinking()
            self._info = ModelInfo(name, context_tokens, True, template, thinking)
        except NoTokenizer:
            log.warning("The model server does not count tokens; they are estimated", extra={"model": name})
            careful = TemplateRules(takes_system=False, takes_assistant_first=False)
            self._info = ModelInfo(name, context_tokens, False, careful)
        return self._info

    async def _ask_model(self, timeout_s: float) -> dict[str, object]:
        """Our entry of /v1/models. Our own server has one model, under a name that it chooses."""
        wanted = "" if self._settings.starts_own_model else self._settings.model
        return choose_model(await self._server.get("/models", timeout_s), wanted)

    async def _check_state_now(self) -> None:
        try:
            await self._ask_model(self._settings.connect_timeout_s)
        except ModelRefused as error:
            self._note_state("down", str(error.values.get("reason", error)))
        except ModelTimedOut:
            if monotonic() - self._ready_at > BUSY_MAX_S:
                self._note_state(self._lost_state, "not reachable")
        except ModelError:
            self._note_state(self._lost_state, "not reachable")
        else:
            self._ready_at = monotonic()
            self._note_state("ready", "")
        self._state_checked_at = monotonic()

    @property
    def _lost_state(self) -> State:
        """Our own server is being started again by the supervisor; of another one nobody knows."""
        was_ready = self._ready_at > -math.inf
        return "down" if was_ready and not self._settings.starts_own_model else "starting"

    def _note_state(self, state: State, detail: str) -> None:
        if state != self._state:
            self._state, self._state_since = state, monotonic()
        self._state_detail = detail


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


def _read_completion(answer: dict[str, Any], seconds: float) -> Completion:
    choice: dict[str, Any] = answer["choices"][0]
    text: str = choice["message"].get("content") or ""
    usage: dict[str, Any] = answer.get("usage") or {}
    details: dict[str, Any] = usage.get("prompt_tokens_details") or {}
    return Completion(
        text=text if text.lstrip().startswith("{") else without_thinking(text),
        finish_reason=read_finish_reason(choice.get("finish_reason")),
        prompt_tokens=usage.get("prompt_tokens"),
        completion_tokens=usage.get("completion_tokens"),
        cached_tokens=details.get("cached_tokens"),
        seconds=seconds,
    )
