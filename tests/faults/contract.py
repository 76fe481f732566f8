"""What a model server answers, in its shape: asked of the scripted model and of a real vLLM, one table for both.

So what the tests of the product lean on is what the product will meet. Only shapes are compared (status, kind of body,
fields of an error, how a stream ends), never words.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

CHAT = "/v1/chat/completions"
QUESTION = [{"role": "user", "content": "Tell me a story about a dragon, a knight and their very long walk."}]
SCHEMA = {
    "type": "object",
    "properties": {"level": {"type": "integer", "enum": [3, 4]}},
    "required": ["level"],
    "additionalProperties": False,
}
STRUCTURED = {"type": "json_schema", "json_schema": {"name": "level", "schema": SCHEMA, "strict": True}}


@dataclass(frozen=True)
class Exchange:
    """One request and the shape of what answers it. `raw` is sent instead of `body`; `model` goes in by itself."""

    name: str
    seen: Mapping[str, Any]
    path: str = CHAT
    body: Mapping[str, Any] = field(default_factory=dict)
    model: str | None = None
    raw: bytes | None = None


def error(status: int, kind: str, param: str | None) -> dict[str, Any]:
    fields = ["code", "message", "param", "type"]
    return {"status": status, "type": "application/json", "error": fields, "kind": kind, "param": param, "code": status}


def streamed(finish: str) -> dict[str, Any]:
    """Role first, then words, the reason of the end, the counts, the last line."""
    return {
        "status": 200,
        "type": "text/event-stream",
        "begins with a role": True,
        "finish": finish,
        "ends with": ["finish", "usage", "done"],
    }


def answered(finish: str) -> dict[str, Any]:
    return {"status": 200, "type": "application/json", "finish": finish, "reasoning": None, "counts": True}


LONG = [{"role": "user", "content": "word " * 9000}]
NO_MODEL = error(404, "NotFoundError", "model")
TOO_LONG = error(400, "BadRequestError", "input_tokens")
TOKENS = {"status": 200, "type": "application/json", "fields": ["count", "max_model_len", "token_strs", "tokens"]}
EXCHANGES = [
    Exchange("a cut answer", answered("length"), body={"max_tokens": 3}),
    Exchange("a cut stream", streamed("length"), body={"max_tokens": 3, "stream": True}),
    Exchange("structure", answered("stop"), body={"max_tokens": 60, "response_format": STRUCTURED}),
    Exchange(
        "structure that streams",
        streamed("stop"),
        body={"max_tokens": 60, "response_format": STRUCTURED, "stream": True},
    ),
    Exchange("another model", NO_MODEL, model="mistral-7b"),
    Exchange("another model, streamed", NO_MODEL, model="mistral-7b", body={"stream": True}),
    Exchange("too long", TOO_LONG, body={"messages": LONG}),
    Exchange("too long, streamed", TOO_LONG, body={"messages": LONG, "stream": True}),
    Exchange("a temperature below zero", error(400, "BadRequestError", "temperature"), body={"temperature": -1}),
    Exchange("no token at all", error(400, "BadRequestError", "max_tokens"), body={"max_tokens": 0}),
    Exchange("more tokens than there is room", error(400, "BadRequestError", "max_tokens"), body={"max_tokens": 99999}),
    Exchange("no messages", error(400, "BadRequestError", None), body={"messages": []}),
    Exchange("broken JSON", error(400, "Bad Request", "body.10"), raw=b'{"model": '),
    Exchange("no such route", {"status": 404, "type": "application/json", "fields": ["detail"]}, path="/v1/nothing"),
    Exchange("tokens", TOKENS, path="/tokenize"),
    Exchange("tokens of another model", NO_MODEL, path="/tokenize", model="mistral-7b"),
]


def observe(url: str, exchange: Exchange) -> dict[str, Any]:
    """Ask, and tell the shape of the answer. `url` ends with /v1."""
    root = url.removesuffix("/v1")
    with httpx.Client(trust_env=False, timeout=120) as client:
        served = client.get(f"{url}/models").json()["data"][0]["id"]
        body = {"model": exchange.model or served, "messages": QUESTION, **exchange.body}
        if body.get("stream"):
            body["stream_options"] = {"include_usage": True}
        content = exchange.raw or json.dumps(body).encode()
        response = client.post(root + exchange.path, content=content, headers={"content-type": "application/json"})
    kind = response.headers["content-type"].partition(";")[0]
    return {"status": response.status_code, "type": kind} | (
        _seen_stream(response.text) if kind == "text/event-stream" else _seen_body(response.json())
    )


def _seen_body(body: dict[str, Any]) -> dict[str, Any]:
    if "error" in body:
        problem = body["error"]
        found = {"error": sorted(problem), "kind": problem["type"], "param": problem["param"], "code": problem["code"]}
        return found if isinstance(problem["message"], str) else {}
    if "choices" not in body:
        return {"fields": sorted(body)}
    choice = body["choices"][0]
    counts = all(body["usage"][name] > 0 for name in ("prompt_tokens", "completion_tokens", "total_tokens"))
    return {"finish": choice["finish_reason"], "reasoning": choice["message"]["reasoning"], "counts": counts}


def _seen_stream(text: str) -> dict[str, Any]:
    *events, last = [line[6:] for line in text.split("\n\n") if line.startswith("data: ")]
    chunks = [json.loads(event) for event in events]
    finishes = [choice["finish_reason"] for chunk in chunks for choice in chunk["choices"] if choice["finish_reason"]]
    ends = [_role_of(chunk) for chunk in chunks[-2:]]
    return {
        "begins with a role": chunks[0]["choices"][0]["delta"].get("role") == "assistant",
        "finish": finishes[0] if len(finishes) == 1 else finishes,
        "ends with": [*ends, "done" if last == "[DONE]" else last],
    }


def _role_of(chunk: dict[str, Any]) -> str:
    """What a chunk is there for."""
    if not chunk["choices"]:
        return "usage" if chunk.get("usage", {}).get("completion_tokens") else "nothing"
    return "finish" if chunk["choices"][0]["finish_reason"] else "words"
