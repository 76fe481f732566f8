"""What the model server, openai and the network can throw, told in our own errors. Nothing foreign leaves here."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from time import time
from typing import cast

import httpx2
import openai

from debrief.errors import (
    DebriefError,
    ModelBroke,
    ModelBusy,
    ModelError,
    ModelRefused,
    ModelTimedOut,
    ModelUnavailable,
    PromptTooLong,
)

REASON_MAX_CHARS = 200
PLAIN = (None, 401, 403, 404)
"""Refusals of the caller, the model's name or the address. Others are about a request's contents and may quote them."""


@contextmanager
def as_our_errors() -> Generator[None]:
    """Turn every failure of a model call inside the block into one of the ModelError family.

    A TimeoutError is ours: the deadlines around the calls raise it.
    """
    try:
        yield
    except openai.APIStatusError as error:
        raise from_status(error.status_code, error.body, error.response.headers) from error
    except openai.APIConnectionError as error:
        raise _from_connection(error.__cause__) from error
    except (httpx2.RequestError, httpx2.StreamError) as error:
        raise _from_connection(error) from error
    except TimeoutError as error:
        raise ModelTimedOut from error
    except openai.OpenAIError as error:
        raise ModelBroke from error


@contextmanager
def telling_nonsense() -> Generator[None]:
    """Around the reading of what the server sent: JSON that is none, or of another shape than agreed, is ModelBroke."""
    try:
        yield
    except (ValueError, TypeError, AttributeError, LookupError) as error:
        raise ModelBroke from error


def from_status(status: int, body: object, headers: Mapping[str, str]) -> ModelError:
    """The error for an HTTP status that is not 200.

    Args:
        status: 4xx or 5xx.
        body: the parsed JSON of the response, or its text.
        headers: `Retry-After` is read, in seconds or as a date.
    """
    problem = _problem(body)
    if is_too_long(problem):
        return PromptTooLong()
    if status == 500:  # it took the request and failed at it: what kills an engine must not be tried for ever
        return ModelBroke()
    if status in (408, 504):  # it, or a proxy before it, has waited long enough; so would the next attempt
        return ModelTimedOut()
    retry_after_s = _retry_after_s(headers)
    if status == 429 or (status == 503 and retry_after_s is not None):
        return ModelBusy(retry_after_s=retry_after_s)
    if status > 500:
        return ModelUnavailable()
    if status in (401, 403):
        return ModelRefused(reason=f"the key is missing or wrong ({status})", status=status)
    told = _short(problem.get("message"))
    if status == 404 and problem.get("param") != "model" and "model" not in told:
        return ModelRefused(reason="there is no model server under this address (404)", status=status)
    return ModelRefused(reason=told or f"status {status}", status=status, param=problem.get("param"))


def from_event(problem: Mapping[str, object]) -> ModelError:
    """The error for an error object inside a stream that began well."""
    if is_too_long(problem):
        return PromptTooLong()
    code = problem.get("code")
    if isinstance(code, int) and 400 <= code < 500 and code != 429:
        return from_status(code, problem, {})
    return ModelBroke()


def cause(error: DebriefError) -> str:
    """Why, for the log: without what a server says of a request's contents, because it may quote them."""
    status, param = error.values.get("status"), error.values.get("param")
    if status in PLAIN:
        return str(error.values.get("reason", "")) or "-"
    return f"status {status}" + (f", param {_short(param)}" if isinstance(param, str) else "")


def is_too_long(problem: Mapping[str, object]) -> bool:
    """True when prompt and answer do not fit the model's context. vLLM names the field, others only say it."""
    told = str(problem.get("message", "")).lower()
    return (
        problem.get("param") == "input_tokens"
        or problem.get("code") == "context_length_exceeded"
        or "maximum context length" in told
        or "exceeds the available context size" in told  # llama.cpp
    )


def _from_connection(cause: BaseException | None) -> ModelError:
    if isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout):
        return ModelUnavailable()
    if isinstance(cause, httpx2.TimeoutException):
        return ModelTimedOut()
    if isinstance(cause, httpx2.UnsupportedProtocol | httpx2.TooManyRedirects):
        return ModelRefused(reason="the address leads nowhere; check DEBRIEF_MODEL_URL")
    return ModelBroke()


def _problem(body: object) -> Mapping[str, object]:
    """The object that describes the error: {"error": {…}} (openai, vLLM), the body itself, or {"detail": "…"}."""
    if not isinstance(body, dict):
        return {}
    problem = cast("dict[str, object]", body)
    inner = problem.get("error")
    if isinstance(inner, dict):
        return cast("dict[str, object]", inner)
    if isinstance(inner, str):
        return {"message": inner}
    return problem if "message" in problem else {"message": problem.get("detail", "")}


def _short(message: object) -> str:
    told = " ".join(message.split()) if isinstance(message, str) else ""
    return told if len(told) <= REASON_MAX_CHARS else told[: REASON_MAX_CHARS - 1] + "…"


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds from a Retry-After header (RFC 9110, 10.2.3); None when there is none that can be read."""
    told = headers.get("retry-after", "")
    try:
        return max(0.0, float(told))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(told).timestamp() - time())
    except ValueError:
        return None
