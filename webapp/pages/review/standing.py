"""What else the desk knows of an open case: its versions, a wish to have it written anew, and which moves are legal."""

from __future__ import annotations

from typing import Any

from debrief.errors import Conflict
from debrief.review import ReviewState, move, needs_admin
from storage.accounts import Account
from storage.reviews import ReviewCase

OWN_MOVES = ("edit", "regenerate", "escalate", "reopen", "withdraw")
"""Moves that the page makes by the API."""


def standing(case: ReviewCase, account: Account) -> dict[str, Any]:
    """For the slots; `can` names the moves of `OWN_MOVES` that this account may make now."""
    remade = case.remade
    return {
        "row_version": case.row_version,
        "version_n": case.version_n,
        "versions": case.versions,
        "origin": case.origin,
        "round": case.round,
        "way": case.body.way if case.body else None,
        "remade": {"state": remade.state.value, "guidance": remade.guidance, "error": remade.error_code}
        if remade
        else None,
        "can": [action for action in OWN_MOVES if _may(case, account, action)],
    }


def _may(case: ReviewCase, account: Account, action: str) -> bool:
    if needs_admin(case.state, action) and not account.is_admin:
        return False
    is_held = case.state is ReviewState.CLAIMED and case.claimed_by_id != account.id
    if (is_held and action != "withdraw") or (action == "withdraw" and case.state is ReviewState.WITHDRAWN):
        return False
    try:
        move(case.state, action)
    except Conflict:
        return False
    return True
