"""What a visitor does with a debrief over HTTP: object, react, stop it, see it, take it along."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from debrief.feedback import Coverage, CriterionResult, Evidence, FeedbackBody
from debrief.review import ReviewState
from storage import jobs, messages, review_queue, reviews
from storage.engine import Database
from storage.tables import FeedbackRow
from tests.review_scene import make_account, sign_in
from tests.web_scene import Browser, Web

pytestmark = pytest.mark.both_engines

REASON = "criteria.0.reason"


@pytest.fixture
def db(web: Web) -> Database:
    return web.parts.db


def ask(olga: Browser, web: Web) -> tuple[str, str]:
    """A talk of one turn and the request for its debrief; the talk's and the feedback's ids."""
    talk_id = olga.begin()
    olga.ended(olga.say(talk_id, "I led a team of three.")["answer_id"])
    answer = olga.post(f"/api/v1/conversations/{talk_id}/feedback")
    assert answer.status_code == 202
    return talk_id, answer.json()["id"]


def make_debrief(olga: Browser, web: Web, *, release: str = "checked", title: str | None = None) -> str:
    """A finished debrief of Olga's, as the worker leaves it."""
    talk_id, feedback_id = ask(olga, web)
    if title:
        assert olga.patch(f"/api/v1/conversations/{talk_id}", json={"title": title}).status_code == 200
    write_debrief(web, talk_id, release=release)
    return feedback_id


def write_debrief(web: Web, talk_id: str, *, release: str = "checked") -> None:
    """What the worker does with the job that was rung for last, the one for this talk."""
    claim = jobs.claim_job(web.parts.db, web.rung[-1], "k_test", lease_s=60, seats=10)
    assert claim
    own = next(m for m in messages.list_path(web.parts.db, talk_id) if m.role == "user")
    body = FeedbackBody(
        language="en",
        way="rubric",
        criteria=[
            CriterionResult(
                key="examples", name="Concrete examples", status="scored", level=4, level_name="Specific",
                reason="You told one <b>real</b> situation.", tip="Say when it was.",
                evidence=[Evidence(message_id=own.id, start=0, end=len(own.text), quote=own.text)],
            )
        ],
        summary="You were concrete.",
        covered=Coverage(messages=2, of=2),
    )  # fmt: skip
    assert jobs.store_result(
        web.parts.db, claim, body=body, checks=[], partial=False, lineage={"model": "scripted"},
        release=release,  # type: ignore[arg-type]
    )  # fmt: skip


def read(browser: Browser, feedback_id: str) -> dict:
    answer = browser.get(f"/api/v1/feedback/{feedback_id}")
    assert answer.status_code == 200
    return answer.json()


DOORS: dict[str, Callable[[Browser, str], object]] = {
    "read": lambda who, id: who.get(f"/api/v1/feedback/{id}"),
    "cancel": lambda who, id: who.post(f"/api/v1/feedback/{id}/cancel"),
    "seen": lambda who, id: who.post(f"/api/v1/feedback/{id}/seen"),
    "reaction": lambda who, id: who.put(f"/api/v1/feedback/{id}/reaction", json={"helpful": True}),
    "dispute": lambda who, id: who.post(f"/api/v1/feedback/{id}/disputes", json={"path": REASON}),
    "export": lambda who, id: who.get(f"/api/v1/feedback/{id}/export"),
}


@pytest.mark.parametrize("door", DOORS)
def test_a_stranger_is_told_of_olgas_debrief_exactly_what_is_told_of_none(
    web: Web, olga: Browser, sam: Browser, door: str
):
    feedback_id = make_debrief(olga, web)
    before = read(olga, feedback_id)

    refused, nowhere = DOORS[door](sam, feedback_id), DOORS[door](sam, "f_nowhere")

    assert (refused.status_code, refused.json()) == (nowhere.status_code, nowhere.json())  # type: ignore[attr-defined]
    assert refused.status_code == 404  # type: ignore[attr-defined]
    assert read(olga, feedback_id) == before


