"""Lines that read like orders to the reviewer: found, taken out of what may be evidence, and withheld on a second look.

A visitor may say anything, and nothing is deleted or held against them. What is flagged here can no longer be chosen,
the feedback says so by the check `no_injection`, and the levels are compared with those given without these lines.
What only praises itself without an order is not flagged: honest visitors do that too, and no pattern tells them apart.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, replace

from debrief.folding import Folded, closed_up, fold, without_digits_for_letters
from debrief.orders import GROUPS, HINTS, RUN_TOGETHER
from debrief.transcript import NumberedMessage, NumberedTranscript

_TAGS = re.compile(r"(?<![\U0001f3f4\U000e0020-\U000e007f])[\U000e0020-\U000e007f]{2,}")
"""Invisible copies of ASCII; honest ones stand only in the flags of regions, after a black flag."""
_TURNED = re.compile(r"[\u202d\u202e][^\n]{4,}")
"""Text that is shown backwards."""
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{20,4000}={0,2}(?![A-Za-z0-9+/=])")
_WINDOW = 3


@dataclass(frozen=True)
class Finding:
    """What was found at `text[start:end]` of a message, in code points, end excluded, and the group that says why."""

    start: int
    end: int
    group: str


def flag_lines(transcript: NumberedTranscript) -> frozenset[str]:
    """Labels of the visitor's lines that read like orders to the reviewer. Nothing is deleted by it."""
    labels = {
        line.label
        for message in transcript.messages
        if message.role == "user"
        for found in find_orders(message.text)
        for line in message.lines
        if line.start < found.end and found.start < line.end
    }
    return frozenset(labels | _taken_apart(transcript))


def masked(transcript: NumberedTranscript, labels: frozenset[str]) -> NumberedTranscript:
    """The same talk with these lines printed as withheld and not choosable; labels, numbers and texts stay.

    What the persona said after a withheld line until the visitor spoke again may be its echo and is withheld too.
    """
    messages: list[NumberedMessage] = []
    echoes = False
    for message in transcript.messages:
        if message.role == "assistant":
            messages.append(replace(message, withheld=message.withheld or echoes))
            continue
        echoes = any(line.label in labels for line in message.lines)
        lines = (replace(x, withheld=True, choosable=False) if x.label in labels else x for x in message.lines)
        messages.append(replace(message, lines=tuple(lines)))
    return replace(transcript, messages=tuple(messages))


def find_orders(text: str) -> list[Finding]:
    """Everything in a message that reads like an order to the reviewer, however it is spelt."""
    return [*_hidden(text), *_spelt(text)]


def _spelt(text: str) -> Iterator[Finding]:
    plain = fold(text)
    close, words = closed_up(plain)
    spellings = [plain, *([close] if words else []), without_digits_for_letters(close)]
    for spelling in {spelling.text: spelling for spelling in spellings}.values():
        yield from _orders(spelling)
    if any(RUN_TOGETHER.search(word) for word in words):
        yield Finding(0, len(text), "hidden")


def _orders(spelling: Folded) -> Iterator[Finding]:
    for group in GROUPS:
        for match in group.pattern.finditer(spelling.text):
            yield Finding(*spelling.span(*match.span()), group.name)


def _hidden(text: str) -> Iterator[Finding]:
    for match in (*_TAGS.finditer(text), *_TURNED.finditer(text)):
        yield Finding(*match.span(), "hidden")
    for match in _BASE64.finditer(text):
        if any(_orders(fold(_decoded(match[0])))):
            yield Finding(*match.span(), "hidden")


def _decoded(text: str) -> str:
    """Base64 as text; nothing where it is none."""
    try:
        return b64decode(text + "=" * (-len(text) % 4)).decode()
    except ValueError:
        return ""


def _taken_apart(transcript: NumberedTranscript) -> set[str]:
    """Lines that hint at an order only together with their neighbours, across messages too."""
    lines = list(transcript.lines.values())
    hints = [_hints(line.text) for line in lines]
    flagged: set[str] = set()
    for start in range(len(lines)):
        near = range(start, min(start + _WINDOW, len(lines)))
        if len({hint for place in near for hint in hints[place]}) >= 3:
            flagged.update(lines[place].label for place in near if hints[place])
    return flagged


def _hints(text: str) -> set[str]:
    plain = fold(text).text
    return {name for name, pattern in HINTS.items() if pattern.search(plain)}
