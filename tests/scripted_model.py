"""A model server whose words are scripted: real HTTP on loopback, the routes and error shapes of vLLM 0.32.

    with ScriptedModel() as model:
        model.enqueue("First answer.", Script(status=429, headers={"retry-after": "7"}))
        settings = Settings(model_url=model.url)

Each chat request takes the first queued script that wants it; with none left it gets a default: a deterministic
answer to the last user message, or a minimal valid instance of the JSON schema that it asks for. By hand:
`python -m tests.scripted_model --port 8801 --delay 0.05`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from itertools import cycle
from types import TracebackType
from typing import Any, Self

from tests.schema_instances import Choose, an_instance, undecided

FOREVER_S = 3600
BROKEN_AT = "(broken at)"
"""Instead of a body that is no JSON."""
NONCE = re.compile(r"nonce-[\w-]+")


@dataclass(frozen=True)
class Received:
    """One request as it came."""

    path: str
    body: dict[str, Any]
    headers: Mapping[str, str]
    at: float

    @property
    def messages(self) -> list[dict[str, str]]:
        return self.body.get("messages") or []

    @property
    def last_user(self) -> str:
        return next((m["content"] for m in reversed(self.messages) if m["role"] == "user"), "")

    @property
    def schema(self) -> dict[str, Any] | None:
        return ((self.body.get("response_format") or {}).get("json_schema") or {}).get("schema")

    @property
    def schema_name(self) -> str:
        return ((self.body.get("response_format") or {}).get("json_schema") or {}).get("name", "")


Wanted = Callable[[Received], bool]


def any_chat(received: Received) -> bool:
    return True


def is_talk(received: Received) -> bool:
    """A chat turn, not a request for structure."""
    return received.schema is None


def is_structured(received: Received) -> bool:
    return received.schema is not None


@dataclass(frozen=True)
class Script:
    """What one chat request gets. Counts are of pieces; the pieces of `text` are its words with their spaces.

    `status` other than 200 answers with an error; otherwise the pieces come, and the first of these that applies
    happens after so many of them: `stall_after` says nothing more until the client leaves, `reset_after` resets the
    connection, `end_after` ends the stream without a finish_reason, `error_after` puts an error object into it. One
    more than there are pieces means after the finish_reason. An answer that does not stream does it in mid-body, or
    before the headers where the number is 0.
    """

    text: str | None = None
    pieces: Sequence[str] | None = None
    reasoning: str = ""
    reasoning_field: str = "reasoning_content"
    finish: str = "stop"
    status: int = 200
    error: str = ""
    param: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    """The whole body instead of the usual one, as it is; `content_type` goes with it."""
    content_type: str = "text/event-stream; charset=utf-8"
    wire: bytes | None = None
    """The bytes on the wire instead of HTTP; then the connection ends."""
    endless: bool = False
    """Say the pieces again and again until the reader leaves, whatever `max_tokens` says."""
    delay_s: float = 0
    """Before anything is sent, the headers included."""
    headers_then_delay_s: float = 0
    """After the headers, before the first piece."""
    token_delay_s: float | None = None
    stall_after: int | None = None
    reset_after: int | None = None
    end_after: int | None = None
    error_after: int | None = None
    comments: bool = False
    """Send a keep-alive comment every 20 ms of waiting."""
    write_bytes: int | None = None
    """Cut the stream into writes of so many bytes."""
    usage: bool = True
    done: bool = True
    cached_tokens: int | None = None

    @property
    def answers(self) -> bool:
        """False when an HTTP error comes at once."""
        return self.status == 200 or self.error_after is not None

    def with_status(self, status: int) -> Script:
        return replace(self, status=status)

    def words(self) -> list[str]:
        return list(self.pieces) if self.pieces is not None else split_pieces(self.text or "")


EMPTY = Script(pieces=())
ONLY_REASONING = Script(pieces=(), reasoning="Let me think about that for a while.")
BAD_JSON = Script(text='{"level": 3, "reason": "because')
CUT_JSON = Script(text='{"level": 3, "reason": "because', finish="length")
WRONG_SCHEMA = Script(text='{"surprise": [true, null]}')


def split_pieces(text: str) -> list[str]:
    """Words with the space before them, as most tokenizers cut."""
    return re.findall(r"\s*\S+|\s+$", text)


def count_tokens(messages: Sequence[Mapping[str, str]]) -> int:
    """Tokens of a prompt: five a message for the template, one a word, three for the answer's header."""
    return 3 + sum(5 + len(message["content"].split()) for message in messages)


