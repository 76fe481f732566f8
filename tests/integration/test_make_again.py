"""A version made again exactly, from its record and not from today's settings; or refused, with what has changed."""

import pytest
from sqlalchemy import select

from debrief.errors import Conflict, NotFound
from debrief.feedback import FeedbackView, JobState
from debrief.settings import Settings
from storage import jobs, reviews
from storage.audit import list_audit
from storage.conversations import list_conversations
from storage.engine import Database, utc_now
from storage.feedback import get_feedback, list_changed
from storage.repeats import Repeat, request_repeat
from storage.tables import FeedbackJobRow, FeedbackVersionRow
from tests.factories import OLGA
from tests.job_scene import (
    WorkerProcess,
    ask_for_feedback,
    claim,
    claim_this,
    get_job,
    make_body,
    ring,
    store,
    wait_for_end,
    wait_until,
    with_quick_jobs,
)
from tests.review_scene import make_account, make_feedback, regenerate, sign_in
from tests.schema_instances import UNDECIDED
from tests.scripted_model import ScriptedModel
from tests.web_scene import Browser, Web
from webapp.notices import repeat_outcome

pytestmark = pytest.mark.both_engines


@pytest.fixture
def rita(database: Database):
    return make_account(database, "rita")


def make_one(db: Database, settings: Settings) -> FeedbackView:
    """A feedback as a worker with these settings makes it."""
    view, job_id = ask_for_feedback(db)
    ring(settings, job_id)
    with WorkerProcess(settings):
        return wait_for_end(db, view, within_s=60)


def repeat_it(db: Database, settings: Settings, rita, view: FeedbackView) -> Repeat:
    """Have it made again by a worker with these settings; what came of it."""
    with WorkerProcess(settings):
        return repeat_once(db, settings, rita, view)


def repeat_once(db: Database, settings: Settings, rita, view: FeedbackView) -> Repeat:
    job_id = request_repeat(db, rita, view.id)
    assert job_id
    ring(settings, job_id)
    wait_until(lambda: JobState(get_job(db, job_id).state).is_final, "the end of the repeat", within_s=60)
    return reviews.get_review(db, view.id).repeats[0]


def list_versions(db: Database) -> list[tuple[int, str]]:
    with db.read() as session:
        query = select(FeedbackVersionRow.n, FeedbackVersionRow.origin).order_by(FeedbackVersionRow.n)
        return [(n, origin) for n, origin in session.execute(query)]


# ------------------------------------------------------------------------------------------- by a real worker


@pytest.mark.only_sqlite("what is written, whatever it is stored in")
def test_what_was_placed_by_likeness_comes_out_the_same_to_the_byte_without_any_model(
    database: Database, settings: Settings, rita
):
    with ScriptedModel(up=False) as nobody:
        quick = with_quick_jobs(settings, nobody.url, feedback_placing="likeness")
        view = make_one(database, quick)
        assert (view.state, view.lineage["calls"], view.lineage["model"]) == (JobState.SUCCEEDED, [], "")
        repeat = repeat_it(database, quick, rita, view)
    assert (repeat.state, repeat.same, repeat.differs, repeat.sampling) == (JobState.SUCCEEDED, True, (), "none")
    assert list_versions(database) == [(1, "model"), (2, "repeat")]


def test_it_is_made_by_the_record_and_not_by_todays_settings(
    database: Database, settings: Settings, scripted_model: ScriptedModel, rita
):
    then = with_quick_jobs(settings, scripted_model.url, model_seeds="on", feedback_samples=1)
    view = make_one(database, then)
    sent_then = [received.body for received in scripted_model.chats if received.schema_name != "ready"]
    now = then.model_copy(
        update={"feedback_words": "model", "feedback_placing": "likeness", "feedback_samples": 3, "release": "hold"}
    )
    repeat = repeat_it(database, now, rita, view)
    sent = [received.body for received in scripted_model.chats if received.schema_name != "ready"]
    assert sent[len(sent_then) :] == sent_then
    assert (repeat.same, repeat.sampling) == (True, "seeded")
    assert sent_then[0]["seed"] == view.lineage["calls"][0]["seed"]


