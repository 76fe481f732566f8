"""The promise of the queue: work may happen twice, its result is stored once, and nothing is lost."""

from debrief.settings import Settings
from storage.engine import Database
from tests.crash.jobs import run_and_kill
from tests.job_scene import with_quick_jobs
from tests.scripted_model import ScriptedModel


def test_sixty_jobs_and_ten_killed_workers_lose_nothing_and_store_nothing_twice(
    database: Database, settings: Settings, scripted_model: ScriptedModel
):
    scripted_model.first_token_delay_s = 0.3
    quick = with_quick_jobs(settings, scripted_model.url, job_lease_s=1.0, feedback_seats=4)
    outcome = run_and_kill(quick, database, jobs=60, kills=10, seed=7, within_s=90)
    assert outcome.kills == 10, outcome
    assert outcome.rings_dropped >= 3, outcome
    assert outcome.extra_starts >= 8, outcome
    assert (outcome.lost, outcome.stored_twice) == (0, 0), outcome
