"""What a model server tells about itself: the model's name, its context length, what its chat template takes.

Written for vLLM; other OpenAI-compatible servers tell less and are then treated with care: every message is
folded into the forms that each template takes, and tokens are estimated on the high side.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import cast

from debrief.errors import ModelRefused
from debrief.prompts import TemplateRules

Message = dict[str, str]
CountTokens = Callable[[list[Message]], Awaitable["int | None"]]

# What servers call it: vLLM and SGLang, OpenRouter, Groq, Mistral and LM Studio.
CONTEXT_KEYS = ("max_model_len", "context_length", "context_window", "max_context_length")
BYTES_PER_TOKEN = 3
MESSAGE_OVERHEAD_TOKENS = 8
PROMPT_OVERHEAD_TOKENS = 32


class NoTokenizer(Exception):
    """The server does not count tokens for us. Never leaves `inference`."""


def choose_model(listed: object, wanted: str) -> dict[str, object]:
    """The entry of /v1/models that we talk to: the wanted one by name or path, else the first.

    Raises:
        ModelRefused: the server has no model, or not this one.
    """
    entries = cast("dict[str, object]", listed).get("data") if isinstance(listed, dict) else None
    models = [entry for entry in cast("list[dict[str, object]]", entries or []) if entry.get("id")]
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


async def probe_template(count: CountTokens) -> TemplateRules:
    """Ask the server's tokenizer which messages the model's chat template takes.

    Args:
        count: tokens of a prompt, or None when the template refuses it.

    A template may also swallow a message without a word. Then a longer one adds no tokens; comparing with no message
    at all would not tell, because some templates have a system message of their own to fill the gap.

    Raises:
        NoTokenizer: not even a plain question can be counted.
    """
    user: Message = {"role": "user", "content": "Good morning, nice to see you here."}
    if await count([user]) is None:
        raise NoTokenizer

    async def takes(opening: list[Message], role: str) -> bool:
        short = await count([*opening, {"role": role, "content": "Welcome."}, user])
        long = await count([*opening, {"role": role, "content": "Welcome to our little shop by the river."}, user])
        return short is not None and long is not None and long > short

    takes_system = await takes([], "system")
    opening: list[Message] = [{"role": "system", "content": "Be kind."}] if takes_system else []
    return TemplateRules(takes_system=takes_system, takes_assistant_first=await takes(opening, "assistant"))


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
