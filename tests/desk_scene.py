"""A review desk after a busy month: some two hundred debriefs in English and Korean, in every state.

The talks are the gold talks, so they read like talks; the levels lie near what is known of them. Everything happens by
the same functions as in the program, at the times at which it would have: `furnish` runs through the month with a clock
that it sets, so that history, waiting times and figures are of one piece.
"""

from __future__ import annotations

import hashlib
import heapq
import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from debrief import rubric_words
from debrief.edit import Edit
from debrief.errors import Conflict
from debrief.evidence import resolve_line
from debrief.feedback import Check, Coverage, CriterionResult, FeedbackBody, Improvement, Strength
from debrief.review import REASONS, ReviewState
from debrief.scenario import conversation_title
from debrief.transcript import number_lines
from storage import (
    account_tokens,
    anew,
    conversations,
    edits,
    feedback,
    jobs,
    messages,
    opinions,
    reactions,
    review_bulk,
    reviews,
)
from storage.accounts import Account, find_account
from storage.engine import Database
from tests import desk_words as said
from tests.clock import clock
from tests.desk_hooks import connect
from tests.factories import make_turn
from tests.gold.talks import GoldTalk, Truth, load_talks
from tests.review_scene import make_account

DAYS = 30
MODELS = ("Qwen3-8B", "Qwen3-8B", "Mistral-Small-24B")
KINDS = {
    "untouched": 14, "approved": 26, "edited": 16, "rejected": 8, "waits": 22, "escalated": 3, "remade": 5,
    "withdrawn": 1, "disputed": 5,
}  # fmt: skip
"""What becomes of a debrief, and how often."""
CHECKS = (
    "evidence_exact",
    "evidence_is_own",
    "levels_backed",
    "language_matches",
    "rewrite_differs",
    "no_repetition",
    "no_echo",
    "min_words",
)


@dataclass(frozen=True)
class Plan:
    """What a model makes of a talk. `is_sound`: all checks pass, and it is released at once."""

    gold: GoldTalk
    fails: bool
    ordered: bool
    is_sound: bool


class Month:
    """Events in the order of their time; each may bring about others."""

    def __init__(self, db: Database, seed: int = 7) -> None:
        self.db = db
        self.chance = random.Random(seed)
        self._order = itertools.count()
        self._events: list[tuple[datetime, int, Callable[[], None]]] = []
        self.plans: dict[str, Plan] = {}
        self.end = datetime.now(UTC)
        self.now = self.end - timedelta(days=DAYS)
        people = (("rita", "reviewer"), ("rosa", "reviewer"), ("민준", "reviewer"), ("ada", "admin"))
        self.people = {name: find_account(db, name) or make_account(db, name, role) for name, role in people}
        self.reviewers = [self.people[name] for name in ("rita", "rosa", "민준")]

    def after(self, hours: float, act: Callable[[], None]) -> None:
        """What would happen later than now has not happened yet."""
        at = self.now + timedelta(hours=hours)
        if at < self.end:
            heapq.heappush(self._events, (at, next(self._order), act))

    def run(self) -> None:
        with clock() as wall:
            while self._events:
                self.now, _, act = heapq.heappop(self._events)
                wall.jump(seconds=(self.now - wall.now()).total_seconds())
                act()

    def reviewer(self) -> Account:
        return self.chance.choices(self.reviewers, (5, 3, 2))[0]


def furnish(db: Database, *, count: int = 200, seed: int = 7) -> Month:
    """Fill an empty record. The same things happen each time; only ids differ."""
    month = Month(db, seed)
    talks = list(load_talks().values())
    kinds = month.chance.choices(list(KINDS), list(KINDS.values()), k=count)
    for n, kind in enumerate(kinds):
        late = kind in ("waits", "escalated")
        hours = (
            DAYS * 24
            - month.chance.uniform(0.3, 70) ** (1 if late else 0)
            - (0 if late else month.chance.uniform(3, DAYS * 24 - 1))
        )
        gold = talks[n % len(talks)]
        month.after(max(0.0, hours), lambda gold=gold, kind=kind, n=n: _talk(month, gold, kind, n))
    month.after(
        24 * 4,
        lambda: account_tokens.make_account_token(db, month.people["ada"], month.people["rosa"].id, "Nightly export"),
    )
    month.after(
        24 * 9, lambda: account_tokens.make_account_token(db, month.people["ada"], month.people["ada"].id, "Grafana")
    )
    connect(month)
    month.run()
    _leave_some_under_way(month)
    return month


