"""What the web process looks at by itself: what other processes changed, how the model is, which writers have died.

One loop each for the whole process, however many pages are open.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from debrief.conversation import MessageState
from debrief.errors import NotFound, NotReadable, NotSaved
from debrief.feedback import FeedbackView
from inference.client import ChatModel
from storage import alive, answers, feedback, live, messages, visitors
from storage.engine import Database, utc_now
from webapp.hub import Ended, Frame, Hub, LiveAnswer
from webapp.live import model_data
from webapp.pace import Pace
from webapp.store import Store

log = logging.getLogger(__name__)

OVERLAP = timedelta(seconds=2)
"""How far each look reaches back behind the last: a change carries the time of its transaction, which ends later."""
CLOCK_JUMP_S = 2.0
"""A clock that is only being corrected moves by far less between two looks."""
UNFINISHED_EVERY = 10
"""Looks between two re-readings of unfinished feedback, whose worker may have died without a word."""


async def forever(name: str, interval_s: float, look: Callable[[], Awaitable[None]]) -> None:
    """Call `look` again and again; one that fails is logged and does not end the loop."""
    while True:
        try:
            await look()
        except (NotReadable, NotSaved):
            pass  # the database has told the log why, and not each time
        except Exception:
            log.exception("a look failed", extra={"loop": name})
        await asyncio.sleep(interval_s)


class Poller:
    """Brings into the hub what other processes did for the visitors who listen here."""

    def __init__(self, store: Store, hub: Hub) -> None:
        self._store = store
        self._hub = hub
        self._since = utc_now()
        self._told: dict[tuple[str, str], object] = {}
        """What was told last of each thing, so that the overlap tells nothing twice; only of those who listen."""
        self._unfinished: dict[str, str] = {}
        """Feedback that is being made, with its visitor."""
        self._known: set[str] = set()
        """Of those who listen, who has a row."""
        self._looks = 0

    async def look(self) -> None:
        listening = self._hub.listening_visitors()
        self._forget_others(listening)
        since, self._since = self._since - OVERLAP, utc_now()
        if not listening:
            return
        await self._look_at_visitors(listening)
        await self._look_at_answers(listening)
        await self._look_at_conversations(listening, since)
        await self._look_at_feedback(listening, since)

    async def _look_at_visitors(self, listening: list[str]) -> None:
        """Who was there and is no more has deleted everything, or become another, in whichever process."""
        known = set(await self._store(visitors.list_known, listening))
        for visitor_id in (self._known & set(listening)) - known:
            has_moved = await self._store(visitors.has_moved, visitor_id)
            self._hub.tell_gone(visitor_id, why="moved" if has_moved else "deleted")
        self._known = known

    async def _look_at_answers(self, visitors: list[str]) -> None:
        own = self._hub.own_answer_ids()
        running = await self._store(live.list_running_of, visitors, except_ids=own)
        for row in running:
            known = self._hub.find_answer(row.id)
            if known is None:
                known = LiveAnswer(row.id, row.conversation_id, row.visitor_id, row.text, is_ours=False)
                self._hub.tell_turn(row.visitor_id, row.conversation_id, row.user_message_id, row.id)
                self._hub.begin(known)
            elif not known.is_ours:
                self._hub.replace_text(known, row.text)
        running_ids = {row.id for row in running}
        ended = [answer for answer in self._hub.followed_elsewhere() if answer.id not in running_ids]
        if ended:
            await self._end(ended)

    async def _end(self, answers: list[LiveAnswer]) -> None:
        rows = {row.id: row for row in await self._store(messages.get_messages, [a.id for a in answers])}
        for answer in answers:
            row = rows.get(answer.id)
            if row is None:
                self._hub.forget(answer)
            elif row.state is not MessageState.RUNNING:
                self._hub.replace_text(answer, row.text)
                self._hub.end(answer, Ended(row.state, row.error_code, len(row.text)))

    async def _look_at_conversations(self, visitors: list[str], since: datetime) -> None:
        for talk in await self._store(live.list_touched, visitors, since):
            if self._is_news(talk.visitor_id, talk.id, talk.at):
                self._hub.tell_list(talk.visitor_id, talk.id, is_changed=talk.is_changed)
                if talk.is_changed:  # perhaps by the choice of another version
                    self._hub.tell_path(talk.visitor_id, talk.id, talk.leaf_id)

    async def _look_at_feedback(self, visitors: list[str], since: datetime) -> None:
        changed = await self._store(feedback.list_changed, visitors, since)
        self._looks += 1
        if self._looks % UNFINISHED_EVERY == 0:
            changed += await self._reread_unfinished({view.id for _, view in changed})
        for visitor_id, view in changed:
            data = feedback_data(view)
            if view.state.is_final:
                self._unfinished.pop(view.id, None)
            else:
                self._unfinished[view.id] = visitor_id
            if self._is_news(visitor_id, view.id, data):
                self._hub.tell(visitor_id, view.id, Frame("feedback", data), view.conversation_id)
                self._hub.tell_list(visitor_id, view.conversation_id)

    async def _reread_unfinished(self, known: set[str]) -> list[tuple[str, FeedbackView]]:
        found: list[tuple[str, FeedbackView]] = []
        for id, visitor_id in list(self._unfinished.items()):
            if id in known:
                continue
            try:
                found.append((visitor_id, await self._store(feedback.get_feedback, visitor_id, id)))
            except NotFound:
                del self._unfinished[id]
        return found

    def _is_news(self, visitor_id: str, thing_id: str, what: object) -> bool:
        if self._told.get((visitor_id, thing_id)) == what:
            return False
        self._told[visitor_id, thing_id] = what
        return True

    def _forget_others(self, visitors: list[str]) -> None:
        here = set(visitors)
        self._told = {key: what for key, what in self._told.items() if key[0] in here}
        self._unfinished = {id: visitor for id, visitor in self._unfinished.items() if visitor in here}


def feedback_data(view: FeedbackView) -> dict[str, Any]:
    return {
        "id": view.id,
        "conversation_id": view.conversation_id,
        "state": view.state.value,
        "review_state": view.review_state,
        "progress": view.progress,
        "worker_alive": view.worker_alive,
        "shown": view.body is not None,
        "seen": view.seen_at is not None,
        "asked_by": view.asked_by,
    }


class ModelWatcher:
    """Tells all pages when the model's state changes, and every two seconds while it starts."""

    def __init__(self, model: ChatModel, hub: Hub, pace: Pace) -> None:
        self._model = model
        self._hub = hub
        self._pace = pace
        self._told: str = ""
        self._told_at = 0.0

    async def look(self) -> None:
        if not self._hub.stream_count:
            return
        state = await self._model.state()
        now = asyncio.get_running_loop().time()
        is_due = state.state == "starting" and now - self._told_at >= self._pace.model_starting_frame_s
        if state.state != self._told or is_due:
            self._told, self._told_at = state.state, now
            self._hub.tell_all("", Frame("model", model_data(state)))


