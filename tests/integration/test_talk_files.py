"""Talks as files: what is saved here comes back as the same tree, and what is not ours is refused in words."""

import json
from typing import Any

import pytest
from markdown_it import MarkdownIt

from debrief.conversation import MessageState
from storage import answers
from storage.messages import list_messages
from storage.turns import start_retry
from tests.factories import make_conversation, make_turn
from tests.web_scene import Browser, Web
from webapp.api.talk_files import IMPORT_MAX_BYTES

pytestmark = pytest.mark.both_engines

BACK = "/api/v1/import/talks"


def make_tree(web: Web, olga: Browser) -> str:
    """A talk of Olga's with two answers to the same words, one of them broken off, and strange signs; its id."""
    olga.begin()
    visitor_id = web.parts.signer.read(olga.cookies["debrief_visitor"])
    scenario = web.parts.scenarios["job_interview"]
    db = web.parts.db
    talk = make_conversation(
        db, visitor_id=visitor_id, title="나의 <b>면접</b>", scenario_hash=scenario.hash, scenario_body=scenario.body(),
        language="ko",
    )  # fmt: skip
    turn = make_turn(db, talk, text="# Not a heading\n\n`code` 면접 🎉", answer="First.")
    again = start_retry(db, visitor_id, turn.answer.id, "r_2", per_visitor_cap=9, total_cap=9)
    answers.finish_answer(
        db, again.answer.id, again.writer_token or "", state=MessageState.ERROR, text="Sec", error_code="model_broke",
        first_token_s=0.25, total_s=1.5, prompt_tokens=12, completion_tokens=3, model="scripted",
    )  # fmt: skip
    make_turn(db, talk, text="Goes on from the second.", answer="Yes.")
    return talk.id


def saved(browser: Browser, talk: str) -> dict[str, Any]:
    return browser.get(f"/api/v1/conversations/{talk}/export").json()


def tree(file: dict[str, Any]) -> dict[str, Any]:
    """What must be the same after coming back: all but the ids themselves, and what the coming back is."""
    talk = file["talk"]
    numbers = {message["id"]: n for n, message in enumerate(talk["messages"])}
    messages = [
        {**message, **{name: numbers.get(message[name]) for name in ("id", "parent_id", "continues", "prompt_from")}}
        for message in talk["messages"]
    ]
    kept = {name: value for name, value in talk.items() if name not in ("id", "origin", "updated_at")}
    return {**kept, "active_leaf_id": numbers[talk["active_leaf_id"]], "messages": messages}


def refusal(browser: Browser, content: object) -> dict[str, Any]:
    response = browser.post(BACK, content=content if isinstance(content, bytes) else json.dumps(content).encode())
    assert response.status_code in (413, 422), response.text
    return response.json()


def test_what_is_saved_comes_back_as_the_same_tree_and_saves_the_same_again(web: Web, olga: Browser, sam: Browser):
    first = saved(olga, make_tree(web, olga))
    assert [message["text"] for message in first["talk"]["messages"]][2:4] == ["First.", "Sec"]
    assert len(first["talk"]["messages"]) == 6

    [brought] = sam.post(BACK, json=first).json()["ids"]

    again = saved(sam, brought)
    assert tree(again) == tree(first)
    assert (again["talk"]["origin"], again["talk"]["id"]) == ("import", brought)
    assert not {m["id"] for m in first["talk"]["messages"]} & {m["id"] for m in again["talk"]["messages"]}
    shown = sam.read(brought)
    assert [message["text"] for message in shown["messages"]][-3:] == ["Sec", "Goes on from the second.", "Yes."]
    assert shown["messages"][2]["error"]["code"] == "model_broke"
    assert sam.get("/api/v1/conversations").json()["items"][0]["id"] == brought, "where one looks for it"


def test_all_talks_go_into_one_file_and_come_back_in_their_order(web: Web, olga: Browser, sam: Browser):
    for n in range(25):
        olga.patch(f"/api/v1/conversations/{olga.begin()}", json={"title": f"Talk {n}"})
    file = olga.get("/api/v1/export/conversations")
    assert "attachment" in file.headers["content-disposition"]
    assert [talk["title"] for talk in file.json()["talks"]] == [f"Talk {n}" for n in range(24, -1, -1)]
    assert len(sam.post(BACK, content=file.content).json()["ids"]) == 25
    lines = sam.get("/api/v1/conversations").json()["items"]
    assert [line["title"] for line in lines][:25] == [f"Talk {n}" for n in range(24, -1, -1)]