# ---------------------------------------------------------------------------------------------------- what happens


def _talk(month: Month, gold: GoldTalk, kind: str, n: int) -> None:
    db, visitor, scenario = month.db, f"v_visitor{n % 70:02d}", gold.scene
    opening = gold.messages[0].text
    title = conversation_title(scenario, gold.language, gold.answers)
    talk, _ = conversations.create_conversation(
        db, visitor_id=visitor, scenario_id=scenario.id, scenario_hash=scenario.hash, scenario_body=scenario.body(),
        language=gold.language, title=title, answers=gold.answers, opening=opening,
    )  # fmt: skip
    for turn in gold.turns:
        make_turn(db, talk, text=turn.visitor, answer=turn.persona or said.CLOSINGS[gold.language])
    ordered = n % 23 == 5
    if ordered:
        make_turn(db, talk, text=said.ORDERS[gold.language], answer=said.CLOSINGS[gold.language])
    view, job_id = feedback.request_feedback(db, visitor, talk.id, versions={"rubric": scenario.rubric.hash})
    assert job_id
    is_sound = kind in ("untouched", "disputed")
    fails = month.chance.random() < (0.75 if kind in ("waits", "rejected", "edited", "remade") else 0.25)
    month.plans[view.id] = Plan(gold, fails=fails and not is_sound, ordered=ordered, is_sound=is_sound)
    month.after(0.02, lambda: _write(month, job_id))
    month.after(0.05, lambda: _go_on(month, kind, view.id, visitor, gold.language))


def _write(month: Month, job_id: str) -> None:
    """As a worker does: whichever job is due first, until it is this one's turn."""
    while claim := jobs.claim_job(month.db, job_id, "k_worker", lease_s=60, seats=100):
        plan = month.plans[claim.feedback_id]
        partial = not plan.is_sound and month.chance.random() < 0.07
        body = _body(month, plan.gold, claim.conversation_id, partial=partial)
        checks = list(_checks(month, body, fails=plan.fails, ordered=plan.ordered))
        jobs.store_result(
            month.db, claim, body=body, checks=checks, partial=partial,
            release="checked" if plan.is_sound else "sample",
            sample_percent=45, lineage=_lineage(month, plan.gold),
        )  # fmt: skip
        if claim.job_id == job_id:
            return


def _go_on(month: Month, kind: str, feedback_id: str, visitor: str, language: str) -> None:
    chance, act = month.chance, _MOVES.get(kind)
    if kind == "disputed":
        month.after(chance.uniform(0.2, 30), lambda: _object(month, feedback_id, visitor, language))
    elif act is not None:
        month.after(chance.expovariate(1 / 9) + 0.1, lambda: _review(month, feedback_id, language, act))


def _review(month: Month, feedback_id: str, language: str, act: Callable[..., None], **more: Any) -> None:
    """Somebody takes it, reads a while, and decides."""
    who = month.reviewer()
    case = reviews.get_review(month.db, feedback_id)
    if case.state is ReviewState.PENDING:
        reviews.claim(month.db, who, feedback_id, case.row_version)
    minutes = min(9.0, month.chance.lognormvariate(0.9, 0.7))
    month.after(minutes / 60, lambda: _decide(month, feedback_id, language, act, who, minutes))


def _decide(
    month: Month, feedback_id: str, language: str, act: Callable[..., None], who: Account, minutes: float
) -> None:
    try:
        act(month, reviews.get_review(month.db, feedback_id), who, language, int(minutes * 60))
    except Conflict:
        return  # somebody was faster, as it happens
    if month.chance.random() < 0.45:
        month.after(month.chance.uniform(2, 50), lambda: _second_opinion(month))


