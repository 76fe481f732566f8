"""A house full of the corpus: every string wherever a visitor, the model or a reviewer can leave words."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import zip_longest

from sqlalchemy import select

from debrief.dispute import COMMENT_MAX_CHARS
from debrief.feedback import (
    Check,
    Coverage,
    CriterionResult,
    Evidence,
    Example,
    FeedbackBody,
    Improvement,
    Strength,
)
from debrief.review import ReviewState
from debrief.settings import Settings, signing_secret
from storage import accounts, again, conversations, jobs, messages, reactions
from storage.engine import Database, new_id, utc_now
from storage.feedback import request_feedback
from storage.reviews import NOTE_MAX_CHARS
from storage.tables import AccountRow, DisputeRow, FeedbackRow, storable
from tests.again_scene import LINEAGE
from tests.factories import make_turn
from tests.job_scene import claim_this
from tests.review_scene import PASSWORD, make_account, make_feedback, make_talk
from tests.security.inert.corpus import CORPUS, Attack
from tests.web_scene import Browser
from webapp.identity import SIGN_IN_COOKIE, VISITOR_COOKIE, VisitorSigner

FORM_MAX_CHARS = 60
LIST_LENGTH = 50
"""As many talks as the visitor's list shows."""


@dataclass
class Filled:
    """Ids and cookies of what was made: talks (`imported`, `linked`), and feedback.

    Who has `lister_cookies` has talks that the strings name, fifty each.
    """

    cookies: dict[str, str]
    lister_cookies: list[dict[str, str]]
    imported: str
    exported: str
    disputed: str
    comparison: str
    linked: str
    asked: str
    noted: list[str]


def new_visitor(settings: Settings) -> tuple[str, dict[str, str]]:
    """A visitor's id and the cookie of their browser."""
    visitor_id = new_id("v")
    return visitor_id, {VISITOR_COOKIE: VisitorSigner(signing_secret(settings)).sign(visitor_id)}


def fill(db: Database, settings: Settings, url: str, visitor_id: str, cookies: dict[str, str]) -> Filled:
    with Browser(url, cookies=cookies) as olga:
        imported = import_all(olga)
    first = make_debrief(db, visitor_id, imported)
    comparison = make_debrief(db, visitor_id, try_again(db, visitor_id, first))
    disputed = make_debrief(db, visitor_id, imported)
    dispute_all(db, visitor_id, disputed)
    linked, asked = talk_with_a_link(db, visitor_id)
    make_account(db, "ada", "admin")
    write_processes(settings)
    return Filled(
        cookies={**cookies, SIGN_IN_COOKIE: accounts.sign_in(db, "ada", PASSWORD)},
        lister_cookies=[name_talks(db, settings, url, at) for at in range(0, len(CORPUS), LIST_LENGTH)],
        imported=imported,
        exported=first,
        disputed=disputed,
        comparison=comparison,
        linked=linked,
        asked=asked,
        noted=reject_all(db, make_reviewers(db)),
    )


def say_all(olga: Browser, talk_id: str, attacks: list[Attack]) -> None:
    """The visitor says each of the strings, and the model, which repeats what it hears, says it too."""
    for attack in attacks:
        path = f"/api/v1/conversations/{talk_id}/messages"
        said = olga.post(path, json={"text": attack.text}, headers={"accept": "text/event-stream"}, timeout=60)
        assert "event: done" in said.text, (attack.label, said.text)


def import_all(olga: Browser) -> str:
    messages = [{"role": role, "text": attack.text} for attack in CORPUS for role in ("user", "assistant")]
    title = " ".join(attack.text for attack in CORPUS if attack.kind in ("script", "handlers"))[:200]
    answer = olga.post(
        "/api/v1/import/conversations", json={"scenario": "job_interview", "messages": messages, "title": title}
    )
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def name_talks(db: Database, settings: Settings, url: str, at: int) -> dict[str, str]:
    """A visitor whose talks are called by fifty of the strings; the short ones are in the scenario's form as well."""
    visitor_id, cookies = new_visitor(settings)
    with Browser(url, cookies=cookies) as lister:
        for attack in CORPUS[at : at + LIST_LENGTH]:
            answers = {"place": "home", "category": "waste", "work": attack.text}
            fits = len(attack.text) <= FORM_MAX_CHARS
            talk_id = lister.begin("eco_challenge", answers=answers) if fits else lister.begin()
            conversations.rename_conversation(db, visitor_id, talk_id, attack.text)
    return cookies


def make_debrief(db: Database, visitor_id: str, talk_id: str) -> str:
    """A debrief stored as the worker does, with every string in every place that has words."""
    view, job_id = request_feedback(db, visitor_id, talk_id, versions={"rubric": "1"}, nonce=new_id("n"))
    assert job_id
    claimed = claim_this(db, job_id)
    assert claimed
    checks = [Check(name=attack.text, passed=False, where=attack.text, warning=True) for attack in CORPUS]
    lineage = {**LINEAGE, "model": CORPUS[0].text, "scenario": CORPUS[10].text, "scenario_version": CORPUS[1].text}
    assert jobs.store_result(
        db, claimed, body=make_body(db, talk_id), checks=checks, partial=False, lineage=lineage, release="checked"
    )
    return view.id


