"""A feedback that waits for Rita, made as the worker leaves it, and people who sign in."""

from datetime import timedelta

import httpx

from debrief.conversation import Conversation
from debrief.feedback import Check, Coverage, CriterionResult, Evidence, Example, FeedbackBody
from debrief.review import ReviewState
from storage import accounts, anew, conversations, messages, reviews
from storage.accounts import Account
from storage.engine import Database, new_id, utc_now
from storage.review_facts import note_version
from storage.tables import FeedbackJobRow, FeedbackRow, FeedbackVersionRow
from tests.factories import make_conversation, make_turn
from tests.job_scene import interview
from tests.web_scene import Browser

PASSWORD = "correct horse battery"

TALK = (
    (
        "I led the billing rewrite last year. We moved four services to one queue, and I wrote the plan.",
        "What was hard about it?",
    ),
    (
        "The old jobs ran twice. I measured it first: 3 percent of invoices were doubled.",
        "And how did you fix that?",
    ),
    (
        "We gave each job a key. After that, doubled invoices went to zero and support calls fell by half.",
        "Thank you. Do you have a question for us?",
    ),
)
TITLES = {"en": "Job interview", "ko": "취업 면접"}


def make_account(db: Database, name: str = "rita", role: str = "reviewer") -> Account:
    return accounts.create_account(db, name, PASSWORD, role)


def regenerate(db: Database, feedback_id: str, *, guidance: str = "") -> str:
    """Rosa has it written anew; gives the job's id."""
    rosa = make_account(db, f"rosa{new_id('n')[-6:]}")
    case = reviews.get_review(db, feedback_id)
    if case.state is ReviewState.PENDING:
        case = reviews.claim(db, rosa, feedback_id, case.row_version)
    return anew.regenerate(db, rosa, feedback_id, case.row_version, guidance=guidance)[1]


def sign_in(browser: Browser, name: str = "rita", password: str = PASSWORD, **more: str) -> httpx.Response:
    """What the sign-in's form sends; 303 is a welcome."""
    return browser.post("/admin/login", data={"name": name, "password": password, **more})


def make_talk(db: Database, *, between: int = 0, **values: object) -> Conversation:
    """`between`: so many turns more, before the last of the three that the debrief quotes."""
    talk = make_conversation(
        db,
        scenario_body=interview().body() | {"title": TITLES},
        opening="Good morning. Tell me about something that you built.",
        **values,
    )
    *first, last = TALK
    more = [
        (f"In **step {n}** we moved `queue_{n}`.", f"- step {n} took two days\n- and then?") for n in range(between)
    ]
    for said, answered in (*first, *more, last):
        make_turn(db, talk, text=said, answer=answered)
    return conversations.get_conversation(db, talk.visitor_id, talk.id)


def make_body(db: Database, talk: Conversation) -> FeedbackBody:
    said = [message for message in messages.list_path(db, talk.id) if message.role == "user"]

    def evidence(quote: str) -> Evidence:
        message = next(one for one in said if quote in one.text)
        start = message.text.index(quote)
        return Evidence(message_id=message.id, start=start, end=start + len(quote), quote=quote)

    def scored(key: str, name: str, level: int, word: str, reason: str, proof: Evidence, tip: str) -> CriterionResult:
        return CriterionResult(
            key=key, name=name, status="scored", level=level, level_name=word, reason=reason, evidence=[proof], tip=tip,
            example=Example(before="We improved it a lot.", after="We cut the wait from 40 s to 2 s in a month."),
        )  # fmt: skip

    return FeedbackBody(
        language=talk.language,
        way="rubric",
        criteria=[
            scored("examples", "Structure", 3, "Clear", "The story has a beginning and an end; the middle jumps.",
                   evidence("We moved four services to one queue, and I wrote the plan."),
                   "Say first what the problem was, then what you did, then what came of it."),
            scored("to_the_point", "Results", 5, "Outstanding",
                   "Numbers before and after, and what they meant for people.",
                   evidence("After that, doubled invoices went to zero and support calls fell by half."),
                   "Keep it: one number before, one after."),
            scored("own_part", "Own part", 4, "Strong", "It is mostly clear what you did yourself.",
                   evidence("I measured it first: 3 percent of invoices were doubled."),
                   "Say \"I\" where it was you and \"we\" where it was the team."),
            CriterionResult(key="motive", name="Questions to them", status="not_observed"),
        ],
        next_step="Begin your next answer with the result, in one sentence.",
        covered=Coverage(messages=7, of=7),
    )  # fmt: skip


def make_feedback(
    db: Database,
    talk: Conversation | None = None,
    *,
    state: ReviewState = ReviewState.PENDING,
    claimer: Account | None = None,
    lease_s: float = 600,
    checks_failed: int = 0,
    age_s: float = 0,
    lineage: dict[str, object] | None = None,
    partial: bool = False,
    has_criteria: bool = True,
    summary: str | None = None,
) -> FeedbackRow:
    """A made feedback in this state of review; given back is its row as it was stored."""
    talk = talk or make_talk(db)
    now = utc_now() - timedelta(seconds=age_s)
    feedback_id, job_id, version_id = new_id("f"), new_id("j"), new_id("fv")
    names = ("evidence_exact", "evidence_is_own", "levels_backed", "no_injection")
    checks = [Check(name=name, passed=n >= checks_failed).model_dump() for n, name in enumerate(names)]
    body = make_body(db, talk).model_copy(update={"summary": summary, **({} if has_criteria else {"criteria": []})})
    row = FeedbackRow(
        id=feedback_id, conversation_id=talk.id, scenario_id=talk.scenario_id, language=talk.language,
        review_state=state.value, version_id=version_id, row_version=3, waiting_since=now, created_at=now,
        updated_at=now,
        claimed_by=claimer.id if claimer else None,
        claimed_until=utc_now() + timedelta(seconds=lease_s) if claimer else None,
    )  # fmt: skip
    job = FeedbackJobRow(
        id=job_id, feedback_id=feedback_id, conversation_id=talk.id, leaf_id=talk.active_leaf_id or "",
        dedupe_key=new_id("k"), state="succeeded", run_after=now, progress={}, created_at=now, updated_at=now,
        finished_at=now,
    )  # fmt: skip
    version = FeedbackVersionRow(
        id=version_id, feedback_id=feedback_id, n=1, job_id=job_id, origin="model", partial=partial,
        body=body.model_dump(mode="json"), checks=checks, lineage=lineage or {"model": "scripted"},
        created_at=now,
    )  # fmt: skip
    with db.write() as session:
        note_version(session, row, version)
        for thing in (row, job, version):
            session.add(thing)
            session.flush()
    return row
