"""Taking names and contacts out of texts that leave the house. Patterns only: it finds what has a shape.

Found: e-mail addresses, web addresses, telephone numbers, long numbers such as cards, accounts and resident numbers,
and accounts of messengers, also where the first three are spelled out; and names that were given
(`debrief/introductions.py`). Not found, and nothing here can promise it: names said in passing, nicknames, employers,
places, addresses of houses, and whoever can be recognised by their story. `docs/exports.md` says so to whoever exports.
Where a contact is not sure, it goes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial

from debrief.introductions import could_be_name, introduced, pattern_of, with_parts

NAME, EMAIL, URL, PHONE, NUMBER = "[name]", "[email]", "[url]", "[phone]", "[number]"
MARKS = (NAME, EMAIL, URL, PHONE, NUMBER)
LEAST_DIGITS = 7
"""A shorter number is a year, a price, a share: what a talk is about."""
PHONE_MOST_DIGITS = 15

_DOMAINS = (
    "(?:com|net|org|io|dev|app|me|kr|co|edu|gov|info|biz|ai|uk|de|jp|xyz|site|online|shop|store|blog|tech|tv|ru|cn|fr|eu"
    "|ca|au|page|link|gg|cloud|space|website)"
)
_EMAIL = re.compile(
    r"[\w.+'%-]{1,64}\s?[@＠]\s?(?:[\w-]{1,63}\.){1,5}(?:[a-z0-9-]{1,63}|한국)"
    r"|[\w.+'%-]{1,64}\s?[@＠]\s?(?:naver|gmail|daum|hanmail|kakao|nate|hotmail|outlook|icloud|yahoo)(?![a-z0-9])",
    re.IGNORECASE,
)
_EMAIL_IN_WORDS = re.compile(
    r"[a-z0-9.+_-]{1,64}\s?(?:\(at\)|\[at\]|\{at\}|골뱅이)\s?[a-z0-9-]{1,63}(?:\s?(?:\.|\(dot\)|\[dot\]|점|닷|\sdot\s)\s?[a-z0-9컴넷]{1,20}){0,3}"
    rf"|[a-z0-9.+_-]{{1,64}}\s+at\s+[a-z0-9-]{{1,63}}(?:\s+dot\s+[a-z0-9-]{{1,63}}){{0,3}}\s+dot\s+{_DOMAINS}(?![a-z0-9])",
    re.IGNORECASE,
)
_HANDLE = re.compile(r"(?<![\w.@])@(?=[\w.]{0,30}[a-z])[a-z0-9_][\w.]{1,30}", re.IGNORECASE | re.ASCII)
_MESSENGERS = (
    "카톡", "카카오톡", "인스타", "텔레그램", "라인", "디스코드", "kakao", "instagram", "telegram", "whatsapp",
    "wechat", "skype", "discord", "line",
)  # fmt: skip
_MESSENGER = re.compile(
    rf"((?:{'|'.join(_MESSENGERS)})(?:그램|\s?talk)?"
    r"\s*(?:아이디|id|handle|계정|username)\s*(?:는|은|가|이|is|:|：)?\s*)([a-z0-9][a-z0-9._-]{1,29}[a-z0-9_])",
    re.IGNORECASE,
)
_URL = re.compile(
    r"(?:(?:https?://|ftp://|www\.)[!-~]+(?:(?<=[/=_%-])[^\s<>\"'`)\]]+)?"
    rf"|(?<![\w@.])(?!(?:asp|vb|ado)\.net\b)(?:[\w-]{{2,63}}\.){{1,4}}{_DOMAINS}(?:\.[a-z]{{2}})?(?!\w)"
    r"(?::\d{1,5})?(?:[/?#][^\s<>\"'`)\]]*)?"
    r"|(?<![\w@./-])(?:[\w-]{1,63}\.){1,4}(?!(?:js|ts|py|md|toml|json|csv|net)\b)[a-z]{2,12}/[^\s<>\"'`)\]]+)(?<![.,;:!?])",
    re.IGNORECASE | re.ASCII,
)
_DASHES = r"\-\u2010-\u2015\u2212\uff0d"
_LONG_NUMBER = rf"\d[\d\s().{_DASHES}/]{{3,28}}\d"
_DIGITS = re.compile(rf"(?<!\d)(?<!\d[.,])(?:\+|\()?{_LONG_NUMBER}(?![\d])")
_ODD_PHONE = re.compile(
    rf"(?<!\d)01[016789](?:[\s,~_·・.에{_DASHES}]{{1,4}}\d{{3,4}}){{1}}[\s,~_·・.에{_DASHES}]{{1,4}}\d{{4}}(?!\d)"
)
_DATE = re.compile(
    r"(?:(?:19|20)\d\d\s?[-./]\s?\d{1,2}\s?[-./]\s?\d{1,2}|\d{1,2}\s?[-./]\s?\d{1,2}\s?[-./]\s?(?:19|20)\d\d)\.?(?:\s+\d{1,2})?$"
)
_MONTH = r"(?:19|20)\d\d(?:\s?[./]\s?(?:0?[1-9]|1[0-2]))?"
_YEARS = re.compile(rf"{_MONTH}\.?\s*[{_DASHES}/]\s*{_MONTH}\.?$")
_DATES_WITHIN = re.compile(r"(?<![\d./-])(?:19|20)\d\d[-./]\d{1,2}[-./]\d{1,2}(?![\d./-])")
_FRACTION = re.compile(r"(?:0|[1-9]\d?)\.\d+$")
_PHONE_LIKE = re.compile(r"^(?:\+|\(?0)")
_RESIDENT = re.compile(r"^\d{6}\s*-\s*[1-8]\d{6}$")
_PRICE = re.compile(r"[1-9]\d{6,9}$")
_CURRENCY = re.compile(r"(?:원|달러|유로|엔)(?![\d])")

_KOREAN_DIGIT = "[공영일이삼사오육륙칠팔구]"
_PHONE_IN_KOREAN = re.compile(rf"(?<![가-힣])[공영]일[공영일](?:[\s,.{_DASHES}에]{{0,3}}{_KOREAN_DIGIT}){{7,8}}")
_ENGLISH_DIGIT = r"(?:zero|oh|one|two|three|four|five|six|seven|eight|nine|double|triple)"
_PHONE_IN_ENGLISH = re.compile(rf"\b(?:{_ENGLISH_DIGIT}[\s,.{_DASHES}]+){{6,30}}{_ENGLISH_DIGIT}\b", re.IGNORECASE)

_ENDS_IN_DOMAIN = re.compile(rf"\.(?:{_DOMAINS}|[a-z]{{2,12}}/)", re.IGNORECASE | re.ASCII)
_HAS_LONG_NUMBER = re.compile(_LONG_NUMBER)
"""What every web address without "://" and "www.", and every number looked for, has: ten times as quick to look for."""
_SPELLED_AT = ("(at)", "[at]", "{at}", "골뱅이", " dot ")
_DIGIT_WORDS = _ENGLISH_DIGIT.strip("(?:)").split("|")


def redactor(texts: Iterable[str], answers: Iterable[str] = (), *, known: Iterable[str] = ()) -> Callable[[str], str]:
    """What takes names and contacts out of every text of one talk.

    Args:
        texts: all that was said, in which names are looked for.
        answers: what the visitor typed into the form's text fields, each taken for a name where it could be one.
        known: names that stay, because they are the scenario's own and nobody's.
    """
    names = {answer.strip() for answer in answers if could_be_name(answer)}
    for text in texts:
        names |= introduced(text)
    return partial(redact, names=frozenset(with_parts(names) - with_parts(known)))


def redact(text: str, names: frozenset[str] = frozenset()) -> str:
    """The text with marks such as "[email]" in the place of what was found. Sentences and lines stay what they are."""
    text = _without_addresses(text, text.lower())
    if "01" in text:
        text = _ODD_PHONE.sub(PHONE, text)
    if _HAS_LONG_NUMBER.search(text):
        text = _DIGITS.sub(_number, text)
    if "공일" in text or "영일" in text:
        text = _PHONE_IN_KOREAN.sub(PHONE, text)
    small = text.lower()
    if sum(small.count(word) for word in _DIGIT_WORDS) >= LEAST_DIGITS:
        text = _PHONE_IN_ENGLISH.sub(PHONE, text)
    for name in sorted((name for name in names if name.lower() in small), key=len, reverse=True):
        text = pattern_of(name).sub(NAME, text)
    return text


def _without_addresses(text: str, small: str) -> str:
    """Each kind only where what it always has can be found, which takes a tenth of the time."""
    if "@" in text or "＠" in text:
        text = _HANDLE.sub(NAME, _EMAIL.sub(EMAIL, text))
    if any(word in small for word in _SPELLED_AT):
        text = _EMAIL_IN_WORDS.sub(EMAIL, text)
    if "://" in text or _ENDS_IN_DOMAIN.search(text) or "www." in small:
        text = _URL.sub(URL, text)
    if any(word in small for word in _MESSENGERS):
        text = _MESSENGER.sub(rf"\1{NAME}", text)
    return text


def _number(match: re.Match[str]) -> str:
    found = match[0]
    stripped = found.strip()
    digits = sum(char.isdigit() for char in found)
    if digits < LEAST_DIGITS or any(one.match(stripped.strip("()")) for one in (_DATE, _YEARS, _FRACTION)):
        return found
    without_dates = _DATES_WITHIN.sub("", found)
    if without_dates != found and sum(char.isdigit() for char in without_dates) < LEAST_DIGITS:
        return found
    if _PRICE.match(stripped) and _CURRENCY.match(match.string, match.end()):
        return found
    is_phone = _PHONE_LIKE.match(stripped) and digits <= PHONE_MOST_DIGITS and not _RESIDENT.match(stripped)
    return PHONE if is_phone else NUMBER
