"""Pictures of one debrief in the states that it can have; called by `screenshots.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from playwright.sync_api import Page, expect

from debrief.conversation import Message
from debrief.feedback import (
    Agreement,
    Check,
    Coverage,
    CriterionResult,
    Evidence,
    Example,
    FeedbackBody,
    Improvement,
    Strength,
)
from storage import jobs, reviews
from storage.accounts import find_account
from storage.messages import list_path
from tests.browser.house import House, Look, answer_rows, debrief_card
from tests.job_scene import claim_this
from tests.review_scene import make_account

WORKER = "k_camera"
BOX = """card => {
  const {x, y, width, height} = card.getBoundingClientRect();
  return {x, y: y + scrollY, width, height};
}"""
NAMES = ("evidence_exact", "evidence_is_own", "levels_backed", "language_matches", "no_repetition", "no_injection")
LINEAGE = {"model": "smollm2-135m", "scenario": "job_interview", "scenario_version": "1", "total_s": 6.42}

MORE = {
    "en": {
        "summary": "You named what you did and what came of it. What stays open is why you want this job.",
        "problem": "Who waited, and why it mattered to them, is left to the listener.",
        "rewrite": "Before that, 300 people a day waited 40 seconds for their answer; now it is 2.",
        "comment": "I did say who waited: everybody in the queue.",
    },
    "ko": {
        "summary": "무엇을 했고 무엇이 달라졌는지 말했습니다. 왜 이 일을 하고 싶은지는 아직 남아 있습니다.",
        "problem": "누가 기다렸고 그것이 왜 중요했는지는 듣는 사람이 짐작해야 합니다.",
        "rewrite": "전에는 하루 300명이 답을 40초씩 기다렸는데, 지금은 2초면 됩니다.",
        "comment": "누가 기다렸는지 말했어요. 줄을 선 모든 사람이에요.",
    },
}


def photograph_debrief(house: House, words: dict, phone: bool, scheme: str, out: Path) -> None:
    name = f"{'phone' if phone else 'desktop'}-{scheme}-{words['locale'][:2]}"
    with house.visit(phone=phone, locale=words["locale"], scheme=scheme) as look:
        conversation_id = look.start(words["title"])
        talk(look, words)
        look.open_pane("debrief")
        shoot = _camera(look.page, phone, out, name)
        for state in _states(look, words, conversation_id, phone=phone):
            shoot(state)


def talk(look: Look, words: dict) -> None:
    for turn, (said, answer) in enumerate(zip(words["said"], words["answers"], strict=True), start=1):
        look.house.model.enqueue(answer)
        look.say(said)
        expect(answer_rows(look.page)).to_have_count(turn + 1)
        expect(look.page.locator("#message .submit-button")).to_be_visible()


def _camera(page: Page, phone: bool, out: Path, name: str) -> Callable[[str], None]:
    def shoot(state: str) -> None:
        """The window as it is, and the whole card."""
        page.wait_for_timeout(400)  # transitions
        if not phone and ("mark" in state or state == "ready"):
            page.screenshot(path=out / f"{name}-debrief-{state}-window.png")
        if state == "print":
            page.emulate_media(media="print")
            page.screenshot(path=out / f"{name}-debrief-{state}.png", full_page=True)
            page.emulate_media(media="screen")
            return
        window = page.viewport_size
        assert window
        page.set_viewport_size({"width": window["width"], "height": 2600})
        page.wait_for_timeout(100)
        page.evaluate("scrollTo(0, 0)")
        box = debrief_card(page).evaluate(BOX)
        page.screenshot(path=out / f"{name}-debrief-{state}.png", full_page=True, clip=box)
        page.set_viewport_size(window)

    return shoot


def _states(look: Look, words: dict, conversation_id: str, *, phone: bool) -> Iterator[str]:
    """Each state in turn, as its name; the picture is taken while it lasts."""
    page, db = look.page, look.house.db
    card = debrief_card(page)
    more = MORE[words["locale"][:2]]
    ada = find_account(db, "ada") or make_account(db, "ada", "admin")

    claim = _asked(look, "ask")
    jobs.set_progress(db, claim, {"step": "writing", "done": 1, "of": 3})
    expect(page.locator(".track")).to_have_attribute("aria-valuenow", "47")
    yield "making"
    page.locator("[data-key=cancel]").click()
    expect(page.locator("[data-key=ask]")).to_be_visible()
    yield "cancelled"

    claim = _asked(look, "ask")
    store(look, claim, words, conversation_id)
    expect(card.locator(".criterion")).to_have_count(4)
    yield "ready"
    look.open_pane("talk")
    page.locator(".quoted-mark").last.click()
    yield "mark"
    page.locator("[data-key='dispute-improvements.0.problem']").click()
    page.locator("[data-key=dispute-words]").fill(more["comment"])
    yield "objecting"
    page.locator("[data-key=dispute-send]").click()
    expect(card.locator(".disputed")).to_be_visible()
    page.locator("[data-key=helpful-true]").click()
    page.locator("details.checks summary").click()
    page.locator("details.making summary").click()
    yield "disputed"

    feedback_id = newest(look, conversation_id)
    case = reviews.claim(db, ada, feedback_id, reviews.get_review(db, feedback_id).row_version)
    reviews.reject(db, ada, feedback_id, case.row_version, reason="wrong_evidence")
    expect(card.locator(".criterion")).to_have_count(0)
    yield "rejected"

    claim = _asked(look, "ask")
    store(look, claim, words, conversation_id, release="hold")
    expect(card.locator(".state.busy")).to_be_visible()
    expect(page.locator(".track")).to_have_count(0)
    yield "waiting"
    feedback_id = newest(look, conversation_id)
    case = reviews.claim(db, ada, feedback_id, reviews.get_review(db, feedback_id).row_version)
    reviews.approve(db, ada, case.id, case.row_version)
    expect(card.locator(".criterion")).to_have_count(4)
    yield "partial"
    if not phone:
        yield "print"


def newest(look: Look, conversation_id: str) -> str:
    answer = look.page.request.get(f"{look.house.url}/api/v1/conversations/{conversation_id}/feedback")
    return answer.json()["items"][0]["id"]


def _asked(look: Look, key: str) -> jobs.Claim:
    jobs.beat(look.house.db, WORKER)
    before = len(look.house.rung)
    look.page.locator(f"[data-key={key}]").click()
    expect(look.page.locator(".track")).to_be_visible()
    assert len(look.house.rung) > before
    return claim_this(look.house.db, look.house.rung[-1])


def store(look: Look, claim: jobs.Claim, words: dict, conversation_id: str, release: str = "checked") -> None:
    """A debrief with all that one can have."""
    more = MORE[words["locale"][:2]]
    said = [message for message in list_path(look.house.db, conversation_id) if message.role == "user"]
    agreements = [Agreement(same=3, of=3, levels=[4, 4, 4]), None, Agreement(same=1, of=3, levels=[2, 3, 4])]
    criteria = [
        CriterionResult(
            key=f"c{n}", name=words["names"][n], status="scored", level=level, level_name=name, reason=reason, tip=tip,
            evidence=[evidence(said[n % 2])], agreement=agreements[n],
            example=Example(before=words["example"][0], after=words["example"][1]) if tip else None,
        )
        for n, (level, name, reason, tip) in enumerate(words["criteria"])
    ]  # fmt: skip
    criteria.append(CriterionResult(key="c3", name=words["fourth"], status="unscored"))
    body = FeedbackBody(
        language=words["locale"][:2],
        way="written",
        criteria=criteria,
        strengths=[Strength(why=words["criteria"][1][2], evidence=[evidence(said[1])])],
        improvements=[
            Improvement(
                criterion="c2",
                problem=more["problem"],
                rewrite=more["rewrite"],
                evidence=[evidence(said[1], last=True)],
            )
        ],
        summary=more["summary"],
        next_step=words["next"],
        covered=Coverage(messages=4, of=5, runs=[(2, 5)]),
    )
    checks = [Check(name=name, passed=True) for name in NAMES] + [
        Check(name="min_words", passed=False, where="criteria.c3.reason")
    ]
    jobs.store_result(
        look.house.db, claim, body=body, checks=checks if release == "hold" else checks[:-1], partial=False,
        lineage=LINEAGE, release=release,  # type: ignore[arg-type]
    )  # fmt: skip


def evidence(message: Message, *, last: bool = False) -> Evidence:
    """Its first sentence, or its last."""
    end = message.text.index(". ") + 1
    start, end = (end + 1, len(message.text)) if last else (0, end)
    return Evidence(message_id=message.id, start=start, end=end, quote=message.text[start:end])
