"""`/metrics`: numbers for a monitor that has the token, and for nobody else anything at all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from debrief.settings import Settings
from storage import webhooks
from storage.webhook_outbox import Ended, claim_due, end_attempt
from tests.clock import clock
from tests.review_scene import make_account
from tests.scripted_model import Script, ScriptedModel
from tests.web_scene import Browser, Web, running_web, until
from tests.webhook_scene import QUICK, make_hook

TOKEN = "a-token-of-sixteen-characters"
BEARER = {"authorization": f"Bearer {TOKEN}"}
DOCS = Path(__file__).parents[2] / "docs" / "api.md"

pytestmark = pytest.mark.both_engines


@pytest.fixture
def web(web_settings: Settings) -> Iterator[Web]:
    with running_web(web_settings.model_copy(update={"metrics_token": SecretStr(TOKEN)})) as web:
        yield web


def read(browser: Browser) -> dict[str, float]:
    response = browser.get("/metrics", headers=BEARER)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    samples = [line.rpartition(" ") for line in response.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in samples}


def test_a_monitor_reads_how_answers_went_and_how_long_they_let_wait(
    web: Web, olga: Browser, scripted_model: ScriptedModel
):
    talk = olga.begin()
    olga.ended(olga.say(talk)["answer_id"])
    scripted_model.enqueue(Script(text="I see.", reset_after=1))
    olga.ended(olga.say(talk)["answer_id"])
    olga.post(f"/api/v1/conversations/{talk}/feedback")
    with olga.live() as live:
        live.wait_for("hello")
        found = read(olga)
    assert found["debrief_answers_begun_total"] == 2
    assert found['debrief_answers_ended_total{state="complete"}'] == 1
    assert found['debrief_answers_ended_total{state="error"}'] == 1
    assert found['debrief_first_token_seconds_bucket{le="+Inf"}'] == found["debrief_first_token_seconds_count"] == 2
    assert found["debrief_first_token_seconds_sum"] > 0
    assert found['debrief_feedback_jobs{state="queued"}'] == 1
    assert found["debrief_feedback_oldest_waiting_seconds"] >= 0
    assert found["debrief_live_streams"] == 1
    assert found['debrief_process_resident_bytes{process="web"}'] > 10**7
    assert found["debrief_database_bytes"] > 10**4


def test_a_monitor_sees_refusals_and_a_model_that_went_away(web: Web, olga: Browser, scripted_model: ScriptedModel):
    assert read(olga)['debrief_model_state{state="ready"}'] == 1
    olga.post("/api/v1/conversations", content=b"x" * (web.settings.body_max_bytes + 1))
    scripted_model.go_down()
    found = until(lambda: (seen := read(olga))['debrief_model_state{state="ready"}'] == 0 and seen, within_s=60)
    assert found['debrief_refusals_total{code="body_too_large"}'] == 1
    assert sum(value for name, value in found.items() if name.startswith("debrief_model_state")) == 1


def test_a_monitor_sees_webhooks_that_fail_and_how_long_the_oldest_event_has_waited(web: Web, olga: Browser):
    assert {name: n for name, n in read(olga).items() if "webhook" in name} == {
        'debrief_webhooks{state="works"}': 0,
        'debrief_webhooks{state="failing"}': 0,
        'debrief_webhooks{state="disabled"}': 0,
        'debrief_webhook_deliveries{state="waiting"}': 0,
        'debrief_webhook_deliveries{state="failed"}': 0,
        "debrief_webhook_oldest_waiting_seconds": 0,
    }
    db = web.parts.db
    ada = make_account(db, "ada", "admin")
    first, second, third = (make_hook(db, ada, f"https://{name}.example/hook")[0].id for name in "abc")
    webhooks.change_webhook(db, ada, third, (), disabled=True)
    with clock() as wall:
        for one in (first, second, second):
            webhooks.ping(db, ada, one)
        rules = replace(QUICK, attempts=1)
        claimed = next(each for each in claim_due(db, rules) if each.webhook_id == second)
        end_attempt(db, claimed, Ended(wall.now(), 0.1, 503, "status"), rules)
        wall.jump(hours=2)
        found = read(olga)
    assert [found[f'debrief_webhooks{{state="{state}"}}'] for state in ("works", "failing", "disabled")] == [1, 1, 1]
    assert found['debrief_webhook_deliveries{state="waiting"}'] == 2
    assert found['debrief_webhook_deliveries{state="failed"}'] == 1
    assert 7200 <= found["debrief_webhook_oldest_waiting_seconds"] < 10_800


@pytest.mark.only_sqlite("who may read does not depend on the database")
@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", f"Basic {TOKEN}", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", TOKEN],
)
def test_without_the_token_there_is_nothing_there(web: Web, olga: Browser, authorization: str | None):
    headers = {} if authorization is None else {"authorization": authorization}
    response = olga.get("/metrics", headers=headers)
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


@pytest.mark.only_sqlite("who may read does not depend on the database")
def test_without_the_setting_no_token_opens_it(web_settings: Settings):
    with running_web(web_settings) as web, web.browser() as sam:
        for authorization in ("Bearer", f"Bearer {TOKEN}"):
            assert sam.get("/metrics", headers={"authorization": authorization}).status_code == 404


@pytest.mark.only_sqlite("names and words")
def test_the_numbers_hold_no_words_and_no_ids_and_each_is_in_the_docs(web: Web, olga: Browser):
    talk = olga.begin()
    answer_id = olga.say(talk, "I led a team of three.")["answer_id"]
    olga.ended(answer_id)
    text = olga.get("/metrics", headers=BEARER).text
    assert not [word for word in ("team", talk, answer_id, olga.cookies["debrief_visitor"][:10]) if word in text]
    told = re.findall(r"`(debrief_[a-z_]+)(?:\{\w+\})?`", DOCS.read_text("utf-8"))
    assert sorted(told) == sorted(re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE))


@pytest.mark.only_sqlite("settings")
def test_a_token_that_is_easily_guessed_is_refused_at_the_start():
    with pytest.raises(ValidationError, match="at least 16 characters"):
        Settings(_env_file=None, metrics_token=SecretStr("secret"))
