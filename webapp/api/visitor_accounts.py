"""The visitor's own account: made for the talks that are there, signed in to elsewhere, signed out of."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Request, Response
from pydantic import BaseModel, Field

from storage import visitor_accounts as accounts
from webapp.api.asking import TheAsker, TheParts, check_beginning
from webapp.api.links import become, go_over
from webapp.api.mine import VisitorAccountOut
from webapp.api.shapes import StrictRequest
from webapp.api.tokens import require_browser
from webapp.identity import new_visitor_id, visitor_cookie

router = APIRouter(prefix="/api/v1/me/account")

Given = Annotated[str, Field(max_length=2000)]
"""Longer ones are no names and no passwords, and are not hashed."""


class Credentials(StrictRequest):
    name: Given
    password: Given


class SignedIn(BaseModel):
    talks: int
    """How many talks of this browser came along."""


class NewPassword(StrictRequest):
    password: Given
    """The one that it has."""
    new_password: Given


class SignOut(StrictRequest):
    everywhere: bool = False
    """In all other browsers too."""


@router.post("", status_code=201, summary="Make an account that keeps my talks")
async def sign_up(parts: TheParts, asker: TheAsker, wish: Credentials) -> VisitorAccountOut:
    require_browser(asker)
    await check_beginning(parts, asker)
    async with parts.attempts.one(wish.name, asker.address):
        made = await parts.store(accounts.sign_up, asker.visitor_id, wish.name, wish.password)
    return VisitorAccountOut.of(made)


@router.post("/sign-in", summary="Sign in; what was said in this browser comes along")
async def sign_in(
    request: Request, response: Response, parts: TheParts, asker: TheAsker, wish: Credentials, later: BackgroundTasks
) -> SignedIn:
    require_browser(asker)
    async with parts.attempts.one(wish.name, asker.address):
        moved = await parts.store(accounts.sign_in, wish.name, wish.password, asker.visitor_id)
    become(request, response, parts, later, asker.visitor_id, moved.visitor_id)
    return SignedIn(talks=moved.talks)


@router.post("/sign-out", status_code=204, summary="Sign out here, or everywhere")
async def sign_out(
    request: Request, response: Response, parts: TheParts, asker: TheAsker, wish: SignOut, later: BackgroundTasks
) -> None:
    """This browser becomes somebody new, of whom nothing is kept. Without an account it would lose its talks: 404."""
    require_browser(asker)
    await parts.store(accounts.get_account_of, asker.visitor_id)
    if wish.everywhere:
        into_id = new_visitor_id()
        await parts.store(accounts.end_all_sessions, asker.visitor_id, into_id)
        go_over(parts, later, asker.visitor_id, into_id)
    response.raw_headers.append(visitor_cookie(request, parts.signer, new_visitor_id(), on_space=parts.on_space))


@router.put("/password", status_code=204, summary="Another password; all other browsers are signed out")
async def change_password(
    request: Request, response: Response, parts: TheParts, asker: TheAsker, wish: NewPassword, later: BackgroundTasks
) -> None:
    require_browser(asker)
    account = await parts.store(accounts.get_account_of, asker.visitor_id)
    into_id = new_visitor_id()
    async with parts.attempts.one(account.name, asker.address):
        await parts.store(accounts.change_password, asker.visitor_id, wish.password, wish.new_password, into_id)
    become(request, response, parts, later, asker.visitor_id, into_id)