def _approve(month: Month, case: reviews.ReviewCase, who: Account, language: str, seconds: int) -> None:
    reviews.approve(month.db, who, case.id, case.row_version, seconds=seconds)


def _reject(month: Month, case: reviews.ReviewCase, who: Account, language: str, seconds: int) -> None:
    reason, note = month.chance.choice(REASONS), month.chance.choice(said.NOTES[language])
    reviews.reject(month.db, who, case.id, case.row_version, reason=reason, note=note, seconds=seconds)


def _edit(month: Month, case: reviews.ReviewCase, who: Account, language: str, seconds: int) -> None:
    draft = edits.get_draft(month.db, case.id)
    edits.approve_edit(
        month.db, who, case.id, draft.row_version, _edited(month, draft.unchanged, language), seconds=seconds
    )


def _escalate(month: Month, case: reviews.ReviewCase, who: Account, language: str, seconds: int) -> None:
    reviews.escalate(month.db, who, case.id, case.row_version, note=month.chance.choice(said.QUESTIONS[language]))


def _withdraw(month: Month, case: reviews.ReviewCase, who: Account, language: str, seconds: int) -> None:
    reviews.withdraw(month.db, month.people["ada"], case.id)


def _send_back(month: Month, case: reviews.ReviewCase, who: Account, language: str, seconds: int) -> str:
    guidance = month.chance.choice(said.GUIDANCE[language])
    return anew.regenerate(month.db, who, case.id, case.row_version, guidance=guidance)[1]


def _remake(month: Month, case: reviews.ReviewCase, who: Account, language: str, seconds: int) -> None:
    job_id = _send_back(month, case, who, language, seconds)
    month.after(0.05, lambda: _write(month, job_id))


_MOVES: dict[str, Callable[..., Any]] = {
    "approved": _approve, "edited": _edit, "rejected": _reject, "escalated": _escalate, "withdrawn": _withdraw,
    "remade": _remake,
}  # fmt: skip


def _object(month: Month, feedback_id: str, visitor: str, language: str) -> None:
    body = feedback.get_feedback(month.db, visitor, feedback_id).body
    if body is None:
        return
    scored = [at for at, result in enumerate(body.criteria) if result.reason]
    path = f"criteria.{month.chance.choice(scored)}.reason" if scored else "next_step"
    reactions.dispute(month.db, visitor, feedback_id, path, month.chance.choice(said.OBJECTIONS[language]))


def _second_opinion(month: Month) -> None:
    """Near what the first one thought, as two people are who read the same."""
    who = month.reviewer()
    case = opinions.open_next(month.db, who, 100)
    if case is None:
        return
    gold = month.plans[case.id].gold
    levels = {result.key: _near(month, gold.criteria[result.key], 0.35) for result in case.body.criteria}
    decision = "approve" if month.chance.random() < 0.85 else "reject"
    month.after(0.06, lambda: opinions.give(month.db, who, case.id, decision=decision, levels=levels))


def _leave_some_under_way(month: Month) -> None:
    from storage.review_queue import list_reviews  # noqa: PLC0415  after the month, on the present

    waiting = [item.id for item in list_reviews(month.db, limit=60).items]
    review_bulk.move_many(month.db, month.people["ada"], "assign", waiting[3:9:2], assignee="rosa")
    review_bulk.move_many(month.db, month.people["rosa"], "regenerate", waiting[-2:])
    if len(waiting) > 9:
        taken = reviews.get_review(month.db, waiting[8])
        reviews.claim(month.db, month.people["rosa"], taken.id, taken.row_version)


# ---------------------------------------------------------------------------------------------------- what is written


def _near(month: Month, truth: Truth, spread: float) -> int | None:
    if truth.middle is None or (truth.may_be_unseen and month.chance.random() < 0.5):
        return None
    return min(5, max(1, truth.middle + (month.chance.random() < spread) * month.chance.choice((-1, 1))))


