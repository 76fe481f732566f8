"""The review of a feedback: its states, and which move leads from which to which. Illegal moves raise."""

from __future__ import annotations

from enum import StrEnum

from debrief.errors import Conflict


class ReviewState(StrEnum):
    NONE = "none"
    """Still being made."""
    PENDING = "pending"
    CLAIMED = "claimed"
    APPROVED = "approved"
    EDITED_APPROVED = "edited_approved"
    REJECTED = "rejected"
    AUTO_RELEASED = "auto_released"
    WITHDRAWN = "withdrawn"

    @property
    def is_shown(self) -> bool:
        """Whether the visitor sees the words."""
        return self in (ReviewState.APPROVED, ReviewState.EDITED_APPROVED, ReviewState.AUTO_RELEASED)

    def is_readable(self, *, is_disputed: bool) -> bool:
        """Whether the visitor sees the words, given that they object to some of them.

        Who says "this is wrong" has read the words: hiding them then would look like a penalty for saying so. They
        stay, marked, while a person looks again; a held debrief without an objection was never seen and stays hidden.
        """
        return self.is_shown or (is_disputed and self in (ReviewState.PENDING, ReviewState.CLAIMED))


REASONS = ("wrong_evidence", "wrong_level", "unhelpful", "unkind", "wrong_language", "other")
"""Why a reviewer rejects."""

ACTIONS = ("auto_release", "submit", "claim", "release", "approve", "reject", "reopen", "regenerate", "withdraw")
"""Every move there is."""

_MOVES: dict[tuple[ReviewState, str], ReviewState] = {
    (ReviewState.NONE, "auto_release"): ReviewState.AUTO_RELEASED,
    (ReviewState.NONE, "submit"): ReviewState.PENDING,
    (ReviewState.PENDING, "claim"): ReviewState.CLAIMED,
    (ReviewState.CLAIMED, "claim"): ReviewState.CLAIMED,
    (ReviewState.CLAIMED, "release"): ReviewState.PENDING,
    (ReviewState.CLAIMED, "approve"): ReviewState.APPROVED,
    (ReviewState.CLAIMED, "reject"): ReviewState.REJECTED,
    (ReviewState.APPROVED, "reopen"): ReviewState.PENDING,
    (ReviewState.EDITED_APPROVED, "reopen"): ReviewState.PENDING,
    (ReviewState.REJECTED, "reopen"): ReviewState.PENDING,
    # What was released at once is judged without a claim, which would hide the words while somebody only looks.
    (ReviewState.AUTO_RELEASED, "approve"): ReviewState.APPROVED,
    (ReviewState.AUTO_RELEASED, "reject"): ReviewState.REJECTED,
    (ReviewState.AUTO_RELEASED, "reopen"): ReviewState.PENDING,
    (ReviewState.PENDING, "regenerate"): ReviewState.NONE,
    (ReviewState.CLAIMED, "regenerate"): ReviewState.NONE,
    (ReviewState.APPROVED, "regenerate"): ReviewState.NONE,
    (ReviewState.EDITED_APPROVED, "regenerate"): ReviewState.NONE,
    (ReviewState.REJECTED, "regenerate"): ReviewState.NONE,
    (ReviewState.AUTO_RELEASED, "regenerate"): ReviewState.NONE,
}


def move(state: ReviewState, action: str) -> ReviewState:
    """The state that `action` leads to. `withdraw` is legal from anywhere.

    Raises:
        Conflict: the move is not legal from here.
    """
    if action == "withdraw":
        return ReviewState.WITHDRAWN
    try:
        return _MOVES[state, action]
    except KeyError:
        raise Conflict("illegal_move", state=state.value, action=action) from None
