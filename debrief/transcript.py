"""The talk as the reviewer is to read it: the visitor's sentences numbered, the rest shown for context.

Evidence cannot be false because a reviewer may only name a line, and a line is a span of the stored text. Everything
people wrote is data here: in the printed transcript their words stay on one line and lose the characters that our
marks and chat templates are made of, so that nobody can write a line number or end the block. The stored text is never
changed.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from debrief.conversation import Message, MessageState, Role

LONGEST_LINE = 240
"""Code points after which a sentence without a full stop is cut at a space."""

WITHHELD = "(withheld)"
"""Printed in place of a line whose words the reviewer is not to see."""

_END = re.compile(
    r"[.!?…]+[\"'”’»)\]]*(?=\s|$)|(?<=[가-힣])[.!?…]+(?=[가-힣])|[。！？]+[”’」』）]*|[\n\r\u2028\u2029\u0085]+"
)
_NEVER_ENDS = re.compile(
    r"(?:^|[\s(\"'“‘])(?:e\.g|i\.e|cf|vs|approx|mr|mrs|ms|dr|prof|st|jr|sr|no|dept|est|fig|[a-hj-z])\.$", re.IGNORECASE
)
_SELDOM_ENDS = re.compile(r"(?:\.\.|…|\betc\.|\b[ap]\.m\.)$", re.IGNORECASE)
_LIST_NUMBER = re.compile(r"^\s*\d{1,3}\.$")
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_DENSE = re.compile(r"[\u1100-\u11ff\u3040-\u30ff\u3130-\u318f\u3400-\u9fff\uac00-\ud7af]")
"""Scripts that say in four characters what others say in two words: Hangul, kana, Chinese characters."""

_LOOK_ALIKES = str.maketrans({"<": "‹", ">": "›", "[": "⟦", "]": "⟧", "|": "¦", "{": "⦃", "}": "⦄"})
_LIKE_A_LABEL = re.compile(r"(?<![A-Za-z0-9])([mM]\d+)\.(?=\d)")
_BUT_LETTERS_OF_HANGUL = re.compile(r"[^\u3130-\u318f]+")
"""Compatible forms are made plain, as a tokenizer may do it after us; "ㅋㅋㅋ" alone would become another script."""


@dataclass(frozen=True)
class Line:
    """A sentence of the visitor: `text[start:end]` of the stored message, in code points, end excluded.

    `label` is message number and sentence number, both from 1, such as "m3.2". Lines too short to show anything, and
    lines that look like orders to the reviewer, are printed but may not be chosen.
    """

    label: str
    message_id: str
    start: int
    end: int
    text: str
    choosable: bool
    withheld: bool = False
    """Printed without its words; they stay in `text`, which is what is stored."""


@dataclass(frozen=True)
class NumberedMessage:
    """A message with its number; `lines` is empty for the persona's. `withheld` is about the persona's words."""

    number: int
    message_id: str
    role: Role
    text: str
    lines: tuple[Line, ...]
    withheld: bool = False


@dataclass(frozen=True)
class NumberedTranscript:
    """The messages of a talk that a reviewer may see, oldest first. `of` counts those of the whole talk."""

    messages: tuple[NumberedMessage, ...]
    of: int

    @cached_property
    def lines(self) -> dict[str, Line]:
        """Every line of the visitor by its label, in order."""
        return {line.label: line for message in self.messages for line in message.lines}

    @property
    def choosable(self) -> tuple[str, ...]:
        """The labels that may serve as evidence."""
        return tuple(label for label, line in self.lines.items() if line.choosable)

    @property
    def texts(self) -> dict[str, str]:
        """The stored text of each of the visitor's messages by id."""
        return {message.message_id: message.text for message in self.messages if message.role == "user"}

    def without(self, labels: frozenset[str]) -> NumberedTranscript:
        """The same talk with these lines no longer choosable."""
        return replace(
            self,
            messages=tuple(
                replace(
                    message,
                    lines=tuple(
                        replace(line, choosable=line.choosable and line.label not in labels) for line in message.lines
                    ),
                )
                for message in self.messages
            ),
        )

    def only(self, numbers: Collection[int]) -> NumberedTranscript:
        """The messages with these numbers; numbers and labels stay as they were."""
        return replace(self, messages=tuple(message for message in self.messages if message.number in numbers))

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers of the messages that are here."""
        return tuple(message.number for message in self.messages)

    @property
    def turn_starts(self) -> list[int]:
        """Where each turn begins: at 0 and at each message of the visitor."""
        return [index for index, message in enumerate(self.messages) if index == 0 or message.role == "user"]

    def render(self, persona_name: str) -> str:
        """The talk as one block of data: a line number before each of the visitor's sentences, none elsewhere.

        What is left out of the talk is marked where it stood: "[… m5-m18 …]".
        """
        return "\n".join(["<transcript>", *self._rendered_lines(as_data(persona_name)), "</transcript>"])

    def _rendered_lines(self, persona_name: str) -> Iterator[str]:
        expected = 1
        for message in self.messages:
            yield from _gap(expected, message.number)
            expected = message.number + 1
            if message.role == "assistant":
                words = WITHHELD if message.withheld else as_data(message.text)
                yield f"[m{message.number} {persona_name}] {words}"
            for line in message.lines:
                yield f"[{line.label}] {WITHHELD if line.withheld else as_data(line.text)}"
        yield from _gap(expected, self.of + 1)


def _gap(expected: int, number: int) -> Iterator[str]:
    if number > expected:
        last = number - 1
        yield f"[… m{expected} …]" if last == expected else f"[… m{expected}-m{last} …]"


def number_lines(path: Sequence[Message]) -> NumberedTranscript:
    """Number the visitor's sentences of a talk.

    Args:
        path: the messages from the root to the leaf. Running, failed and empty ones are left out and not counted.
    """
    said = _said(path)
    numbered = tuple(
        NumberedMessage(
            number=number,
            message_id=message.id,
            role=message.role,
            text=message.text,
            lines=tuple(_lines(message, number)) if message.role == "user" else (),
        )
        for number, message in enumerate(said, start=1)
    )
    return NumberedTranscript(numbered, of=len(said))


def transcript_hash(path: Sequence[Message]) -> str:
    """SHA-256 over who said what, as far as a reviewer sees it."""
    said = [[message.id, message.role, message.text] for message in _said(path)]
    return hashlib.sha256(json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def split_sentences(text: str) -> list[tuple[int, int]]:
    """The sentences of a text as (start, end) in code points, end excluded, without the spaces around them."""
    spans: list[tuple[int, int]] = []
    start = 0
    for match in _END.finditer(text):
        if match[0][0] == "." and not _is_end(text, start, match):
            continue
        spans.extend(_trimmed(text, start, match.end()))
        start = match.end()
    spans.extend(_trimmed(text, start, len(text)))
    return [piece for span in spans for piece in _cut(text, *span)]


def as_data(text: str) -> str:
    """People's words as they may stand in a prompt: one line, nothing invisible, no marks of ours or of a template."""
    plain = _BUT_LETTERS_OF_HANGUL.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text)
    visible = "".join(char for char in plain if unicodedata.category(char) not in ("Cf", "Co", "Cs") or char.isspace())
    one_line = " ".join("".join(char if char.isprintable() else " " for char in visible).split())
    return _LIKE_A_LABEL.sub(r"\1·", one_line.translate(_LOOK_ALIKES))