def make_body(db: Database, talk_id: str) -> FeedbackBody:
    own = [message for message in messages.list_path(db, talk_id) if message.role == "user"]
    criteria: list[CriterionResult] = []
    improvements: list[Improvement] = []
    strengths: list[Strength] = []
    for n, attack in enumerate(CORPUS):
        text, message = attack.text, own[n % len(own)]
        proof = Evidence(message_id=message.id, start=0, end=max(1, len(message.text)), quote=text)
        criteria.append(
            CriterionResult(
                key=text if n % 2 else f"k{n}", name=text, status="scored", level=1 + n % 3, level_name=text,
                reason=text, evidence=[proof], tip=text, example=Example(before=text, after=text),
            )
        )  # fmt: skip
        improvements.append(Improvement(criterion=text, problem=text, rewrite=text, evidence=[proof]))
        strengths.append(Strength(why=text, evidence=[proof]))
    everything = "\n".join(attack.text for attack in CORPUS)
    return FeedbackBody(
        language="en", way="written", placed_by="model", criteria=criteria, strengths=strengths,
        improvements=improvements, next_step=everything, summary=everything, covered=Coverage(messages=3, of=5),
    )  # fmt: skip


def dispute_all(db: Database, visitor_id: str, feedback_id: str) -> None:
    """An objection with each string; the first as a visitor sends it, the others as it is stored."""
    reactions.dispute(db, visitor_id, feedback_id, "criteria.0.reason", CORPUS[0].text)
    with db.write() as session:
        first = session.scalars(select(DisputeRow).where(DisputeRow.feedback_id == feedback_id)).one()
        session.add_all(
            DisputeRow(
                id=new_id("d"), feedback_id=feedback_id, version_id=first.version_id, path=f"criteria.{n}.reason",
                comment=storable(attack.text[:COMMENT_MAX_CHARS]), created_at=utc_now(),
            )
            for n, attack in enumerate(CORPUS) if n
        )  # fmt: skip


def try_again(db: Database, visitor_id: str, feedback_id: str) -> str:
    """The talk anew from the moment of a string, with another said instead."""
    body = reactions.react(db, visitor_id, feedback_id, None).body
    assert body
    talk_id = again.begin_again(db, visitor_id, feedback_id, body.criteria[3].evidence[0].message_id)
    talk = conversations.get_conversation(db, visitor_id, talk_id)
    make_turn(db, talk, text=CORPUS[10].text, answer=CORPUS[11].text)
    return talk_id


ADDRESS = next(attack for attack in CORPUS if attack.text.startswith("[your bank]"))


def talk_with_a_link(db: Database, visitor_id: str) -> tuple[str, str]:
    """A short talk in which both have said the same address, and the feedback on it that waits for a reviewer."""
    talk = make_talk(db, visitor_id=visitor_id)
    make_turn(db, talk, text=ADDRESS.text, answer=ADDRESS.text)
    return talk.id, make_feedback(db, conversations.get_conversation(db, visitor_id, talk.id)).id


def make_reviewers(db: Database) -> list[accounts.Account]:
    """Accounts that are called by the strings. Their names are put into the table: `create_account` refuses many."""
    rows = [
        AccountRow(
            id=new_id("a"), name=f"{attack.text[:160]} {n}", role="reviewer", password_hash="-", created_at=utc_now()
        )
        for n, attack in enumerate(CORPUS)
    ]  # fmt: skip
    made = [accounts.Account(row.id, row.name, accounts.AccountRole.REVIEWER, row.created_at) for row in rows]
    with db.write() as session:
        session.add_all(rows)
    return made


def notes() -> list[str]:
    """All strings in as few reviewers' notes as hold them."""
    found = [""]
    for attack in CORPUS:
        text = attack.text[: NOTE_MAX_CHARS // 2]
        if len(found[-1]) + len(text) + 1 > NOTE_MAX_CHARS:
            found.append("")
        found[-1] += f"{text}\n"
    return found


def reject_all(db: Database, reviewers: list[accounts.Account]) -> list[str]:
    """Rejected debriefs, one by each reviewer; the first have the notes. The ids of these."""
    talk, found = make_talk(db), notes()
    rows = [make_feedback(db, talk, state=ReviewState.REJECTED) for _ in reviewers]
    with db.write() as session:
        for row, reviewer, note in zip_longest(rows, reviewers, found, fillvalue="No."):
            kept = session.get_one(FeedbackRow, row.id)
            kept.reviewed_by, kept.reject_reason, kept.review_note = reviewer.id, "other", storable(note)
    return [row.id for row in rows[: len(found)]]


def write_processes(settings: Settings) -> None:
    """The supervisor's file as somebody would write it who got at it: process names are shown to admins."""
    rows = [{"name": attack.text, "pid": None, "state": "ready", "restarts": 0} for attack in CORPUS]
    file = settings.data_dir / "processes.json"
    file.write_text(json.dumps({"supervisor_pid": None, "processes": rows}), "utf-8")
