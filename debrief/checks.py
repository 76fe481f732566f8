"""What code can say about a feedback: small named checks, each with its reason. None of them judges the visitor.

Each gives a `Check` that is stored and shown as a badge; `where` names the part it looked at.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher

from debrief.feedback import Check, Evidence

_HANGUL = re.compile(r"[\u1100-\u11ff\u3130-\u318f\uac00-\ud7af]")
_LATIN = re.compile(r"[A-Za-zÀ-ɏ]")
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_LABEL = re.compile(r"\bm\d+[.·]\d+\b", re.IGNORECASE)
ECHO_WORDS = {"en": 8, "ko": 5}
"""So many words of the rubric in a row are an echo; Korean says as much in fewer words."""


def evidence_exact(evidence: Iterable[Evidence], texts: Mapping[str, str], where: str | None = None) -> Check:
    """Each quote is exactly what stands at its place in the stored message: a wrong quote would destroy trust."""
    wrong = [e for e in evidence if texts.get(e.message_id, "")[e.start : e.end] != e.quote]
    return Check(name="evidence_exact", passed=not wrong, where=where)


def evidence_is_own(evidence: Iterable[Evidence], texts: Mapping[str, str], where: str | None = None) -> Check:
    """Each quote is the visitor's: nobody is reviewed for what the persona said. `texts` holds the visitor's alone."""
    return Check(name="evidence_is_own", passed=all(e.message_id in texts for e in evidence), where=where)


def levels_backed(level: int | None, evidence: Iterable[Evidence], where: str | None = None) -> Check:
    """No line, no level: a verdict that rests on nothing the visitor said is not shown."""
    return Check(name="levels_backed", passed=level is None or any(True for _ in evidence), where=where)


def language_matches(text: str, language: str, where: str | None = None) -> Check:
    """The words are in the reader's language, by script; quoted words of another language may stand among them."""
    hangul, latin = len(_HANGUL.findall(text)), len(_LATIN.findall(text))
    share = hangul / (hangul + latin) if hangul + latin else 0.0
    passed = share >= 0.5 if language == "ko" else bool(latin) and share <= 0.3
    return Check(name="language_matches", passed=passed, where=where)


def language_of(text: str) -> str | None:
    """The language as far as the script tells, "ko" or "en" (any Latin script); None when it does not."""
    hangul, latin = len(_HANGUL.findall(text)), len(_LATIN.findall(text))
    if hangul + latin < 4:
        return None
    return "ko" if hangul >= latin else "en"


def rewrite_differs(rewrite: str, quote: str, where: str | None = None) -> Check:
    """A better wording is another wording, not the visitor's own once more."""
    return Check(name="rewrite_differs", passed=_likeness(rewrite, quote) < 0.9, where=where)


def no_repetition(text: str, where: str | None = None) -> Check:
    """Small models fall into loops: the same three words again and again, or few different words in many."""
    words = [word.lower() for word in _WORD.findall(text)]
    triples = Counter(zip(words, words[1:], words[2:], strict=False))
    looping = any(count > 2 for count in triples.values())
    poor = len(words) >= 10 and len(set(words)) / len(words) < 0.5
    return Check(name="no_repetition", passed=not looping and not poor, where=where)


def no_echo(text: str, phrases: Iterable[str], language: str, where: str | None = None) -> Check:
    """A reason is about this talk: no line numbers, and not the rubric's sentences said again."""
    size = ECHO_WORDS.get(language, ECHO_WORDS["en"])
    runs = _runs(text, size)
    echoed = bool(_LABEL.search(text)) or any(runs & _runs(phrase, size) for phrase in phrases)
    return Check(name="no_echo", passed=not echoed, where=where)


def min_words(text: str, least: int, where: str | None = None) -> Check:
    """One or two words explain nothing."""
    return Check(name="min_words", passed=len(_WORD.findall(text)) >= least, where=where)


def finished(finish_reason: str | None, where: str | None = None) -> Check:
    """The model came to its end by itself; what was cut off at the token limit is not used."""
    return Check(name="finished", passed=finish_reason == "stop", where=where)


def no_injection(flagged: Iterable[str]) -> Check:
    """No line of the talk reads like an order to the reviewer; `where` names those that do."""
    labels = ", ".join(sorted(flagged))
    return Check(name="no_injection", passed=not labels, where=labels or None)


def _runs(text: str, size: int) -> set[tuple[str, ...]]:
    words = [word.lower() for word in _WORD.findall(text)]
    return {tuple(words[index : index + size]) for index in range(len(words) - size + 1)}


def _likeness(one: str, other: str) -> float:
    plain = [" ".join(_WORD.findall(text.lower())) for text in (one, other)]
    return SequenceMatcher(None, *plain, autojunk=False).ratio()
