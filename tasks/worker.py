"""The worker process, put together: Huey's consumer in the main thread, one event loop that talks with the model.

Huey's threads wait for rings and for the end of what they started; everything that takes time happens on the loop.
On TERM the model's calls are closed and the jobs given back untried, then Huey stops.

While a worker runs it holds its sign of life; each looks every second whether another has died without one.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from typing import TypeVar

from huey.consumer import Consumer

from debrief.errors import ModelBusy, ModelError, ModelUnavailable, NotReadable, NotSaved
from debrief.settings import Settings
from inference.client import ChatModel
from storage import jobs
from storage.alive import sign_of_life
from storage.engine import Database, new_id
from tasks.broker import Broker
from tasks.desk import Desk
from tasks.feedback import BUSY_RETRIES, make_feedback
from tasks.manner import probe_model
from tasks.reaper import ask_in_turn, look, look_in_turn, signs_of_life, take_over
from tasks.webhooks import LOOK_S, OVERDUE_S, Outbox

logger = logging.getLogger(__name__)

WORKER_BEAT_S = 5
MODEL_POLL_S = 1
DEATHS_POLL_S = 1
STOP_STEP_S = 2.5
"""Longest wait for each step of a stop; the supervisor gives 10 s for all."""
FEEDBACK_PRIORITY = 10
"""After chat, which asks with 0."""
_WARM_UP_SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {"ready": {"type": "boolean"}},
    "required": ["ready"],
    "additionalProperties": False,
}
T = TypeVar("T")


def work(settings: Settings) -> None:
    """Make feedback until TERM or Ctrl-C."""
    logging.getLogger("huey").setLevel(logging.WARNING)  # it tells of each ring; we tell of each job
    Worker(settings).run()


class Worker:
    """One worker process: its parts, its threads and its chores."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.id = new_id("k")
        self.db = Database(settings.database)
        self.broker = Broker(settings, answer=self._answer)
        self._loop = asyncio.new_event_loop()
        self._running_jobs: set[asyncio.Task[float | None]] = set()
        self._chores: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._model_is_awaited = True
        self._woken_at = -math.inf
        self._probing: asyncio.Task[None] | None = None

    def run(self) -> None:
        logger.info("worker_started worker_id=%s pid=%d", self.id, os.getpid())
        with sign_of_life(signs_of_life(self.settings), self.id):
            thread = threading.Thread(target=self._loop.run_forever, name="model-calls", daemon=True)
            thread.start()
            self._start_on_loop(self._open()).result()
            try:
                _GivingBackConsumer(self).run()
            finally:
                self._close_in_time()
                self._loop.call_soon_threadsafe(self._loop.stop)
                thread.join(timeout=1)
                self.db.close()
        logger.info("worker_stopped worker_id=%s", self.id)

    def give_jobs_back(self) -> None:
        """Close the model's calls and put the jobs back untried. What cannot be put back in time has its lease."""
        try:
            self._start_on_loop(self._cancel_jobs()).result(timeout=STOP_STEP_S)
        except TimeoutError:
            logger.warning("jobs_not_given_back worker_id=%s", self.id)

    def _close_in_time(self) -> None:
        try:
            self._start_on_loop(self._close()).result(timeout=STOP_STEP_S)
        except TimeoutError:
            # Threads that wait for a locked database cannot be interrupted, and Python would wait for them. Our sign
            # of life stays behind without us, so what we still hold is given away like a dead worker's.
            logger.warning("worker_not_closed worker_id=%s", self.id)
            logging.shutdown()
            os._exit(0)

    def _answer(self, job_id: str) -> None:
        """What a ring leads to: the job, then a ring for the next. Runs in one of Huey's threads."""
        try:
            self._start_on_loop(self._do_job(job_id)).result()
            look(self.db, self.settings, self.broker.ring)
        except CancelledError:
            return
        except (NotReadable, NotSaved):
            logger.warning("job_left job_id=%s", job_id)  # its row is as it was, and the reaper rings again

    async def _open(self) -> None:
        self._desk = Desk(
            self.settings,
            self.db,
            ChatModel(self.settings, priority=FEEDBACK_PRIORITY),
            self.id,
            needs_model=self._await_model,
            probe_over=asyncio.Event(),
        )
        self._outbox = Outbox(self.settings, self.db)
        await asyncio.to_thread(self.broker.open)
        await asyncio.to_thread(look, self.db, self.settings, self.broker.ring)
        self._chores = {
            asyncio.create_task(_every(WORKER_BEAT_S, self._beat)),
            asyncio.create_task(_every(DEATHS_POLL_S, self._take_over)),
            asyncio.create_task(_every(self.settings.reaper_interval_s, self._reap)),
            asyncio.create_task(_every(MODEL_POLL_S, self._watch_model)),
            asyncio.create_task(_every(LOOK_S, self._outbox.look)),
            asyncio.create_task(_every(OVERDUE_S / 2, self._outbox.tell_overdue)),
        }

    async def _close(self) -> None:
        chores = [*self._chores, *([self._probing] if self._probing else [])]
        for chore in chores:
            chore.cancel()
        await asyncio.gather(*chores, return_exceptions=True)
        await self._outbox.close()
        await self._desk.model.aclose()
        await asyncio.to_thread(jobs.give_away, self.db, [self.id])
        await asyncio.to_thread(look, self.db, self.settings, self.broker.ring)

    async def _do_job(self, job_id: str) -> None:
        if self._stopping:
            await asyncio.to_thread(jobs.forget_ring, self.db, job_id)
            return
        job = asyncio.create_task(make_feedback(self._desk, job_id))
        self._running_jobs.add(job)
        job.add_done_callback(self._running_jobs.discard)
        due_in_s = await job
        if due_in_s is not None:
            look_later = asyncio.create_task(self._look_after(due_in_s))
            self._chores.add(look_later)
            look_later.add_done_callback(self._chores.discard)

    async def _cancel_jobs(self) -> None:
        self._stopping = True
        running = list(self._running_jobs)
        for job in running:
            job.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _beat(self) -> None:
        await asyncio.to_thread(jobs.beat, self.db, self.id)

    async def _take_over(self) -> None:
        await asyncio.to_thread(take_over, self.db, self.settings, self.broker.ring)

    async def _reap(self) -> None:
        await asyncio.to_thread(self.broker.open)
        await asyncio.to_thread(look_in_turn, self.db, self.settings, self.broker.ring)
        await asyncio.to_thread(ask_in_turn, self.db, self.settings, self.broker.ring)

    async def _look_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await asyncio.to_thread(look, self.db, self.settings, self.broker.ring)

    def _await_model(self) -> None:
        self._model_is_awaited = True

    async def _watch_model(self) -> None:
        """While anything waits for the model: see whether it is ready, ring for what waited, warm the model up."""
        if not self._model_is_awaited or (state := await self._desk.model.state()).state != "ready":
            return
        now = time.monotonic()
        woken_s = now - self._woken_at
        if state.since_s > woken_s and woken_s < BUSY_RETRIES * self.settings.job_retry_s:
            return  # it looked ready all the time, and yet turned away who was woken for it
        self._model_is_awaited, self._woken_at = False, now
        if await asyncio.to_thread(jobs.make_due, self.db, ModelUnavailable.code):
            await asyncio.to_thread(look, self.db, self.settings, self.broker.ring)
        await self._warm_up()
        if self._probing is None or self._probing.done():
            self._probing = asyncio.create_task(self._probe_model())

    async def _warm_up(self) -> None:
        """The first structured answer takes vLLM 0.5 s longer, because it prepares its grammars: let nobody wait."""
        try:
            await self._desk.model.complete_structured(
                [{"role": "user", "content": "Ready?"}],
                schema=_WARM_UP_SCHEMA,
                schema_name="ready",
                max_tokens=8,
                temperature=0,
                seed=0,
            )
        except ModelBusy:
            logger.info("warm_up_left_out")
        except ModelUnavailable:
            self._model_is_awaited = True
        except ModelError as error:
            logger.warning("warm_up_failed code=%s", error.reason)

    async def _probe_model(self) -> None:
        """Find out whether the model may word and place; whatever comes of it, nobody waits for it any longer."""
        try:
            await probe_model(self._desk)
        except ModelUnavailable:
            self._model_is_awaited = True
        except ModelError as error:
            logger.warning("probe_failed code=%s", error.reason)
        except Exception:
            logger.exception("probe_broke")
        finally:
            self._desk.probe_over.set()

    def _start_on_loop(self, work: Coroutine[object, object, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)


class _GivingBackConsumer(Consumer):
    """Huey's consumer with three changes: any polite signal gives the jobs back first, HUP is no restart."""

    def __init__(self, worker: Worker) -> None:
        super().__init__(
            worker.broker.huey,
            workers=worker.settings.feedback_seats,
            periodic=False,
            initial_delay=0.05,
            max_delay=0.2,  # Huey's default polls every 10 s when idle
            scheduler_interval=60,  # nothing is scheduled
            shutdown_timeout=STOP_STEP_S,
            graceful_signal="TERM",
        )
        self._worker = worker
        self._signal_actions = dict.fromkeys((signal.SIGTERM, signal.SIGINT, signal.SIGHUP), (False, True))

    def stop(self, graceful: bool = False) -> None:
        self.stop_flag.set()
        self._worker.give_jobs_back()
        super().stop(graceful=True)


async def _every(seconds: float, chore: Callable[[], Coroutine[object, object, None]]) -> None:
    """Do a chore now and again for ever. One that fails is logged and done again next time."""
    while True:
        try:
            await chore()
        except (NotReadable, NotSaved):
            pass  # the database has told the log why, and not each time
        except Exception:
            logger.exception("chore_failed")
        await asyncio.sleep(seconds)
