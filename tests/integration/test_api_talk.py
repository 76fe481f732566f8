"""Talking by the API: the routes, their shapes, and what each says when something is wrong."""

import pytest

from debrief.settings import Settings
from tests.scripted_model import Script, ScriptedModel
from tests.web_scene import Browser, Web, running_web
from webapp.api.description import refusals

pytestmark = pytest.mark.both_engines

TURN = {"text": "I led a team of three."}


def test_a_newcomer_without_a_cookie_begins_a_talk_and_comes_back_to_it(web: Web, olga: Browser):
    response = olga.post("/api/v1/conversations", json={"scenario": "job_interview"})

    assert response.status_code == 201
    assert "debrief_visitor" in response.cookies
    again = olga.get(f"/api/v1/conversations/{response.json()['id']}").json()
    assert again == response.json()
    assert [message["role"] for message in again["messages"]] == ["assistant"]
    assert again["messages"][0]["state"] == "complete"
    assert again["active_leaf_id"] == again["messages"][0]["id"]


def test_a_turn_is_stored_and_answered(web: Web, olga: Browser, scripted_model: ScriptedModel):
    scripted_model.enqueue("What was hard about it?")
    talk = olga.begin()

    ids = olga.say(talk, "I led a team of three.")
    answer = olga.ended(ids["answer_id"])

    assert (answer["state"], answer["text"]) == ("complete", "What was hard about it?")
    assert min(answer["completion_tokens"], answer["prompt_tokens"]) > 0
    assert 0 < answer["first_token_s"] <= answer["total_s"]
    messages = olga.read(talk)["messages"]
    assert [(message["role"], message["text"]) for message in messages[1:]] == [
        ("user", "I led a team of three."),
        ("assistant", "What was hard about it?"),
    ]
    assert messages[2]["parent_id"] == ids["user_message_id"]
    assert scripted_model.chats[0].last_user == "I led a team of three."


def test_the_message_route_streams_the_answer_to_who_accepts_events(web: Web, olga: Browser):
    talk = olga.begin()

    with olga.stream(
        "POST",
        f"/api/v1/conversations/{talk}/messages",
        json=TURN,
        headers={"accept": "text/event-stream"},
    ) as response:
        body = response.read().decode()

    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/event-stream")
    kinds = [line.removeprefix("event: ") for line in body.splitlines() if line.startswith("event: ")]
    assert kinds[0] == "turn"
    assert kinds[-1] == "done"
    assert set(kinds[1:-1]) == {"answer"}


def test_the_same_request_id_is_one_turn(web: Web, olga: Browser, scripted_model: ScriptedModel):
    talk = olga.begin()

    first = olga.say(talk, request_id="click")
    second = olga.say(talk, request_id="click")

    assert first == second
    olga.ended(first["answer_id"])
    assert len(olga.read(talk)["messages"]) == 3
    assert len(scripted_model.chats) == 1


def test_a_second_message_waits_for_the_answer(web: Web, olga: Browser, scripted_model: ScriptedModel):
    scripted_model.enqueue(Script(text="One two three.", stall_after=1))
    talk = olga.begin()
    olga.say(talk)

    response = olga.post(f"/api/v1/conversations/{talk}/messages", json=TURN)

    assert (response.status_code, response.json()["code"]) == (409, "answer_running")
    olga.post(f"/api/v1/conversations/{talk}/stop")


def test_retry_keeps_the_old_answer_beside_the_new_one(web: Web, olga: Browser, scripted_model: ScriptedModel):
    scripted_model.enqueue("First try.", "Second try.")
    talk = olga.begin()
    first = olga.say(talk)
    olga.ended(first["answer_id"])

    response = olga.post(f"/api/v1/messages/{first['answer_id']}/retry", json={"request_id": "again"})

    assert response.status_code == 202
    second = response.json()
    assert second["user_message_id"] == first["user_message_id"]
    assert olga.ended(second["answer_id"])["text"] == "Second try."
    assert olga.answer(first["answer_id"])["text"] == "First try."
    assert olga.read(talk)["messages"][-1]["id"] == second["answer_id"]


