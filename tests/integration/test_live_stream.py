"""The live stream: what a page hears, and what it hears again after it lost the line."""

import pytest

from debrief.errors import TooBusy
from debrief.settings import Settings
from tests.scripted_model import Script, ScriptedModel
from tests.web_scene import Browser, Web, running_web, until
from webapp.hub import FRAME_MAX_CHARS, PENDING_LIMIT, Frame, Hub, Listener, LiveAnswer

pytestmark = pytest.mark.both_engines

MIXED = ["안녕", "하세요 ", "👩‍👩‍👧 ", "e\u0301", " 🎉🎉", " ", "done", "\n\n", "끝."]


def test_the_stream_begins_at_once_with_how_things_stand(web: Web, olga: Browser):
    olga.begin()
    with olga.live() as live:
        hello = live.wait_for("hello")
        assert live.headers
        assert live.headers["content-type"].startswith("text/event-stream")
        assert live.headers["cache-control"] == "no-store"
        assert live.headers["x-accel-buffering"] == "no"
        assert hello["running"] == []
        assert hello["language"] == "en"
        assert hello["model"]["state"] in ("starting", "ready")
        until(lambda: live.comments >= 1, what="a comment on an idle stream")


def test_a_turn_is_heard_from_its_first_word_to_its_end(web: Web, olga: Browser, scripted_model: ScriptedModel):
    scripted_model.enqueue(Script(pieces=MIXED, token_delay_s=0.02))
    talk = olga.begin()
    with olga.live() as live:
        ids = olga.say(talk)
        done = live.wait_for("done", id=ids["answer_id"])

    answer_id = ids["answer_id"]
    assert live.wait_for("turn", answer_id=answer_id) == {"conversation_id": talk, **ids}
    assert live.text(answer_id) == "".join(MIXED)
    assert done == {
        "id": answer_id,
        "conversation_id": talk,
        "state": "complete",
        "error": None,
        "length": len("".join(MIXED)),
    }
    ids_seen = [id for name, id, data in live.frames if name == "answer"]
    assert [int(id.split(":")[1]) for id in ids_seen if id] == [
        data["seq"] + len(data["text"]) for data in live.of("answer")
    ]


def test_only_new_text_travels(web: Web, olga: Browser, scripted_model: ScriptedModel):
    words = " ".join(f"word{n}" for n in range(300))
    scripted_model.enqueue(Script(text=words, token_delay_s=0.002))
    talk = olga.begin()
    with olga.live() as live:
        live.wait_for("done", id=olga.say(talk)["answer_id"])

    assert sum(len(data["text"]) for data in live.of("answer")) == len(words)


def test_a_resumed_stream_goes_on_at_the_very_code_point(web: Web, olga: Browser, scripted_model: ScriptedModel):
    scripted_model.enqueue(Script(pieces=[*MIXED, "never"], stall_after=len(MIXED)))
    text = "".join(MIXED)
    talk = olga.begin()
    answer_id = olga.say(talk)["answer_id"]
    until(lambda: olga.answer(answer_id)["text"] == text)

    for offset in range(len(text)):
        with olga.live(last_event_id=f"{answer_id}:{offset}") as live:
            assert live.wait_for("hello")["running"] == [answer_id]
            told = live.wait_for("answer")
        assert told == {"id": answer_id, "conversation_id": talk, "seq": offset, "text": text[offset:]}

    olga.post(f"/api/v1/conversations/{talk}/stop")
    olga.ended(answer_id)
    for offset in range(len(text) + 1):
        with olga.live(last_event_id=f"{answer_id}:{offset}") as live:
            assert live.wait_for("done", id=answer_id)["state"] == "stopped"
        assert "".join(data["text"] for data in live.of("answer")) == text[offset:]


def test_a_reload_in_mid_answer_hears_it_from_the_beginning(web: Web, olga: Browser, scripted_model: ScriptedModel):
    words = " ".join(f"word{n}" for n in range(200))
    scripted_model.enqueue(Script(text=words, token_delay_s=0.005))
    talk = olga.begin()
    with olga.live() as first:
        answer_id = olga.say(talk)["answer_id"]
        until(lambda: len(first.text(answer_id)) > 50)
    with olga.live() as second:
        second.wait_for("done", id=answer_id)

    assert second.text(answer_id) == words
    assert second.of("answer")[0]["seq"] == 0
    assert len(second.of("answer")[0]["text"]) >= 50


def test_every_tab_of_one_browser_hears_the_same(web: Web, olga: Browser, scripted_model: ScriptedModel):
    talk = olga.begin()
    with olga.live() as one, olga.live() as two, olga.live(conversation_id=talk) as three:
        answer_id = olga.say(talk)["answer_id"]
        for live in (one, two, three):
            live.wait_for("done", id=answer_id)
    assert one.text(answer_id) == two.text(answer_id) == three.text(answer_id) != ""


def test_a_filtered_stream_hears_one_talk_only(web: Web, olga: Browser):
    mine, other = olga.begin(), olga.begin()
    with olga.live(conversation_id=mine) as live:
        elsewhere = olga.ended(olga.say(other)["answer_id"])
        here = olga.say(mine)["answer_id"]
        live.wait_for("done", id=here)
    assert {data["conversation_id"] for data in live.of("answer") + live.of("turn") + live.of("list")} == {mine}
    assert elsewhere["id"] not in str(live.frames)


