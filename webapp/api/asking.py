"""What every route is given: the parts of the process, and who asks."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from debrief.errors import NotAllowed, SignInNeeded
from storage import visitors
from storage.accounts import Account
from webapp.identity import Asker, who_is_asking
from webapp.parts import Parts


async def _parts(request: Request) -> Parts:
    return request.app.state.parts


async def _asker(request: Request) -> Asker:
    return who_is_asking(request)


async def check_beginning(parts: Parts, asker: Asker) -> None:
    """Before a talk is begun or brought: within the visitor's rate, and the address's for new visitors.

    A valid cookie does not make somebody known, because each page hands one out; a talk does.

    Raises:
        TooBusy: which limit, and how long to wait.
    """
    parts.limits.check_message(asker.visitor_id)
    if not await parts.store(visitors.has_talked, asker.visitor_id):
        parts.limits.check_newcomer(asker.address)


async def _reviewer(asker: Annotated[Asker, Depends(_asker)]) -> Account:
    if asker.account is None:
        raise SignInNeeded
    return asker.account


async def _admin(reviewer: Annotated[Account, Depends(_reviewer)]) -> Account:
    if not reviewer.is_admin:
        raise NotAllowed
    return reviewer


TheParts = Annotated[Parts, Depends(_parts)]
TheAsker = Annotated[Asker, Depends(_asker)]
TheReviewer = Annotated[Account, Depends(_reviewer)]
"""Who reviews: refused with 401 where nobody is signed in."""
TheAdmin = Annotated[Account, Depends(_admin)]
"""An admin: refused with 401 where nobody is signed in, with 403 where it is a reviewer."""
