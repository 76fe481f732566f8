"""What making a feedback needs, and the talk that it is about."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from debrief.conversation import Message
from debrief.errors import InputRejected, NotSaved
from debrief.manner import Likeness, Manner
from debrief.request import Ask
from debrief.scenario import Scenario
from debrief.settings import Settings
from debrief.transcript import NumberedTranscript, number_lines, transcript_hash
from debrief.writing import Written, write_feedback
from inference.client import ChatModel, Completion
from inference.likeness import open_likeness
from storage import jobs, messages
from storage.engine import Database
from storage.jobs import Claim

NO_MODEL_CONTEXT_TOKENS = 4096


class JobLost(Exception):
    """The job is no longer ours: another worker has it, or it was cancelled or deleted."""


def _happened() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass(frozen=True)
class Desk:
    """What a worker has for all its jobs.

    Args:
        settings: as read once for this process.
        db: the record.
        model: the client of the model server.
        worker_id: names the worker in what it claims.
        needs_model: is called when a job has to wait for the model.
        likeness: places where the model does not; loaded with its first use.
        probe_over: set when nothing more is to be learned of the model for now; see tasks/manner.py.
    """

    settings: Settings
    db: Database
    model: ChatModel
    worker_id: str
    needs_model: Callable[[], None]
    likeness: Likeness = field(default_factory=open_likeness)
    probe_over: asyncio.Event = field(default_factory=_happened)

    async def ask(self, question: Ask) -> Completion:
        return await ask_model(self.model, question)


async def ask_model(model: ChatModel, question: Ask) -> Completion:
    """One question of a feedback, as the model server takes it."""
    return await model.complete_structured(
        question.messages,
        schema=question.schema,
        schema_name=question.schema_name,
        max_tokens=question.max_tokens,
        temperature=question.temperature,
        seed=question.seed,
    )


@dataclass(frozen=True)
class Talk:
    """What is reviewed, from the opening line to the job's leaf, in the scenario's version of that time."""

    path: list[Message]
    transcript: NumberedTranscript
    scenario: Scenario


@dataclass(frozen=True)
class Asked:
    """Whom a manner asks: nobody, where the placing is by likeness and the words are the rubric's."""

    model: str
    context_tokens: int


async def load_talk(desk: Desk, claim: Claim) -> Talk:
    """Read what is to be reviewed.

    Raises:
        NotFound: the conversation has been deleted.
        InputRejected: no sentence of the visitor's says anything.
    """
    body = await asyncio.to_thread(jobs.get_scenario_body, desk.db, claim)
    path = await asyncio.to_thread(messages.list_path, desk.db, claim.conversation_id, claim.leaf_id)
    transcript = number_lines(path)
    if not transcript.choosable:
        raise InputRejected("too_short")
    return Talk(path, transcript, Scenario.from_body(body))


async def whom_to_ask(desk: Desk, manner: Manner) -> Asked:
    """Raises ModelUnavailable where the manner needs a model and there is none."""
    if not manner.asks_model:
        return Asked("", NO_MODEL_CONTEXT_TOKENS)
    model = await desk.model.info()
    return Asked(model.name, model.context_tokens)


async def write(
    desk: Desk, claim: Claim, talk: Talk, manner: Manner, asked: Asked, *, seed: int | None, guidance: str = ""
) -> Written:
    """Have the feedback written, its progress told, and what it was made from put on it.

    Raises:
        JobLost: the job is no longer ours.
        ModelError: as the model client has it.
    """

    async def report(progress: dict[str, Any]) -> None:
        with suppress(NotSaved):  # how far it is need not be known
            if not await asyncio.to_thread(jobs.set_progress, desk.db, claim, progress):
                raise JobLost

    written = await write_feedback(
        desk.ask,
        talk.transcript,
        talk.scenario,
        claim.language,
        manner,
        report,
        likeness=desk.likeness,
        context_tokens=asked.context_tokens,
        count=desk.model.count_tokens,
        model=asked.model,
        seed=seed,
        guidance=guidance,
    )
    return replace(written, lineage={**written.lineage, "transcript_hash": transcript_hash(talk.path)})
