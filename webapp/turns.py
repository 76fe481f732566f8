"""The writers of answers: tasks of the web process, not of a browser's request. Closing the tab changes nothing.

A turn is stored first and answered then. While the model talks no transaction is open: the text grows in the hub,
which the live streams read, and all running answers are saved together about four times a second. An answer that is no
longer ours to write (deleted, or taken for dead by another process) is dropped at the next saving.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from debrief.conversation import Conversation, Message, MessageState, Turn, storable
from debrief.errors import DebriefError, InputRejected, ModelUnavailable, NotReadable, NotSaved
from debrief.prompts import ChatMessages, chat_messages, to_go_on, trim
from debrief.scenario import Scenario
from debrief.settings import Settings
from inference import failures
from inference.client import ChatModel
from storage import answers, conversations, gauges, live, messages, scenarios, turns
from storage.engine import Database
from storage.spending import Daily
from webapp.counts import AnswerCounts
from webapp.hub import Ended, Hub, LiveAnswer
from webapp.limits.rates import RateLimits
from webapp.pace import Pace
from webapp.store import Store

log = logging.getLogger(__name__)

FIRST_TOKEN_GAUGE = "chat_first_token_s"  # noqa: S105  # a name, not a secret
GAUGE_WEIGHT = 0.3
"""Of the newest answer in the running mean that the worker reads."""
STOPPED_WITHIN_S = 5.0
"""Longest wait for the answers of a visitor who wants everything deleted."""
LAST_ATTEMPTS_S = 1.5
"""Of storing an end, when the process is going away."""
NOT_SAVED_YET = "answer_not_saved"
SAID = (MessageState.COMPLETE, MessageState.CUT_OFF, MessageState.STOPPED)
"""How an answer may end that counts as one."""


@dataclass
class _Run:
    """One answer on its way, with what is found out about it."""

    answer: LiveAnswer
    writer_token: str
    begun: str = ""
    """The words that it goes on with."""
    begun_tokens: int | None = None
    started: float = field(default_factory=time.monotonic)
    writing: asyncio.Task[None] | None = None
    ended_by: MessageState | None = None
    """Set before `writing` is cancelled: why."""
    first_token_s: float | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    is_estimated: bool = False
    context_tokens: int | None = None
    prompt_from: str | None = None
    model: str | None = None
    finish_reason: str | None = None
    at_end: Conversation | None = None
    """The talk, when its scenario's end is reached with this turn."""

    def tokens(self) -> tuple[int | None, int | None]:
        """Those that were read and those of the whole answer: what it goes on with was read, and counts as written."""
        if not self.begun:
            return self.prompt_tokens, self.completion_tokens
        added = 0 if self.first_token_s is None else self.completion_tokens
        if self.prompt_tokens is None or self.begun_tokens is None or added is None:
            return self.prompt_tokens, None
        return max(0, self.prompt_tokens - self.begun_tokens), self.begun_tokens + added

    def cancel(self, why: MessageState) -> None:
        if self.ended_by is None:
            self.ended_by = why
        if self.writing is not None:
            self.writing.cancel()


@dataclass(frozen=True)
class _Prompt:
    """What a run needs to know of the talk before it may ask the model."""

    scenario: Scenario
    conversation: Conversation
    path: list[Message]