class ScriptedModel:
    """The server, in a thread of its own. Attributes may be changed while it runs.

    Args:
        port: 0 takes a free one.
        model: the served name.
        up: False starts with a closed port, like a model server that still loads; see `come_up`.
        token_delay_s: between the pieces of an answer.
        first_token_delay_s: before the first.
        echo_nonce: answers repeat the `nonce-…` of the last user message in every piece, to find crossed streams.
        context_tokens: longer prompts get vLLM's 400; `tells_context=False` keeps it secret.
        has_tokenize: False: 404 for /tokenize, as other servers.
        takes_system, takes_assistant_first: False: vLLM's 400 for a template that raises.
        prompt_end: how the chat template ends a prompt, for example "<think>".
        api_key: when set, requests under /v1 without it get a 401.
        choose: decides single places of structured answers, see `tests.schema_instances`.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        model: str = "scripted",
        up: bool = True,
        token_delay_s: float = 0,
        first_token_delay_s: float = 0,
        echo_nonce: bool = False,
        context_tokens: int = 4096,
        tells_context: bool = True,
        has_tokenize: bool = True,
        takes_system: bool = True,
        takes_assistant_first: bool = True,
        prompt_end: str = "Assistant:",
        api_key: str = "",
        choose: Choose = undecided,
    ) -> None:
        self.model = model
        self.token_delay_s = token_delay_s
        self.first_token_delay_s = first_token_delay_s
        self.echo_nonce = echo_nonce
        self.echo_words = 20
        self.context_tokens = context_tokens
        self.tells_context = tells_context
        self.has_tokenize = has_tokenize
        self.takes_system = takes_system
        self.takes_assistant_first = takes_assistant_first
        self.prompt_end = prompt_end
        self.api_key = api_key
        self.choose = choose
        self.goes_on = True
        """False: a server that does not know `continue_final_message`."""
        self.swallows_system = False
        """The template drops system messages without a word."""
        self.hangs = False
        """Take every request and answer none."""
        self.default: Callable[[Received], Script] | None = None
        """Replaces the default answer."""
        self.keeps_requests = True
        """False where it runs for long."""
        self.requests: list[Received] = []
        self.active = 0
        self.peak_active = 0
        self.finished = 0
        """Answers sent to their end."""
        self.cancelled = 0
        """Answers whose reader left before the end."""
        self.connections = 0
        """TCP connections so far."""
        self.port = port
        self._starts_up = up
        self._scripts: deque[tuple[Script | Callable[[Received], Script], Wanted]] = deque()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="scripted-model", daemon=True)
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()

    # --- for tests -----------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """For DEBRIEF_MODEL_URL."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def chats(self) -> list[Received]:
        """The chat requests, oldest first."""
        return [received for received in list(self.requests) if received.path == "/v1/chat/completions"]

    def enqueue(self, *scripts: Script | str | Callable[[Received], Script], when: Wanted = any_chat) -> None:
        """Answer the next chat requests that `when` wants with these, one each; a text is a script that says it."""
        for script in scripts:
            self._scripts.append((Script(text=script) if isinstance(script, str) else script, when))

    def forget_scripts(self) -> None:
        """Drop what nobody took, and the replaced default."""
        self._scripts.clear()
        self.default = None

    def wait_for(self, condition: Callable[[Self], bool], *, within_s: float = 15) -> None:
        """Wait until something is true of this server, for example `lambda model: model.active == 0`.

        The limit is shorter than the silence after which the program gives an answer up by itself.
        """
        deadline = time.monotonic() + within_s
        while not condition(self):
            if time.monotonic() > deadline:
                state = f"active {self.active}, finished {self.finished}, cancelled {self.cancelled}"
                raise AssertionError(f"not within {within_s} s; {state}, chats {len(self.chats)}")
            time.sleep(0.002)

    def go_down(self) -> None:
        """Die like a killed process: the port refuses, open connections are reset."""
        self._run(self._close())

    def come_up(self) -> None:
        """Serve (again) on the same port."""
        self._run(self._listen())

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._listen())
        if not self._starts_up:
            self.go_down()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)
        self._loop.close()

    # --- serving -------------------------------------------------------------------------------------------------

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    async def _listen(self) -> None:
        self._server = await self._loop.create_server(
            lambda: _Connection(self), "127.0.0.1", self.port, reuse_address=True, backlog=1024
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._server:
            self._server.close()
            self._server = None
        tasks = [connection.task for connection in self._connections if connection.task]
        for connection in list(self._connections):
            connection.reset()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)

    async def answer(self, connection: _Connection, received: Received) -> None:
        """Answer one request."""
        if self.keeps_requests:
            self.requests.append(received)
        if self.hangs:
            await connection.wait(FOREVER_S, comments=False)
        guarded = received.path.startswith("/v1/") and self.api_key
        if guarded and received.headers.get("authorization") != f"Bearer {self.api_key}":
            connection.send_json(401, {"error": "Unauthorized"})
        elif BROKEN_AT in received.body:
            problem = _error(400, "JSON decode error", f"body.{received.body[BROKEN_AT]}")
            problem["error"]["type"] = "Bad Request"
            connection.send_json(400, problem)
        elif received.path == "/v1/chat/completions":
            await self._chat(connection, received)
        elif received.path == "/v1/models":
            connection.send_json(200, {"object": "list", "data": [self._model_entry()]})
        elif received.path == "/tokenize" and self.has_tokenize:
            self._tokenize(connection, received)
        elif received.path == "/detokenize" and self.has_tokenize:
            connection.send_json(200, {"prompt": self.prompt_end})
        else:
            self._tell(connection, received.path)

    def _tell(self, connection: _Connection, path: str) -> None:
        """What a server says of itself."""
        if path == "/health":
            connection.send(200, b"")
        elif path == "/metrics":
            told = {"active": self.active, "peak": self.peak_active, "done": self.finished, "left": self.cancelled}
            lines = [f"vllm:num_requests_running {float(self.active)}"]
            lines += [f"scripted:{name} {count}" for name, count in told.items()]
            connection.send(200, "\n".join([*lines, ""]).encode(), "text/plain")
        else:
            connection.send_json(404, {"detail": "Not Found"})

    def _model_entry(self) -> dict[str, Any]:
        entry = {"id": self.model, "object": "model", "owned_by": "scripted", "root": self.model}
        return entry | ({"max_model_len": self.context_tokens} if self.tells_context else {})

    def _tokenize(self, connection: _Connection, received: Received) -> None:
        if received.body.get("model") != self.model:
            connection.send_json(404, _error(404, self._no_such_model(received), "model"))
            return
        if refusal := self._template_refusal(received.messages):
            connection.send_json(400, _error(400, refusal))
            return
        is_open = bool(received.body.get("continue_final_message")) and self.goes_on
        kept = [m for m in received.messages if not (self.swallows_system and m["role"] == "system")]
        count = count_tokens(kept) - is_open
        told = {"count": count, "max_model_len": self.context_tokens, "tokens": list(range(count)), "token_strs": None}
        connection.send_json(200, told)

    def _template_refusal(self, messages: list[dict[str, str]]) -> str:
        if not self.takes_system and any(message["role"] == "system" for message in messages):
            return "System role not supported"
        talk = [message["role"] for message in messages if message["role"] != "system"]
        if not self.takes_assistant_first and any(
            role != ("user", "assistant")[turn % 2] for turn, role in enumerate(talk)
        ):
            return "Conversation roles must alternate user/assistant/user/assistant/..."
        return ""

    def _no_such_model(self, received: Received) -> str:
        return f"The model `{received.body.get('model')}` does not exist. Valid aliases: {self.model}."

    def _refusal(self, received: Received) -> Script | None:
        """What a real server says before it reads the request as a question."""
        if received.body.get("model") != self.model:
            return Script(status=404, error=self._no_such_model(received), param="model")
        if refusal := self._template_refusal(received.messages):
            return Script(status=400, error=refusal)
        if (tokens := count_tokens(received.messages)) > self.context_tokens:
            told = (
                f"This model's maximum context length is {self.context_tokens} tokens. However, your prompt contains "
                f"at least {tokens} input tokens, which exceeds this limit even without any output tokens."
            )
            return Script(status=400, error=told, param="input_tokens")
        return self._odd_wish(received.body)

    def _odd_wish(self, body: Mapping[str, Any]) -> Script | None:
        if not body.get("messages"):
            return Script(status=400, error="messages must not be empty")
        if (body.get("temperature") or 0) < 0:
            return Script(status=400, error="temperature must be non-negative", param="temperature")
        if not 0 < body.get("max_tokens", 1) <= self.context_tokens:
            return Script(status=400, error="max_tokens must be at least 1 and fit", param="max_tokens")
        return None

    def _script_for(self, received: Received) -> Script:
        for entry in self._scripts:
            script, wanted = entry
            if wanted(received):
                self._scripts.remove(entry)
                return script(received) if callable(script) else script
        return self.default(received) if self.default else self.default_script(received)

    def default_script(self, received: Received) -> Script:
        """What a request without a script gets; cut to `max_tokens` like a real answer."""
        if received.schema is not None:
            return Script(text=json.dumps(an_instance(received.schema, choose=self.choose), ensure_ascii=False))
        if self.echo_nonce and (nonces := NONCE.findall(received.last_user)):
            pieces = split_pieces(nonce_answer(nonces[-1], self.echo_words))
        else:
            pieces = split_pieces(default_answer(received.last_user))
        most = received.body.get("max_tokens") or len(pieces)
        return Script(pieces=pieces[:most], finish="length" if len(pieces) > most else "stop")

    async def _chat(self, connection: _Connection, received: Received) -> None:
        self.active += 1
        self.peak_active = max(self.peak_active, self.active)
        try:
            script = self._refusal(received) or self._script_for(received)
            await connection.wait(script.delay_s, comments=False)
            answer = _Answer(self, connection, received, script)
            if script.wire is not None:
                connection.send_wire(script.wire)
                raise _Broken
            await (answer.stream() if received.body.get("stream") and script.answers else answer.send_whole())
            self.finished += script.answers
        except ClientLeft:
            self.cancelled += 1
            connection.reset()
        except _Broken:
            pass
        finally:
            self.active -= 1


