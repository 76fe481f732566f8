"""Tokens of the asker's for programs: made, shown once, listed, revoked. Those of an account: `app.py token`."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel

from debrief.errors import NotAllowed
from storage import tokens
from storage.tokens import Owner, ProgramToken
from webapp.api.asking import TheAsker, TheParts, check_beginning
from webapp.api.shapes import StrictRequest
from webapp.identity import Asker

router = APIRouter(prefix="/api/v1/me/tokens")


class NewToken(StrictRequest):
    label: str
    """What it is for, in the owner's words."""


class TokenOut(BaseModel):
    id: str
    label: str
    created_at: datetime
    used_at: datetime | None

    @classmethod
    def of(cls, token: ProgramToken) -> TokenOut:
        return cls(**{name: getattr(token, name) for name in cls.model_fields})


class TokenMade(BaseModel):
    """`token` is told this once and kept nowhere."""

    id: str
    label: str
    token: str


class TokenList(BaseModel):
    items: list[TokenOut]
    next: None = None


@router.get("", summary="My tokens for programs")
async def list_mine(parts: TheParts, asker: TheAsker) -> TokenList:
    found = await parts.store(tokens.list_tokens, Owner(visitor_id=asker.visitor_id))
    return TokenList(items=[TokenOut.of(token) for token in found])


@router.post("", status_code=201, summary="A token for a program, shown once")
async def make(parts: TheParts, asker: TheAsker, wish: NewToken) -> TokenMade:
    require_browser(asker)
    await check_beginning(parts, asker)
    made, token = await parts.store(tokens.make_token, Owner(visitor_id=asker.visitor_id), wish.label)
    return TokenMade(id=made.id, label=made.label, token=token)


@router.delete("/{token_id}", status_code=204, summary="Revoke a token")
async def revoke(parts: TheParts, asker: TheAsker, token_id: str) -> None:
    await parts.store(tokens.revoke_token, Owner(visitor_id=asker.visitor_id), token_id)


def require_browser(asker: Asker) -> None:
    """Raises NotAllowed for a program: what it could make would outlive its token."""
    if asker.is_program:
        raise NotAllowed("not_by_token")
