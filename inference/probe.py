"""What a model server tells about itself: the model's name, its context length, what its chat template takes.

Written for vLLM; other OpenAI-compatible servers tell less and are then treated with care: every message is
folded into the forms that each template takes, and tokens are estimated on the high side.
"""

from __future__ import annotations

import math
from typing import cast

from debrief.errors import ModelRefused
from debrief.prompts import TemplateRules
from inference.server import Message, ModelServer
from inference.sse import THINKING_TAGS


class NoTokenizer(Exception):
    """The server does not count tokens for us. Never leaves `inference`."""


ASK_TIMEOUT_S = 10
GOING_ON = {"add_generation_prompt": False, "continue_final_message": True}
"""What vLLM is asked with: the last message is the model's own and not yet at its end."""
PROMPT_END_TOKENS = 8
USER: Message = {"role": "user", "content": "Good morning, nice to see you here."}
# What servers call it: vLLM and SGLang, OpenRouter, Groq, Mistral and LM Studio.
CONTEXT_KEYS = ("max_model_len", "context_length", "context_window", "max_context_length")
BYTES_PER_TOKEN = 3
MESSAGE_OVERHEAD_TOKENS = 8
PROMPT_OVERHEAD_TOKENS = 32


def choose_model(listed: dict[str, object], wanted: str) -> dict[str, object]:
    """The entry of /v1/models that we talk to: the wanted one by name or path, else the first.

    Raises:
        ModelRefused: the server has no model, or not this one.
    """
    models = [entry for entry in cast("list[dict[str, object]]", listed.get("data") or []) if entry.get("id")]
    if not models:
        raise ModelRefused(reason="it lists no model; check DEBRIEF_MODEL_URL")
    if not wanted:
        return models[0]
    found = next((model for model in models if wanted in (model["id"], model.get("root"))), None)
    if found is None:
        names = ", ".join(str(model["id"]) for model in models[:5])
        raise ModelRefused(reason=f'it has no model called "{wanted}", but: {names}')
    return found


def told_context(model: dict[str, object]) -> int:
    """The context length in tokens as the server tells it; 0 when it does not."""
    return next((length for key in CONTEXT_KEYS if isinstance(length := model.get(key), int) and length > 0), 0)


class Tokenizer:
    """The tokenizer of a vLLM server, by its own routes beside /v1.

    Raises:
        NoTokenizer: from every method, when this server has no such routes.
    """

    def __init__(self, server: ModelServer, model: str) -> None:
        self._server, self._model = server, model

    async def tokenize(self, messages: list[Message], **wishes: bool) -> list[int] | None:
        """The tokens of these messages as one prompt; None when the model's chat template refuses them."""
        try:
            answer = await self._ask("tokenize", {"messages": messages, **wishes})
        except ModelRefused as error:
            if error.values.get("status") == 400:
                return None
            raise NoTokenizer from error
        tokens = answer.get("tokens")
        if not isinstance(tokens, list) or "count" not in answer:
            raise NoTokenizer
        return cast("list[int]", tokens)

    async def takes(self, opening: list[Message], role: str) -> bool:
        """Whether the template takes a message of this role after these and before the visitor's first.

        A template may also swallow a message without a word. Then a longer one adds no tokens; comparing with no
        message at all would not tell, because some templates fill the gap with a system message of their own.
        """
        short = await self.tokenize([*opening, {"role": role, "content": "Welcome."}, USER])
        long = await self.tokenize([*opening, {"role": role, "content": "Welcome to our shop by the river."}, USER])
        return short is not None and long is not None and len(long) > len(short)

    async def probe_template(self) -> TemplateRules:
        """What the template takes, asked in the order in which it would be sent."""
        if await self.tokenize([USER]) is None:
            raise NoTokenizer
        takes_system = await self.takes([], "system")
        opening: list[Message] = [{"role": "system", "content": "Be kind."}] if takes_system else []
        takes_assistant_first = await self.takes(opening, "assistant")
        return TemplateRules(takes_system, takes_assistant_first, await self.takes_continuation())

    async def takes_continuation(self) -> bool:
        """Whether the model can be had to go on with an answer's own words.

        Asked by what it changes: an answer that is to go on is not closed, so it takes fewer tokens. A server that
        does not know the wish drops it or refuses it, and so do templates whose answers cannot be found again.
        """
        talk: list[Message] = [USER, {"role": "assistant", "content": "Good morning, I"}]
        closed = await self.tokenize(talk, add_generation_prompt=False)
        open_ended = await self.tokenize(talk, **GOING_ON)
        return closed is not None and open_ended is not None and len(open_ended) < len(closed)

    async def opens_with_thinking(self) -> bool:
        """Whether the template itself opens the model's thoughts, so that the answer begins inside of them."""
        tokens = await self.tokenize([USER]) or []
        try:
            answer = await self._ask("detokenize", {"tokens": tokens[-PROMPT_END_TOKENS:]})
        except ModelRefused:
            return False
        return str(answer.get("prompt", "")).rstrip().endswith(tuple(THINKING_TAGS))

    async def _ask(self, route: str, body: dict[str, object]) -> dict[str, object]:
        return await self._server.post(f"{self._server.root}/{route}", {"model": self._model, **body}, ASK_TIMEOUT_S)


def estimate_tokens(messages: list[Message]) -> int:
    """Tokens of a prompt, estimated on the high side for servers that do not count.

    English is about 4 letters a token. Outside ASCII a byte-level vocabulary falls back to bytes: Korean text in
    SmolLM2 takes 2.4 tokens a syllable of 3 bytes, so four tokens for five bytes. Better vocabularies take fewer.
    """
    total = PROMPT_OVERHEAD_TOKENS
    for message in messages:
        size = len(message["content"].encode())
        ascii_size = sum(character.isascii() for character in message["content"])
        total += MESSAGE_OVERHEAD_TOKENS + math.ceil(ascii_size / BYTES_PER_TOKEN + (size - ascii_size) * 0.8)
    return total
