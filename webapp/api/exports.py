"""Exports, for admins: reviewed feedback as files, and which exports there were.

Only admins, not reviewers: a reviewer reads one talk at a time inside the house, where deleting reaches; an export
carries everybody's words out of it, where nothing does.

A file comes as a stream without a length. It is whole when the transfer ends well (a broken one ends without its last
piece, which every client notices) and when the run that `X-Export-Id` names says `complete` with the file's SHA-256.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict
from starlette.types import Receive, Scope, Send

from debrief.errors import NotFound, TooBusy
from debrief.export_rows import Kind
from storage.accounts import list_account_names
from storage.export_files import FORMATS_OF, MEDIA_TYPES, Export, ExportWish, Format
from storage.exports import ExportRun, count_matching, list_exports
from webapp.api.asking import TheAdmin, TheParts
from webapp.parts import Parts
from webapp.queue_query import FilterQuery

PEOPLE = ("reviewer", "assignee")
"""Of a filter: on record by their accounts' ids."""
router = APIRouter(prefix="/api/v1/exports", tags=["exports"])


class ExportRunOut(BaseModel):
    """`rows` and all of `left_out` add up to `considered`; they and `sha256` are there once `ended_at` is."""

    id: str
    kind: str
    format: str
    by: str
    began_at: datetime
    ended_at: datetime | None
    outcome: str
    filter: dict[str, str]
    redacted: bool
    considered: int | None
    rows: int | None
    left_out: dict[str, int]
    sha256: str | None

    @classmethod
    def of(cls, run: ExportRun, names: dict[str, str]) -> ExportRunOut:
        own = {name: getattr(run, name) for name in cls.model_fields if name not in ("by", "filter")}
        people = {name: names.get(run.filter[name], run.filter[name]) for name in PEOPLE if name in run.filter}
        return cls(by=names.get(run.by, run.by), filter={**run.filter, **people}, **own)


class ExportRuns(BaseModel):
    items: list[ExportRunOut]


class MatchingOut(BaseModel):
    """`matching` are looked at; `counting` of them are in a state that makes rows of this kind, and undisputed."""

    matching: int
    counting: int


class MatchingQuery(FilterQuery):
    """Forbidden is what is none of these: a filter that is misspelt would let everything out."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind = "conversations"


class ExportQuery(FilterQuery):
    """The same for the file. `redact`: names and contacts are taken out."""

    model_config = ConfigDict(extra="forbid")

    format: Format | None = None
    redact: bool = True


@router.get("", summary="The exports on record, newest first")
async def list_runs(parts: TheParts, admin: TheAdmin) -> ExportRuns:
    names = await parts.store(list_account_names)
    return ExportRuns(items=[ExportRunOut.of(run, names) for run in await parts.store(list_exports)])


@router.get("/matching", summary="How many feedbacks an export with this filter looks at")
async def count(parts: TheParts, admin: TheAdmin, query: Annotated[MatchingQuery, Query()]) -> MatchingOut:
    wanted = query.wanted(parts.settings.review_overdue_hours, usual=())
    found = await parts.store(count_matching, wanted, query.kind)
    return MatchingOut(matching=found.looked_at, counting=found.counting)


@router.get("/runs/{export_id}", summary="How one export went: counts, what was left out, hash")
async def get_run(parts: TheParts, admin: TheAdmin, export_id: str) -> ExportRunOut:
    runs = await parts.store(list_exports, export_id=export_id[:60])
    if not runs:
        raise NotFound
    return ExportRunOut.of(runs[0], await parts.store(list_account_names))


@router.get("/{kind}", summary="Reviewed feedback as a file", response_class=StreamingResponse)
async def export(
    parts: TheParts, admin: TheAdmin, kind: Kind, query: Annotated[ExportQuery, Query()]
) -> StreamingResponse:
    wanted = query.wanted(parts.settings.review_overdue_hours, usual=())
    wish = ExportWish(kind, query.format or FORMATS_OF[kind][0], wanted, query.redact)
    if parts.exporting.locked():
        raise TooBusy("exports_running", retry_after_s=30)
    async with parts.exporting:
        begun = await parts.store.in_thread(partial(Export, parts.db, admin.id, wish))
    return _ExportResponse(parts, begun)


class _ExportResponse(StreamingResponse):
    """The pieces, each made in a thread. Whoever goes away in between leaves a broken export on record."""

    def __init__(self, parts: Parts, begun: Export) -> None:
        self._parts, self._begun = parts, begun
        super().__init__(
            self._stream(),
            media_type=MEDIA_TYPES[begun.wish.format],
            headers={
                "Content-Disposition": f'attachment; filename="{begun.file_name}"',
                "X-Export-Id": begun.id,
                "Cache-Control": "no-store",
            },
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._parts.exporting:
            try:
                await super().__call__(scope, receive, send)
            finally:
                await self._parts.store.in_thread(self._begun.close)

    async def _stream(self) -> AsyncGenerator[bytes]:
        while (piece := await self._parts.store.in_thread(self._begun.next_piece)) is not None:
            yield piece
