"""Single messages over the API: versions, edits, going on, ratings, what an answer took."""

import pytest

from tests.scripted_model import Script, ScriptedModel
from tests.web_scene import Browser, Web

NOT_THE_END = Script(text="This is not the", finish="length")


def do(olga: Browser, message_id: str, action: str, status: int, **body: object) -> dict:
    response = olga.post(f"/api/v1/messages/{message_id}/{action}", json=body)
    assert response.status_code == status, response.text
    return response.json()


def turn(olga: Browser, talk: str, text: str = "I led a team of three.") -> dict[str, str]:
    ids = olga.say(talk, text)
    olga.ended(ids["answer_id"])
    return ids


def texts(olga: Browser, talk: str) -> list[str]:
    return [message["text"] for message in olga.read(talk)["messages"]][1:]


def test_an_edit_is_answered_in_a_branch_and_the_first_is_found_again(olga: Browser, scripted_model: ScriptedModel):
    scripted_model.enqueue("Who?", "All four?")
    talk = olga.begin()
    first = turn(olga, talk, "I led three.")

    second = do(olga, first["user_message_id"], "edit", 202, text="I led four.", request_id="e")
    assert do(olga, first["user_message_id"], "edit", 202, text="I led four.", request_id="e") == second
    olga.ended(second["answer_id"])

    assert texts(olga, talk) == ["I led four.", "All four?"]
    assert "I led three." not in [message["content"] for message in scripted_model.chats[-1].messages]
    assert olga.answer(second["user_message_id"])["versions"] == [first["user_message_id"], second["user_message_id"]]
    chosen = do(olga, first["user_message_id"], "choose", 200)
    assert [message["text"] for message in chosen["messages"]][1:] == ["I led three.", "Who?"]
    assert texts(olga, talk) == ["I led three.", "Who?"]


def test_an_edit_is_held_to_the_limits_of_a_message(olga: Browser):
    talk = olga.begin()
    said = turn(olga, talk)["user_message_id"]

    assert do(olga, said, "edit", 422, text="  ")["code"] == "empty_message"
    assert do(olga, said, "edit", 422, text="x" * 4001)["code"] == "message_too_long"


@pytest.mark.parametrize("goes_on", [True, False], ids=["by the server", "by being told to"])
def test_a_cut_answer_goes_on_and_nobody_is_made_to_say_so(olga: Browser, scripted_model: ScriptedModel, goes_on: bool):
    scripted_model.goes_on = goes_on
    scripted_model.enqueue(NOT_THE_END, Script(pieces=[" end" if goes_on else "end", " of it."]))
    talk = olga.begin()
    cut = turn(olga, talk)["answer_id"]
    assert olga.answer(cut)["state"] == "cut_off"

    ids = do(olga, cut, "continue", 202)
    whole = olga.ended(ids["answer_id"])

    assert (whole["text"], whole["state"]) == ("This is not the end of it.", "complete")
    assert whole["completion_tokens"] == olga.answer(cut)["completion_tokens"] + 2
    assert texts(olga, talk) == ["I led a team of three.", "This is not the end of it."]
    asked = scripted_model.chats[-1]
    assert bool(asked.body.get("continue_final_message")) is goes_on
    [begun] = [message for message in asked.messages if message["content"] == "This is not the"]
    assert begun["role"] == "assistant"
    assert (asked.messages[-1] == begun) is goes_on


def test_one_who_listens_hears_the_whole_answer_as_it_goes_on(olga: Browser, scripted_model: ScriptedModel):
    scripted_model.enqueue(NOT_THE_END, Script(pieces=[" end."]))
    talk = olga.begin()
    cut = turn(olga, talk)["answer_id"]

    with olga.live() as live:
        ids = do(olga, cut, "continue", 202)
        done = live.wait_for("done", id=ids["answer_id"])

    assert live.text(ids["answer_id"]) == "This is not the end."
    assert done["length"] == len("This is not the end.")


def test_a_continuation_that_fails_keeps_the_words_and_can_be_tried_again(olga: Browser, scripted_model: ScriptedModel):
    scripted_model.enqueue(NOT_THE_END, Script(status=500, error="boom"), Script(pieces=[" end."]))
    talk = olga.begin()
    cut = turn(olga, talk)["answer_id"]

    failed = olga.ended(do(olga, cut, "continue", 202)["answer_id"])
    assert (failed["state"], failed["text"]) == ("error", "This is not the")
    assert failed["completion_tokens"] == olga.answer(cut)["completion_tokens"] > 0
    whole = olga.ended(do(olga, failed["id"], "continue", 202)["answer_id"])

    assert whole["text"] == "This is not the end."
    assert whole["versions"] == []


def test_a_rating_stays_with_the_answer_until_it_is_taken_back(olga: Browser):
    talk = olga.begin()
    answer = turn(olga, talk)["answer_id"]

    rated = do(olga, answer, "rate", 200, value="down", reasons=["too_long", "repeats_itself"], comment=" Twice. ")

    assert rated["rating"] == {"value": "down", "reasons": ["repeats_itself", "too_long"], "comment": "Twice."}
    assert olga.read(talk)["messages"][-1]["rating"] == rated["rating"]
    assert do(olga, answer, "rate", 200, value=None)["rating"] is None
    assert "lifelike" in do(olga, answer, "rate", 422, value="up", reasons=["too_long"])["message"]
    assert do(olga, answer, "rate", 422, value="up", comment="x" * 1001)["code"] == "message_too_long"


def test_an_answer_tells_what_it_took_and_from_where_the_model_read(
    web: Web, olga: Browser, scripted_model: ScriptedModel
):
    scripted_model.context_tokens = 1200
    talk = olga.begin()
    first = olga.answer(turn(olga, talk)["answer_id"])
    assert (first["prompt_from"], first["context_tokens"], first["tokens_estimated"]) == (None, 1200, False)
    assert min(first["prompt_tokens"], first["completion_tokens"]) > 0
    assert first["model"] == "scripted"

    for _ in range(3):
        last = turn(olga, talk, "word " * 300)

    told = olga.answer(last["answer_id"])
    path = [message["id"] for message in olga.read(talk)["messages"]]
    assert told["prompt_from"] in path[1:]
    sent = scripted_model.chats[-1].messages
    assert len([message for message in sent if message["role"] == "user"]) < 4


def test_a_server_that_does_not_count_is_told_apart(web: Web, olga: Browser, scripted_model: ScriptedModel):
    scripted_model.has_tokenize = False
    scripted_model.enqueue(Script(text="Fine.", usage=False))
    answer = olga.answer(turn(olga, olga.begin())["answer_id"])
    assert answer["tokens_estimated"]
    assert answer["prompt_tokens"] > 0