def test_an_answer_that_was_being_written_comes_back_as_interrupted(olga: Browser):
    file = saved(olga, olga.begin())
    file["talk"]["messages"][0]["state"] = "running"
    [brought] = olga.post(BACK, json=file).json()["ids"]
    assert olga.read(brought)["messages"][0]["state"] == "interrupted"


def test_what_is_not_ours_is_refused_in_words_and_nothing_is_stored(olga: Browser):
    file = saved(olga, olga.begin())
    before = olga.get("/api/v1/conversations").json()
    talk = file["talk"]
    [message] = talk["messages"]
    for content, code in (
        (b"", "not_our_file"),
        (b"\xff\xfe", "not_our_file"),
        (b"# A talk\n\nin words", "not_our_file"),
        ([], "not_our_file"),
        ({"conversations": []}, "not_our_file"),
        ({**file, "version": 2}, "newer_file"),
        ({**file, "version": "1"}, "broken_file"),
        ({**file, "talk": {**talk, "mood": "good"}}, "broken_file"),
        ({**file, "talk": {**talk, "messages": []}}, "broken_file"),
        ({**file, "talk": {**talk, "messages": [message, message]}}, "broken_file"),
        ({**file, "talk": {**talk, "messages": [{**message, "parent_id": "m_elsewhere"}]}}, "broken_file"),
        ({**file, "talk": {**talk, "messages": [{**message, "parent_id": message["id"]}]}}, "broken_file"),
        ({**file, "talk": {**talk, "messages": [{**message, "continues": "m_elsewhere"}]}}, "broken_file"),
        ({**file, "talk": {**talk, "messages": [{**message, "created_at": "yesterday"}]}}, "broken_file"),
        ({**file, "talk": {**talk, "active_leaf_id": "m_elsewhere"}}, "broken_file"),
        ({**file, "talk": {**talk, "scenario": {"id": "space_travel", "hash": ""}}}, "file_scenario_missing"),
        ({**file, "talk": {**talk, "answers": {"mood": "good"}}}, "malformed"),
        (json.dumps(file).encode()[:-9], "not_our_file"),
    ):
        refused = refusal(olga, content)
        assert refused["code"] == code, (content, refused)
    assert olga.get("/api/v1/conversations").json() == before


def test_an_error_that_this_program_has_no_sentence_for_does_not_break_the_talk(olga: Browser):
    file = saved(olga, olga.begin())
    file["talk"]["messages"][0] |= {"state": "error", "error_code": "made_up"}
    [brought] = olga.post(BACK, json=file).json()["ids"]
    assert olga.read(brought)["messages"][0]["error"]["code"] == "unexpected"


def test_a_long_talk_fits_and_a_file_beyond_the_limit_is_refused_with_it(web: Web, olga: Browser):
    file = saved(olga, olga.begin())
    [first] = file["talk"]["messages"]
    said = [
        {**first, "id": f"m_{n}", "parent_id": f"m_{n - 1}" if n else None, "text": "가" * 800, "role": role}
        for n, role in enumerate(["assistant", "user"] * 250)
    ]
    file["talk"] |= {"messages": said, "active_leaf_id": "m_499"}
    content = json.dumps(file, ensure_ascii=False).encode()
    assert web.parts.settings.body_max_bytes < len(content) < IMPORT_MAX_BYTES
    [brought] = olga.post(BACK, content=content).json()["ids"]
    assert len(list_messages(web.parts.db, brought)) == 500
    assert tree(saved(olga, brought)) == tree(file)
    too_large = refusal(olga, content + b" " * IMPORT_MAX_BYTES)
    assert too_large["code"] == "body_too_large"
    assert "4096 kB" in too_large["message"]


def test_the_markdown_has_what_is_shown_as_plain_words(web: Web, olga: Browser):
    talk = make_tree(web, olga)
    response = olga.get(f"/api/v1/conversations/{talk}/export", params={"format": "md"})
    page = MarkdownIt("commonmark", {"html": True}).render(response.text)
    assert response.headers["content-disposition"].endswith('.md"')
    assert "<h1>나의 &lt;b&gt;면접&lt;/b&gt;</h1>" in page
    assert "<p># Not a heading</p>\n<p>`code` 면접 🎉</p>" in page
    assert "<strong>You</strong>" in page
    assert "First." not in page, "another branch is not shown"
    assert "<em>broke off here</em>" in page


def test_nobody_saves_what_is_anothers(web: Web, olga: Browser, sam: Browser):
    talk = olga.begin()
    assert sam.get(f"/api/v1/conversations/{talk}/export").status_code == 404
    assert talk not in sam.get("/api/v1/export/conversations").text
