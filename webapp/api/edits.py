"""Debriefs written over by reviewers: what there is to edit, the checks as one types, saving, versions, differences."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from debrief.difference import Section
from debrief.edit import FIELD_MAX_CHARS, ITEMS_MAX, LINES_MAX, Edit
from debrief.feedback import Check
from debrief.scenario import Criterion
from debrief.showing import Shown
from storage import edits, feedback_versions
from storage.edits import Draft
from storage.engine import Database
from storage.feedback_versions import Corrections, VersionLine
from storage.reviews import ReviewCase
from webapp.api.asking import TheAsker, TheParts, TheReviewer
from webapp.api.review import ReviewOut, Seconds

router = APIRouter(prefix="/api/v1", tags=["review"])


class LineOut(BaseModel):
    """A sentence of the visitor's that may be quoted."""

    label: str
    message_id: str
    text: str


class LevelOut(BaseModel):
    """A level of the rubric; `tip` leads to the next one."""

    level: int
    name: str
    text: str
    tip: str | None


class CriterionOut(BaseModel):
    key: str
    name: str
    question: str | None
    levels: list[LevelOut]

    @classmethod
    def of(cls, key: str, name: str, criterion: Criterion | None, language: str) -> CriterionOut:
        levels: list[LevelOut] = []
        for number, level in enumerate(criterion.levels if criterion else (), start=1):
            tip = criterion.tip(number) if criterion else None
            words = {"name": level.name.to(language), "text": level.text.to(language)}
            levels.append(LevelOut(level=number, tip=tip.to(language) if tip else None, **words))
        return cls(key=key, name=name, question=criterion.question.to(language) if criterion else None, levels=levels)


class DraftOut(BaseModel):
    """The version that counts, to write over. `edit` sent back as it is changes nothing."""

    version_n: int
    row_version: int
    way: str
    edit: Edit
    checks: list[Check]
    criteria: list[CriterionOut]
    lines: list[LineOut]
    max_chars: int
    max_lines: int
    max_items: dict[str, int]

    @classmethod
    def of(cls, draft: Draft) -> DraftOut:
        rubric, language = draft.plan.scenario.rubric, draft.plan.language
        lines = draft.plan.transcript.lines.values()
        return cls(
            version_n=draft.version_n,
            row_version=draft.row_version,
            way=draft.body.way,
            edit=draft.unchanged,
            checks=draft.checks,
            criteria=[
                CriterionOut.of(result.key, result.name, rubric.find(result.key), language)
                for result in draft.body.criteria
            ],
            lines=[LineOut(label=x.label, message_id=x.message_id, text=x.text) for x in lines if x.choosable],
            max_chars=FIELD_MAX_CHARS,
            max_lines=LINES_MAX,
            max_items=ITEMS_MAX,
        )


class Checks(BaseModel):
    checks: list[Check]


class EditIn(BaseModel):
    """The whole debrief as it is to read; `row_version` is how the reviewer saw the case."""

    model_config = ConfigDict(extra="forbid", strict=True)

    row_version: int
    edit: Edit
    note: str = ""
    seconds: Seconds = None


class ShownOut(BaseModel):
    since: datetime
    until: datetime | None

    @classmethod
    def of(cls, span: Shown) -> ShownOut:
        return cls(since=span.since, until=span.until)


class VersionOut(BaseModel):
    """`origin`: model, human_edit or repeat. `shown`: when its visitor could read it."""

    n: int
    origin: str
    author: str | None
    parent_n: int | None
    guidance: str | None
    partial: bool
    checks: int
    checks_passed: int
    counts: bool
    shown: list[ShownOut]
    created_at: datetime

    @classmethod
    def of(cls, line: VersionLine) -> VersionOut:
        own = {name: getattr(line, name) for name in cls.model_fields if name != "shown"}
        return cls(shown=[ShownOut.of(span) for span in line.shown], **own)