def test_a_stranger_hears_nothing_of_mine(web: Web, olga: Browser, sam: Browser):
    talk = olga.begin()
    with sam.live() as live:
        answer_id = olga.say(talk)["answer_id"]
        olga.ended(answer_id)
        own = sam.say(sam.begin())["answer_id"]
        live.wait_for("done", id=own)
        assert talk not in str(live.frames)
    with sam.live(last_event_id=f"{answer_id}:0") as stolen:
        stolen.wait_for("hello")
        until(lambda: stolen.comments)
        assert stolen.of("answer") == []
    for path in (f"/api/v1/live?conversation_id={talk}", f"/api/v1/conversations/{talk}/live"):
        with sam.stream("GET", path) as refused:
            assert refused.status_code == 404


def test_the_list_is_told_when_it_changes(web: Web, olga: Browser):
    olga.begin()
    with olga.live() as live:
        talk = olga.begin()
        live.wait_for("list", conversation_id=talk)


def test_another_process_is_tailed_and_stopped(web_settings: Settings, scripted_model: ScriptedModel):
    scripted_model.enqueue(Script(pieces=[*MIXED, "never"], stall_after=len(MIXED)))
    with running_web(web_settings) as here, running_web(web_settings) as there, here.browser() as olga:
        talk = olga.begin()
        with there.browser(cookies=olga.cookies) as phone, phone.live() as live:
            ids = olga.say(talk)
            until(lambda: live.text(ids["answer_id"]) == "".join(MIXED))
            assert live.wait_for("turn") == {"conversation_id": talk, **ids}
            live.wait_for("list", conversation_id=talk)

            phone.post(f"/api/v1/conversations/{talk}/stop")

            done = live.wait_for("done", id=ids["answer_id"])
            assert (done["state"], done["length"]) == ("stopped", len("".join(MIXED)))
            scripted_model.wait_for(lambda model: model.active == 0)


def test_a_version_chosen_at_another_process_is_heard(web_settings: Settings):
    with running_web(web_settings) as here, running_web(web_settings) as there, here.browser() as olga:
        talk = olga.begin()
        first = olga.say(talk)["answer_id"]
        olga.ended(first)
        again = olga.post(f"/api/v1/messages/{first}/retry").json()["answer_id"]
        olga.ended(again)
        with there.browser(cookies=olga.cookies) as phone, phone.live() as live:
            live.wait_for("hello")
            olga.post(f"/api/v1/messages/{first}/choose")
            live.wait_for("path", conversation_id=talk, leaf_id=first)
            assert phone.read(talk)["messages"][-1]["id"] == first


def test_feedback_made_by_another_process_is_heard(web: Web, olga: Browser):
    talk = olga.begin()
    olga.ended(olga.say(talk)["answer_id"])
    with olga.live() as live:
        feedback_id = olga.post(f"/api/v1/conversations/{talk}/feedback").json()["id"]
        told = live.wait_for("feedback", id=feedback_id)
    assert told == {
        "id": feedback_id,
        "conversation_id": talk,
        "state": "queued",
        "review_state": "none",
        "progress": {"step": "waiting", "position": 1},
        "worker_alive": False,
        "shown": False,
        "seen": False,
        "asked_by": "visitor",
    }


def test_a_browser_has_so_many_streams_and_no_more(web: Web, olga: Browser):
    olga.begin()
    lives = [olga.live() for _ in range(12)]
    for live in lives:
        live.__enter__()
    refused = olga.get("/api/v1/live")
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_streams")
    assert "retry-after" in refused.headers
    for live in lives:
        live.__exit__()
    until(lambda: web.parts.hub.stream_count == 0, what="the streams to be let go")
    with olga.live() as live:
        live.wait_for("hello")


def test_an_idle_stream_ends_promptly_when_the_process_does(web: Web, olga: Browser):
    olga.begin()
    with olga.live() as live:
        live.wait_for("hello")
        web.server.config.timeout_graceful_shutdown = 90
        assert web.stop() < 60, "uvicorn would have waited for the stream, 90 s"
        until(lambda: live.is_over)


def test_a_slow_reader_costs_no_memory():
    hub = Hub(streams_per_visitor=5, streams_in_all=5)
    slow = Listener("v_olga", "en")
    hub.join(slow)
    answer = hub.begin(LiveAnswer("m_1", "c_1", "v_olga"))
    for _ in range(10_000):
        hub.extend(answer, "word ")
        hub.tell("v_olga", "f_1", Frame("feedback", {"id": "f_1"}))

    frames = slow.take()

    assert [frame.event for frame in frames] == ["feedback", "answer"]
    text = frames[1].data["text"]
    assert len(text) == FRAME_MAX_CHARS
    while frames := slow.take():
        assert frames[0].data["seq"] == len(text)
        text += frames[0].data["text"]
    assert text == "word " * 10_000


def test_a_reader_that_is_hopelessly_behind_is_sent_away_to_start_afresh():
    hub = Hub(streams_per_visitor=5, streams_in_all=5)
    slow = Listener("v_olga", "en")
    hub.join(slow)
    for n in range(PENDING_LIMIT + 1):
        hub.tell("v_olga", f"f_{n}", Frame("feedback", {"id": f"f_{n}"}))
    assert slow.is_closed


def test_all_streams_together_have_a_limit():
    hub = Hub(streams_per_visitor=5, streams_in_all=2)
    hub.join(Listener("v_olga", "en"))
    hub.join(Listener("v_sam", "en"))
    with pytest.raises(TooBusy):
        hub.join(Listener("v_rita", "en"))
