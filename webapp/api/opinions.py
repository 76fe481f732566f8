"""Second opinions, given blind, and how far people agree with each other and with the model."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict

from debrief.agreement import Agreed, Estimate
from debrief.feedback import FeedbackBody
from storage import agreements, opinions
from storage.agreements import CriterionAgreement, Differing
from storage.opinions import BlindCase
from webapp.api.asking import TheAsker, TheParts, TheReviewer
from webapp.api.edits import CriterionOut
from webapp.api.review import ReviewMessage

router = APIRouter(prefix="/api/v1", tags=["review"])


class BlindOut(BaseModel):
    """A debrief to be judged: the talk, the rubric, and the words that tell no level."""

    id: str
    scenario: str
    title: str
    language: str
    messages: list[ReviewMessage]
    criteria: list[CriterionOut]
    body: FeedbackBody

    @classmethod
    def of(cls, case: BlindCase, language: str) -> BlindOut:
        rubric = case.scenario.rubric
        return cls(
            id=case.id,
            scenario=case.scenario.id,
            title=case.scenario.title.to(language),
            language=case.language,
            messages=[ReviewMessage(id=m.id, role=m.role, text=m.text, state=m.state.value) for m in case.path],
            criteria=[
                CriterionOut.of(result.key, result.name, rubric.find(result.key), language)
                for result in case.body.criteria
            ],
            body=case.body,
        )


class Opinion(BaseModel):
    """`levels`: for every criterion 1 to 5, or null where nothing of it is to be seen in the talk."""

    model_config = ConfigDict(extra="forbid", strict=True)

    decision: Literal["approve", "reject"]
    levels: dict[str, int | None]


class FirstOut(BaseModel):
    """What the first reviewer had said; told once the second has."""

    decision: str | None
    levels: dict[str, int | None]
    link: str


class EstimateOut(BaseModel):
    """A figure with its 95 % interval; null where nothing can be said."""

    value: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, estimate: Estimate) -> EstimateOut:
        return cls(**vars(estimate))


class AgreementOut(BaseModel):
    """`percent` is a share of 0 to 1; `linear` and `quadratic` are weighted kappas; `unlike`: only one saw a level."""

    scenario: str
    scenario_title: str
    criterion: str
    name: str
    n: int
    unlike: int
    percent: EstimateOut
    kappa: EstimateOut
    linear: EstimateOut
    quadratic: EstimateOut

    @classmethod
    def of(cls, found: CriterionAgreement) -> AgreementOut:
        agreed: Agreed = found.agreed
        figures = {name: EstimateOut.of(getattr(agreed, name)) for name in ("percent", "kappa", "linear", "quadratic")}
        return cls(
            scenario=found.scenario_id,
            scenario_title=found.scenario_title,
            criterion=found.criterion,
            name=found.name,
            n=agreed.n,
            unlike=found.unlike,
            **figures,
        )


class DifferingOut(BaseModel):
    feedback_id: str
    scenario: str
    criterion: str
    name: str
    first: int | None
    second: int | None
    link: str

    @classmethod
    def of(cls, one: Differing) -> DifferingOut:
        own = {name: getattr(one, name) for name in ("feedback_id", "criterion", "name", "first", "second")}
        return cls(scenario=one.scenario_id, link=_link(one.feedback_id), **own)


class AgreementList(BaseModel):
    criteria: list[AgreementOut]
    differing: list[DifferingOut]


@router.post("/second-opinions/next", summary="Open the next debrief to be judged blind", response_model=BlindOut)
async def open_next(parts: TheParts, asker: TheAsker, reviewer: TheReviewer) -> BlindOut | Response:
    """The one that you have open, else the newest of the drawn ones; 204 when none waits."""
    case = await parts.store(opinions.open_next, reviewer, parts.settings.second_opinion_percent)
    return Response(status_code=204) if case is None else BlindOut.of(case, asker.language)


@router.post("/second-opinions/{feedback_id}", summary="Say what you think of it")
async def give(parts: TheParts, reviewer: TheReviewer, feedback_id: str, opinion: Opinion) -> FirstOut:
    first = await parts.store(
        opinions.give, reviewer, feedback_id, decision=opinion.decision, levels=opinion.levels
    )  # fmt: skip
    return FirstOut(decision=first.decision, levels=first.levels, link=_link(feedback_id))


@router.get("/agreement", summary="How far people agree with each other, or with the model")
async def agreement(
    parts: TheParts,
    asker: TheAsker,
    reviewer: TheReviewer,
    pair: Literal["people", "model"] = "people",
    scenario: Annotated[str | None, Query(max_length=80)] = None,
) -> AgreementList:
    """By criterion, named in the reader's language, and the debriefs on which they differ, the furthest apart first."""
    found = await parts.store(agreements.read_agreements, pair, scenario_id=scenario, language=asker.language)
    return AgreementList(
        criteria=[AgreementOut.of(one) for one in found.criteria],
        differing=[DifferingOut.of(one) for one in found.differing],
    )


def _link(feedback_id: str) -> str:
    return f"/admin/?show=all&f={feedback_id}"
