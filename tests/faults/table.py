"""What a model can do to us, one row each, and what a person and the record have to see of it.

The rows are told twice: to a chat turn of the web process and to a feedback of the worker. A fault is a script that
the model's answers follow, or a harm done to the whole server for a while.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from inference.reply import MOST_CHARS_PER_TOKEN
from tests.scripted_model import BAD_JSON, CUT_JSON, EMPTY, ONLY_REASONING, WRONG_SCHEMA, Script, ScriptedModel

SAID = "One two three."
HEARD = "One two"
"""What of it has come after two pieces."""
TOO_LONG = "This model's maximum context length is 4096 tokens. However, you requested 9000 tokens."
HTML = b"<html><body>502 Bad Gateway</body></html>"
EVENT = b'data: {"choices": [{"index": 0, "delta": {"content": "One two"}}]}\n\n'
NO_UTF8 = b'{"choices": [{"message": {"content": "\xff\xfe"}}]}'
END = b'data: {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'
HUGE = "word " * 180_000
REPLY_MAX_TOKENS = 32
MOST_KEPT = HUGE[: MOST_CHARS_PER_TOKEN * REPLY_MAX_TOKENS]
"""What is kept of an answer that does not heed its limit."""

Harm = Callable[[ScriptedModel], None]


@dataclass(frozen=True)
class Turn:
    """How a chat turn has to end: what is stored, what was said until then, how often the model was asked for it."""

    state: str
    code: str | None = None
    kept: str = ""
    """Of what was said; where `to_the_letter` is False, as much of it as came through."""
    asked: int = 1
    to_the_letter: bool = True


@dataclass(frozen=True)
class Job:
    """How a feedback job has to end.

    `waits_for`: it does not end while the fault lasts, waits with this code and costs no attempt. `asked` counts the
    model's calls, all attempts together; None where the job waits.
    """

    state: str = ""
    attempts: int = 1
    asked: int | None = None
    by: str = "model"
    waits_for: str | None = None


@dataclass(frozen=True)
class Fault:
    """One thing that a model server does.

    Args:
        name: as a reader would say it.
        script: what its answers follow while the fault lasts.
        harm, mend: done to the server before and after, instead of a script.
        turn: what comes of a chat turn.
        job: what comes of a feedback while the fault lasts.
        afterwards: what comes of a feedback whose first call alone meets the fault, or that comes after the harm.
    """

    name: str
    script: Script | None = None
    turn: Turn | None = None
    job: Job | None = None
    afterwards: Job | None = None
    harm: Harm = field(default=lambda model: None)
    mend: Harm = field(default=lambda model: None)

    @contextmanager
    def lasting(self, model: ScriptedModel) -> Iterator[None]:
        self.harm(model)
        try:
            yield
        finally:
            self.mend(model)


def failed(code: str, kept: str = "") -> Turn:
    return Turn("error", code, kept)


def reset(sent: str) -> Turn:
    """A reset may take with it what was sent just before."""
    return Turn("error", "model_broke", sent, to_the_letter=False)


BROKE, TIMED_OUT, REFUSED = failed("model_broke"), failed("model_timed_out"), failed("model_refused")
NOT_ASKED = Turn("error", "model_broke", asked=0)
EMPTY_ANSWER, COMPLETE = failed("empty_answer"), Turn("complete", kept=SAID)
TRIED_THREE_TIMES = Job("failed", attempts=3, asked=3)
GIVEN_UP = Job("failed", attempts=1, asked=1)
BY_LIKENESS = Job("succeeded", attempts=1, asked=2, by="likeness")
"""Asked once more, with what was wrong; then the words are placed without the model."""
AGAIN = Job("succeeded", attempts=2)
ASKED_AGAIN = Job("succeeded", attempts=1)
"""Within the same attempt."""


def waits(code: str) -> Job:
    return Job(waits_for=code, attempts=0)


def transient(name: str, script: Script, turn: Turn | None = BROKE) -> Fault:
    return Fault(name, script, turn, TRIED_THREE_TIMES, AGAIN)


def permanent(name: str, script: Script, turn: Turn = REFUSED) -> Fault:
    return Fault(name, script, turn, GIVEN_UP)


def useless(name: str, script: Script, turn: Turn | None = None) -> Fault:
    """An answer of which a feedback can use nothing."""
    return Fault(name, script, turn, BY_LIKENESS, ASKED_AGAIN)


def busy(name: str, script: Script, code: str) -> Fault:
    return Fault(name, script, failed(code), waits(code), ASKED_AGAIN)


def only_chat(name: str, script: Script, turn: Turn) -> Fault:
    """What only a stream can do."""
    return Fault(name, script, turn)


def raw(body: bytes, content_type: str = "text/event-stream; charset=utf-8") -> Script:
    return Script(raw=body, content_type=content_type)


def whole(content: object) -> Script:
    """An answer that does not stream."""
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
    return raw(json.dumps({"choices": [choice]}).encode(), "application/json")


def _another_name(model: ScriptedModel) -> None:
    model.model = "another"


def _its_name(model: ScriptedModel) -> None:
    model.model = "scripted"


def _wants_a_key(model: ScriptedModel) -> None:
    model.api_key = "sesame"


def _wants_none(model: ScriptedModel) -> None:
    model.api_key = ""


FAULTS = [
    # --- the server
    Fault(
        "its port refuses",
        turn=Turn("error", "model_unavailable", asked=0),
        job=waits("model_unavailable"),
        harm=ScriptedModel.go_down,
        mend=ScriptedModel.come_up,
    ),
    Fault(
        "it serves another model now",
        turn=NOT_ASKED,
        job=AGAIN,
        afterwards=AGAIN,
        harm=_another_name,
        mend=_its_name,
    ),
    Fault("it wants a key that we lack", turn=REFUSED, job=GIVEN_UP, harm=_wants_a_key, mend=_wants_none),
    # --- silence
    transient("silence before the headers", Script(SAID, delay_s=3600), TIMED_OUT),
    only_chat("silence before the first word", Script(SAID, stall_after=0), TIMED_OUT),
    only_chat("silence with signs of life", Script(SAID, stall_after=0, comments=True), TIMED_OUT),
    transient("silence in mid-answer", Script(SAID, stall_after=2), failed("model_timed_out", HEARD)),
    only_chat(
        "silence in mid-answer with signs of life",
        Script(SAID, stall_after=2, comments=True),
        failed("model_timed_out", HEARD),
    ),
    only_chat("silence after the last word", Script(SAID, stall_after=4), COMPLETE),
    # --- breaking off
    transient("a reset before the first word", Script(SAID, reset_after=0)),
    transient("a reset after the first word", Script(SAID, reset_after=1), reset("One")),
    only_chat("a reset after a while", Script("word " * 40, reset_after=30), reset("word " * 30)),
    only_chat("a reset after the last word", Script(SAID, reset_after=4), COMPLETE),
    transient("an end before the first word", Script(SAID, end_after=0)),
    transient("an end in mid-answer", Script(SAID, end_after=2), failed("model_broke", HEARD)),
    only_chat("an end after the last word", Script(SAID, end_after=4), COMPLETE),
    transient("a worker of the server that gave up", Script(SAID, finish="abort"), failed("model_broke", SAID)),
    only_chat("an engine that dies in mid-answer", Script(SAID, error_after=2), failed("model_broke", HEARD)),
    only_chat("an error instead of the first word", Script(error_after=0, status=400, error="bad"), REFUSED),
    only_chat("a late notice of length", Script(error_after=0, status=400, error=TOO_LONG), failed("prompt_too_long")),
    # --- refusing
    permanent("400, too long", Script(status=400, error=TOO_LONG), failed("prompt_too_long")),
    permanent("400, too long by its field", Script(status=400, param="input_tokens"), failed("prompt_too_long")),
    permanent("400, something else", Script(status=400, error="temperature must be positive", param="temperature")),
    permanent("401", Script(status=401, error="Unauthorized")),
    permanent("403", Script(status=403)),
    permanent("404, no such model", Script(status=404, error="The model `x` does not exist.", param="model")),
    permanent("404, no such route", raw(b'{"detail":"Not Found"}', "application/json").with_status(404)),
    transient("408", Script(status=408), TIMED_OUT),
    permanent("422", Script(status=422, error="extra fields not permitted")),
    busy("429", Script(status=429), "model_busy"),
    busy("429 with Retry-After", Script(status=429, headers={"retry-after": "0.5"}), "model_busy"),
    transient("500", Script(status=500, error="EngineCore encountered an issue"), BROKE),
    busy("502 with a web page", raw(HTML, "text/html").with_status(502), "model_unavailable"),
    busy("503", Script(status=503), "model_unavailable"),
    busy("503 with Retry-After", Script(status=503, headers={"retry-after": "0.5"}), "model_busy"),
    transient("504", Script(status=504), TIMED_OUT),
    permanent("a web page instead of an answer", raw(HTML, "text/html")),
    # --- answers that are none
    useless("an empty answer", EMPTY, EMPTY_ANSWER),
    only_chat("only whitespace", Script(pieces=["  \n", "\n ", "\t"]), failed("empty_answer", "  \n\n \t")),
    only_chat("only reasoning", ONLY_REASONING, EMPTY_ANSWER),
    only_chat("thoughts without end", Script("<think>Let me see. Hm.", finish="length"), EMPTY_ANSWER),
    only_chat("cut before the first word", Script(pieces=(), finish="length"), EMPTY_ANSWER),
    useless("cut off", Script("It goes on and", finish="length"), Turn("cut_off", kept="It goes on and")),
    # --- nonsense on the wire
    transient("bytes that are no HTTP", Script(wire=b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1")),
    transient("an end without a byte", Script(wire=b"")),
    only_chat("nothing but the end", raw(b"data: [DONE]\n\n"), BROKE),
    only_chat("an event that is no JSON", raw(EVENT + b'data: {"choices": [{"del\n\n'), failed("model_broke", HEARD)),
    only_chat("an event of another shape", raw(EVENT + b'data: {"choices": [null]}\n\n'), failed("model_broke", HEARD)),
    only_chat(
        "an event that is no UTF-8", raw(EVENT + EVENT.replace(b"One", b"\xff\xfe")), failed("model_broke", HEARD)
    ),
    only_chat("garbage between the events", raw(EVENT + b"\x00\xff\xfe\r\r\n:\n" + END), Turn("complete", kept=HEARD)),
    only_chat("an answer that does not stream", whole(SAID), BROKE),
    only_chat("one event without end", raw(b"data: " + b"x" * 3_000_000), BROKE),
    transient("a body that is no JSON", raw(b'{"choices": [', "application/json")),
    # --- too much
    useless("a gigantic piece", Script(pieces=[HUGE]), Turn("cut_off", kept=MOST_KEPT)),
    transient("an answer without end", Script("word " * 2000, endless=True), Turn("cut_off", kept=MOST_KEPT)),
    # --- structured output
    transient("no choices", raw(b'{"choices": []}', "application/json"), None),
    transient("no message", raw(b'{"choices": [{"message": null}]}', "application/json"), None),
    transient("an error that says 200", raw(b'{"error": {"message": "no"}}', "application/json"), None),
    transient("a text that is no text", whole(3), None),
    useless("no text", whole(None)),
    useless("bad JSON", BAD_JSON),
    useless("cut JSON", CUT_JSON),
    useless("another schema", WRONG_SCHEMA),
    useless("a list", whole("[1, 2]")),
    useless("half a character", whole('{"criteria": "\\ud83d"}')),
    transient("a body that is no UTF-8", raw(NO_UTF8, "application/json"), None),
]
CHAT_FAULTS = [fault for fault in FAULTS if fault.turn]
FEEDBACK_FAULTS = [fault for fault in FAULTS if fault.job]
