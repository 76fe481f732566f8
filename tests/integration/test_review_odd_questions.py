"""Days and odd questions to the review: what makes no sense gets a sentence and no 500, on both engines."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import update

from storage.tables import FeedbackRow
from tests.review_scene import make_account, make_feedback, sign_in
from tests.web_scene import Web

pytestmark = pytest.mark.both_engines
NUL = "%00"
ODD_QUERIES = [
    "until=9999-12-31",
    "since=9999-12-31",
    "since=0001-01-01&until=0001-01-01",
    "cursor=0001-01-01T00:00:00%2B14:00~f_x",
    "cursor=9999-12-31T23:59:59-14:00~f_x",
    f"cursor=2026-01-01T00:00:00%2B00:00~f{NUL}",
    "sort=worst&cursor=9999999999~2026-01-01T00:00:00%2B00:00~f_x",
    "sort=worst&cursor=٣~2026-01-01T00:00:00%2B00:00~f_x",
    *(f"{name}=a{NUL}b" for name in ("scenario", "rubric", "model", "language", "check", "reviewer", "assignee", "q")),
    "q=" + "%25_" * 60,
    "q=%ED%A0%80",
]


def test_no_filter_and_no_place_in_the_list_breaks_the_server(web: Web):
    make_account(web.parts.db)
    make_feedback(web.parts.db)
    with web.browser() as rita:
        sign_in(rita)
        for query in ODD_QUERIES:
            for path in ("", "/counts"):
                answer = rita.get(f"/api/v1/review{path}?{query}")
                assert answer.status_code in (200, 422), (path, query, answer.text)
                assert answer.status_code == 200 or answer.json()["message"], query


def test_both_days_that_a_filter_names_are_included(web: Web):
    db = web.parts.db
    make_account(db)
    row = make_feedback(db)
    with db.write() as session:
        last = datetime(2026, 5, 5, 23, 59, 59, 999_999, UTC)
        session.execute(update(FeedbackRow).where(FeedbackRow.id == row.id).values(created_at=last))
    with web.browser() as rita:
        sign_in(rita)
        days = {"2026-05-04": 0, "2026-05-05": 1, "2026-05-06": 0}
        for day, number in days.items():
            found = rita.get("/api/v1/review", params={"since": day, "until": day}).json()["items"]
            assert len(found) == number, day


def test_no_view_and_no_id_breaks_a_decision_for_many_or_the_next_one(web: Web):
    make_account(web.parts.db)
    make_feedback(web.parts.db)
    with web.browser() as rita:
        sign_in(rita)
        for wish in (*({"view": query} for query in ODD_QUERIES), {"ids": ["a\x00b"]}, {"ids": ["f_x"] * 100}):
            for path in ("/bulk/preview", "/bulk"):
                answer = rita.post(f"/api/v1/review{path}", json={"action": "assign", **wish})
                assert answer.status_code in (200, 422), (path, wish, answer.text)
        answers = [
            rita.post("/api/v1/review/bulk", json={"action": "assign", "ids": [], "assignee": "ri\x00ta"}),
            rita.post(
                "/api/v1/review/bulk", json={"action": "assign", "view": "", "cursor": "0001-01-01T00:00:00+14:00~f"}
            ),
            rita.post(
                "/api/v1/review/bulk", json={"action": "assign", "view": "", "until": "0001-01-01T00:00:00+14:00"}
            ),
            rita.post("/api/v1/review/next", json={"skipped": ["a\x00b"]}),
            rita.post(f"/api/v1/review/a{NUL}b/claim"),
            rita.get("/api/v1/agreement", params={"scenario": "a\x00b"}),
            rita.post(f"/api/v1/second-opinions/a{NUL}b", json={"decision": "approve", "levels": {}}),
        ]
        assert [answer.status_code for answer in answers if answer.status_code >= 500] == [], [
            answer.text for answer in answers
        ]
