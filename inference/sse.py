"""Server-sent events of a model's answer, from bytes as they arrive: events, then words without the thinking.

Both readers keep what is not yet decided until the next call, so that a network packet may end anywhere: within a
line ending, within a character, within a tag.
"""

from __future__ import annotations

EVENT_MAX_BYTES = 1024 * 1024
THINKING_TAGS = {"<think>": "</think>", "<thinking>": "</thinking>", "[THINK]": "[/THINK]"}


class EventReader:
    """Turns bytes into the data of events (WHATWG HTML, 9.2.6). Comments, ids and event names are left out."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []

    @property
    def is_overlong(self) -> bool:
        """An event that has begun is already larger than any answer's."""
        return len(self._rest) + sum(map(len, self._data)) > EVENT_MAX_BYTES

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
    """Lets only the answer through when a model writes its thoughts between tags in the same text.

    Args:
        inside: the prompt has opened the thoughts already; they end with any closing tag.
    """

    def __init__(self, *, inside: bool = False) -> None:
        self._held = ""
        self._closing_tags = tuple(THINKING_TAGS.values()) if inside else ()
        self._skip_blank = False

    def feed(self, piece: str) -> str:
        """The words that certainly belong to the answer; a possible beginning of a tag waits for the next piece."""
        if not (self._held or self._closing_tags or self._skip_blank or "<" in piece or "[" in piece):
            return piece
        text, shown = self._held + piece, ""
        self._held = ""
        while text:
            text, words = self._leave_thoughts(text) if self._closing_tags else self._enter_thoughts(text)
            shown += words
        return shown

    def leave(self) -> None:
        """What comes next is the answer: the server has told the thoughts apart."""
        self._closing_tags = ()

    def finish(self) -> str:
        """What was held back and turned out to be no tag."""
        held, self._held = self._held, ""
        return "" if self._closing_tags else held

    def _enter_thoughts(self, text: str) -> tuple[str, str]:
        """What is left to read, and the words before a thought begins."""
        if self._skip_blank:
            text = text.lstrip()
            self._skip_blank = not text
        at, tag = _find_first(text, tuple(THINKING_TAGS))
        if tag:
            self._closing_tags = (THINKING_TAGS[tag],)
            return text[at + len(tag) :], text[:at]
        return "", self._hold_back(text, tuple(THINKING_TAGS))

    def _leave_thoughts(self, text: str) -> tuple[str, str]:
        at, tag = _find_first(text, self._closing_tags)
        if not tag:
            self._hold_back(text, self._closing_tags)
            return "", ""
        self._closing_tags = ()
        self._skip_blank = True
        return text[at + len(tag) :], ""

    def _hold_back(self, text: str, tags: tuple[str, ...]) -> str:
        """Keep what may be the beginning of a tag; the rest comes back."""
        keep = max(_overlap(text, tag) for tag in tags)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]


def without_thinking(text: str) -> str:
    """A whole answer without the thoughts between tags, also when the prompt had opened them."""
    closing_at, closing_tag = _find_first(text, tuple(THINKING_TAGS.values()))
    opening_at, opening_tag = _find_first(text, tuple(THINKING_TAGS))
    inside = bool(closing_tag) and (not opening_tag or closing_at < opening_at)
    thinking = ThinkingFilter(inside=inside)
    return thinking.feed(text) + thinking.finish()


def _find_first(text: str, tags: tuple[str, ...]) -> tuple[int, str]:
    """Where the first of the tags stands, and which; (-1, "") without any."""
    found = [(at, tag) for tag in tags if (at := text.find(tag)) >= 0]
    return min(found, default=(-1, ""))


def _overlap(text: str, tag: str) -> int:
    """How many characters at the end of the text may be the beginning of the tag."""
    return next((size for size in range(min(len(text), len(tag) - 1), 0, -1) if tag.startswith(text[-size:])), 0)
