"""What every route is given: the parts of the process, and who asks."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from webapp.identity import Asker, who_is_asking
from webapp.parts import Parts


async def _parts(request: Request) -> Parts:
    return request.app.state.parts


async def _asker(request: Request) -> Asker:
    return who_is_asking(request)


TheParts = Annotated[Parts, Depends(_parts)]
TheAsker = Annotated[Asker, Depends(_asker)]
