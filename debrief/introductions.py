"""Names that somebody gives: with a phrase of introduction, with a title, or in a form. By shape, as in `redaction.py`.

A phrase that says "name" is believed in nearly everything; "I'm ..." and "저는 ...입니다" are said of trades, countries
and moods as well, so after these a word must look like a name and be none of `debrief/ordinary_words.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from debrief.ordinary_words import (
    ENGLISH,
    ENGLISH_NAMES_THAT_ARE_WORDS,
    FREQUENT_SURNAMES,
    KOREAN,
    KOREAN_ENDINGS,
    KOREAN_PROFESSIONS,
    LONG_SURNAMES,
    SURNAMES,
)

_WORD = r"[^\W\d_][\w'’-]{1,30}"
_CAPITAL = r"[A-Z\u00c0-\u00de][\w'’-]{1,30}"
_LATIN_NAME = rf"{_CAPITAL}(?:\s+(?:(?:de|van|von|da|der)\s+)?{_CAPITAL}){{0,3}}"
_GOES_ON = (
    r"(?=['’]s\b|\s*(?:[,.!?;:()\-\u2013\u2014\n]|$)"
    r"|\s+(?:and|from|speaking|calling|here|with|at|in|of|the|but|who|i|it|how|your|again)\b)"
)
"""What follows a name where the phrase before it is said of other things too: "I am Java developer" is no name."""
_SURE = re.compile(rf"\b(?i:my\s+(?:full\s+|first\s+|last\s+)?name\s*(?:is|'s|’s)|i\s+am\s+called)\s+({_LATIN_NAME})")
_SMALL = re.compile(rf"\b(?:my\s+(?:full\s+)?name\s*(?:is|'s|’s)|i\s+am\s+called)\s+({_WORD})", re.IGNORECASE)
_LIKELY = re.compile(
    rf"\b(?i:call\s+me|this\s+is|i\s*['’]\s*m|i\s+am|name['’]s|meet\s+you,?)\s+({_LATIN_NAME})(?i:{_GOES_ON})"
)
_SIGNED = re.compile(rf"\b(?i:regards|sincerely|cheers|yours)\s*,\s*({_LATIN_NAME})\s*(?:\n|$)")
_TITLED = re.compile(rf"\b(?:Mr|Ms|Mrs|Miss|Mx|Dr|Prof)\b\.?\s+({_CAPITAL}(?:\s+{_CAPITAL})?)")

_COPULA = r"(?:이에요|예요|입니다|이고|이라고|라고|이야|야|이며|이구요|이고요|이라|인데)"
_KOREAN_SURE = re.compile(rf"(?:제|내|저의)\s*(?:이름|성함|본명)[은이]\s*([가-힣]{{2,5}}?)(?={_COPULA})")
_KOREAN_NAMED = re.compile(
    rf"(?:이름|성함|본명|예금주|입금자|수취인)(?P<sign>[은이는]?\s*[:：]|[은이는]\s|\s)\s*([가-힣]{{2,5}}?){_COPULA}?(?P<end>[\s,.!)]|$)"
)
_KOREAN_CALLED = re.compile(r"(?:저는|전|나는|저)\s*([가-힣]{2,5}?)(?:이)?라고\s*(?:합니다|해요|불러|부르|하는데)")
_KOREAN_IS = re.compile(
    r"(?:^|[\s,.!?~])([가-힣]{3,4}?)(?:이라고\s*(?:합니다|해요)|라고\s*(?:합니다|해요)|입니다|이에요|예요|인데요)"
)
_KOREAN_POST = re.compile(
    r"(?:상담원|상담사|매니저|담당자|지원자|대리|과장|팀장|사원|주임|인턴|접수원)\s+([가-힣]{2,4}?)(?=입니다|이에요|예요|이라고|라고)"
)
_KOREAN_SSI = re.compile(r"(?<![가-힣])([가-힣]{2,4}?)\s?씨(?![앗름줄족알])")
_KOREAN_NIM = re.compile(r"(?<![가-힣])([가-힣]{3,4}?)\s?님")
_NO_SSI = frozenset(["마음", "아저", "아가", "말", "날", "솜", "글", "맵", "불", "홀", "홑"])


def introduced(text: str) -> set[str]:
    """Names that are given in this text."""
    found = {match[1] for match in _SURE.finditer(text) if not is_ordinary(match[1].split()[0])}
    found |= {match[1] for match in _SMALL.finditer(text) if not is_ordinary(match[1])}
    found |= {match[1] for match in _SIGNED.finditer(text) if _is_likely(match[1])}
    found |= {match[1] for match in _LIKELY.finditer(text) if _is_likely(match[1])}
    found |= {match[1] for match in _TITLED.finditer(text)}
    return {name.strip("'’-") for name in found} | _korean(text)


def _korean(text: str) -> set[str]:
    if not re.search(r"[가-힣]", text):
        return set()
    found = {match[1] for match in _KOREAN_SURE.finditer(text) if match[1] not in KOREAN}
    found |= {match[2] for match in _KOREAN_NAMED.finditer(text) if _is_named(match)}
    found |= {match[1] for match in _KOREAN_CALLED.finditer(text) if _may_be_korean(match[1])}
    found |= {match[1] for match in _KOREAN_IS.finditer(text) if is_korean_name(match[1])}
    found |= {match[1] for match in _KOREAN_POST.finditer(text) if _may_be_korean(match[1])}
    found |= {match[1] for match in _KOREAN_SSI.finditer(text) if match[1] not in _NO_SSI}
    return found | {match[1] for match in _KOREAN_NIM.finditer(text) if is_korean_name(match[1])}


def _is_named(match: re.Match[str]) -> bool:
    """After "이름:" whatever could be a name; after "이름은" it must look like one, or be all that the clause says."""
    if is_korean_name(match[2]):
        return True
    is_alone = not match["end"].isspace() and match["sign"].strip() != ""
    return (":" in match["sign"] or "：" in match["sign"] or is_alone) and _may_be_korean(match[2])


def is_ordinary(word: str) -> bool:
    """Whether it is one of the words that stand where names stand."""
    plain = word.lower().split("'")[0].split("’")[0].split("-")[0]
    return plain in ENGLISH - ENGLISH_NAMES_THAT_ARE_WORDS or word in KOREAN


def is_korean_name(word: str) -> bool:
    """A surname and one or two more syllables that are no known word: for where nothing says that it is a name."""
    if word in KOREAN or not re.fullmatch(r"[가-힣]{3,4}", word):
        return False
    if len(word) == 4:
        return word.startswith(LONG_SURNAMES) and not word.endswith(KOREAN_ENDINGS)
    if word[0] not in SURNAMES or word.endswith(KOREAN_ENDINGS) or word[:2] in KOREAN:
        return False
    return word[0] in FREQUENT_SURNAMES or not word.endswith(KOREAN_PROFESSIONS)


def _may_be_korean(word: str) -> bool:
    """After a phrase of introduction: whatever is no known word, and does not end like a verb."""
    return word not in KOREAN and not word.endswith(KOREAN_ENDINGS) and word[:2] not in _ADVERBS


_ADVERBS = frozenset(["아직", "물론", "이미", "나중", "따로", "그냥", "별로", "필요", "중요", "비밀"])


def _is_likely(name: str) -> bool:
    words = name.split()
    return not any(is_ordinary(word) for word in words) and not any(word.isupper() for word in words)


def could_be_name(answer: str) -> bool:
    """Whether a form's answer may be somebody's name: one to four capitalised words, or a Korean name.

    One capitalised word counts too: a nickname taken out costs less than a name left in. What a person does
    ("영업", "Sales") is none.
    """
    words = answer.split()
    if not 1 <= len(words) <= 4 or len(answer) > 60:
        return False
    if re.fullmatch(r"[가-힣]{2,5}", answer.strip()):
        return _is_answered_name(answer.strip())
    return all(word[:1].isupper() for word in words) and not (len(words) == 1 and is_ordinary(words[0]))


def _is_answered_name(word: str) -> bool:
    if word in KOREAN or word.endswith(KOREAN_ENDINGS):
        return False
    return len(word) == 2 or is_korean_name(word) or (len(word) > 3 and not word.endswith(KOREAN_PROFESSIONS))


def with_parts(names: Iterable[str]) -> set[str]:
    """Whoever is "Olga Ivanova" is called "Olga" a line later; "김지수" is "지수"."""
    parts: set[str] = set()
    for name in names:
        parts.add(name)
        words = name.split()
        if len(words) > 1:
            parts |= {word for word in words if len(word) > 1 and word[:1].isupper() and not is_ordinary(word)}
        elif re.fullmatch(r"[가-힣]{3}", name) or (len(name) == 4 and name.startswith(LONG_SURNAMES)):
            parts.add(name[-2:])
    return parts


def pattern_of(name: str) -> re.Pattern[str]:
    """Where it stands. Hangul names are followed by particles, so only their beginning is a border.

    A Korean given name that is a word as well ("지원") is one only where somebody is called so: "지원 씨", "지원이가".
    An English name is found in capitals or not, unless it is a word too.
    """
    if re.search(r"[가-힣]$", name):
        called = (
            r"(?=\s?(?:씨|님|양|군)(?![앗름줄족알])|이(?:가|는|를|도|랑|의|한테|에게)|아[,!. ]|야[,!. ])"
            if name in KOREAN
            else ""
        )
        return re.compile(rf"(?<!\w){re.escape(name)}{called}")
    as_written = " " in name or name.lower() in ENGLISH_NAMES_THAT_ARE_WORDS | ENGLISH or len(name) < 3
    return re.compile(
        rf"(?<![A-Za-z0-9_]){re.escape(name)}(?![A-Za-z0-9_])", 0 if as_written and " " not in name else re.IGNORECASE
    )
