"""Talk from elsewhere: brought in as it was said, read, debriefed, and gone on with."""

from typing import Any

import pytest

from debrief.feedback import JobState
from debrief.settings import Settings
from storage import messages
from storage.engine import Database
from storage.imports import Said, import_conversation
from tests.job_scene import WorkerProcess, interview, wait_until, with_quick_jobs
from tests.scripted_model import Received, ScriptedModel, is_talk
from tests.web_scene import Browser, Web, running_web
from webapp.api.imports import ANSWER_MAX_CHARS, MESSAGES_MAX

pytestmark = pytest.mark.both_engines

PATH = "/api/v1/import/conversations"
ASKED = {"role": "assistant", "text": "Tell me about yourself."}
TOLD = {"role": "user", "text": "I led a team of three and we shipped on time."}
MORE = {"role": "user", "text": "Then I wrote the plan for the next year."}


def bring(browser: Browser, *messages: dict[str, str], **more: Any) -> str:
    """Import a talk; its id."""
    response = browser.post(PATH, json={"scenario": "job_interview", "messages": messages, **more})
    assert response.status_code == 201, response.text
    return response.json()["id"]


def refusal(browser: Browser, *messages: object, **more: Any) -> str:
    """Try to import a talk; the sentence that refuses it."""
    response = browser.post(PATH, json={"scenario": "job_interview", "messages": messages, **more})
    assert response.status_code == 422, response.text
    return response.json()["message"]


@pytest.mark.parametrize("said", [(ASKED, TOLD), (TOLD, ASKED), (TOLD,), (TOLD, MORE, ASKED, ASKED, MORE)])
def test_a_talk_is_kept_as_it_was_said_whoever_began(olga: Browser, said: tuple[dict[str, str], ...]):
    talk = olga.read(bring(olga, *said, title="  Trial interview "))
    assert [{"role": m["role"], "text": m["text"]} for m in talk["messages"]] == list(said)
    assert (talk["title"], talk["active_leaf_id"]) == ("Trial interview", talk["messages"][-1]["id"])
    assert [m["parent_id"] for m in talk["messages"]] == [None, *(m["id"] for m in talk["messages"][:-1])]


def test_an_imported_talk_is_in_the_list_and_says_where_it_is_from(olga: Browser):
    held_here, brought = olga.begin(), bring(olga, TOLD, ASKED)
    items = {item["id"]: item for item in olga.get("/api/v1/conversations").json()["items"]}
    assert (items[brought]["origin"], items[held_here]["origin"]) == ("import", "talk")
    assert (items[brought]["title"], items[brought]["message_count"]) == ("Job interview", 2)


def test_the_first_request_of_a_program_gives_it_its_cookie(web: Web):
    with web.browser() as program:
        talk = bring(program, TOLD)
        assert program.read(talk)["messages"][0]["text"] == TOLD["text"]


def test_a_stranger_does_not_see_what_was_imported(olga: Browser, sam: Browser):
    talk = bring(olga, TOLD, ASKED)
    assert sam.get(f"/api/v1/conversations/{talk}").status_code == 404
    assert sam.post(f"/api/v1/conversations/{talk}/feedback").status_code == 404
    assert talk not in sam.get("/api/v1/conversations").text


def test_what_no_database_takes_is_replaced_in_place(olga: Browser):
    said = '{"role": "user", "text": "I \\ud83d\\u0000 led."}'
    body = f'{{"scenario": "job_interview", "title": "a\\u0000b", "messages": [{said}]}}'
    response = olga.post(PATH, content=body, headers={"content-type": "application/json"})
    talk = olga.read(response.json()["id"])
    assert (talk["title"], talk["messages"][0]["text"]) == ("a\ufffdb", "I \ufffd\ufffd led.")


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"role": "system", "text": "Be kind."}, "messages.1.role: Input should be 'user' or 'assistant'"),
        ({"role": "user", "text": " \n"}, "messages.1.text: it is empty"),
        ({"role": "user", "text": "a" * 4001}, "messages.1.text: it has 4001 characters, the limit is 4000"),
        ({"role": "assistant", "text": "a" * (ANSWER_MAX_CHARS + 1)}, "messages.1.text: it has 20001 characters"),
        ({"role": "user", "text": 7}, "messages.1.text: Input should be a valid string"),
        ({"role": "user", "text": "Hello.", "at": "noon"}, "messages.1.at: Extra inputs are not permitted"),
        ("Hello.", "messages.1: Input should be"),
    ],
)
@pytest.mark.only_sqlite("refused before anything is stored")
def test_a_wrong_message_is_named_in_the_refusal(olga: Browser, wrong: object, sentence: str):
    olga.begin()
    assert sentence in refusal(olga, TOLD, wrong)
    assert len(olga.get("/api/v1/conversations").json()["items"]) == 1


@pytest.mark.parametrize(
    ("messages", "more", "sentence"),
    [
        ([], {}, "messages: List should have at least 1 item"),
        ([TOLD] * (MESSAGES_MAX + 1), {}, "messages: List should have at most 500 items"),
        ([ASKED], {}, 'none has the role "user"'),
        ([TOLD], {"scenario": "cooking"}, 'There is no scenario called "cooking".'),
        ([TOLD], {"language": "fr"}, "language: Input should be 'en' or 'ko'"),
        ([TOLD], {"answers": {"shoe_size": "42"}}, '"shoe_size" is not a field of this form'),
        ([TOLD], {"scenario": "language_practice", "answers": {}}, "Please fill in"),
    ],
)
@pytest.mark.only_sqlite("refused before anything is stored")
def test_a_wrong_talk_is_refused_with_the_reason(olga: Browser, messages: list, more: dict, sentence: str):
    assert sentence in refusal(olga, *messages, **more)


