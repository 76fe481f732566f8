"""What code can say about a feedback: small named checks, each with its reason. None of them judges the visitor.

Each gives a `Check` that is stored and shown as a badge; `where` names the part it looked at. A check that is a
`warning` tells something worth knowing and holds nothing back. `docs/feedback.md` has them as a table.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher

from debrief.feedback import Check, Evidence
from debrief.languages import latin_languages, same_language

_HANGUL = re.compile(r"[\u1100-\u11ff\u3130-\u318f\uac00-\ud7af]")
_LATIN = re.compile(r"[A-Za-zÀ-ɏ]")
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_LABEL = re.compile(r"\bm\d+[.·]\d+\b", re.IGNORECASE)
_QUOTED = re.compile(r"[\"“”‘«»][^\"“”’«»]{1,200}[\"“”’«»]")
_NUMBER = re.compile(r"\d+")
_PERSONAL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+|(?:https?://|www\.)\S+|\+?\d(?:[\s().-]?\d){5,}")
SAME = 0.9
"""Likeness (0 to 1, by letters) from which on two sentences count as the same."""
LONGER_TALK = 6
"""Messages of the visitor from which on the place of the evidence says something."""
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
    """The words are in the reader's language; quoted words of another language may stand among them.

    Korean is told by its script, English by the script and by not being clearly French, say.
    """
    hangul, latin = len(_HANGUL.findall(text)), len(_LATIN.findall(text))
    share = hangul / (hangul + latin) if hangul + latin else 0.0
    if language == "ko":
        passed = share >= 0.5
    else:
        likely = latin_languages(_QUOTED.sub(" ", text))
        passed = bool(latin) and share <= 0.3 and (not likely or language in likely)
    return Check(name="language_matches", passed=passed, where=where)


def rewrite_differs(rewrite: str, quote: str, where: str | None = None) -> Check:
    """A better wording is another wording, not the visitor's own once more."""
    return Check(name="rewrite_differs", passed=_likeness(rewrite, quote) < SAME, where=where)


def rewrite_is_new(rewrite: str, lines: Iterable[str], where: str | None = None) -> Check:
    """What was said elsewhere in the talk, by whomever, is not a better wording of this line."""
    passed = all(_likeness(rewrite, line) < SAME for line in lines)
    return Check(name="rewrite_is_new", passed=passed, where=where)


def rewrite_language(rewrite: str, quote: str, where: str | None = None) -> Check:
    """A better wording is in the language that was being spoken: who practises English gets English sentences."""
    return Check(name="rewrite_language", passed=same_language(rewrite, quote), where=where)


def rewrite_adds_no_numbers(rewrite: str, talk: str, where: str | None = None) -> Check:
    """A figure that was never said may be a proposal ("within 2 days") or an invented fact: worth a look."""
    passed = set(_NUMBER.findall(rewrite)) <= set(_NUMBER.findall(talk))
    return Check(name="rewrite_adds_no_numbers", passed=passed, where=where, warning=True)


def no_personal_data_invented(text: str, talk: str, where: str | None = None) -> Check:
    """Addresses, links and long numbers that nobody said would be made up, or another person's."""
    passed = all(_bare(found) in _bare(talk) for found in _PERSONAL.findall(text))
    return Check(name="no_personal_data_invented", passed=passed, where=where)


def said_once(text: str, earlier: Iterable[str], where: str | None = None) -> Check:
    """The same sentence for two criteria, or the same advice twice, was not thought about."""
    passed = all(_likeness(text, other) < SAME for other in earlier)
    return Check(name="said_once", passed=passed, where=where)


def written_in_order(keys: Iterable[str], wanted: Sequence[str], where: str | None = None) -> Check:
    """Lines, then reason, then level; the summary last. A level that comes first is only explained afterwards."""
    known = [key for key in keys if key in wanted]
    passed = known == [key for key in wanted if key in known]
    return Check(name="written_in_order", passed=passed, where=where)


def evidence_spread(places: Sequence[int], of: int) -> Check:
    """A longer talk should not be judged by its beginning alone: models have a pull to what they read first.

    Args:
        places: which of the visitor's messages were quoted, from 0.
        of: how many messages of the visitor were read.
    """
    passed = of < LONGER_TALK or not places or max(places) >= of / 3
    return Check(name="evidence_spread", passed=passed, warning=True)


def same_when_masked(shift: Mapping[str, int | None]) -> Check:
    """The lines that read like orders move no level: judged with them and without them it is the same.

    Args:
        shift: by criterion, level with these lines minus level without; None where only one of the two gave a level.
    """
    moved = [key for key, by in shift.items() if by is None or abs(by) >= 1]
    return Check(name="same_when_masked", passed=not moved, where=", ".join(moved) or None)


def model_words_usable(usable: bool) -> Check:
    """At least one criterion of what the model answered may be used; else the rubric speaks, placed by likeness."""
    return Check(name="model_words_usable", passed=usable)


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


def _bare(text: str) -> str:
    """Without what people put between digits and letters, so that 010-1234-5678 is 01012345678."""
    return re.sub(r"[\s().+-]", "", text).lower()


def _runs(text: str, size: int) -> set[tuple[str, ...]]:
    words = [word.lower() for word in _WORD.findall(text)]
    return {tuple(words[index : index + size]) for index in range(len(words) - size + 1)}


def _likeness(one: str, other: str) -> float:
    plain = [" ".join(_WORD.findall(text.lower())) for text in (one, other)]
    return SequenceMatcher(None, *plain, autojunk=False).ratio()
