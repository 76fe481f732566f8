"""Accounts and the forgetting of one visitor, for admins. Passwords are made here, shown once and kept nowhere."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from debrief.errors import NotFound
from storage import people
from storage.accounts import Account
from storage.people import Person
from webapp.api.asking import TheAdmin, TheParts
from webapp.api.data import DeletedOut, StoredOut

router = APIRouter(prefix="/api/v1/people", tags=["people"])


class PersonOut(BaseModel):
    """`sign_ins` counts browsers that are signed in now; `me` is whoever asks."""

    id: str
    name: str
    role: str
    created_at: datetime
    disabled_at: datetime | None
    sign_ins: int
    used_at: datetime | None
    me: bool

    @classmethod
    def of(cls, person: Person, asker: Account) -> PersonOut:
        own = {name: getattr(person.account, name) for name in ("id", "name", "role", "created_at", "disabled_at")}
        return cls(sign_ins=person.sign_ins, used_at=person.used_at, me=person.account.id == asker.id, **own)


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


class WithPassword(BaseModel):
    """The password is in this answer only: hand it over, it cannot be read again."""

    id: str
    name: str
    role: str
    password: str


@router.get("", summary="Everybody with an account")
async def list_people(parts: TheParts, admin: TheAdmin) -> People:
    return People(items=[PersonOut.of(person, admin) for person in await parts.store(people.list_people)])


@router.post("", status_code=201, summary="Make an account; the answer has its password, once")
async def make_person(parts: TheParts, admin: TheAdmin, wish: NewPerson) -> WithPassword:
    return _shown(*await parts.store(people.make_person, admin, wish.name, wish.role))


@router.patch("/{account_id}", summary="Change a role, shut an account or open it again")
async def change_person(parts: TheParts, admin: TheAdmin, account_id: str, change: PersonChange) -> PersonOut:
    """Shutting ends all its sign-ins at once. The last admin cannot be shut or made a reviewer."""
    if change.role is not None:
        await parts.store(people.change_role, admin, account_id, change.role)
    if change.disabled is not None:
        move = people.disable_person if change.disabled else people.enable_person
        await parts.store(move, admin, account_id)
    found = [person for person in await parts.store(people.list_people) if person.account.id == account_id]
    if not found:
        raise NotFound
    return PersonOut.of(found[0], admin)


@router.post("/{account_id}/password", summary="A new password, shown once; all its sign-ins end")
async def reset_password(parts: TheParts, admin: TheAdmin, account_id: str) -> WithPassword:
    return _shown(*await parts.store(people.reset_password, admin, account_id))


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


def _shown(account: Account, password: str) -> WithPassword:
    return WithPassword(id=account.id, name=account.name, role=account.role.value, password=password)
