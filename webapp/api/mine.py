"""Who the asker is."""

from __future__ import annotations

from fastapi import APIRouter

from debrief.errors import NotAllowed, SignInNeeded
from webapp.api.asking import TheAsker
from webapp.api.shapes import Me
from webapp.identity import Asker

router = APIRouter(prefix="/api/v1")


@router.get("/me", summary="Who I am here")
async def me(asker: TheAsker) -> Me:
    return Me.of(asker.visitor_id, asker.language, asker.account)


def require_admin(asker: Asker) -> None:
    """Raises SignInNeeded or NotAllowed for everybody who is not a signed-in admin."""
    if asker.account is None:
        raise SignInNeeded
    if not asker.account.is_admin:
        raise NotAllowed
