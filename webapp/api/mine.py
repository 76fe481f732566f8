"""Who the asker is."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel

from debrief.errors import NotAllowed, SignInNeeded
from storage import visitor_accounts
from storage.visitor_accounts import VisitorAccount
from webapp.api.asking import TheAsker, TheParts
from webapp.identity import Asker

router = APIRouter(prefix="/api/v1")


class AccountOut(BaseModel):
    """Of a reviewer or an admin."""

    name: str
    role: str


class VisitorAccountOut(BaseModel):
    """With what a visitor finds their talks again in another browser."""

    name: str
    created_at: datetime
    has_password: bool
    has_provider: bool
    """Whether the provider, such as Hugging Face, leads to it."""

    @classmethod
    def of(cls, account: VisitorAccount) -> VisitorAccountOut:
        return cls(**{name: getattr(account, name) for name in cls.model_fields})


class Me(BaseModel):
    """Who the asker is to this server. The hint is for telling two browsers apart, not an identity.

    `account` is the review desk's, `visitor_account` the one that keeps the asker's talks; None: not signed in.
    """

    visitor_id_hint: str
    language: str
    account: AccountOut | None
    visitor_account: VisitorAccountOut | None


@router.get("/me", summary="Who I am here")
async def me(parts: TheParts, asker: TheAsker) -> Me:
    found = await parts.store(visitor_accounts.find_account_of, asker.visitor_id)
    desk = asker.account
    return Me(
        visitor_id_hint=asker.visitor_id[:6],
        language=asker.language,
        account=AccountOut(name=desk.name, role=desk.role.value) if desk else None,
        visitor_account=VisitorAccountOut.of(found) if found else None,
    )


def require_admin(asker: Asker) -> None:
    """Raises SignInNeeded or NotAllowed for everybody who is not a signed-in admin."""
    if asker.account is None:
        raise SignInNeeded
    if not asker.account.is_admin:
        raise NotAllowed
