"""Which script and, as far as a few common words tell, which language a text is in. Sure or silent, never a guess.

Enough to notice a review in the wrong language and a rewrite in another language than the sentence it rewrites; not
made to name the language of any text there is.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

_LETTERS = re.compile(r"[^\W\d_]+")
_SCRIPTS = {"HANGUL": "hangul", "HIRAGANA": "kana", "KATAKANA": "kana", "CJK": "han", "LATIN": "latin"}
LEAST_LETTERS = 4
"""Letters (syllables count as such) below which nothing is said."""

_COMMON = {
    "en": "the and is are was you your i it that this of to in for with what have not my we they but he she do",
    "es": "el la los las un una es está son que y en de por con para no me mi te tu su se lo muy pero yo qué hay",
    "fr": "le la les un une est sont que et en de du des pour avec pas je tu il elle vous nous mon ma votre ne ce très",
    "de": "der die das ein eine ist sind und ich du sie wir nicht mit für von zu den dem auf mein mich habe aber es",
    "it": "il lo la gli un una è sono che e di per con non mi ti si mio tua molto ma io hai ho del della",
    "pt": "o os as um uma é são que e em de do da por com para não me meu seu muito mas eu você está",
    "nl": "de het een is zijn en van ik je jij niet met voor op dat die maar mijn heb wij ook",
}
_LISTED = {language: frozenset(words.split()) for language, words in _COMMON.items()}


def script_of(text: str) -> str | None:
    """The script of most letters: "hangul", "kana", "han", "latin" or the first word of its Unicode names, lower case.

    None for less than a few letters. Japanese counts as "kana" however many Chinese characters it carries.
    """
    counts: Counter[str] = Counter()
    for char in text:
        if char.isalpha():
            name = unicodedata.name(char, "").split(" ", 1)[0].split("-", 1)[0]
            counts[_SCRIPTS.get(name, name.lower())] += 1
    if counts.total() < LEAST_LETTERS:
        return None
    if counts["kana"] and counts["kana"] + counts["han"] > counts.total() / 2:
        return "kana"
    return max(counts, key=lambda script: counts[script])


def latin_languages(text: str) -> frozenset[str]:
    """Which of seven languages of the Latin script a text may be in, by their commonest words; none when it is unclear.

    A language is meant by two such words or more, unless another one has half as many again.
    """
    words = [word.lower() for word in _LETTERS.findall(text)]
    hits = {language: sum(word in listed for word in words) for language, listed in _LISTED.items()}
    most = max(hits.values())
    return frozenset(language for language, count in hits.items() if count >= 2 and count * 1.5 > most)


def language_of(text: str) -> str | None:
    """The language, as far as script and common words tell: "ko", "ja", "zh", "en", ...; None when they do not."""
    script = script_of(text)
    if script == "latin":
        likely = latin_languages(text)
        return next(iter(likely)) if len(likely) == 1 else None
    return {"hangul": "ko", "kana": "ja", "han": "zh"}.get(script or "")


def same_language(one: str, other: str) -> bool:
    """Whether nothing speaks against both texts being in one language; what cannot be told does not."""
    scripts = script_of(one), script_of(other)
    if None in scripts:
        return True
    if scripts[0] != scripts[1]:
        return False
    languages = latin_languages(one), latin_languages(other)
    return scripts[0] != "latin" or not all(languages) or bool(languages[0] & languages[1])
