"""Taking names and contacts out of texts that leave the house. Patterns only: it finds what has a shape.

Found: e-mail addresses, web addresses, telephone numbers, long numbers such as cards, accounts and resident numbers,
and names that a visitor gave in the form or said with a phrase of introduction ("my name is ...", "제 이름은 ...").
Not found, and nothing here can promise it: names said in passing, nicknames, employers, places, addresses of houses,
and whoever can be recognised by their story. `docs/exports.md` says so to whoever exports.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial

NAME, EMAIL, URL, PHONE, NUMBER = "[name]", "[email]", "[url]", "[phone]", "[number]"
MARKS = (NAME, EMAIL, URL, PHONE, NUMBER)
LEAST_DIGITS = 7
"""A shorter number is a year, a price, a share: what a talk is about."""
PHONE_MOST_DIGITS = 15

_EMAIL = re.compile(r"[\w.+-]{1,64}\s?[@＠]\s?[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,5}", re.IGNORECASE)
_DOMAINS = "(?:com|net|org|io|dev|app|me|kr|co|edu|gov|info|biz|ai|uk|de|jp)"
_URL = re.compile(
    r"(?:https?://|ftp://|www\.)[!-~]+"
    rf"|(?<![\w@.])(?:[\w-]{{2,63}}\.){{1,4}}{_DOMAINS}"
    r"(?:/[^\s<>\"'`)\]]*)?(?![\w.-]*[\w])",
    re.IGNORECASE | re.ASCII,
)
_LONG_NUMBER = r"\d[\d\s().\-\u2010-\u2015/]{3,28}\d"
_DIGITS = re.compile(rf"(?<![\w.,])(?:\+|\()?{_LONG_NUMBER}(?![\d])")
_DATE = re.compile(r"(?:(?:19|20)\d\d[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./](?:19|20)\d\d)$")
_YEARS = re.compile(r"(?:19|20)\d\d\s*[-\u2010-\u2015/]\s*(?:19|20)\d\d$")
_PHONE_LIKE = re.compile(r"^(?:\+|\(?0)")
_RESIDENT = re.compile(r"^\d{6}\s*-\s*[1-8]\d{6}$")

_ENDS_IN_DOMAIN = re.compile(rf"\.{_DOMAINS}", re.IGNORECASE | re.ASCII)
_HAS_LONG_NUMBER = re.compile(_LONG_NUMBER)
"""What every web address without "://" and "www.", and every number looked for, has: ten times as quick to look for."""

_LATIN_NAME = r"[A-Z][\w'’-]{1,30}(?:\s+(?:(?:de|van|von|da|der)\s+)?[A-Z][\w'’-]{1,30}){0,3}"
_INTRODUCTIONS = (
    re.compile(rf"\b(?i:my\s+(?:full\s+)?name\s*(?:is|'s|’s)|i\s+am\s+called|call\s+me|this\s+is)\s+({_LATIN_NAME})"),
    re.compile(r"(?:제|내|저의)\s*이름은\s*([가-힣]{2,5}?)(?=이에요|예요|입니다|이고|이라고|라고|이야|야|[\s,.!]|$)"),
    re.compile(r"(?:저는|전|나는)\s*([가-힣]{2,5}?)(?:이)?라고\s*(?:합니다|해요|불러|부르)"),
)
_NOT_A_NAME = {"the", "this", "that", "not", "very", "just", "here", "back"}


def redactor(texts: Iterable[str], answers: Iterable[str] = ()) -> Callable[[str], str]:
    """What takes names and contacts out of every text of one talk.

    Args:
        texts: all that was said, in which names are looked for.
        answers: what the visitor typed into the form's text fields, each taken for a name where it could be one.
    """
    names = {answer.strip() for answer in answers if could_be_name(answer)}
    for text in texts:
        names |= introduced(text)
    return partial(redact, names=frozenset(_with_parts(names)))


def redact(text: str, names: frozenset[str] = frozenset()) -> str:
    """The text with marks such as "[email]" in the place of what was found. Sentences and lines stay what they are."""
    if "@" in text or "＠" in text:
        text = _EMAIL.sub(EMAIL, text)
    if "://" in text or _ENDS_IN_DOMAIN.search(text) or "www." in text.lower():
        text = _URL.sub(URL, text)
    if _HAS_LONG_NUMBER.search(text):
        text = _DIGITS.sub(_number, text)
    for name in sorted(names, key=len, reverse=True):
        text = _named(name).sub(NAME, text)
    return text


def introduced(text: str) -> set[str]:
    """Names that somebody gives with a phrase of introduction."""
    found = {match[1] for pattern in _INTRODUCTIONS for match in pattern.finditer(text)}
    return {name for name in found if name.split()[0].lower() not in _NOT_A_NAME}


def could_be_name(answer: str) -> bool:
    """Whether a form's answer may be somebody's name: two to four capitalised words, or two to five Hangul letters.

    One capitalised word counts too: a nickname taken out costs less than a name left in.
    """
    words = answer.split()
    if not 1 <= len(words) <= 4 or len(answer) > 60:
        return False
    is_latin = all(word[:1].isupper() for word in words)
    return is_latin or bool(re.fullmatch(r"[가-힣]{2,5}", answer.strip()))


def _with_parts(names: Iterable[str]) -> set[str]:
    """Whoever is "Olga Ivanova" is called "Olga" a line later; "김지수" is "지수"."""
    parts: set[str] = set()
    for name in names:
        parts.add(name)
        words = name.split()
        if len(words) > 1:
            parts |= {word for word in words if len(word) > 2 and word[:1].isupper()}
        elif re.fullmatch(r"[가-힣]{3}", name):
            parts.add(name[1:])
    return parts


def _named(name: str) -> re.Pattern[str]:
    """Hangul names are followed by particles, so only their beginning is a border."""
    tail = "" if re.search(r"[가-힣]$", name) else r"(?!\w)"
    return re.compile(rf"(?<!\w){re.escape(name)}{tail}")


def _number(match: re.Match[str]) -> str:
    found = match[0]
    stripped = found.strip()
    digits = sum(char.isdigit() for char in found)
    if digits < LEAST_DIGITS or _DATE.match(stripped) or _YEARS.match(stripped):
        return found
    is_phone = _PHONE_LIKE.match(stripped) and digits <= PHONE_MOST_DIGITS and not _RESIDENT.match(stripped)
    return PHONE if is_phone else NUMBER
