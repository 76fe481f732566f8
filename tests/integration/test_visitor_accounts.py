"""An account of a visitor's own: the talks that are there go into it, and it is found again in any browser."""

import logging
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from debrief.errors import Conflict, DebriefError, InputRejected, NotAllowed
from storage import passwords
from storage.conversations import get_conversation
from storage.engine import Database
from storage.links import make_link, use_link
from storage.tokens import Owner, make_token, who_is_program
from storage.visitor_accounts import (
    change_password,
    end_all_sessions,
    find_account_of,
    sign_in,
    sign_up,
)
from storage.visitors import delete_visitor, has_moved, read_stored
from tests.factories import OLGA, SAM, make_conversation
from tests.integration.test_delete_visitor import traces
from tests.web_scene import Browser, Web, running_web

pytestmark = pytest.mark.both_engines
PHONE = "v_phone"
PASSWORD = "three blue herons"


def is_refused(db: Database, name: str, password: str = PASSWORD) -> bool:
    try:
        sign_in(db, name, password, PHONE)
    except NotAllowed as refusal:
        return refusal.reason == "wrong_password"
    return False


def test_olga_signs_in_elsewhere_and_what_was_said_there_comes_along(database):
    hers = make_conversation(database, visitor_id=OLGA)
    sign_up(database, OLGA, "Olga", PASSWORD)
    there = make_conversation(database, visitor_id=PHONE)

    moved = sign_in(database, " OLGA ", PASSWORD, PHONE)

    assert (moved.visitor_id, moved.talks) == (OLGA, 1)
    assert get_conversation(database, OLGA, hers.id)
    assert get_conversation(database, OLGA, there.id)
    assert has_moved(database, PHONE)
    assert find_account_of(database, OLGA).name == "Olga"


def test_a_name_is_one_persons_however_it_is_written(database):
    sign_up(database, OLGA, "Olga  Kim", PASSWORD)
    for same in ("olga kim", "ＯＬＧＡ kim", " Olga Kim "):
        with pytest.raises(Conflict) as refused:
            sign_up(database, SAM, same, PASSWORD)
        assert refused.value.reason == "name_taken_here"
    assert find_account_of(database, SAM) is None
    assert sign_up(database, SAM, "올가", PASSWORD).name == "올가"


@pytest.mark.parametrize("name", ["", "x", " x ", "x" * 61, "ol\x00ga", "ol\u200bga"])
def test_a_name_that_cannot_be_typed_again_is_refused_with_the_rule(database, name):
    with pytest.raises(InputRejected) as refused:
        sign_up(database, OLGA, name, PASSWORD)
    assert "2 to 60 characters" in refused.value.sentence("en")


def test_of_two_who_want_a_name_at_once_one_gets_it(database):
    def try_it(visitor_id: str) -> bool:
        try:
            return bool(sign_up(database, visitor_id, "olga", PASSWORD))
        except Conflict:
            return False

    with ThreadPoolExecutor(2) as both:
        assert sorted(both.map(try_it, [OLGA, SAM])) == [False, True]


def test_an_unknown_name_costs_as_much_hashing_as_a_wrong_password_and_is_refused_alike(database, monkeypatch):
    sign_up(database, OLGA, "olga", PASSWORD)
    compared: list[str] = []
    hasher = SimpleNamespace(verify=lambda stored, _: compared.append(stored) or False, hash=passwords._hasher().hash)
    monkeypatch.setattr(passwords, "_hasher", lambda: hasher)
    assert is_refused(database, "olga", "wrong")
    assert is_refused(database, "nobody", "wrong")
    assert len(compared) == 2
    assert all(stored.startswith("$argon2id$") for stored in compared)


def test_two_accounts_never_become_one(database):
    sign_up(database, OLGA, "olga", PASSWORD)
    sign_up(database, SAM, "sam", PASSWORD)
    link = make_link(database, OLGA)
    for attempt in (
        lambda: sign_in(database, "olga", PASSWORD, SAM),
        lambda: use_link(database, link.token, SAM),
        lambda: sign_up(database, SAM, "samuel", PASSWORD),
    ):
        with pytest.raises(Conflict):
            attempt()
    assert find_account_of(database, SAM).name == "sam"
    assert use_link(database, link.token, PHONE).visitor_id == OLGA, "the refused try did not use the link up"


def test_an_account_comes_along_through_a_private_link(database):
    sign_up(database, PHONE, "olga", PASSWORD)
    use_link(database, make_link(database, OLGA).token, PHONE)
    assert find_account_of(database, OLGA).name == "olga"
    assert sign_in(database, "olga", PASSWORD, "v_third").visitor_id == OLGA


def test_another_password_ends_all_other_sessions_and_keeps_talks_and_tokens(database):
    talk = make_conversation(database, visitor_id=OLGA)
    sign_up(database, OLGA, "olga", PASSWORD)
    link = make_link(database, OLGA)
    _, token = make_token(database, Owner(visitor_id=OLGA), "a script")
    with pytest.raises(NotAllowed):
        change_password(database, OLGA, "wrong", "one grey heron", "v_anew")

    change_password(database, OLGA, PASSWORD, "one grey heron", "v_anew")

    assert get_conversation(database, "v_anew", talk.id)
    assert has_moved(database, OLGA)
    assert read_stored(database, OLGA).rows == {}
    assert who_is_program(database, token).visitor_id == "v_anew"
    with pytest.raises(DebriefError):
        use_link(database, link.token, PHONE)
    assert is_refused(database, "olga")
    assert sign_in(database, "olga", "one grey heron", PHONE).visitor_id == "v_anew"


