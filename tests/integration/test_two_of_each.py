"""Two web processes and two workers that share nothing but the URLs of PostgreSQL and Redis and the signing secret."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from sqlalchemy import func, select

from debrief.conversation import MessageState
from debrief.feedback import JobState
from debrief.settings import Settings
from storage.engine import Database
from storage.tables import FeedbackJobRow, FeedbackVersionRow, MessageRow
from tests.job_scene import WorkerProcess, wait_until, with_quick_jobs
from tests.scripted_model import Received, Script, ScriptedModel, is_structured
from tests.web_process import web_process
from tests.web_scene import Browser, until

WORDS = [f"word{n}" for n in range(300)]
TALKS = 6


def is_chat(received: Received) -> bool:
    return not is_structured(received)


@dataclass
class Machines:
    db: Database
    open_browser: Callable[[int], Browser]
    """A new visitor's, at the first or the second web process."""

    def count(self, table: type) -> int:
        with self.db.read() as session:
            return session.scalar(select(func.count()).select_from(table)) or 0


@pytest.fixture
def machines(
    settings: Settings, clean_postgres_url: str, clean_redis_url: str, scripted_model: ScriptedModel
) -> Iterator[Machines]:
    with ExitStack() as stack:
        urls = []
        for name in ("one", "two"):
            own = with_quick_jobs(
                settings,
                scripted_model.url,
                data_dir=settings.data_dir / name,
                database_url=clean_postgres_url,
                queue_url=clean_redis_url,
                job_lease_s=30.0,
            )
            own.data_dir.mkdir(parents=True)
            (own.data_dir / "secret").write_text("s" * 40)
            stack.enter_context(WorkerProcess(own))
            _, url = stack.enter_context(web_process(own, answers_at_once=TALKS))
            urls.append(url)
        db = Database(clean_postgres_url)
        stack.callback(db.close)
        yield Machines(db, lambda n: stack.enter_context(Browser(urls[n])))


def elsewhere(machines: Machines, browser: Browser) -> Browser:
    """The same person at the second web process."""
    other = machines.open_browser(1)
    other.cookies.update(browser.cookies)
    return other


def test_one_visitor_at_two_web_processes_is_one_visitor(machines: Machines, scripted_model: ScriptedModel):
    olga = machines.open_browser(0)
    talk = olga.begin()
    over_there = elsewhere(machines, olga)

    scripted_model.enqueue(Script(text=" ".join(WORDS), token_delay_s=0.005), when=is_chat)
    with over_there.live() as live:
        first = olga.say(talk)
        live.wait_for("turn", answer_id=first["answer_id"], within_s=30)
        live.wait_for("answer", id=first["answer_id"], within_s=30)
        assert over_there.post(f"/api/v1/conversations/{talk}/messages", json={"text": "And?"}).status_code == 409
        live.wait_for("done", id=first["answer_id"], state="complete", within_s=60)
        assert live.text(first["answer_id"]).split() == WORDS

        scripted_model.enqueue(Script(text=" ".join(WORDS), stall_after=5), when=is_chat)
        second = olga.say(talk)
        until(lambda: live.text(second["answer_id"]).split() == WORDS[:5], within_s=30, what="five words")
        assert over_there.post(f"/api/v1/conversations/{talk}/stop").status_code == 200
        stopped = over_there.ended(second["answer_id"], within_s=30)
    assert (stopped["state"], stopped["text"].split()) == (MessageState.STOPPED, WORDS[:5])
    scripted_model.wait_for(lambda model: model.active == 0, within_s=30)

    with ThreadPoolExecutor(8) as threads:
        path = f"/api/v1/conversations/{talk}/feedback"
        asked = list(threads.map(lambda n: (olga, over_there)[n % 2].post(path).json()["id"], range(8)))
    [feedback_id] = set(asked)
    wait_until(
        lambda: over_there.get(f"/api/v1/feedback/{feedback_id}").json()["state"] == JobState.SUCCEEDED,
        "the feedback",
        within_s=60,
    )
    assert (machines.count(FeedbackJobRow), machines.count(FeedbackVersionRow)) == (1, 1)


def test_the_cap_of_all_answers_holds_over_both_and_every_answer_is_its_own(
    machines: Machines, scripted_model: ScriptedModel
):
    scripted_model.echo_nonce = True
    scripted_model.token_delay_s = 0.5
    visitors = [machines.open_browser(n % 2) for n in range(2 * TALKS)]
    talks = [visitor.begin() for visitor in visitors]

    def say(n: int) -> int:
        body = {"text": f"Please repeat nonce-{n:02d}"}
        return visitors[n].post(f"/api/v1/conversations/{talks[n]}/messages", json=body).status_code

    with ThreadPoolExecutor(2 * TALKS) as threads:
        outcomes = list(threads.map(say, range(2 * TALKS)))
    assert set(outcomes) <= {202, 429}
    assert outcomes.count(202) >= TALKS
    assert scripted_model.peak_active <= TALKS
    for n, outcome in enumerate(outcomes):
        if outcome == 202:
            answer_id = visitors[n].read(talks[n])["messages"][-1]["id"]
            assert set(visitors[n].ended(answer_id, within_s=60)["text"].split()) == {f"nonce-{n:02d}"}
    assert machines.count(MessageRow) == 2 * TALKS + 2 * outcomes.count(202)