class Janitor:
    """Marks the answers whose writer has died as interrupted. What they had written stays.

    A process of this data folder is known to be dead at once, by its lock; one that hangs, or that ran on another
    machine, by its silence. Silence is read off the clock on the wall, so it says nothing for a while after that
    clock was set, after the machine slept, and after nobody could write. The answers of this process are not judged.
    """

    def __init__(self, store: Store, pace: Pace, signs_of_life: Path, own_ids: Callable[[], list[str]]) -> None:
        self._store = store
        self._dead_after = timedelta(seconds=pace.dead_after_s)
        self._signs_of_life = signs_of_life
        self._own_ids = own_ids
        self._clock_offset = _clock_offset()
        self._silence_counts_from = 0.0

    async def look(self) -> None:
        try:
            silent = await self._store(self._list_silent)
            if self._was_clock_set():  # also while they were listed
                self._wait_for_signs()
                silent = []
            found = await self._store(self._end_orphans, silent)
        except (NotReadable, NotSaved):
            self._wait_for_signs()
            return
        if found:
            log.warning("answers were interrupted", extra={"answer_ids": found})

    def _was_clock_set(self) -> bool:
        """Since the last time that this was asked."""
        before, self._clock_offset = self._clock_offset, _clock_offset()
        difference_s = self._clock_offset - before
        if abs(difference_s) <= CLOCK_JUMP_S:
            return False
        log.warning("the clock was set seconds=%+.0f", difference_s)
        return True

    def _wait_for_signs(self) -> None:
        """Whoever lives writes again within this time."""
        self._silence_counts_from = time.monotonic() + self._dead_after.total_seconds()

    def _list_silent(self, db: Database) -> list[str]:
        if time.monotonic() < self._silence_counts_from:
            return []
        now, own = utc_now(), self._own_ids()
        silent = answers.list_silent(db, silent_since=now - self._dead_after, ahead_of=now + self._dead_after)
        return [id for id in silent if id not in own]

    def _end_orphans(self, db: Database, silent: list[str]) -> list[str]:
        """Blocking."""
        dead = alive.list_dead(self._signs_of_life)
        if not dead and not silent:
            return []
        now = utc_now()
        found = answers.mark_interrupted(
            db,
            silent_since=now - self._dead_after,
            ahead_of=now + self._dead_after,
            among=silent,
            dead_writers=dead,
        )
        alive.forget(self._signs_of_life, dead)
        return found


def _clock_offset() -> float:
    """Seconds by which the clock on the wall is ahead of the one that nobody sets; that one sleeps with the machine."""
    return utc_now().timestamp() - time.monotonic()
