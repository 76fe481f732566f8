"""Trying again, comparing and looking back by the API."""

from typing import Any

import pytest

from debrief.conversation import Conversation
from debrief.scenario import Scenario
from storage.conversations import get_conversation
from storage.scenarios import keep_version
from storage.tables import ConversationRow
from tests.again_scene import make_debrief, own_messages
from tests.factories import make_conversation, make_turn
from tests.job_scene import interview
from tests.web_scene import Browser, Web, running_web

pytestmark = pytest.mark.both_engines


def talk_and_debrief(web: Web, browser: Browser, levels: dict[str, int | None] | None = None) -> tuple[str, str, str]:
    """A talk of three turns with a shown debrief; ids of talk, debrief, and the weak message."""
    talk = conversation_of(web, browser.begin())
    for text in ("I led the rewrite.", "It was fine.", "I like your team."):
        make_turn(web.parts.db, talk, text=text, answer="And then?")
    return talk.id, debrief_of(web, talk.id, levels), own_messages(web.parts.db, talk.id)[1].id


def debrief_of(web: Web, talk_id: str, levels: dict[str, int | None] | None = None, **values: Any) -> str:
    return make_debrief(web.parts.db, conversation_of(web, talk_id), levels, **values)


def conversation_of(web: Web, talk_id: str) -> Conversation:
    """The talk as the program sees it, whoever's it is."""
    with web.parts.db.read() as session:
        owner = session.get_one(ConversationRow, talk_id).visitor_id
    return get_conversation(web.parts.db, owner, talk_id)


def test_a_new_talk_begins_where_it_was_weak(web: Web, olga: Browser):
    talk_id, feedback_id, weak = talk_and_debrief(web, olga)

    response = olga.post(f"/api/v1/feedback/{feedback_id}/again", json={"message_id": weak})

    assert response.status_code == 201, response.text
    again = response.json()
    assert [message["text"] for message in again["messages"]][1:] == ["I led the rewrite.", "And then?"]
    assert (again["origin"], again["again_of"], again["again_from"]) == ("again", talk_id, weak)
    assert olga.read(again["id"]) == again
    listed = olga.get("/api/v1/conversations").json()["items"]
    assert [(line["id"], line["origin"], line["again_of"]) for line in listed] == [
        (again["id"], "again", talk_id),
        (talk_id, "talk", None),
    ]
    ids = olga.say(again["id"], "I cut the wait from 40 s to 2 s.")
    assert olga.ended(ids["answer_id"])["state"] == "complete"


def test_the_model_is_told_the_scenario_as_it_was_then(web: Web, olga: Browser, scripted_model):
    visitor_id = conversation_of(web, olga.begin()).visitor_id
    old = interview().model_copy(update={"version": 99})
    body = old.body()
    body["persona"]["prompt"] = {"en": "You are Dana of the past.", "ko": "지난날의 다나입니다."}
    with web.parts.db.write() as session:
        keep_version(session, "job_interview", "e" * 64, body)
    talk = make_conversation(web.parts.db, visitor_id=visitor_id, scenario_hash="e" * 64, scenario_body=body, turns=2)
    feedback_id = make_debrief(web.parts.db, talk)
    weak = own_messages(web.parts.db, talk.id)[1].id
    again = olga.post(f"/api/v1/feedback/{feedback_id}/again", json={"message_id": weak}).json()

    olga.ended(olga.say(again["id"], "Once more.")["answer_id"])

    assert "Dana of the past" in str(scripted_model.chats[-1].messages)


@pytest.mark.parametrize("wish", [{}, {"message_id": ""}, {"message_id": 1}, {"message_id": "m", "more": 1}])
def test_a_malformed_wish_is_refused(web: Web, olga: Browser, wish: dict):
    _, feedback_id, _ = talk_and_debrief(web, olga)
    assert olga.post(f"/api/v1/feedback/{feedback_id}/again", json=wish).status_code == 422


def test_a_stranger_gets_the_same_404_as_for_nothing(web: Web, olga: Browser, sam: Browser):
    _, feedback_id, weak = talk_and_debrief(web, olga)
    for path in (f"feedback/{feedback_id}", "feedback/f_none"):
        answers = [
            sam.post(f"/api/v1/{path}/again", json={"message_id": weak}),
            sam.get(f"/api/v1/{path}/compare"),
        ]
        assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(404, "not_found")] * 2
    assert len(sam.get("/api/v1/conversations").json()["items"]) == 1
    assert sam.get("/api/v1/progress").json()["items"] == []


def test_beginning_again_counts_as_beginning_a_talk(web_settings):
    strict = web_settings.model_copy(update={"rate_limit": "on", "messages_per_minute": 2})
    with running_web(strict) as web, web.browser() as olga:
        _, feedback_id, weak = talk_and_debrief(web, olga)
        wishes = [olga.post(f"/api/v1/feedback/{feedback_id}/again", json={"message_id": weak}) for _ in range(2)]
        assert [answer.status_code for answer in wishes] == [201, 429]
        assert "retry-after" in wishes[1].headers


