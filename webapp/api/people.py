"""Accounts, the tokens of their programs, and the forgetting of one visitor, for admins.

No password is made or seen here: a link lets its person choose one. Links and tokens are told once and kept nowhere.
"""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from debrief.errors import NotFound
from storage import account_tokens, password_links, people
from storage.account_tokens import AccountToken
from storage.accounts import Account
from storage.password_links import PasswordLink
from storage.people import Person
from webapp.api.asking import TheAdmin, TheAsker, TheParts
from webapp.api.data import DeletedOut, StoredOut
from webapp.api.tokens import NewToken, TokenMade, TokenOut, require_browser
from webapp.parts import Parts
from webapp.sign_in import CHOOSE_PAGE

router = APIRouter(prefix="/api/v1/people", tags=["people"])


class PersonOut(BaseModel):
    """`sign_ins` counts browsers that are signed in now; `me` is whoever asks.

    `link_until`: until when a link to choose a password is good that nobody used yet.
    """

    id: str
    name: str
    role: str
    created_at: datetime
    disabled_at: datetime | None
    sign_ins: int
    used_at: datetime | None
    me: bool
    link_until: datetime | None

    @classmethod
    def of(cls, person: Person, asker: Account, link_until: datetime | None) -> PersonOut:
        own = {name: getattr(person.account, name) for name in ("id", "name", "role", "created_at", "disabled_at")}
        me = person.account.id == asker.id
        return cls(sign_ins=person.sign_ins, used_at=person.used_at, me=me, link_until=link_until, **own)


class People(BaseModel):
    items: list[PersonOut]


class NewPerson(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: str
    role: str = "reviewer"


class PersonChange(BaseModel):
    """What is left out stays as it is."""

    model_config = ConfigDict(extra="forbid", strict=True)

    role: str | None = None
    disabled: bool | None = None


class WithLink(BaseModel):
    """`link` is in this answer only, as a path of this server: hand it over, it cannot be read again."""

    id: str
    name: str
    role: str
    link: str
    expires_at: datetime

    @classmethod
    def of(cls, made: PasswordLink) -> WithLink:
        account = made.account
        link = f"{CHOOSE_PAGE}#{made.token}"
        return cls(
            id=account.id, name=account.name, role=account.role.value, link=link, expires_at=made.expires_at
        )  # fmt: skip


class AccountTokenOut(TokenOut):
    account: str

    @classmethod
    def of_account(cls, one: AccountToken) -> AccountTokenOut:
        return cls(account=one.account_name, **TokenOut.of(one.token).model_dump())


class AccountTokens(BaseModel):
    items: list[AccountTokenOut]


@router.get("", summary="Everybody with an account")
async def list_people(parts: TheParts, admin: TheAdmin) -> People:
    return People(items=await _everybody(parts, admin))


async def _everybody(parts: Parts, admin: Account) -> list[PersonOut]:
    links = await parts.store(password_links.pending_links)
    found = await parts.store(people.list_people)
    return [PersonOut.of(person, admin, links.get(person.account.id)) for person in found]


@router.post("", status_code=201, summary="Make an account; the answer has a link to choose its password, once")
async def make_person(parts: TheParts, admin: TheAdmin, asker: TheAsker, wish: NewPerson) -> WithLink:
    require_browser(asker)
    return WithLink.of(await parts.store(password_links.invite, admin, wish.name, wish.role))


@router.get("/tokens", summary="The tokens of all accounts' programs")
async def list_tokens(parts: TheParts, admin: TheAdmin) -> AccountTokens:
    found = await parts.store(account_tokens.list_account_tokens)
    return AccountTokens(items=[AccountTokenOut.of_account(one) for one in found])


@router.delete("/tokens/{token_id}", status_code=204, summary="Revoke a token of an account's")
async def revoke_token(parts: TheParts, admin: TheAdmin, token_id: str) -> None:
    await parts.store(account_tokens.revoke_account_token, admin, token_id)


@router.post("/{account_id}/tokens", status_code=201, summary="A token for a program of this account, shown once")
async def make_token(parts: TheParts, admin: TheAdmin, asker: TheAsker, account_id: str, wish: NewToken) -> TokenMade:
    require_browser(asker)
    made, token = await parts.store(account_tokens.make_account_token, admin, account_id, wish.label)
    return TokenMade(id=made.id, label=made.label, token=token)


@router.patch("/{account_id}", summary="Change a role, shut an account or open it again")
async def change_person(parts: TheParts, admin: TheAdmin, account_id: str, change: PersonChange) -> PersonOut:
    """Shutting ends all its sign-ins at once. The last admin cannot be shut or made a reviewer."""
    if change.role is not None:
        await parts.store(people.change_role, admin, account_id, change.role)
    if change.disabled is not None:
        move = people.disable_person if change.disabled else people.enable_person
        await parts.store(move, admin, account_id)
    found = [person for person in await _everybody(parts, admin) if person.id == account_id]
    if not found:
        raise NotFound
    return found[0]


@router.post("/{account_id}/link", status_code=201, summary="A link to choose a new password, shown once")
async def make_link(parts: TheParts, admin: TheAdmin, asker: TheAsker, account_id: str) -> WithLink:
    """Good for three days and for one use. The old password stays good until then; a newer link replaces it."""
    require_browser(asker)
    return WithLink.of(await parts.store(password_links.make_link, admin, account_id))


@router.delete("/visitors/{thing_id}", summary="Forget one visitor: everything of theirs is really deleted")
async def forget_visitor(parts: TheParts, admin: TheAdmin, thing_id: str) -> DeletedOut:
    """By the visitor's id, or the id of any talk or debrief of theirs."""
    visitor_id = await parts.store(people.find_visitor, thing_id[:60])
    if visitor_id is None:
        raise NotFound
    await parts.turns.stop_all_of(visitor_id)
    stored = await parts.store(people.forget_visitor, admin, visitor_id)
    parts.hub.tell_gone(visitor_id)
    return DeletedOut(deleted=StoredOut.of(stored))