def _body(month: Month, gold: GoldTalk, talk_id: str, *, partial: bool) -> FeedbackBody:
    lines = number_lines(messages.list_path(month.db, talk_id))
    rubric, language = gold.scene.rubric, gold.language
    results: list[CriterionResult] = []
    for criterion in rubric.criteria:
        truth = gold.criteria[criterion.key]
        level = _near(month, truth, 0.5)
        labels = [gold.label(line) for line in (truth.bad if (level or 3) < 3 and truth.bad else truth.lines)[:2]]
        proof = [resolve_line(label, lines) for label in labels]
        plain = {"key": criterion.key, "name": criterion.name.to(language)}
        if level is None or not proof:
            results.append(CriterionResult(**plain, status="not_observed"))
        elif partial and criterion is rubric.criteria[-1]:
            results.append(CriterionResult(**plain, status="unscored"))
        else:
            results.append(rubric_words.worded(criterion, level, proof, language))
    is_written = month.chance.random() < 0.7
    pick = month.chance.choice
    strong, weak = rubric_words.strengths(results), rubric_words.improvements(results, rubric, language)
    if is_written:
        strong = [Strength(why=pick(said.PRAISE[language]), evidence=one.evidence) for one in strong]
        weak = [
            Improvement(
                criterion=one.criterion,
                problem=one.problem,
                rewrite=pick(said.REWRITES[language]),
                evidence=one.evidence,
            )
            for one in weak
        ]
    count = len(lines.messages)
    summary = pick(said.SUMMARIES[language]) if is_written else None
    summary = summary or rubric_words.summary(results, language, had_words=True)
    return FeedbackBody(
        language=language, way="written" if is_written else "rubric", placed_by="model" if is_written else "likeness",
        criteria=results, strengths=strong, improvements=weak, next_step=rubric_words.next_step(results),
        summary=summary,
        covered=Coverage(messages=count, of=count),
    )  # fmt: skip


def _checks(month: Month, body: FeedbackBody, *, fails: bool, ordered: bool) -> Iterator[Check]:
    failing = set(month.chance.sample(CHECKS, month.chance.choice((1, 1, 2)))) if fails else set[str]()
    for name in CHECKS:
        scored = [result.key for result in body.criteria if result.status == "scored"]
        where = (
            f"criteria.{month.chance.choice(scored)}"
            if scored and name.startswith(("evidence", "levels", "no_"))
            else "next_step"
        )
        yield Check(name=name, passed=name not in failing, where=where)
    yield Check(name="no_injection", passed=not ordered)


def _lineage(month: Month, gold: GoldTalk) -> dict[str, Any]:
    is_old = month.now < month.end - timedelta(days=DAYS / 2)
    rubric = gold.scene.rubric.hash
    return {
        "model": month.chance.choice(MODELS),
        "rubric_hash": hashlib.sha256(f"{rubric} before".encode()).hexdigest() if is_old else rubric,
        "prompt_hash": hashlib.sha256(gold.id.encode()).hexdigest(),
        "schema_hash": hashlib.sha256(gold.scenario.encode()).hexdigest(),
        "temperature": 0.2, "seed": 11, "prompt_tokens": 1480 + 37 * len(gold.turns), "completion_tokens": 612,
        "seconds": round(month.chance.uniform(3.4, 9.8), 1),
    }  # fmt: skip


def _edited(month: Month, edit: Edit, language: str) -> Edit:
    """A level moved, a next step of one's own, an improvement said better: what editors do."""
    pick = month.chance.choice
    changes: dict[str, Any] = {"next_step": pick(said.STEPS[language])}
    if edit.improvements and month.chance.random() < 0.6:
        first = edit.improvements[0].model_copy(update={"rewrite": pick(said.REWRITES[language])})
        changes["improvements"] = [first, *edit.improvements[1:]]
    if month.chance.random() < 0.5:
        changes["summary"] = pick(said.SUMMARIES[language])
    if month.chance.random() < 0.5:
        scored = [at for at, one in enumerate(edit.criteria) if isinstance(one.level, int) and one.level > 1]
        if scored:
            at = pick(scored)
            lower = edit.criteria[at].model_copy(update={"level": int(edit.criteria[at].level or 2) - 1})
            changes["criteria"] = [lower if n == at else one for n, one in enumerate(edit.criteria)]
    return edit.model_copy(update=changes)