def test_two_debriefs_stand_side_by_side(web: Web, olga: Browser):
    _, first, weak = talk_and_debrief(web, olga, {"examples": 2, "motive": None})
    again = olga.post(f"/api/v1/feedback/{first}/again", json={"message_id": weak}).json()
    ids = olga.say(again["id"], "I cut the wait from 40 s to 2 s.")
    olga.ended(ids["answer_id"])
    second = debrief_of(web, again["id"], {"examples": 4, "motive": 3})

    compared = olga.get(f"/api/v1/feedback/{second}/compare").json()

    assert (compared["before"]["feedback_id"], compared["after"]["feedback_id"]) == (first, second)
    assert [compared[side]["said"] for side in ("before", "after")] == [
        "It was fine.", "I cut the wait from 40 s to 2 s.",
    ]  # fmt: skip
    assert (compared["same_versions"], compared["different"]) == (True, [])
    examples, motive = compared["criteria"]
    assert (examples["before"]["level"], examples["after"]["level"]) == (2, 4)
    assert examples["before"]["quote"] == "It was fine."
    assert examples["after"]["quote"] == "I cut the wait from 40 s to 2 s."
    assert examples["after"]["level_name"]
    assert (motive["before"]["status"], motive["before"]["level"]) == ("not_observed", None)


def test_debriefs_made_in_another_way_show_words_and_no_levels(web: Web, olga: Browser):
    _, first, weak = talk_and_debrief(web, olga, {"examples": 2})
    again = olga.post(f"/api/v1/feedback/{first}/again", json={"message_id": weak}).json()
    olga.ended(olga.say(again["id"], "I cut the wait.")["answer_id"])
    second = debrief_of(web, again["id"], {"examples": 4}, lineage={"model": "large", "rubric_hash": "n" * 64})

    compared = olga.get(f"/api/v1/feedback/{second}/compare").json()

    assert (compared["same_versions"], compared["different"]) == (False, ["rubric", "model"])
    [pair] = compared["criteria"]
    assert [pair[side]["level"] for side in ("before", "after")] == [None, None]
    assert pair["before"]["quote"] == "It was fine."


def test_the_levels_of_three_talks_are_told_over_time(web: Web, olga: Browser):
    earlier = ({"examples": 2, "motive": 3}, {"examples": 3, "motive": None})
    made = [talk_and_debrief(web, olga, levels) for levels in earlier]
    rubric = {"rubric_hash": interview().rubric.hash}
    talk_id = olga.begin()
    for text in ("I led.", "I cut."):
        make_turn(web.parts.db, conversation_of(web, talk_id), text=text, answer="And?")
    newest = debrief_of(web, talk_id, {"examples": 5}, lineage=rubric)

    answer = olga.get("/api/v1/progress", headers={"accept-language": "ko"}).json()

    [course] = answer["items"]
    assert (course["scenario"], course["title"], course["debriefs"]) == ("job_interview", "취업 면접", 3)
    older, newer = course["series"]
    assert (older["changed"], newer["changed"]) == ([], ["rubric"])
    examples, motive = older["criteria"]
    assert [(point["level"], point["status"]) for point in examples["points"]] == [(2, "scored"), (3, "scored")]
    assert [(point["level"], point["status"]) for point in motive["points"]] == [(3, "scored"), (None, "not_observed")]
    assert [point["feedback_id"] for point in examples["points"]] == [feedback_id for _, feedback_id, _ in made]
    assert older["since"] == examples["points"][0]["at"]
    [course] = newer["criteria"]
    criterion = interview().rubric.find("examples")
    assert criterion
    assert course["levels"] == [level.name.ko for level in criterion.levels], "today's rubric, so in today's words"
    assert (course["name"], course["points"][0]["level_name"]) == (criterion.name.ko, criterion.levels[4].name.ko)
    assert course["points"][0]["feedback_id"] == newest
    assert examples["levels"] == [None, *[criterion.levels[n].name.en for n in (1, 2)], None, None]


def test_levels_of_a_rubric_of_the_past_have_its_names(web: Web, olga: Browser):
    body = interview().body()
    body["rubric"]["criteria"][0]["levels"][4]["name"] = {"en": "Splendid", "ko": "훌륭함"}
    old = Scenario.from_body(body)
    owner = conversation_of(web, olga.begin()).visitor_id
    talk = make_conversation(web.parts.db, visitor_id=owner, scenario_hash=old.hash, scenario_body=body, turns=2)
    make_debrief(web.parts.db, talk, {"examples": 2}, lineage={"rubric_hash": old.rubric.hash})

    [item] = olga.get("/api/v1/progress", headers={"accept-language": "ko"}).json()["items"]

    assert item["series"][0]["criteria"][0]["levels"][4] == "훌륭함"


def test_progress_can_be_asked_for_one_scenario(web: Web, olga: Browser):
    talk_and_debrief(web, olga)
    assert [item["scenario"] for item in olga.get("/api/v1/progress?scenario=job_interview").json()["items"]] == [
        "job_interview"
    ]
    assert olga.get("/api/v1/progress?scenario=upset_customer").json() == {
        "items": [], "next": None, "older_left_out": False,
    }  # fmt: skip