def test_talks_are_listed_renamed_and_deleted(web: Web, olga: Browser):
    first, second = olga.begin(), olga.begin()

    olga.patch(f"/api/v1/conversations/{first}", json={"title": "My interview"})
    page = olga.get("/api/v1/conversations", params={"limit": 1}).json()
    rest = olga.get("/api/v1/conversations", params={"limit": 1, "cursor": page["next"]}).json()
    assert [item["id"] for item in page["items"] + rest["items"]] == [second, first]
    assert rest["items"][0] == {
        "id": first,
        "scenario": "job_interview",
        "title": "My interview",
        "updated_at": rest["items"][0]["updated_at"],
        "message_count": 1,
        "feedback": None,
        "origin": "talk",
        "again_of": None,
        "again_from": None,
    }
    assert rest["next"] is None

    assert olga.delete(f"/api/v1/conversations/{first}").status_code == 200
    assert olga.get(f"/api/v1/conversations/{first}").status_code == 404


def test_deleting_a_talk_ends_its_answer(web: Web, olga: Browser, scripted_model: ScriptedModel):
    scripted_model.enqueue(Script(text="One two three.", stall_after=1))
    talk = olga.begin()
    olga.say(talk)
    scripted_model.wait_for(lambda model: model.active == 1)

    assert olga.delete(f"/api/v1/conversations/{talk}").status_code == 200

    scripted_model.wait_for(lambda model: model.active == 0)
    assert olga.get("/api/v1/conversations").json()["items"] == []


def test_scenarios_speak_the_language_that_is_asked_for(web: Web, olga: Browser):
    english = olga.get("/api/v1/scenarios").json()["items"]
    korean = olga.get("/api/v1/scenarios", headers={"accept-language": "ko-KR,ko;q=0.9"}).json()["items"]

    assert {item["id"] for item in english} == {item["id"] for item in korean}
    assert english[0]["title"] != korean[0]["title"]
    assert set(english[0]) == {
        "id",
        "title",
        "summary",
        "you_practise",
        "minutes",
        "languages",
        "persona",
        "form",
        "quick_replies",
        "end",
        "release",
    }


def test_me_says_who_i_am_here(web: Web, olga: Browser):
    olga.begin()

    me = olga.get("/api/v1/me", headers={"accept-language": "ko"}).json()

    assert me["language"] == "ko"
    assert me["account"] is None
    assert me == olga.get("/api/v1/me", headers={"accept-language": "ko"}).json()


def test_feedback_is_asked_for_once_and_rung_once(web: Web, olga: Browser):
    talk = olga.begin()
    olga.ended(olga.say(talk)["answer_id"])

    first = olga.post(f"/api/v1/conversations/{talk}/feedback")
    second = olga.post(f"/api/v1/conversations/{talk}/feedback", json={})

    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["id"] == second.json()["id"]
    assert len(web.rung) == 1
    found = olga.get(f"/api/v1/feedback/{first.json()['id']}").json()
    assert (found["state"], found["body"], found["worker_alive"]) == ("queued", None, False)
    assert "delayed" in found["notice"]
    assert [item["id"] for item in olga.get(f"/api/v1/conversations/{talk}/feedback").json()["items"]] == [found["id"]]
    assert olga.get("/api/v1/conversations").json()["items"][0]["feedback"]["id"] == found["id"]


