"""A stream of bytes may be cut anywhere; the words that come out are the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from itertools import pairwise

import orjson
import pytest
from hypothesis import example, given, settings as example_settings, strategies as st

from debrief.errors import ModelBroke, ModelError
from inference.reply import Patience, Reply
from inference.sse import EventReader, ThinkingFilter, without_thinking

PATIENCE = Patience(first_token_s=5, next_token_s=5, total_s=5)
WORDS = ["안녕하세요, ", "올가 ", "👩‍👩‍👧 ", "good\n\nmorning", " data: x", "\r\n", " <b", "> [1]"]


def stream_of(words: Iterable[str], line_end: str = "\n", comment: str = ": still here") -> bytes:
    """What a server sends for these words, with a comment between the events."""
    chunks: list[object] = [{"choices": [{"delta": {"content": word}, "finish_reason": None}]} for word in words]
    chunks.append({"choices": [{"delta": {}, "finish_reason": "length"}]})
    chunks.append({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 8}})
    events = [f"data: {orjson.dumps(chunk).decode()}" for chunk in chunks] + ["data: [DONE]"]
    return (line_end * 2).join([item for event in events for item in (comment, event)] + [""]).encode()


def read(stream: bytes, cuts: Iterable[int]) -> tuple[list[str], Reply]:
    """What a reader gets when the network cuts the stream there."""

    async def packets() -> AsyncIterator[bytes]:
        places = [0, *sorted(cuts), len(stream)]
        for start, end in pairwise(places):
            yield stream[start:end]

    async def run() -> tuple[list[str], Reply]:
        reply = Reply(packets(), PATIENCE, started_at=asyncio.get_running_loop().time(), max_tokens=512)
        return [piece async for piece in reply], reply

    return asyncio.run(run())


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
def test_a_stream_cut_at_every_byte_gives_the_same_words(line_end: str):
    stream = stream_of(WORDS, line_end)
    for cut in range(len(stream)):
        pieces, reply = read(stream, [cut])
        assert "".join(pieces) == "".join(WORDS)
        assert (reply.finish_reason, reply.prompt_tokens, reply.completion_tokens) == ("length", 3, 8)


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
def test_a_stream_byte_by_byte_gives_each_word_by_itself(line_end: str):
    stream = stream_of(WORDS[:4], line_end)
    pieces, _ = read(stream, range(len(stream)))
    assert pieces == WORDS[:4]


@example_settings(max_examples=150, deadline=None)
@given(words=st.lists(st.text(min_size=1, max_size=8), max_size=8), data=st.data())
def test_any_words_cut_anywhere_come_out_as_they_were(words: list[str], data: st.DataObject):
    if any(tag in "".join(words).lower() for tag in ("<think", "[think")):
        return
    stream = stream_of(words)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=12))
    pieces, _ = read(stream, cuts)
    assert "".join(pieces) == "".join(words)
    assert "" not in pieces


def test_a_stream_without_its_last_line_end_is_complete():
    pieces, reply = read(stream_of(["Hello"]).rstrip(), [])
    assert (pieces, reply.finish_reason) == (["Hello"], "length")


def test_a_stream_that_ends_after_the_reason_is_complete():
    stream = stream_of(["Hello"]).replace(b"data: [DONE]\n\n", b"")
    assert read(stream, [])[1].finish_reason == "length"


@given(end=st.integers(0, len(stream_of(WORDS)) - 1))
@example_settings(max_examples=80, deadline=None)
def test_a_stream_that_ends_too_early_is_broken_or_complete_but_never_wrong(end: int):
    try:
        pieces, _ = read(stream_of(WORDS)[:end], [])
    except ModelBroke:
        return
    assert "".join(pieces) == "".join(WORDS)


def test_a_line_end_cut_in_two_is_one_line_end():
    events = EventReader()
    assert events.feed(b"data: a\r") + events.feed(b"\ndata: b\r") + events.feed(b"\n\r\n") == [b"a\nb"]


def test_several_data_lines_are_one_event():
    assert EventReader().feed(b"event: x\nid: 1\ndata: a\ndata:b\n\ndata\n\n") == [b"a\nb"]


@example_settings(max_examples=200, deadline=None)
@given(
    thought=st.text(alphabet="<>/thinkTHINK[] a\n", max_size=12),
    answer=st.text(alphabet="<>/thinkTHINK[] a\n", max_size=12),
    tags=st.sampled_from([("<think>", "</think>"), ("<thinking>", "</thinking>"), ("[THINK]", "[/THINK]")]),
    size=st.integers(1, 9),
)
@example(thought="</thi", answer="<think", tags=("<think>", "</think>"), size=1)
def test_thoughts_between_tags_never_come_out(thought: str, answer: str, tags: tuple[str, str], size: int):
    opening, closing = tags
    every_tag = ("<think>", "</think>", "<thinking>", "</thinking>", "[THINK]", "[/THINK]")
    if any(tag in thought + closing[:-1] or tag in answer for tag in every_tag):
        return
    text = opening + thought + closing + answer
    thinking = ThinkingFilter()
    shown = "".join([thinking.feed(text[at : at + size]) for at in range(0, len(text), size)]) + thinking.finish()
    assert shown == answer.lstrip()
    assert without_thinking(text) == answer.lstrip()


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Plain text.", "Plain text."),
        ("  <think>a</think> b", "  b"),
        ("<think>never closed", ""),
        ("a</think>b", "b"),
        ("<think>a</think><think>b</think>c", "c"),
        ("1 < 2 and [1] and <b>", "1 < 2 and [1] and <b>"),
        ("ends with <thi", "ends with <thi"),
    ],
)
def test_a_whole_text_loses_only_its_thoughts(text: str, answer: str):
    assert without_thinking(text) == answer


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 999) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choices", "delta", "content", "error", "usage", "finish_reason", "message", "code"]),
            inner,
        )
    ),
    max_leaves=8,
)


@example_settings(max_examples=200, deadline=None)
@given(events=st.lists(JSON, max_size=3), junk=st.binary(max_size=20))
@example(events=[{"choices": [{"delta": {"content": "a"}, "finish_reason": ["stop"]}]}], junk=b"")
@example(events=[{"error": "gone"}, {"choices": {"0": 1}}], junk=b"data: \xff\n\n")
@example(events=[{"choices": [{"delta": {"content": 3}, "finish_reason": "stop"}], "usage": 4}], junk=b"")
def test_whatever_a_server_streams_only_our_errors_come_out(events: list[object], junk: bytes):
    stream = b"".join(b"data: " + orjson.dumps(event) + b"\n\n" for event in events) + junk
    with suppress(ModelError):
        read(stream, [])