@pytest.mark.only_sqlite("what is written, whatever it is stored in")
def test_a_model_that_samples_freely_may_differ_and_it_is_said_where(
    database: Database, settings: Settings, scripted_model: ScriptedModel, rita
):
    quick = with_quick_jobs(settings, scripted_model.url)
    view = make_one(database, quick)
    scripted_model.choose = lambda place, schema: (
        schema["enum"][-1] if place.endswith(".level") and "enum" in schema else UNDECIDED
    )
    repeat = repeat_it(database, quick, rita, view)
    assert (repeat.same, repeat.sampling) == (False, "random")
    assert "criteria.0.level" in repeat.differs
    assert "chose its words freely" in repeat_outcome(repeat, "en")
    assert get_feedback(database, OLGA, view.id).body == view.body


def test_with_another_model_nothing_is_made_and_it_is_said_why(database: Database, settings: Settings, rita):
    with ScriptedModel(model="this-one") as model:
        view = make_one(database, with_quick_jobs(settings, model.url))
    with ScriptedModel(model="another", context_tokens=8192) as model:
        repeat = repeat_it(database, with_quick_jobs(settings, model.url), rita, view)
        assert [received.schema_name for received in model.chats] in ([], ["ready"])
    assert (repeat.state, repeat.error_code, repeat.in_the_way) == (
        JobState.FAILED,
        "cannot_repeat",
        ("model", "context"),
    )
    assert repeat_outcome(repeat, "en") == (
        "Version 1 cannot be made again exactly. No longer as it was: the model, how much the model can read."
    )
    assert list_versions(database) == [(1, "model")]
    assert list_audit(database, view.id)[-1].detail["cause"] == "model:context"


CHANGED = {
    "transcript_hash": "talk",
    "scenario_hash": "scenario",
    "rubric_hash": "rubric",
    "prompt_hash": "prompt",
    "schema_hash": "schema",
    "likeness": "likeness",
    "manner": "record",
    "calls": "temperature",
}


def test_each_thing_that_changed_since_is_named(
    database: Database, settings: Settings, scripted_model: ScriptedModel, rita
):
    quick = with_quick_jobs(settings, scripted_model.url)
    view = make_one(database, quick)
    hotter = [{**view.lineage["calls"][0], "temperature": 0.77}]
    with WorkerProcess(quick):
        for key, name in CHANGED.items():
            change_lineage(database, **{**view.lineage, key: {"manner": None, "calls": hotter}.get(key, "once")})
            repeat = repeat_once(database, quick, rita, view)
            assert (repeat.state, repeat.in_the_way) == (JobState.FAILED, (name,))


def change_lineage(db: Database, **values: object) -> None:
    with db.write() as session:
        version = session.scalars(select(FeedbackVersionRow)).one()
        version.lineage = {**version.lineage, **values}


@pytest.mark.only_sqlite("what is written, whatever it is stored in")
def test_seeds_are_not_sent_where_the_setting_forbids_them(
    database: Database, settings: Settings, scripted_model: ScriptedModel, rita
):
    quick = with_quick_jobs(settings, scripted_model.url, model_seeds="on")
    view = make_one(database, quick)
    repeat = repeat_it(database, quick.model_copy(update={"model_seeds": "off"}), rita, view)
    assert repeat.in_the_way == ("seeds",)


# ------------------------------------------------------------------------------------------- in the record


def make_done(db: Database) -> tuple[FeedbackView, str]:
    view, job_id = ask_for_feedback(db)
    mine = claim(db, job_id)
    assert mine
    store(db, mine)
    return get_feedback(db, OLGA, view.id), job_id