BAD_REQUESTS = [
    ("post", "/api/v1/conversations", {"scenario": "nowhere"}, 422, "unknown_scenario"),
    ("post", "/api/v1/conversations", {"scenario": "job_interview", "answers": {"x": "y"}}, 422, "malformed"),
    ("post", "/api/v1/conversations", {"scenario": "job_interview", "model": "gpt"}, 422, "malformed"),
    ("post", "/api/v1/conversations", {"scenario": 5}, 422, "malformed"),
    ("post", "/api/v1/conversations", [], 422, "malformed"),
    ("post", "/api/v1/conversations/TALK/messages", {"text": ""}, 422, "empty_message"),
    ("post", "/api/v1/conversations/TALK/messages", {"text": " \n "}, 422, "empty_message"),
    ("post", "/api/v1/conversations/TALK/messages", {"text": "x" * 4001}, 422, "message_too_long"),
    ("post", "/api/v1/conversations/TALK/messages", {"text": None}, 422, "malformed"),
    ("post", "/api/v1/conversations/TALK/messages", {"text": "x", "request_id": ""}, 422, "malformed"),
    ("post", "/api/v1/conversations/TALK/messages", {"text": "x", "n": 1000, "priority": -5}, 422, "malformed"),
    ("patch", "/api/v1/conversations/TALK", {"title": "  "}, 422, "empty_title"),
    ("post", "/api/v1/conversations/TALK/feedback", None, 422, "nothing_to_review"),
    ("get", "/api/v1/conversations?limit=0", None, 422, "malformed"),
    ("get", "/api/v1/conversations?cursor=zzz", None, 422, "malformed"),
    ("get", "/api/v1/nowhere", None, 404, "not_found"),
    ("post", "/api/nowhere", {}, 404, "not_found"),
    ("get", "/openapi.json", None, 401, "sign_in_needed"),
    ("get", "/docs", None, 401, "sign_in_needed"),
]


def test_every_mistake_is_answered_with_a_code_and_a_sentence(web: Web, olga: Browser):
    talk = olga.begin()
    for method, path, body, status, code in BAD_REQUESTS:
        response = olga.request(method, path.replace("TALK", talk), json=body)
        assert (response.status_code, response.json()["code"]) == (status, code), (path, response.text)
        assert set(response.json()) == {"code", "message"}
        assert len(response.json()["message"]) > 10
        if path.startswith("/api/v1/") and path != "/api/v1/nowhere":
            route = path.partition("?")[0].replace("TALK", "{conversation_id}")
            assert code in refusals(method.upper(), route, has_body=body is not None)[status], "as it is described"


def test_mistakes_are_told_in_korean_to_a_korean_reader(web: Web, olga: Browser):
    talk = olga.begin()

    said = olga.post(
        f"/api/v1/conversations/{talk}/messages", json={"text": ""}, headers={"accept-language": "ko"}
    ).json()

    assert said["message"] == "메시지가 비어 있습니다. 먼저 내용을 입력해 주세요."


def test_what_is_not_json_is_refused_with_a_sentence(web: Web, olga: Browser):
    talk = olga.begin()
    for body, kind in ((b"{", "application/json"), (b'{"text": "x"}', "text/plain"), (b"\xff\xfe", "application/json")):
        response = olga.post(f"/api/v1/conversations/{talk}/messages", content=body, headers={"content-type": kind})
        assert (response.status_code, response.json()["code"]) == (422, "malformed"), response.text


def test_health_tells_how_each_part_is(web: Web, olga: Browser, scripted_model: ScriptedModel):
    health = olga.get("/healthz")

    assert health.status_code == 200
    assert health.json()["model"]["state"] == "ready"
    assert {**health.json(), "model": None} == {
        "ok": True,
        "web": "ready",
        "worker": "down",
        "model": None,
        "database": "ready",
    }


def test_health_is_fine_while_the_model_is_away(web_settings: Settings, scripted_model: ScriptedModel):
    scripted_model.go_down()
    with running_web(web_settings) as web, web.browser() as olga:
        health = olga.get("/healthz")

    assert (health.status_code, health.json()["model"]["state"]) == (200, "starting")


@pytest.mark.parametrize("seats", [1])
def test_a_visitor_has_so_many_answers_at_once(web_settings: Settings, scripted_model: ScriptedModel, seats: int):
    few = web_settings.model_copy(update={"answers_at_once_per_visitor": seats})
    scripted_model.enqueue(Script(text="One two.", stall_after=1))
    with running_web(few) as web, web.browser() as olga:
        olga.say(olga.begin())
        response = olga.post(f"/api/v1/conversations/{olga.begin()}/messages", json=TURN)

    assert response.status_code == 429
    assert int(response.headers["retry-after"]) >= 1
    assert response.json()["code"] == "too_many_answers"
