"""Text as a reader sees it, for looking through disguises: one plain spelling, and where each character came from.

Full-width, accented, look-alike, invisible, spaced-out and digit-for-letter spellings of the same words come out the
same. Only for looking: what is stored, shown and quoted is never this.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

_JOINS = re.compile(r"[\u1160-\u11ff]")
"""Vowels and finals of Hangul written letter by letter: they belong to the syllable before them."""
_JAMO = range(0x3131, 0x3164)
"""Hangul letters as they stand on the keyboard, as in "ㅁㅜㅅㅣ"."""

LOOK_ALIKES = str.maketrans(
    "аеорсухіјѕԁһӏԛԝквмтнαεορικντυχβημѵɡıⅼ‹›⟨⟩〈〉《》❮❯∣│¦ǀ❘┃⟦⟧【】〔〕⦃⦄▁’‘“”„«»–—−‐‑…",
    'aeopcyxijsdhlqwkbmthaeopikvtuxbnmvgil<><><><><>||||||[][][]{}_\'\'"""""-----.',
)
_MARKDOWN = re.compile(r"[*`~]+|(?<![^\W_])_+|_+(?![^\W_])")
_WIDE_GAP = re.compile(r"\s{4,}")
_SPACED = re.compile(r"(?<![^\W_])[^\W\d_]([ .·_-])[^\W\d_](?:\1[^\W\d_])+(?![^\W_])")
_LEET = str.maketrans("013457@$8", "oieastasb")
_LEET_WORD = re.compile(r"(?<!\S)(?=\S{0,30}[a-z])(?=\S{0,30}[013457@$8])[a-z013457@$8']{3,30}(?![^\s.,!?;:])")


@dataclass(frozen=True)
class Folded:
    """A plain spelling; `at[i]` is the place in the original of the character `i`, in code points."""

    text: str
    at: tuple[int, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where `text[start:end]` stands in the original, end excluded."""
        return self.at[start], self.at[end - 1] + 1

    def keep(self, places: Iterator[int]) -> Folded:
        """Only these characters."""
        kept = list(places)
        return Folded("".join(self.text[i] for i in kept), tuple(self.at[i] for i in kept))


def fold(text: str) -> Folded:
    """One spelling for all: compatible forms, no accents, nothing invisible, Latin look-alikes, lower case."""
    chars: list[str] = []
    at: list[int] = []
    for start, cluster in _clusters(text):
        plain = unicodedata.normalize("NFKC", cluster).lower().translate(LOOK_ALIKES)
        for char in _without_accents(plain):
            chars.append(char)
            at.append(start)
    folded = Folded("".join(chars), tuple(at))
    gone = {place for match in _MARKDOWN.finditer(folded.text) for place in range(*match.span())}
    gone |= {place for match in _WIDE_GAP.finditer(folded.text) for place in _more_than_a_gap(match)}
    return folded.keep(place for place in range(len(folded.text)) if place not in gone)


def closed_up(folded: Folded) -> tuple[Folded, list[str]]:
    """The same with s p a c e d letters closed up, and the words that came of it."""
    gone: set[int] = set()
    words: list[str] = []
    for match in _SPACED.finditer(folded.text):
        gone.update(range(match.start() + 1, match.end(), 2))
        words.append(match[0][::2])
    return folded.keep(place for place in range(len(folded.text)) if place not in gone), words


def without_digits_for_letters(folded: Folded) -> Folded:
    """The same with "1gn0r3" read as "ignore"; numbers stay numbers."""
    return Folded(_LEET_WORD.sub(lambda match: match[0].translate(_LEET), folded.text), folded.at)


def _more_than_a_gap(match: re.Match[str]) -> Iterator[int]:
    """All of a wide gap but three spaces and one line break: patterns look across gaps and must stay quick."""
    line_break = match.string.find("\n", match.start(), match.end())
    yield from (place for place in range(match.start() + 3, match.end()) if place != line_break)


def _clusters(text: str) -> Iterator[tuple[int, str]]:
    """Each visible character with the marks that belong to it, and where it begins."""
    start, cluster = 0, ""
    for place, char in enumerate(text):
        if unicodedata.category(char) in ("Cf", "Me") or "\ufe00" <= char <= "\ufe0f":
            continue
        if cluster and (unicodedata.combining(char) or _JOINS.match(char) or _continues(cluster, char)):
            cluster += char
            continue
        if cluster:
            yield start, cluster
        start, cluster = place, char
    if cluster:
        yield start, cluster


def _continues(cluster: str, char: str) -> bool:
    """Whether a keyboard letter makes a syllable with the consonant before it."""
    is_vowel = 0x314F <= ord(char) <= 0x3163
    return is_vowel and len(cluster) == 1 and ord(cluster) in _JAMO and not 0x314F <= ord(cluster) <= 0x3163


def _without_accents(text: str) -> str:
    if text.isascii() or not any("LATIN" in unicodedata.name(char, "") for char in text):
        return text
    return "".join(char for char in unicodedata.normalize("NFD", text) if not unicodedata.combining(char))
