"""What this server keeps of the asker, in numbers, and its end: all deleted at once, the cookie forgotten."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from fastapi import APIRouter, BackgroundTasks, Request, Response
from pydantic import BaseModel

from storage import visitors
from storage.visitors import Stored
from webapp.api.asking import TheAsker, TheParts
from webapp.identity import new_visitor_id, visitor_cookie

router = APIRouter(prefix="/api/v1/me")


class StoredOut(BaseModel):
    """`other` counts what has no line of its own, such as jobs and the counts of the daily limits."""

    since: datetime | None
    talks: int
    messages: int
    ratings: int
    debriefs: int
    versions: int
    reactions: int
    objections: int
    accounts: int
    other: int

    @classmethod
    def of(cls, stored: Stored) -> Self:
        rows = dict(stored.rows)
        rows.pop("visitors", None)
        rows.pop("visitor_logins", None)  # a way into the account
        return cls(
            since=stored.since,
            talks=rows.pop("conversations", 0),
            messages=rows.pop("messages", 0),
            ratings=rows.pop("ratings", 0),
            debriefs=rows.pop("feedback", 0),
            versions=rows.pop("feedback_versions", 0),
            reactions=rows.pop("reactions", 0),
            objections=rows.pop("disputes", 0),
            accounts=rows.pop("visitor_accounts", 0),
            other=sum(rows.values()),
        )


class DeletedOut(BaseModel):
    deleted: StoredOut


@router.get("/data", summary="What is kept of me, in numbers")
async def read(parts: TheParts, asker: TheAsker) -> StoredOut:
    return StoredOut.of(await parts.store(visitors.read_stored, asker.visitor_id))


@router.delete("/data", summary="Delete everything of mine, for good")
async def delete(
    request: Request, response: Response, parts: TheParts, asker: TheAsker, afterwards: BackgroundTasks
) -> DeletedOut:
    """Running answers are stopped first. The cookie is replaced by that of somebody of whom nothing is kept.

    Other pages of the visitor are told after the answer has left: whichever asks next has the new cookie then.
    """
    await parts.turns.stop_all_of(asker.visitor_id)
    stored = await parts.store(visitors.delete_visitor, asker.visitor_id)
    response.raw_headers.append(visitor_cookie(request, parts.signer, new_visitor_id(), on_space=parts.on_space))
    afterwards.add_task(_tell_gone, parts, asker.visitor_id)
    return DeletedOut(deleted=StoredOut.of(stored))


async def _tell_gone(parts: TheParts, visitor_id: str) -> None:
    parts.hub.tell_gone(visitor_id)