def test_an_objection_opens_the_review_again_and_the_words_stay_readable(web: Web, olga: Browser, db: Database):
    feedback_id = make_debrief(olga, web)

    answer = olga.post(f"/api/v1/feedback/{feedback_id}/disputes", json={"path": REASON, "comment": " I told two. "})

    assert answer.status_code == 200
    said = answer.json()
    assert (said["review_state"], said["body"]["summary"]) == ("pending", "You were concrete.")
    assert "A person will look at it" in said["notice"]
    [dispute] = said["disputes"]
    assert (dispute["path"], dispute["comment"], dispute["closed_at"]) == (REASON, "I told two.", None)
    [waiting] = review_queue.list_reviews(db).items
    assert (waiting.id, waiting.disputes) == (feedback_id, 1)


@pytest.mark.parametrize(
    "path", ["criteria.1.reason", "criteria.0.evidence", "criteria.-1.reason", "next_step", "body"]
)
def test_only_a_sentence_that_is_there_can_be_objected_to(web: Web, olga: Browser, path: str):
    feedback_id = make_debrief(olga, web)
    refused = olga.post(f"/api/v1/feedback/{feedback_id}/disputes", json={"path": path})
    assert (refused.status_code, refused.json()["code"]) == (422, "no_such_sentence")
    assert read(olga, feedback_id)["review_state"] == "auto_released"


def test_what_is_not_shown_can_be_neither_objected_to_nor_reacted_to_nor_exported(web: Web, olga: Browser):
    feedback_id = make_debrief(olga, web, release="hold")
    assert (
        olga.post(f"/api/v1/feedback/{feedback_id}/disputes", json={"path": REASON}).json()["code"] == "nothing_shown"
    )
    refused = olga.put(f"/api/v1/feedback/{feedback_id}/reaction", json={"helpful": True})
    assert (refused.status_code, refused.json()["code"]) == (409, "nothing_shown")
    assert olga.get(f"/api/v1/feedback/{feedback_id}/export").status_code == 404
    assert read(olga, feedback_id)["body"] is None


def test_helpful_can_be_said_changed_and_taken_back(web: Web, olga: Browser):
    feedback_id = make_debrief(olga, web)
    said = [
        olga.put(f"/api/v1/feedback/{feedback_id}/reaction", json={"helpful": helpful}).json()["reaction"]
        for helpful in (True, False, None)
    ]
    assert said == [{"helpful": True}, {"helpful": False}, None]
    assert olga.put(f"/api/v1/feedback/{feedback_id}/reaction", json={"helpful": "yes"}).status_code == 422


def test_a_debrief_is_unread_until_it_was_before_somebodys_eyes(web: Web, olga: Browser):
    feedback_id = make_debrief(olga, web)

    def is_unread() -> bool:
        return olga.get("/api/v1/conversations").json()["items"][0]["feedback"]["unread"]

    assert (is_unread(), read(olga, feedback_id)["seen"]) == (True, False)
    assert olga.post(f"/api/v1/feedback/{feedback_id}/seen").status_code == 204
    assert (is_unread(), read(olga, feedback_id)["seen"]) == (False, True)


def test_what_waits_for_a_person_is_not_unread_and_cannot_be_seen(web: Web, olga: Browser):
    feedback_id = make_debrief(olga, web, release="hold")
    assert olga.post(f"/api/v1/feedback/{feedback_id}/seen").status_code == 204
    assert read(olga, feedback_id)["seen"] is False
    assert olga.get("/api/v1/conversations").json()["items"][0]["feedback"]["unread"] is False


def test_the_live_stream_tells_other_tabs_that_it_is_there_and_that_it_was_seen(web: Web, olga: Browser):
    olga.begin()
    with olga.live() as live:
        feedback_id = make_debrief(olga, web)
        live.wait_for("feedback", id=feedback_id, shown=True, seen=False)
        olga.post(f"/api/v1/feedback/{feedback_id}/seen")
        live.wait_for("feedback", id=feedback_id, seen=True)