class VersionList(BaseModel):
    items: list[VersionOut]
    next: None = None


class PieceOut(BaseModel):
    """`op`: same, out (only in the older) or in (only in the newer)."""

    op: str
    text: str


class SectionOut(BaseModel):
    """`change`: same, changed, added or removed; `about`: the criterion, or the number of the item."""

    path: str
    field: str
    about: str
    change: str
    pieces: list[PieceOut]

    @classmethod
    def of(cls, section: Section) -> SectionOut:
        own = {name: getattr(section, name) for name in cls.model_fields if name != "pieces"}
        return cls(pieces=[PieceOut(op=piece.op, text=piece.text) for piece in section.pieces], **own)


class DifferenceOut(BaseModel):
    before_n: int
    after_n: int
    sections: list[SectionOut]


class CorrectionsOut(BaseModel):
    """What a person changed. Without `was_shown`, what was taken out is not told: the visitor never saw it."""

    at: datetime | None
    was_shown: bool
    sections: list[SectionOut]

    @classmethod
    def of(cls, found: Corrections | None) -> CorrectionsOut:
        if found is None:
            return cls(at=None, was_shown=False, sections=[])
        sections = [SectionOut.of(section) for section in found.sections]
        return cls(at=found.at, was_shown=found.was_shown, sections=sections)


@router.get("/review/{feedback_id}/draft", summary="What a reviewer can write over, and the lines that may be quoted")
async def get_draft(parts: TheParts, reviewer: TheReviewer, feedback_id: str) -> DraftOut:
    return DraftOut.of(await parts.store(edits.get_draft, feedback_id))


@router.post("/review/{feedback_id}/check", summary="What the checks say of an edit; nothing is stored")
async def check(parts: TheParts, reviewer: TheReviewer, feedback_id: str, edit: Edit) -> Checks:
    return Checks(checks=await parts.store(edits.check_draft, feedback_id, edit))


@router.post("/review/{feedback_id}/edit", summary="Save an edit as a new version and approve it")
async def save(parts: TheParts, asker: TheAsker, reviewer: TheReviewer, feedback_id: str, said: EditIn) -> ReviewOut:
    """What waits unclaimed is claimed first. A 409 says that somebody was faster: nothing of the edit was stored.

    A 422 of one field has its path in `where`, such as `criteria.examples.reason`.
    """

    def save_it(db: Database) -> ReviewCase:
        how: dict[str, Any] = {"note": said.note, "seconds": said.seconds, "claims": True}
        return edits.approve_edit(db, reviewer, feedback_id, said.row_version, said.edit, **how)

    return ReviewOut.of(await parts.store(save_it), asker.language)


@router.get("/review/{feedback_id}/versions", summary="All versions of a debrief, newest first")
async def list_versions(parts: TheParts, reviewer: TheReviewer, feedback_id: str) -> VersionList:
    return VersionList(
        items=[VersionOut.of(line) for line in await parts.store(feedback_versions.list_versions, feedback_id)]
    )


@router.get("/review/{feedback_id}/difference", summary="What differs between two versions, word by word")
async def difference(
    parts: TheParts,
    reviewer: TheReviewer,
    feedback_id: str,
    before: Annotated[int, Query(ge=1)],
    after: Annotated[int, Query(ge=1)],
) -> DifferenceOut:
    found = await parts.store(feedback_versions.compare_versions, feedback_id, before, after)
    sections = [SectionOut.of(section) for section in found.sections]
    return DifferenceOut(before_n=found.before_n, after_n=found.after_n, sections=sections)


@router.get("/feedback/{feedback_id}/corrections", summary="What a reviewer changed in a debrief of mine")
async def corrections(parts: TheParts, asker: TheAsker, feedback_id: str) -> CorrectionsOut:
    """Empty where nobody changed anything, and while nothing is shown."""
    return CorrectionsOut.of(await parts.store(feedback_versions.find_corrections, asker.visitor_id, feedback_id))
