"""The review of a feedback: its states, which move leads from which to which, and whose move it is.

Illegal moves raise. `docs/review.md` has the table.
"""

from __future__ import annotations

from enum import StrEnum

from debrief.errors import Conflict


class ReviewState(StrEnum):
    NONE = "none"
    """Still being made for the first time."""
    PENDING = "pending"
    CLAIMED = "claimed"
    APPROVED = "approved"
    EDITED_APPROVED = "edited_approved"
    REJECTED = "rejected"
    REGENERATING = "regenerating"
    """A reviewer had it written anew; the words that there are wait for the new ones."""
    ESCALATED = "escalated"
    """A reviewer wants an admin to decide."""
    AUTO_RELEASED = "auto_released"
    WITHDRAWN = "withdrawn"

    @property
    def is_shown(self) -> bool:
        """Whether the visitor sees the words."""
        return self in (ReviewState.APPROVED, ReviewState.EDITED_APPROVED, ReviewState.AUTO_RELEASED)

    @property
    def is_being_reviewed(self) -> bool:
        """Whether a person has yet to decide."""
        return self in _UNDECIDED

    def is_readable(self, *, is_disputed: bool) -> bool:
        """Whether the visitor sees the words, given that they object to some of them.

        Who says "this is wrong" has read the words: hiding them then would look like a penalty for saying so. They
        stay, marked, while a person looks again; a held debrief without an objection was never seen and stays hidden.
        """
        return self.is_shown or (is_disputed and self in _UNDECIDED)


_UNDECIDED = (ReviewState.PENDING, ReviewState.CLAIMED, ReviewState.ESCALATED, ReviewState.REGENERATING)

REASONS = ("wrong_evidence", "wrong_level", "unhelpful", "unkind", "wrong_language", "other")
"""Why a reviewer rejects."""

ACTIONS = (
    *("auto_release", "submit", "restore"),
    *("claim", "release", "approve", "edit", "reject", "regenerate", "escalate", "reopen", "withdraw"),
)
"""Every move there is: the program's own, then people's."""

_S = ReviewState
_MOVES: dict[tuple[ReviewState, str], ReviewState] = {
    (_S.NONE, "auto_release"): _S.AUTO_RELEASED,
    (_S.NONE, "submit"): _S.PENDING,
    (_S.PENDING, "claim"): _S.CLAIMED,
    (_S.CLAIMED, "claim"): _S.CLAIMED,
    (_S.CLAIMED, "release"): _S.PENDING,
    (_S.CLAIMED, "approve"): _S.APPROVED,
    (_S.CLAIMED, "edit"): _S.EDITED_APPROVED,
    (_S.CLAIMED, "reject"): _S.REJECTED,
    (_S.CLAIMED, "regenerate"): _S.REGENERATING,
    (_S.CLAIMED, "escalate"): _S.ESCALATED,
    (_S.APPROVED, "reopen"): _S.PENDING,
    (_S.EDITED_APPROVED, "reopen"): _S.PENDING,
    (_S.REJECTED, "reopen"): _S.PENDING,
    (_S.REJECTED, "regenerate"): _S.REGENERATING,
    # What was released at once is judged without a claim, which would hide the words while somebody only looks.
    (_S.AUTO_RELEASED, "approve"): _S.APPROVED,
    (_S.AUTO_RELEASED, "edit"): _S.EDITED_APPROVED,
    (_S.AUTO_RELEASED, "reject"): _S.REJECTED,
    (_S.AUTO_RELEASED, "regenerate"): _S.REGENERATING,
    (_S.AUTO_RELEASED, "escalate"): _S.ESCALATED,
    (_S.AUTO_RELEASED, "reopen"): _S.PENDING,
    # Admins are few: they decide without a claim, and the slower of two is told.
    (_S.ESCALATED, "approve"): _S.APPROVED,
    (_S.ESCALATED, "edit"): _S.EDITED_APPROVED,
    (_S.ESCALATED, "reject"): _S.REJECTED,
    (_S.ESCALATED, "regenerate"): _S.REGENERATING,
    (_S.ESCALATED, "reopen"): _S.PENDING,
    (_S.REGENERATING, "submit"): _S.PENDING,
}


def move(state: ReviewState, action: str, *, before: ReviewState = ReviewState.PENDING) -> ReviewState:
    """The state that `action` leads to. `withdraw` is legal from anywhere.

    Args:
        state: where it stands.
        action: one of `ACTIONS`.
        before: where it stood before it was to be written anew; `restore` leads back there.

    Raises:
        Conflict: the move is not legal from here.
    """
    if action == "withdraw":
        return ReviewState.WITHDRAWN
    if (state, action) == (ReviewState.REGENERATING, "restore"):
        return before
    try:
        return _MOVES[state, action]
    except KeyError:
        raise Conflict("illegal_move", state=state.value, action=action) from None


def needs_admin(state: ReviewState, action: str) -> bool:
    """Whether only an admin may make this move: taking something away from everybody, and all that was escalated."""
    return action == "withdraw" or state is ReviewState.ESCALATED
