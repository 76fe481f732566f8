"""The sentences of a debrief that its visitor may object to, by their paths."""

from __future__ import annotations

from debrief.feedback import FeedbackBody

COMMENT_MAX_CHARS = 500
ALONE = ("summary", "next_step")
IN_LISTS = {"criteria": ("reason", "tip"), "strengths": ("why",), "improvements": ("problem", "rewrite")}


def find_sentence(body: FeedbackBody, path: str) -> str | None:
    """The words under a path: "summary", "next_step", "criteria.0.reason", "strengths.0.why" and their like.

    None where the debrief has no such sentence.
    """
    if path in ALONE:
        return getattr(body, path) or None
    part, _, rest = path.partition(".")
    number, _, name = rest.partition(".")
    if name not in IN_LISTS.get(part, ()) or not (number.isascii() and number.isdigit()):
        return None
    items = getattr(body, part)
    return getattr(items[int(number)], name) or None if int(number) < len(items) else None