def test_signing_out_everywhere_leaves_an_account_that_no_cookie_names(database):
    sign_up(database, OLGA, "olga", PASSWORD)
    since = read_stored(database, OLGA).since
    end_all_sessions(database, OLGA, "v_anew")
    assert has_moved(database, OLGA)
    assert read_stored(database, "v_anew").since == since
    assert sign_in(database, "olga", PASSWORD, PHONE).visitor_id == "v_anew"


def test_who_deletes_their_data_deletes_the_account_and_the_name_is_free(database):
    sign_up(database, OLGA, "olga", PASSWORD)
    assert delete_visitor(database, OLGA).rows["visitor_accounts"] == 1
    assert is_refused(database, "olga")
    assert traces(database, ["olga"]) == set()
    assert sign_up(database, SAM, "olga", PASSWORD)


# --- by the API


def sign_up_by_api(browser: Browser, name: str = "olga") -> None:
    response = browser.post("/api/v1/me/account", json={"name": name, "password": PASSWORD})
    assert response.status_code == 201, response.text


def sign_in_by_api(browser: Browser, password: str = PASSWORD, name: str = "olga"):
    return browser.post("/api/v1/me/account/sign-in", json={"name": name, "password": password})


def test_olga_signs_up_signs_in_on_her_phone_and_signs_out(web: Web, olga: Browser, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    assert olga.get("/api/v1/me").json()["visitor_account"] is None
    talk = olga.begin()
    sign_up_by_api(olga)
    assert olga.read(talk)
    assert olga.get("/api/v1/me").json()["visitor_account"]["name"] == "olga"
    with web.browser() as phone:
        begun_there = phone.begin()
        assert sign_in_by_api(phone).json() == {"talks": 1}
        assert {item["id"] for item in phone.get("/api/v1/conversations").json()["items"]} == {talk, begun_there}
        assert sign_in_by_api(phone).json()["code"] == "signed_in_already"

        assert phone.post("/api/v1/me/account/sign-out", json={}).status_code == 204

        assert phone.get(f"/api/v1/conversations/{talk}").status_code == 404
        assert phone.get("/api/v1/me").json()["visitor_account"] is None
        phone.begin()
    assert len(olga.get("/api/v1/conversations").json()["items"]) == 2
    assert PASSWORD not in caplog.text


def test_who_has_an_account_can_begin_it_without_any_talk_and_comes_back(web: Web):
    with web.browser() as program:
        sign_up_by_api(program, "first of all")
        assert program.get("/api/v1/me").json()["visitor_account"]["name"] == "first of all"


def test_a_changed_password_shuts_out_a_thief_whose_cookie_then_names_nobody(web: Web, olga: Browser):
    talk = olga.begin()
    sign_up_by_api(olga)
    with web.browser() as thief, web.browser() as laptop:
        thief.cookies = olga.cookies
        laptop.cookies = olga.cookies
        assert thief.read(talk)
        wish = {"password": PASSWORD, "new_password": "one grey heron"}
        with thief.live() as stream:
            stream.wait_for("hello")
            assert olga.put("/api/v1/me/account/password", json=wish).status_code == 204
            assert stream.wait_for("gone") == {"why": "moved"}

        assert olga.read(talk)
        assert thief.get(f"/api/v1/conversations/{talk}").status_code == 404
        # What is begun in one of the browsers that are out is not seen in the other, though both had the same cookie.
        begun = laptop.begin()
        assert thief.get(f"/api/v1/conversations/{begun}").status_code == 404
        assert thief.get("/api/v1/conversations").json()["items"] == []
        assert laptop.read(begun)
        assert sign_in_by_api(thief).status_code == 403
        assert sign_in_by_api(laptop, "one grey heron").json() == {"talks": 1}


def test_signing_out_everywhere_ends_it_in_each_browser(web: Web, olga: Browser):
    talk = olga.begin()
    sign_up_by_api(olga)
    with web.browser() as phone:
        sign_in_by_api(phone)
        assert phone.post("/api/v1/me/account/sign-out", json={"everywhere": True}).status_code == 204
        for browser in (olga, phone):
            assert browser.get(f"/api/v1/conversations/{talk}").status_code == 404
        assert sign_in_by_api(phone).status_code == 200
        assert phone.read(talk)


def test_without_an_account_nobody_signs_out_and_loses_their_talks(olga: Browser):
    talk = olga.begin()
    refused = olga.post("/api/v1/me/account/sign-out", json={})
    assert (refused.status_code, refused.json()["code"]) == (404, "no_account_here")
    assert olga.read(talk)


def test_deleting_ones_data_tells_of_the_account(olga: Browser):
    sign_up_by_api(olga)
    assert olga.delete("/api/v1/me/data").json()["deleted"]["accounts"] == 1
    assert sign_in_by_api(olga).status_code == 403


def test_guesses_and_looking_for_names_are_held_back_in_words(web_settings):
    limited = web_settings.model_copy(update={"rate_limit": "on", "sign_ins_per_minute": 3})
    with running_web(limited) as web, web.browser() as olga, web.browser() as sam:
        sign_up_by_api(olga)
        guesses = [sign_in_by_api(sam, "a guess") for _ in range(30)]
        held = guesses[-1]
        assert (held.status_code, held.json()["code"]) == (429, "too_many_sign_ins")
        assert int(held.headers["retry-after"]) > 0
        assert sign_in_by_api(sam).status_code == 429, "the right password too"


def test_a_refusal_is_told_in_korean_to_a_korean_reader(web: Web):
    with web.browser(language="ko") as olga:
        refused = sign_in_by_api(olga, "wrong")
        assert refused.json()["message"] == "이름 또는 비밀번호가 맞지 않습니다."
        short = olga.post("/api/v1/me/account", json={"name": "올가", "password": "짧다"})
        assert short.json()["message"] == "비밀번호는 8자 이상이어야 합니다."
