"""Server-sent events of a model's answer, from bytes as they arrive: events, then words without the thinking.

Both readers keep what is not yet decided until the next call, so that a network packet may end anywhere: within a
line ending, within a character, within a tag.
"""

from __future__ import annotations

THINKING_TAGS = {"<think>": "</think>", "<thinking>": "</thinking>", "[THINK]": "[/THINK]"}


class EventReader:
    """Turns bytes into the data of events (WHATWG HTML, 9.2.6). Comments, ids and event names are left out."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []

    def feed(self, received: bytes) -> list[bytes]:
        """The data of every event that is complete now, oldest first."""
        text = self._rest + received
        held_back = b""
        if b"\r" in text:
            if text.endswith(b"\r"):  # may be the first half of \r\n
                text, held_back = text[:-1], b"\r"
            text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, rest = text.split(b"\n")
        self._rest = rest + held_back
        return [event for line in lines if (event := self._read_line(line)) is not None]

    def finish(self) -> list[bytes]:
        """The event that a server left open by ending without an empty line; most such servers mean it."""
        return self.feed(b"\n\n")

    def _read_line(self, line: bytes) -> bytes | None:
        if line.startswith(b"data:"):
            self._data.append(line[6:] if line[5:6] == b" " else line[5:])
            return None
        if line or not self._data:
            return None
        event = b"\n".join(self._data)
        self._data.clear()
        return event


class ThinkingFilter:
    """Lets only the answer through when a model writes its thoughts between tags in the same text."""

    def __init__(self) -> None:
        self._held = ""
        self._closing_tag = ""
        self._skip_blank = False

    def feed(self, piece: str) -> str:
        """The words that certainly belong to the answer; a possible beginning of a tag waits for the next piece."""
        if not self._closing_tag and not self._held and not self._skip_blank and "<" not in piece and "[" not in piece:
            return piece
        text, shown = self._held + piece, ""
        self._held = ""
        while text:
            text, words = self._leave_thoughts(text) if self._closing_tag else self._enter_thoughts(text)
            shown += words
        return shown

    def finish(self) -> str:
        """What was held back and turned out to be no tag."""
        held, self._held = self._held, ""
        return "" if self._closing_tag else held

    def _enter_thoughts(self, text: str) -> tuple[str, str]:
        if self._skip_blank:
            text = text.lstrip()
            self._skip_blank = not text
        found = [(at, tag) for tag in THINKING_TAGS if (at := text.find(tag)) >= 0]
        if found:
            at, tag = min(found)
            self._closing_tag = THINKING_TAGS[tag]
            return text[at + len(tag) :], text[:at]
        keep = max(_overlap(text, tag) for tag in THINKING_TAGS)
        self._held = text[len(text) - keep :]
        return "", text[: len(text) - keep]

    def _leave_thoughts(self, text: str) -> tuple[str, str]:
        at = text.find(self._closing_tag)
        if at < 0:
            keep = _overlap(text, self._closing_tag)
            self._held = text[len(text) - keep :]
            return "", ""
        after = text[at + len(self._closing_tag) :]
        self._closing_tag = ""
        self._skip_blank = True
        return after, ""


def without_thinking(text: str) -> str:
    """A whole answer without the thoughts between tags."""
    filtered = ThinkingFilter()
    return filtered.feed(text) + filtered.finish()


def _overlap(text: str, tag: str) -> int:
    """How many characters at the end of the text may be the beginning of the tag."""
    return next((size for size in range(min(len(text), len(tag) - 1), 0, -1) if tag.startswith(text[-size:])), 0)
