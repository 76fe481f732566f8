"""What a visitor may say of an answer: up or down, why, and in their own words."""

from __future__ import annotations

from debrief.errors import InputRejected

REASONS: dict[str, tuple[str, ...]] = {
    "up": ("lifelike", "challenging", "to_the_point"),
    "down": ("out_of_role", "repeats_itself", "too_long", "makes_no_sense", "wrong_language", "offensive", "other"),
}
"""By value; the words for them are the page's, under `rate_`."""

COMMENT_MAX_CHARS = 1000


def check_rating(value: str, reasons: list[str], comment: str) -> tuple[tuple[str, ...], str]:
    """The reasons in the order of `REASONS`, each once, and the comment without space around it.

    Raises:
        InputRejected: a reason that does not go with the value, or a comment that is too long.
    """
    known = REASONS[value]
    if unknown := sorted(set(reasons) - set(known)):
        raise InputRejected(reason=f"reasons of {value} are {', '.join(known)}, not {', '.join(unknown)[:80]}")
    comment = comment.strip()
    if len(comment) > COMMENT_MAX_CHARS:
        raise InputRejected("message_too_long", length=len(comment), limit=COMMENT_MAX_CHARS)
    return tuple(reason for reason in known if reason in reasons), comment
