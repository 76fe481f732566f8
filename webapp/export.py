"""A debrief as a file to take along: Markdown to read, JSON to work with. Only what its owner is shown.

In the Markdown the words of people and models are escaped: they stay words, whatever signs are in them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import orjson

from debrief.conversation import Conversation
from debrief.feedback import CriterionResult, Evidence, FeedbackBody, FeedbackView
from debrief.texts import say
from webapp.notices import feedback_notice

_SIGNS = re.compile(r"([\\`*_\[\]<>&|~$@#])")
_LINE_STARTS = re.compile(r"^(?:([-+=])|(\d{1,9})([.)]))")
_LINKS = re.compile(r"(://|www\.)", re.IGNORECASE)
_UNSEEN = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]+")


def export_name(view: FeedbackView, ending: str) -> str:
    """A name that any file system and any header takes: "debrief-2026-11-22-1a2b3c.md"."""
    mark = re.sub(r"[^A-Za-z0-9]", "", view.id)[-6:]
    return f"debrief-{view.created_at:%Y-%m-%d}-{mark}.{ending}"


def feedback_json(view: FeedbackView, talk: Conversation) -> bytes:
    """The record with its checks and what produced it."""
    record = {
        "id": view.id,
        "conversation_id": view.conversation_id,
        "scenario": talk.scenario_id,
        "title": talk.title,
        "version_n": view.version_n,
        "state": view.state.value,
        "review_state": view.review_state,
        "created_at": view.created_at,
        "finished_at": view.finished_at,
        "body": view.body.model_dump(mode="json") if view.body else None,
        "checks": [check.model_dump(mode="json") for check in view.checks],
        "lineage": view.lineage,
    }
    return orjson.dumps(record, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS)


def feedback_markdown(view: FeedbackView, talk: Conversation, language: str) -> str:
    """The debrief to read. The labels are in the reader's language, as on the page."""
    assert view.body  # noqa: S101 the caller has looked
    lines = [
        f"# {say('ui.debrief', language)}: {escaped(talk.title)}",
        f"*{view.created_at:%Y-%m-%d} · {escaped(feedback_notice(view, language))}*",
        *_paragraphs(view.body, language),
        "---",
        escaped(whose_words(view.body, language)),
    ]
    return "\n\n".join(line for line in lines if line) + "\n"


def escaped(words: str) -> str:
    """One line of plain words: no sign in them is read as Markdown, HTML, a link or a formula."""
    flat = " ".join(_UNSEEN.sub(" ", words).split())
    flat = _SIGNS.sub(r"\\\1", flat)
    flat = _LINKS.sub(lambda found: found[0][:-1] + "\\." if found[0].endswith(".") else "\\://", flat)
    return _LINE_STARTS.sub(lambda found: f"\\{found[1]}" if found[1] else f"{found[2]}\\{found[3]}", flat)


def whose_words(body: FeedbackBody, language: str) -> str:
    """Whose words these are, and who chose lines and levels."""
    if body.way == "written":
        return say("ui.words_model", language)
    return say("ui.words_rubric_likeness" if body.placed_by == "likeness" else "ui.words_rubric", language)


def _paragraphs(body: FeedbackBody, language: str) -> Iterator[str]:
    yield escaped(body.summary or "")
    for criterion in body.criteria:
        yield from _criterion(criterion, language)
    if body.strengths:
        yield f"## {say('ui.strengths', language)}"
        for strength in body.strengths:
            yield escaped(strength.why)
            yield _quotes(strength.evidence)
    if body.improvements:
        yield f"## {say('ui.improvements', language)}"
        for item in body.improvements:
            yield escaped(item.problem)
            yield _quotes(item.evidence)
            label = say("ui.rewrite_example" if item.is_example else "ui.rewrite", language)
            yield f"**{label}** {escaped(item.rewrite)}"
    if body.next_step:
        yield f"## {say('ui.next_step', language)}"
        yield escaped(body.next_step)
    if body.covered.messages < body.covered.of:
        yield escaped(_coverage(body, language))


def _criterion(result: CriterionResult, language: str) -> Iterator[str]:
    yield f"## {escaped(result.name)}: {escaped(_level(result, language))}"
    yield escaped(result.reason or "")
    yield _quotes(result.evidence)
    if result.tip:
        yield f"**{say('ui.tip', language)}** {escaped(result.tip)}"


def _level(result: CriterionResult, language: str) -> str:
    if result.status != "scored":
        return say("ui.not_observed" if result.status == "not_observed" else "ui.unscored", language)
    return result.level_name or say("ui.level", language, level=result.level)


def _quotes(evidence: Sequence[Evidence]) -> str:
    return "\n>\n".join(f"> {escaped(item.quote)}" for item in evidence)


def _coverage(body: FeedbackBody, language: str) -> str:
    if not body.covered.runs:
        return say("ui.covered", language, messages=body.covered.messages, of=body.covered.of)
    return say("ui.covered_runs", language, runs=_spans(body.covered.runs), of=body.covered.of)


def _spans(runs: Iterable[tuple[int, int]]) -> str:
    return ", ".join(str(first) if first == last else f"{first}–{last}" for first, last in runs)
