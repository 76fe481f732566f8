"""The private link that makes another browser the same visitor: made on demand, good once and for half an hour."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Request, Response
from pydantic import BaseModel, Field

from storage import links
from webapp.api.asking import TheAsker, TheParts, check_beginning
from webapp.api.shapes import StrictRequest
from webapp.api.tokens import require_browser
from webapp.identity import visitor_cookie
from webapp.parts import Parts

router = APIRouter(prefix="/api/v1/me/link")


class LinkOut(BaseModel):
    """The link is the page's own address with `#link=` and the token: what stands there is sent to no server."""

    token: str
    expires_at: datetime


class LinkUse(StrictRequest):
    token: Annotated[str, Field(min_length=1, max_length=200)]


class LinkUsed(BaseModel):
    talks: int
    """How many talks of this browser came along."""


@router.post("", status_code=201, summary="A private link to me, for another browser")
async def make(parts: TheParts, asker: TheAsker) -> LinkOut:
    require_browser(asker)
    await check_beginning(parts, asker)
    link = await parts.store(links.make_link, asker.visitor_id)
    return LinkOut(token=link.token, expires_at=link.expires_at)


@router.post("/use", summary="Become who made the link, with the talks of this browser")
async def use(
    request: Request, response: Response, parts: TheParts, asker: TheAsker, wish: LinkUse, afterwards: BackgroundTasks
) -> LinkUsed:
    require_browser(asker)
    parts.limits.check_message(asker.visitor_id)
    moved = await parts.store(links.use_link, wish.token, asker.visitor_id)
    become(request, response, parts, afterwards, asker.visitor_id, moved.visitor_id)
    return LinkUsed(talks=moved.talks)


def become(
    request: Request, response: Response, parts: Parts, afterwards: BackgroundTasks, from_id: str, into_id: str
) -> None:
    """Give this browser the other identity; answers that are being written go on, pages of the old one begin anew."""
    go_over(parts, afterwards, from_id, into_id)
    response.raw_headers.append(visitor_cookie(request, parts.signer, into_id, on_space=parts.on_space))


def go_over(parts: Parts, afterwards: BackgroundTasks, from_id: str, into_id: str) -> None:
    """Tell the pages of both: the one is the other now, whose list has grown."""
    parts.turns.hand_over(from_id, into_id)
    afterwards.add_task(_tell_both, parts, from_id, into_id)


async def _tell_both(parts: Parts, from_id: str, into_id: str) -> None:
    parts.hub.tell_gone(from_id, why="moved")
    parts.hub.tell_list(into_id, None, is_changed=True)