def test_a_debrief_being_made_can_be_stopped_and_asked_for_again(web: Web, olga: Browser, db: Database):
    talk_id, feedback_id = ask(olga, web)
    claim = jobs.claim_job(db, web.rung[-1], "k_test", lease_s=60, seats=10)
    assert claim

    stopped = olga.post(f"/api/v1/feedback/{feedback_id}/cancel")

    assert (stopped.status_code, stopped.json()["state"]) == (200, "cancelled")
    assert not jobs.set_progress(db, claim, {"step": "writing"})
    again = olga.post(f"/api/v1/conversations/{talk_id}/feedback").json()
    assert (again["state"], again["id"] == feedback_id) == ("queued", False)


def test_stopping_what_is_finished_changes_nothing(web: Web, olga: Browser):
    feedback_id = make_debrief(olga, web)
    before = read(olga, feedback_id)
    stopped = olga.post(f"/api/v1/feedback/{feedback_id}/cancel").json()
    assert (stopped["state"], stopped["body"]) == (before["state"], before["body"])


def test_after_a_rejection_a_new_one_can_be_asked_for_at_once(web: Web, olga: Browser, db: Database):
    feedback_id = make_debrief(olga, web)
    rita = make_account(db)
    case = reviews.get_review(db, feedback_id)
    reviews.reject(db, rita, feedback_id, case.row_version, reason="unkind")
    gone = read(olga, feedback_id)
    again = olga.post(f"/api/v1/conversations/{gone['conversation_id']}/feedback").json()
    assert (gone["body"], again["state"], again["id"] == feedback_id) == (None, "queued", False)


def test_the_json_export_is_a_file_with_the_record_as_it_is_shown(web: Web, olga: Browser):
    feedback_id = make_debrief(olga, web)
    answer = olga.get(f"/api/v1/feedback/{feedback_id}/export", params={"format": "json"})
    assert answer.headers["content-type"] == "application/json"
    name = answer.headers["content-disposition"].removeprefix("attachment; ")
    assert name.startswith('filename="debrief-')
    assert name.endswith('.json"')
    record = json.loads(answer.content)
    shown = read(olga, feedback_id)
    assert (record["body"], record["checks"], record["lineage"]) == (shown["body"], shown["checks"], shown["lineage"])


def test_the_markdown_export_keeps_words_as_words(web: Web, olga: Browser):
    feedback_id = make_debrief(olga, web, title='A "talk"\r\n# with <script> & [a link](http://x)')
    answer = olga.get(f"/api/v1/feedback/{feedback_id}/export")
    assert answer.headers["content-type"] == "text/markdown; charset=utf-8"
    assert "\n" not in answer.headers["content-disposition"]
    assert "script" not in answer.headers["content-disposition"]
    text = answer.text
    assert text.splitlines()[0].startswith('# Debrief: A "talk" \\# with \\<script\\>')
    assert "You told one \\<b\\>real\\</b\\> situation." in text
    assert "> I led a team of three." in text
    assert olga.get(f"/api/v1/feedback/{feedback_id}/export", params={"format": "exe"}).status_code == 422


def test_the_export_speaks_korean_to_who_reads_korean(web: Web, olga: Browser):
    feedback_id = make_debrief(olga, web)
    text = olga.get(f"/api/v1/feedback/{feedback_id}/export", headers={"accept-language": "ko"}).text
    assert text.startswith("# 디브리프: ")
    assert "조언" in text


def test_the_review_shows_what_the_visitor_says_is_wrong(web: Web, olga: Browser, db: Database):
    feedback_id = make_debrief(olga, web)
    make_account(db)
    olga.post(f"/api/v1/feedback/{feedback_id}/disputes", json={"path": "summary", "comment": "Not so."})
    with web.browser() as rita:
        sign_in(rita, "rita")
        [line] = rita.get("/api/v1/review").json()["items"]
        case = rita.get(f"/api/v1/review/{feedback_id}").json()
        assert (line["disputes"], [d["comment"] for d in case["disputes"]]) == (1, ["Not so."])
        assert rita.post(f"/api/v1/review/{feedback_id}/approve").json()["state"] == "approved"
    closed = read(olga, feedback_id)
    assert closed["disputes"][0]["closed_at"]
    assert closed["body"]
    with db.read() as session:
        assert session.get_one(FeedbackRow, feedback_id).review_state == ReviewState.APPROVED