def test_five_hundred_messages_are_taken_and_too_many_bytes_are_not(olga: Browser):
    talk = bring(olga, *[ASKED, TOLD] * 250)
    assert len(olga.read(talk)["messages"]) == 500
    long = [{"role": "assistant", "text": "a" * 19_000}, TOLD] * 15
    response = olga.post(PATH, json={"scenario": "job_interview", "messages": long})
    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")


def test_importing_counts_as_sending(web_settings: Settings):
    limited = web_settings.model_copy(update={"rate_limit": "on", "messages_per_minute": 2})
    with running_web(limited) as web, web.browser() as olga:
        bring(olga, TOLD)
        bring(olga, TOLD)
        response = olga.post(PATH, json={"scenario": "job_interview", "messages": [TOLD]})
    assert (response.status_code, response.json()["code"]) == (429, "too_many_messages")
    assert "retry-after" in response.headers


def test_a_scenario_with_a_form_needs_no_answers_for_a_talk_from_elsewhere(olga: Browser):
    assert olga.read(bring(olga, TOLD, scenario="language_practice"))["scenario"] == "language_practice"


@pytest.mark.parametrize("said", [(TOLD, ASKED, MORE), (TOLD, MORE), (ASKED, TOLD, MORE, ASKED)])
@pytest.mark.only_sqlite("a worker of its own for what test_job_worker.py runs on both")
def test_an_imported_talk_is_debriefed_with_the_visitors_own_words(
    database: Database, web_settings: Settings, scripted_model: ScriptedModel, said: tuple[dict[str, str], ...]
):
    quick = with_quick_jobs(web_settings, scripted_model.url)
    with running_web(quick) as web, web.browser() as olga, WorkerProcess(quick):
        talk = bring(olga, *said)
        feedback = olga.post(f"/api/v1/conversations/{talk}/feedback").json()
        wait_until(lambda: is_done(olga, feedback["id"]), "the debrief")
        made = olga.get(f"/api/v1/feedback/{feedback['id']}").json()
        messages = {message["id"]: message for message in olga.read(talk)["messages"]}
    assert made["state"] == JobState.SUCCEEDED
    quotes = [evidence for criterion in made["body"]["criteria"] for evidence in criterion["evidence"]]
    assert quotes
    for quote in quotes:
        message = messages[quote["message_id"]]
        assert message["role"] == "user"
        assert message["text"][quote["start"] : quote["end"]] == quote["quote"]
    assert made["body"]["covered"]["of"] == len(said)


def is_done(browser: Browser, feedback_id: str) -> bool:
    return browser.get(f"/api/v1/feedback/{feedback_id}").json()["state"] in ("succeeded", "partial", "failed")


@pytest.mark.parametrize("said", [(ASKED, TOLD), (TOLD, MORE), (TOLD, ASKED, ASKED), (ASKED, TOLD, ASKED)])
def test_an_imported_talk_can_be_gone_on_with_and_the_model_reads_turn_about(
    olga: Browser, scripted_model: ScriptedModel, said: tuple[dict[str, str], ...]
):
    talk = bring(olga, *said)
    answer = olga.ended(olga.say(talk, "And I would do it again.")["answer_id"])
    assert answer["state"] == "complete"
    [asked] = [received for received in scripted_model.chats if is_talk(received)]
    roles = [message["role"] for message in asked.messages if message["role"] != "system"]
    assert roles == [("user", "assistant")[(n + (roles[0] == "assistant")) % 2] for n in range(len(roles))]
    assert roles[-1] == "user"
    assert all(message["text"] in words_of(asked) for message in said)
    assert len(olga.read(talk)["messages"]) == len(said) + 2


def words_of(received: Received) -> str:
    return "\n".join(message["content"] for message in received.messages)


def test_only_an_answer_to_the_visitor_can_be_tried_again(olga: Browser):
    talk = bring(olga, ASKED, TOLD, ASKED, ASKED)
    first, _, answer, second_answer = [message["id"] for message in olga.read(talk)["messages"]]
    for message in (first, second_answer):
        assert olga.post(f"/api/v1/messages/{message}/retry").status_code == 422
    retried = olga.post(f"/api/v1/messages/{answer}/retry")
    assert retried.status_code == 202
    olga.ended(retried.json()["answer_id"])


def test_the_import_is_one_line_of_messages_on_both_databases(any_database: Database):
    scenario = interview()
    talk = import_conversation(
        any_database, visitor_id="v_olga", scenario_id=scenario.id, scenario_hash=scenario.hash,
        scenario_body=scenario.body(), language="en", title="From elsewhere", answers={},
        said=[Said("user", f"Sentence {n} of mine.") for n in range(300)],
    )  # fmt: skip
    path = messages.list_path(any_database, talk)
    assert [message.text for message in path] == [f"Sentence {n} of mine." for n in range(300)]