# ---- splitting ----


def _said(path: Sequence[Message]) -> list[Message]:
    unsaid = (MessageState.RUNNING, MessageState.ERROR)
    return [m for m in path if m.text.strip() and not (m.role == "assistant" and m.state in unsaid)]


def _lines(message: Message, number: int) -> Iterator[Line]:
    for order, (start, end) in enumerate(split_sentences(message.text), start=1):
        words = message.text[start:end]
        yield Line(f"m{number}.{order}", message.id, start, end, words, _says_something(words))


def _says_something(words: str) -> bool:
    return len(_DENSE.findall(words)) >= 4 or len(_WORD.findall(words)) >= 2


def _is_end(text: str, start: int, match: re.Match[str]) -> bool:
    """Whether a full stop ends the sentence: not in "e.g.", "Mr.", "J.", "1.", nor in "... and", "etc. and"."""
    end = match.end()
    if match[0] == "." and _NEVER_ENDS.search(text[max(start, end - 12) : end]):
        return False
    if end - start < 12 and _LIST_NUMBER.match(text[start:end]):
        return False
    goes_on = text[end : end + 20].lstrip(" \t")[:1].islower()
    return not (goes_on and _SELDOM_ENDS.search(text[max(start, end - 12) : end]))


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    piece = text[start:end]
    left = len(piece) - len(piece.lstrip())
    if stripped := piece.strip():
        yield start + left, start + left + len(stripped)


def _cut(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while end - start > LONGEST_LINE:
        space = max(
            text.rfind(" ", start + 1, start + LONGEST_LINE), text.rfind(",", start + 1, start + LONGEST_LINE) + 1
        )
        middle = space if space > start else start + LONGEST_LINE
        yield from _trimmed(text, start, middle)
        start = middle
    yield from _trimmed(text, start, end)