def test_the_visitor_sees_what_they_saw_while_it_is_made_again_and_afterwards(any_database: Database):
    rita = make_account(any_database)
    before, _ = make_done(any_database)
    asked_at = utc_now()
    job_id = request_repeat(any_database, rita, before.id)
    assert job_id
    assert get_feedback(any_database, OLGA, before.id) == before
    mine = claim(any_database, job_id)
    assert mine
    assert mine.repeats
    jobs.set_progress(any_database, mine, {"step": "reading"})
    outcome = {"same": False, "differs": ["summary"], "sampling": "random"}
    assert jobs.store_repeat(
        any_database, mine, body=make_body("Other."), checks=[], partial=True, lineage={"repeat": outcome}
    )
    assert get_feedback(any_database, OLGA, before.id) == before
    assert list_changed(any_database, [OLGA], asked_at) == []
    [summary] = list_conversations(any_database, OLGA).items
    assert summary.feedback_state == JobState.SUCCEEDED
    case = reviews.get_review(any_database, before.id)
    assert (case.version_n, case.job_state, len(case.repeats)) == (1, JobState.SUCCEEDED, 1)


def test_a_repeat_that_fails_takes_nothing_away(any_database: Database):
    rita = make_account(any_database)
    before, _ = make_done(any_database)
    job_id = request_repeat(any_database, rita, before.id)
    assert job_id
    mine = claim(any_database, job_id)
    assert mine
    jobs.fail_job(any_database, mine, "model_refused")
    assert get_feedback(any_database, OLGA, before.id) == before
    [repeat] = reviews.get_review(any_database, before.id).repeats
    assert repeat_outcome(repeat, "en") == "Version 1 could not be made again this time."


def test_a_repeat_that_fails_ends_no_regeneration(any_database: Database):
    rita = make_account(any_database)
    view, _ = make_done(any_database)
    regenerate(any_database, view.id)
    job_id = request_repeat(any_database, rita, view.id)
    assert job_id
    mine = claim_this(any_database, job_id)  # the regeneration waits before it
    jobs.fail_job(any_database, mine, "model_refused")
    assert get_feedback(any_database, OLGA, view.id).review_state == "regenerating"


def test_asking_while_it_is_made_again_asks_for_nothing_more(any_database: Database):
    rita = make_account(any_database)
    view, _ = make_done(any_database)
    assert request_repeat(any_database, rita, view.id)
    assert request_repeat(any_database, rita, view.id) is None
    assert len(reviews.get_review(any_database, view.id).repeats) == 1


def test_only_what_the_program_wrote_can_be_made_again(database: Database, rita):
    view, _ = make_done(database)
    with database.write() as session:
        session.scalars(select(FeedbackVersionRow)).one().origin = "human"
    with pytest.raises(Conflict) as refusal:
        request_repeat(database, rita, view.id)
    assert refusal.value.reason == "not_repeatable"
    for feedback_id, version_n in (("f_none", None), (view.id, 7)):
        with pytest.raises(NotFound):
            request_repeat(database, rita, feedback_id, version_n=version_n)


# ------------------------------------------------------------------------------------------- by its route


def test_a_reviewer_asks_by_the_api_and_reads_what_came_of_it(web: Web, olga: Browser):
    make_account(web.parts.db, "rita")
    row = make_feedback(web.parts.db)
    path = f"/api/v1/review/{row.id}"
    assert olga.post(f"{path}/again").status_code == 401
    with web.browser() as rita:
        sign_in(rita, "rita")
        assert rita.post("/api/v1/review/f_none/again").status_code == 404
        assert rita.post(f"{path}/again", json={"version_n": 9}).status_code == 404
        asked = rita.post(f"{path}/again", json={"version_n": 1})
        assert asked.status_code == 202
        assert rita.post(f"{path}/again").status_code == 202
        assert len(web.rung) == 1
        [waiting] = asked.json()["repeats"]
        assert waiting["outcome"] == "Version 1 is being made again from its record."
        mine = claim(web.parts.db, web.rung[0])
        assert mine
        jobs.refuse_repeat(web.parts.db, mine, ["rubric"])
        [refused] = rita.get(path).json()["repeats"]
    assert refused["in_the_way"] == ["rubric"]
    assert refused["outcome"] == "Version 1 cannot be made again exactly. No longer as it was: the rubric."
    with web.parts.db.read() as session:
        assert session.get_one(FeedbackJobRow, web.rung[0]).repeats == row.version_id