class TurnRunner:
    """Begins turns, writes their answers, stops them."""

    def __init__(
        self,
        *,
        settings: Settings,
        store: Store,
        model: ChatModel,
        hub: Hub,
        limits: RateLimits,
        pace: Pace,
        ask_at_end: Callable[[Conversation], None],
        writer_id: str,
    ) -> None:
        """`ask_at_end` is called in a thread when the answer to a talk's last turn has ended.

        `writer_id` marks the answers as this process's; others learn from `storage.alive` when it has died.
        """
        self.writer_id = writer_id
        self._settings = settings
        self._daily = Daily(settings.answers_per_day, settings.answers_per_day_per_visitor)
        self._store = store
        self._model = model
        self._hub = hub
        self._limits = limits
        self.counts = AnswerCounts()
        self._pace = pace
        self._ask_at_end = ask_at_end
        self._scenarios: dict[str, Scenario] = {}
        self._runs: dict[str, _Run] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._saver: asyncio.Task[None] | None = None
        self._first_token_mean: float | None = None
        self._told_mean: float | None = None
        self._is_closing = False

    # --- what a visitor does

    async def send(self, visitor_id: str, conversation_id: str, text: str, request_id: str | None = None) -> Turn:
        """Store what the visitor says and begin the answer; comes back before the model has said a word.

        Raises:
            InputRejected: empty or too long.
            NotFound, Conflict, TooBusy: as `storage.turns.start_turn`; TooBusy also for too many a minute.
        """
        self.check_text(text)
        return await self._start(turns.start_turn, visitor_id, conversation_id, text, request_id=request_id)

    async def retry(self, visitor_id: str, message_id: str, request_id: str | None = None) -> Turn:
        """Begin another answer to the same words; the old one is kept.

        Raises:
            NotFound, InputRejected, Conflict, TooBusy: as `storage.turns.start_retry`.
        """
        return await self._start(turns.start_retry, visitor_id, message_id, request_id=request_id)

    async def edit(self, visitor_id: str, message_id: str, text: str, request_id: str | None = None) -> Turn:
        """Say something anew in other words and begin the answer; what was said first is kept.

        Raises:
            InputRejected: empty or too long, or not the visitor's own words.
            NotFound, Conflict, TooBusy: as `storage.turns.start_edit`.
        """
        self.check_text(text)
        return await self._start(turns.start_edit, visitor_id, message_id, text, request_id=request_id)

    async def go_on(self, visitor_id: str, message_id: str, request_id: str | None = None) -> Turn:
        """Go on with an answer that broke off.

        Raises:
            NotFound, InputRejected, Conflict, TooBusy: as `storage.turns.start_continuation`.
        """
        return await self._start(turns.start_continuation, visitor_id, message_id, request_id=request_id)

    async def stop(self, visitor_id: str, conversation_id: str) -> list[str]:
        """End the answers being written in a conversation; what was written stays. Their ids.

        One that another process writes ends when that process next saves.

        Raises:
            NotFound: not there or not yours.
        """
        ids = await self._store(turns.request_stop, visitor_id, conversation_id)
        for id in ids:
            if (run := self._runs.get(id)) is not None:
                run.cancel(MessageState.STOPPED)
        return ids

    async def stop_all_of(self, visitor_id: str) -> int:
        """End the answers that this process writes for a visitor, and wait until they are stored; how many.

        Those that other processes write end when they next save and find that they are gone.
        """
        theirs = [run for run in self._runs.values() if run.answer.visitor_id == visitor_id]
        for run in theirs:
            run.cancel(MessageState.STOPPED)
        tasks = [task for task in self._tasks if task.get_name() in {f"answer {run.answer.id}" for run in theirs}]
        if tasks:
            await asyncio.wait(tasks, timeout=STOPPED_WITHIN_S)
        return len(theirs)

    def hand_over(self, from_id: str, into_id: str) -> None:
        """The one visitor has become the other: what is being written is heard there from now on."""
        for run in self._runs.values():
            if run.answer.visitor_id == from_id:
                run.answer.visitor_id = into_id
                self._hub.begin(run.answer)

    async def close(self) -> None:
        """End all answers as interrupted, text saved: the process is going away.

        Where the database takes an end too late the readers are told all the same, and the next process marks it.
        """
        self._is_closing = True
        for run in list(self._runs.values()):
            run.cancel(MessageState.INTERRUPTED)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=2)
        for run in self._runs.values():
            self._hub.end(run.answer, Ended(MessageState.INTERRUPTED, "interrupted", len(run.answer.text)))
        if self._saver is not None:
            self._saver.cancel()

    @property
    def running_count(self) -> int:
        return len(self._runs)

    def own_ids(self) -> list[str]:
        """The answers that this process writes, or has written and not yet stored."""
        return list(self._runs)

    def check_text(self, text: str) -> None:
        """Raises InputRejected: empty or too long."""
        if not text.strip():
            raise InputRejected("empty_message")
        limit = self._settings.message_max_chars
        if len(text) > limit:
            raise InputRejected("message_too_long", length=len(text), limit=limit)

    # --- the writing

    async def _start(self, start: Callable[..., Turn], visitor_id: str, *what: str, request_id: str | None) -> Turn:
        """Store a turn in one of the ways of `storage.turns`, if there is room, and begin to write its answer."""
        self._limits.check_message(visitor_id)
        turn = await self._store(
            start,
            visitor_id,
            *what,
            request_id or new_request_id(),
            per_visitor_cap=self._settings.answers_at_once_per_visitor,
            total_cap=self._settings.answers_at_once,
            daily=self._daily,
            writer_id=self.writer_id,
        )
        return self._begin(visitor_id, turn)

    def _begin(self, visitor_id: str, turn: Turn) -> Turn:
        if not turn.is_new or turn.writer_token is None:
            return turn
        answer = self._hub.begin(LiveAnswer(turn.answer.id, turn.answer.conversation_id, visitor_id, turn.answer.text))
        answer.is_ours = True  # the poller may have met the row before we came back from storing it
        run = _Run(answer, turn.writer_token, begun=turn.answer.text, begun_tokens=turn.begun_tokens)
        self._runs[answer.id] = run
        self.counts.begin()
        self._hub.tell_turn(visitor_id, answer.conversation_id, turn.user_message.id, answer.id)
        run.writing = asyncio.create_task(self._write(run), name=f"write {answer.id}")
        task = asyncio.create_task(self._see_through(run), name=f"answer {answer.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self._is_closing:
            run.cancel(MessageState.INTERRUPTED)
        elif self._saver is None or self._saver.done():
            self._saver = asyncio.create_task(self._save_while_running(), name="save answers")
        return turn

    async def _see_through(self, run: _Run) -> None:
        """Wait for the writing to end, whichever way, and store the end."""
        assert run.writing is not None  # noqa: S101  # set by _begin
        await asyncio.wait([run.writing])
        ended = self._outcome(run, run.writing)
        try:
            stored = await self._finish(run, ended)
        except Exception:  # with no more signs of life the row is marked as interrupted; else it would run for ever
            log.exception("could not store the end", extra={"answer_id": run.answer.id})
            stored = Ended(MessageState.INTERRUPTED, "interrupted", ended.length)
        self._runs.pop(run.answer.id, None)  # until here the savings go on: they are its sign of life
        self.counts.end(stored.state, run.first_token_s)
        self._hub.end(run.answer, stored)
        if run.at_end is not None and stored.state in SAID:
            await self._ask_for_feedback(run.at_end)

    async def _ask_for_feedback(self, conversation: Conversation) -> None:
        try:
            await self._store.in_thread(partial(self._ask_at_end, conversation))
        except Exception:  # the visitor can ask, and the next turn asks again
            log.exception("could not ask for feedback", extra={"conversation_id": conversation.id})

    def _outcome(self, run: _Run, writing: asyncio.Task[None]) -> Ended:
        length = len(run.answer.text)
        if writing.cancelled():
            state = run.ended_by or MessageState.INTERRUPTED
            return Ended(state, "interrupted" if state is MessageState.INTERRUPTED else None, length)
        error = writing.exception()
        if isinstance(error, DebriefError):
            fields = {"answer_id": run.answer.id, "code": error.reason, "cause": failures.cause(error)}
            log.warning("answer failed", extra=fields)
            return Ended(MessageState.ERROR, error.reason, length)
        if error is not None:
            log.error("answer failed", extra={"answer_id": run.answer.id}, exc_info=error)
            return Ended(MessageState.ERROR, "unexpected", length)
        if not run.answer.text.strip():
            return Ended(MessageState.ERROR, "empty_answer", length)
        return Ended(MessageState.CUT_OFF if run.finish_reason == "length" else MessageState.COMPLETE, None, length)

    async def _finish(self, run: _Run, ended: Ended) -> Ended:
        """Store the end, however long there is no room for it. What is told to the listeners is what is in the row.

        When it takes long they are told that it is not saved yet, and again when it is. A process that is told to go
        away leaves it: the text as last saved is in the row, and the next one marks it as interrupted.
        """
        prompt_tokens, completion_tokens = run.tokens()
        finish = partial(
            answers.finish_answer,
            answer_id=run.answer.id,
            writer_token=run.writer_token,
            state=MessageState(ended.state),
            text=run.answer.text,
            error_code=ended.error_code,
            first_token_s=run.first_token_s,
            total_s=time.monotonic() - run.started,
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
            model=run.model,
            prompt_from=run.prompt_from,
            context_tokens=run.context_tokens,
            is_estimated=run.is_estimated,
        )
        began, pause_s, is_told = time.monotonic(), self._pace.flush_s, False
        while not self._is_closing or time.monotonic() - began < LAST_ATTEMPTS_S:
            try:
                return ended if await self._store(finish) else await self._as_stored(run, ended)
            except (NotReadable, NotSaved):
                if not is_told and time.monotonic() - began > self._pace.unsaved_told_s:
                    is_told = True
                    log.warning("an end waits for room", extra={"answer_id": run.answer.id})
                    self._hub.tell_unsaved(run.answer, Ended(MessageState.ERROR, NOT_SAVED_YET, ended.length))
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, self._pace.finish_again_s)
        return Ended(MessageState.INTERRUPTED, "interrupted", ended.length)

    async def _as_stored(self, run: _Run, ended: Ended) -> Ended:
        """Another process ended the answer, or it was deleted."""
        stored = await self._store(messages.get_messages, [run.answer.id])
        if not stored:
            return ended
        return Ended(stored[0].state, stored[0].error_code, len(stored[0].text))

    async def _write(self, run: _Run) -> None:
        """Ask the model and take in its words until it has said all."""
        await self._until_model_has_started()
        info = await self._model.info()
        run.model = info.name
        prompt = await self._store(self._read_prompt, run.answer.visitor_id, run.answer.conversation_id, run.answer.id)
        said = sum(message.role == "user" for message in prompt.path)
        run.at_end = prompt.conversation if prompt.scenario.has_ended(said) else None
        reply_max = min(self._settings.reply_max_tokens, max(1, info.context_tokens // 2))

        def build(path: Sequence[Message]) -> ChatMessages:
            messages = chat_messages(prompt.scenario, prompt.conversation, path, info.template)
            if not run.begun:
                return messages
            return to_go_on(messages, run.begun, prompt.conversation.language, info.template)

        fitting = await trim(prompt.path, build, self._model.count_tokens, info.context_tokens - reply_max)
        run.context_tokens, run.prompt_tokens = info.context_tokens, fitting.tokens
        run.is_estimated = not info.counts_exactly
        run.prompt_from = prompt.path[len(fitting.left_out)].id if fitting.left_out else None
        await self._stream(
            run, fitting.messages, reply_max, goes_on=bool(run.begun) and info.template.takes_continuation
        )

    async def _until_model_has_started(self) -> None:
        """While the model starts, wait: the answer then comes by itself. One that went down is asked all the same.

        Asking tells more than the last look at it, which may be old or have been too slow; a closed port says so at
        once.

        Raises:
            ModelUnavailable: it did not start in time.
        """
        deadline = time.monotonic() + self._pace.model_start_wait_s
        while (await self._model.state()).state == "starting":
            if time.monotonic() > deadline:
                raise ModelUnavailable
            await asyncio.sleep(min(0.25, self._pace.model_watch_s))

    async def _stream(self, run: _Run, messages: ChatMessages, max_tokens: int, *, goes_on: bool) -> None:
        asked = time.monotonic()
        temperature = self._settings.reply_temperature
        asking = self._model.stream_reply(messages, max_tokens=max_tokens, temperature=temperature, goes_on=goes_on)
        async with asking as reply:
            try:
                async for piece in reply:
                    if run.first_token_s is None:
                        now = time.monotonic()
                        run.first_token_s = now - run.started
                        self._learn_first_token(now - asked)
                        piece = piece if goes_on else joined(run.begun, piece)
                    self._hub.extend(run.answer, storable(piece))  # what is heard is what is stored
            finally:
                run.completion_tokens = reply.completion_tokens
                if reply.prompt_tokens is not None:
                    run.prompt_tokens, run.is_estimated = reply.prompt_tokens, False
        run.finish_reason = reply.finish_reason

    def _learn_first_token(self, seconds: float) -> None:
        before = self._first_token_mean
        self._first_token_mean = seconds if before is None else before + GAUGE_WEIGHT * (seconds - before)

    # --- the saving

    async def _save_while_running(self) -> None:
        took_s = 0.0
        while self._runs:
            await asyncio.sleep(max(self._pace.flush_s - took_s, self._pace.flush_s / 10))
            began = time.monotonic()
            try:
                await self._save()
            except NotSaved:
                pass  # the database has told the log why, and not each time; the next saving takes the same text
            except Exception:  # the saving must go on whatever happened once
                log.exception("could not save the running answers", extra={"count": len(self._runs)})
            took_s = time.monotonic() - began  # a slow disk must not make the next saving later still

    async def _save(self) -> None:
        """Store all texts so far, and learn which answers are to stop or are no longer ours."""
        runs = list(self._runs.values())
        texts = [live.Writing(run.answer.id, run.writer_token, run.answer.text) for run in runs]
        saved = await self._store(live.save_answers, texts)
        for run in runs:
            if run.answer.id in saved.lost:
                run.cancel(MessageState.INTERRUPTED)
            elif run.answer.id in saved.to_stop:
                run.cancel(MessageState.STOPPED)
        if self._first_token_mean is not None and self._first_token_mean != self._told_mean:
            self._told_mean = self._first_token_mean
            await self._store(gauges.set_gauge, FIRST_TOKEN_GAUGE, self._told_mean)

    # --- the prompt

    def _read_prompt(self, db: Database, visitor_id: str, conversation_id: str, answer_id: str) -> _Prompt:
        """Blocking. The scenario is the version that the talk began in, whatever the file says by now."""
        conversation = conversations.get_conversation(db, visitor_id, conversation_id)
        path = messages.list_path(db, conversation_id, answer_id)
        scenario = self._scenarios.get(conversation.scenario_hash)
        if scenario is None:
            scenario = Scenario.from_body(scenarios.get_body(db, conversation.scenario_hash))
            self._scenarios[conversation.scenario_hash] = scenario
        return _Prompt(scenario, conversation, path)


def joined(begun: str, piece: str) -> str:
    """The first piece of what follows `begun`, with a space before it where two words would run together."""
    return f" {piece}" if begun[-1:].strip() and piece[:1].isalnum() else piece


def new_request_id() -> str:
    """For a sender who did not choose one."""
    return f"r_{secrets.token_urlsafe(12)}"