class ClientLeft(Exception):
    """The reader closed its connection."""


class _Broken(Exception):
    """The script broke the connection."""


class _Answer:
    """One answer to one chat request."""

    def __init__(self, model: ScriptedModel, connection: _Connection, received: Received, script: Script) -> None:
        self._model, self._connection, self._received, self._script = model, connection, received, script
        self._id = f"chatcmpl-scripted-{len(model.requests)}"
        self._words = script.words()
        delay_s = script.token_delay_s
        self._token_delay_s = model.token_delay_s if delay_s is None else delay_s

    async def send_whole(self) -> None:
        script, connection = self._script, self._connection
        if script.raw is not None:
            connection.send(script.status, script.raw, script.content_type, script.headers)
            return
        if not script.answers:
            connection.send_json(script.status, _error(script.status, script.error, script.param), script.headers)
            return
        await connection.wait(self._first_delay_s + self._token_delay_s * len(self._words), comments=False)
        message = {"role": "assistant", "content": "".join(self._words), "reasoning": script.reasoning or None}
        choice = {"index": 0, "message": message, "finish_reason": script.finish}
        body = {"id": self._id, "object": "chat.completion", "model": self._model.model, "choices": [choice]}
        whole = json.dumps(body | {"usage": self._usage()}, ensure_ascii=False).encode()
        await self._break_in(whole)
        connection.send(200, whole, headers=script.headers)

    async def _break_in(self, whole: bytes) -> None:
        """What happens to an answer that does not stream: before its headers, or in the middle of its body."""
        script, connection = self._script, self._connection
        breaks = (script.stall_after, script.reset_after, script.end_after)
        if script.endless:
            connection.begin_stream("application/json", script.headers)
            while True:
                await connection.send_part(whole, None)
        if breaks == (None, None, None):
            return
        if any(breaks):
            connection.send(200, whole[: len(whole) // 2], missing=len(whole) - len(whole) // 2)
        if script.stall_after is not None:
            await connection.wait(FOREVER_S, comments=False)
        if script.reset_after is not None:
            await asyncio.sleep(0.02)
            connection.reset()
        else:
            connection.send_wire(b"")
        raise _Broken

    async def stream(self) -> None:
        script, connection = self._script, self._connection
        connection.begin_stream(script.content_type, script.headers)
        if script.raw is not None:
            await connection.send_part(script.raw, script.write_bytes)
            connection.end_stream()
            return
        await self._send({"role": "assistant", "content": ""})
        await self._wait(self._first_delay_s)
        for thought in split_pieces(script.reasoning):
            await self._send({script.reasoning_field: thought})
            await self._wait(self._token_delay_s)
        for index, word in enumerate(cycle(self._words) if script.endless else self._words):
            await self._break_after(index)
            if index:
                await self._wait(self._token_delay_s)
            await self._send({"content": word})
        await self._break_after(len(self._words))
        await connection.check()
        if len(self._words) + 1 in (script.stall_after, script.reset_after, script.end_after):
            await connection.send_part(self._finish_event(), None)
            await self._break_after(len(self._words) + 1)
        connection.end_stream(self._last_events(), script.write_bytes)

    @property
    def _first_delay_s(self) -> float:
        return self._script.headers_then_delay_s or self._model.first_token_delay_s

    async def _wait(self, seconds: float) -> None:
        await self._connection.wait(seconds, comments=self._script.comments)

    async def _break_after(self, sent: int) -> None:
        script = self._script
        if script.stall_after == sent:
            await self._wait(FOREVER_S)
        if script.reset_after == sent:
            await asyncio.sleep(0.02)
            self._connection.reset()
            raise _Broken
        if script.end_after == sent:
            self._connection.end_stream()
            raise _Broken
        if script.error_after == sent:
            problem = _error(script.status if script.status != 200 else 500, script.error or "EngineCore died")
            self._connection.end_stream(_event(problem) + b"data: [DONE]\n\n")
            raise _Broken

    async def _send(self, delta: dict[str, Any]) -> None:
        await self._connection.send_part(_event(self._chunk(delta, None)), self._script.write_bytes)

    def _finish_event(self) -> bytes:
        return _event(self._chunk({"content": ""}, self._script.finish))

    def _last_events(self) -> bytes:
        last = self._finish_event()
        wants_usage = (self._received.body.get("stream_options") or {}).get("include_usage")
        if wants_usage and self._script.usage:
            empty = self._chunk({}, None) | {"choices": []}
            last += _event(empty | {"usage": self._usage()})
        return last + (b"data: [DONE]\n\n" if self._script.done else b"")

    def _chunk(self, delta: dict[str, Any], finish: str | None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return {
            "id": self._id,
            "object": "chat.completion.chunk",
            "created": 1,
            "model": self._model.model,
            "choices": [choice],
        }

    def _usage(self) -> dict[str, Any]:
        prompt = count_tokens(self._received.messages)
        completion = len(self._words) + len(split_pieces(self._script.reasoning))
        cached = self._script.cached_tokens
        return {
            "prompt_tokens": prompt,
            "total_tokens": prompt + completion,
            "completion_tokens": completion,
            "prompt_tokens_details": None if cached is None else {"cached_tokens": cached},
        }


class _Connection(asyncio.Protocol):
    """One HTTP/1.1 connection: reads whole requests, one at a time, and knows when the other side has left."""

    def __init__(self, model: ScriptedModel) -> None:
        self._model = model
        self._received = b""
        self._left = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._transport: asyncio.Transport | None = None
        self.task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._model._connections.add(self)
        self._model.connections += 1

    def connection_lost(self, exc: Exception | None) -> None:
        self._left.set()
        self._writable.set()
        self._model._connections.discard(self)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def eof_received(self) -> None:
        self._left.set()

    def data_received(self, data: bytes) -> None:
        self._received += data
        self._begin_next()

    def _begin_next(self) -> None:
        if self.task is None and (request := self._take_request()):
            self.task = asyncio.get_running_loop().create_task(self._model.answer(self, request))
            self.task.add_done_callback(self._answered)

    def _answered(self, task: asyncio.Task[None]) -> None:
        self.task = None
        if not task.cancelled() and (error := task.exception()) is not None:
            if not isinstance(error, ClientLeft):
                self.send_json(500, _error(500, f"the scripted model failed: {error!r}"))
            return
        self._begin_next()

    def _take_request(self) -> Received | None:
        head, separator, rest = self._received.partition(b"\r\n\r\n")
        if not separator:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        size = int(headers.get("content-length", 0))
        if len(rest) < size:
            return None
        self._received = rest[size:]
        try:
            body = json.loads(rest[:size]) if size else {}
        except json.JSONDecodeError as error:
            body = {BROKEN_AT: error.pos}
        return Received(first.split(" ")[1].partition("?")[0], body, headers, time.monotonic())

    # --- answering -----------------------------------------------------------------------------------------------

    async def check(self) -> None:
        """Let the loop see what came in; raise ClientLeft if the other side is gone."""
        await asyncio.sleep(0)
        await self._writable.wait()
        if self._left.is_set():
            raise ClientLeft

    async def wait(self, seconds: float, *, comments: bool) -> None:
        """Wait, but not for somebody who has left."""
        deadline = asyncio.get_running_loop().time() + seconds
        while not self._left.is_set() and (rest := deadline - asyncio.get_running_loop().time()) > 0:
            try:
                await asyncio.wait_for(self._left.wait(), min(rest, 0.02) if comments else rest)
            except TimeoutError:
                if comments:
                    self._write_part(b": still here\n\n")
        await self.check()

    def send(
        self,
        status: int,
        body: bytes,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
        *,
        missing: int = 0,
    ) -> None:
        """`missing`: bytes that the headers promise and the body lacks."""
        told = {**(headers or {}), "content-length": str(len(body) + missing)}
        self._write(_head(status, content_type, told) + body)

    def send_wire(self, data: bytes) -> None:
        """Bytes that need not be HTTP, and the end of the connection."""
        if self._transport:
            self._transport.write(data)
            self._transport.close()

    def send_json(self, status: int, body: object, headers: Mapping[str, str] | None = None) -> None:
        self.send(status, json.dumps(body, ensure_ascii=False).encode(), headers=headers)

    def begin_stream(self, content_type: str, headers: Mapping[str, str]) -> None:
        self._write(_head(200, content_type, {**headers, "transfer-encoding": "chunked"}))

    async def send_part(self, body: bytes, write_bytes: int | None) -> None:
        for start in range(0, len(body), write_bytes or len(body)):
            self._write_part(body[start : start + (write_bytes or len(body))])
            await self.check()

    def end_stream(self, last: bytes = b"", write_bytes: int | None = None) -> None:
        for start in range(0, len(last), write_bytes or max(1, len(last))):
            self._write_part(last[start : start + (write_bytes or len(last))])
        self._write(b"0\r\n\r\n")

    def reset(self) -> None:
        """Close with a TCP reset, as the kernel does for a killed process with unread input."""
        if self._transport and not self._left.is_set():
            linger_not = struct.pack("ii", 1, 0)
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_not)
            self._transport.abort()
            self._left.set()

    def _write_part(self, part: bytes) -> None:
        self._write(f"{len(part):x}\r\n".encode() + part + b"\r\n")

    def _write(self, data: bytes) -> None:
        if self._transport and not self._transport.is_closing():
            self._transport.write(data)


def default_answer(said: str) -> str:
    """A deterministic answer that shows what was read."""
    shown = said if len(said) <= 60 else said[:60] + "…"
    if re.search("[가-힣]", said):
        return f"“{shown}”라고 하셨군요. 조금 더 말씀해 주시겠어요? 다음에는 어떻게 하고 싶으신가요?"
    return f"You said “{shown}”. Tell me a little more. What would you like to happen next?"


def nonce_answer(nonce: str, words: int) -> str:
    """What an echo says: so many times the nonce."""
    return " ".join([nonce] * words)


def _event(data: object) -> bytes:
    return b"data: " + json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"


def _error(status: int, message: str, param: str | None = None) -> dict[str, Any]:
    """The shape of vLLM's errors."""
    names = {400: "BadRequestError", 404: "NotFoundError", 429: "RateLimitError"}
    problem = {"message": message or HTTPStatus(status).phrase, "type": names.get(status, "InternalServerError")}
    return {"error": problem | {"param": param, "code": status}}


def _head(status: int, content_type: str, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", f"content-type: {content_type}"]
    return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers.items()), "", ""]).encode("latin-1")


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve a scripted model on loopback until Ctrl-C.")
    parser.add_argument("--port", type=int, default=8801)
    parser.add_argument("--delay", type=float, default=0.05, help="seconds between the words of an answer")
    parser.add_argument("--first", type=float, default=0.3, help="seconds before the first word")
    parser.add_argument("--context", type=int, default=4096, help="context length in tokens")
    parser.add_argument("--echo", type=int, default=0, help="say the nonce of what was said so many times")
    given = parser.parse_args()
    with ScriptedModel(
        port=given.port,
        token_delay_s=given.delay,
        first_token_delay_s=given.first,
        context_tokens=given.context,
        echo_nonce=given.echo > 0,
    ) as model:
        model.echo_words = given.echo
        model.keeps_requests = False
        print(f"DEBRIEF_MODEL_URL={model.url}", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print(f"{model.finished} answers, {model.cancelled} cancelled")


if __name__ == "__main__":
    main()
