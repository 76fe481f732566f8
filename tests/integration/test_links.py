"""The private link: one person in two browsers."""

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from debrief.errors import Conflict, NotFound
from storage.conversations import get_conversation
from storage.engine import Database, utc_now
from storage.links import make_link, use_link
from storage.tables import IdentityLinkRow, SpendingRow
from storage.tokens import Owner, make_token, who_is_program
from storage.visitors import has_moved, has_talked, read_stored
from tests.factories import OLGA, SAM, make_conversation
from tests.integration.test_delete_visitor import WORD, fill, traces
from tests.scripted_model import Script, ScriptedModel
from tests.web_scene import Browser, Web, until

pytestmark = pytest.mark.both_engines
PHONE = "v_phone"


def test_whoever_uses_the_link_is_olga_and_the_talks_of_that_browser_come_along(database):
    hers = make_conversation(database, visitor_id=OLGA)
    fill(database, PHONE)
    before = read_stored(database, PHONE).rows

    moved = use_link(database, make_link(database, OLGA).token, PHONE)

    assert (moved.visitor_id, moved.talks) == (OLGA, 2)
    after = read_stored(database, OLGA).rows
    assert get_conversation(database, OLGA, hers.id)
    assert before.pop("identity_links") == 1  # of the phone: good for nothing any more
    assert after == {**before, "conversations": 3, "messages": before["messages"] + 1}
    assert traces(database, [PHONE]) == set()
    assert not has_talked(database, PHONE)
    assert has_moved(database, PHONE)
    assert {table for table, _ in traces(database, [WORD])} >= {"conversations", "messages", "disputes"}


def test_what_both_used_of_the_day_counts_together(database):
    fill(database, OLGA)
    before = _answers_of(database, OLGA)
    fill(database, PHONE, with_account=False)
    use_link(database, make_link(database, OLGA).token, PHONE)
    assert _answers_of(database, OLGA) == 2 * before


def _answers_of(db: Database, visitor_id: str) -> int:
    with db.read() as session:
        used = select(SpendingRow.used).where(SpendingRow.name == f"answers:{visitor_id}")
        return sum(session.scalars(used))


def test_a_token_of_that_browser_goes_on_as_olgas(database):
    _, token = make_token(database, Owner(visitor_id=PHONE), "a script")
    use_link(database, make_link(database, OLGA).token, PHONE)
    bearer = who_is_program(database, token)
    assert bearer
    assert bearer.visitor_id == OLGA


def test_a_link_is_good_once(database):
    link = make_link(database, OLGA)
    use_link(database, link.token, PHONE)
    with pytest.raises(NotFound) as refused:
        use_link(database, link.token, SAM)
    assert refused.value.reason == "link_not_valid"


def test_of_two_who_use_it_at_once_one_gets_it(database):
    link = make_link(database, OLGA)

    def try_it(visitor_id: str) -> bool:
        try:
            return bool(use_link(database, link.token, visitor_id))
        except NotFound:
            return False

    with ThreadPoolExecutor(2) as both:
        assert sorted(both.map(try_it, [PHONE, SAM])) == [False, True]


def test_a_link_is_good_for_half_an_hour_and_only_the_newest_is(database):
    first, second = make_link(database, OLGA), make_link(database, OLGA)
    with pytest.raises(NotFound):
        use_link(database, first.token, PHONE)
    with database.write() as session:
        session.execute(update(IdentityLinkRow).values(expires_at=utc_now() - timedelta(seconds=1)))
    with pytest.raises(NotFound):
        use_link(database, second.token, PHONE)


def test_olgas_own_browser_does_not_use_her_link_up(database):
    link = make_link(database, OLGA)
    with pytest.raises(Conflict):
        use_link(database, link.token, OLGA)
    assert use_link(database, link.token, PHONE).visitor_id == OLGA


def test_a_links_token_is_kept_only_as_a_hash(database):
    link = make_link(database, OLGA)
    assert traces(database, [link.token]) == set()


# --- by the API


def link_of(browser: Browser) -> str:
    response = browser.post("/api/v1/me/link")
    assert response.status_code == 201, response.text
    return response.json()["token"]


def test_olga_goes_on_in_another_browser(web: Web, olga: Browser, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    talk = olga.begin()
    token = link_of(olga)
    with web.browser() as phone:
        begun_there = phone.begin()
        answer = phone.post("/api/v1/me/link/use", json={"token": token})
        assert (answer.status_code, answer.json()) == (200, {"talks": 1})
        assert phone.read(talk)
        assert {item["id"] for item in olga.get("/api/v1/conversations").json()["items"]} == {talk, begun_there}
        again = phone.post("/api/v1/me/link/use", json={"token": token})
        assert (again.status_code, again.json()["code"]) == (404, "link_not_valid")
    assert token not in caplog.text
    with web.browser() as preview:  # nothing that only looks can use a link up
        assert preview.get("/api/v1/me/link/use").status_code == 404


def test_an_answer_that_is_being_written_there_goes_on_and_is_heard_by_both(
    web: Web, olga: Browser, scripted_model: ScriptedModel
):
    olga.begin()
    scripted_model.enqueue(Script("word " * 100, token_delay_s=0.02))
    with web.browser() as phone:
        talk = phone.begin()
        answer_id = phone.say(talk)["answer_id"]
        until(lambda: phone.answer(answer_id)["text"], what="the first words")
        with phone.live() as stream, olga.live() as hers:
            hers.wait_for("hello")
            phone.post("/api/v1/me/link/use", json={"token": link_of(olga)})
            assert stream.wait_for("gone") == {"why": "moved"}
            assert phone.ended(answer_id)["state"] == "complete"
            hers.wait_for("done", id=answer_id)
