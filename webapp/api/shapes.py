"""The shapes of the API: what a request may hold, what a response looks like.

Requests are strict: an unknown key or a wrong type is refused with a sentence that names it. Responses are made
here from the subject's own types and nowhere else.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from debrief.conversation import Conversation, ConversationSummary, Message, Turn
from debrief.feedback import AskedBy, Check, Dispute, FeedbackBody, FeedbackView
from debrief.policy import Release
from debrief.scenario import Scenario, SelectField, TextField
from storage.versions import Told
from webapp.hub import answer_error
from webapp.notices import feedback_notice

RequestId = Annotated[str, Field(min_length=1, max_length=80, description="Chosen by the sender; again = once.")]
Language = Literal["en", "ko"]


class StrictRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class NewConversation(StrictRequest):
    scenario: Annotated[str, Field(min_length=1, max_length=80)]
    answers: dict[str, str] = {}
    """Fills the scenario's form."""
    language: Language | None = None
    """Of the page and the debrief; else as Accept-Language says."""


class ConversationChange(StrictRequest):
    title: Annotated[str, Field(max_length=1000)]


class NewMessage(StrictRequest):
    text: str
    request_id: RequestId | None = None


class Retry(StrictRequest):
    request_id: RequestId | None = None


class RatingRequest(StrictRequest):
    value: Literal["up", "down"] | None
    """None takes it back."""
    reasons: list[str] = []
    comment: str = ""


class FeedbackRequest(StrictRequest):
    """Nothing to choose yet."""


class DisputeRequest(StrictRequest):
    path: Annotated[str, Field(min_length=1, max_length=80, description="Such as criteria.1.reason or summary.")]
    comment: str = ""


class ReactionRequest(StrictRequest):
    helpful: bool | None
    """None takes it back."""


class Problem(BaseModel):
    """What every error looks like."""

    code: str
    message: str


class RatingOut(BaseModel):
    value: Literal["up", "down"]
    reasons: list[str]
    comment: str


class MessageOut(BaseModel):
    """A message; of one that has several versions also which they are.

    What an answer took is in seconds and tokens: `prompt_tokens` and `completion_tokens` of `context_tokens`, the
    former about right where `tokens_estimated`. Of an answer that goes on with another the latter are those of all
    its text. `prompt_from` is the oldest message that the model still read for it; None where it read all.
    """

    id: str
    role: Literal["user", "assistant"]
    text: str
    state: str
    parent_id: str | None
    created_at: datetime
    error: Problem | None
    first_token_s: float | None
    total_s: float | None
    prompt_tokens: int | None
    completion_tokens: int | None
    context_tokens: int | None
    tokens_estimated: bool
    prompt_from: str | None
    model: str | None
    continues: str | None
    versions: list[str]
    rating: RatingOut | None

    @classmethod
    def of(cls, message: Message, told: Told, language: str) -> MessageOut:
        rating = told.ratings.get(message.id)
        error = answer_error(message.error_code, message.id, language)
        return cls(
            id=message.id,
            role=message.role,
            text=message.text,
            state=message.state.value,
            parent_id=message.parent_id,
            created_at=message.created_at,
            error=Problem.model_validate(error) if error else None,
            first_token_s=message.first_token_s,
            total_s=message.total_s,
            prompt_tokens=message.prompt_tokens,
            completion_tokens=message.completion_tokens,
            context_tokens=message.context_tokens,
            tokens_estimated=message.is_estimated,
            prompt_from=message.prompt_from,
            model=message.model,
            continues=message.continues,
            versions=list(told.versions.get(message.id, ())),
            rating=RatingOut(value=rating.value, reasons=list(rating.reasons), comment=rating.comment)
            if rating
            else None,
        )


class ConversationOut(BaseModel):
    """A conversation with its active path, from the opening line to the active leaf."""

    id: str
    scenario: str
    language: str
    title: str
    created_at: datetime
    updated_at: datetime
    messages: list[MessageOut]
    active_leaf_id: str | None
    origin: str
    again_of: str | None
    again_from: str | None

    @classmethod
    def of(cls, conversation: Conversation, told: Told, language: str) -> ConversationOut:
        return cls(
            id=conversation.id,
            scenario=conversation.scenario_id,
            language=conversation.language,
            title=conversation.title,
            created_at=conversation.created_at,
            updated_at=conversation.updated_at,
            messages=[MessageOut.of(message, told, language) for message in told.messages],
            active_leaf_id=conversation.active_leaf_id,
            origin=conversation.origin,
            again_of=conversation.again_of,
            again_from=conversation.again_from,
        )


class FeedbackLine(BaseModel):
    id: str
    state: str
    review_state: str
    unread: bool
    """Its words are there and have not been seen."""


class ConversationLine(BaseModel):
    id: str
    scenario: str
    title: str
    updated_at: datetime
    message_count: int
    feedback: FeedbackLine | None
    origin: str
    again_of: str | None
    again_from: str | None

    @classmethod
    def of(cls, summary: ConversationSummary) -> ConversationLine:
        feedback = None
        if summary.feedback_id and summary.feedback_state and summary.review_state:
            feedback = FeedbackLine(
                id=summary.feedback_id,
                state=summary.feedback_state,
                review_state=summary.review_state,
                unread=summary.is_unread,
            )
        return cls(
            id=summary.conversation.id,
            scenario=summary.conversation.scenario_id,
            title=summary.conversation.title,
            updated_at=summary.conversation.updated_at,
            message_count=summary.message_count,
            feedback=feedback,
            origin=summary.conversation.origin,
            again_of=summary.conversation.again_of,
            again_from=summary.conversation.again_from,
        )


class ConversationLines(BaseModel):
    items: list[ConversationLine]
    next: str | None
    total: int
    """All talks of the asker's, not only these."""


class TurnOut(BaseModel):
    user_message_id: str
    answer_id: str

    @classmethod
    def of(cls, turn: Turn) -> TurnOut:
        return cls(user_message_id=turn.user_message.id, answer_id=turn.answer.id)


class Stopped(BaseModel):
    stopped: list[str]
    """The answers that end now."""


class Reaction(BaseModel):
    helpful: bool


class DisputeOut(BaseModel):
    """An objection of the visitor's to one sentence; `closed_at` is when a reviewer decided after it."""

    path: str
    comment: str
    created_at: datetime
    closed_at: datetime | None

    @classmethod
    def of(cls, dispute: Dispute) -> DisputeOut:
        return cls(**{name: getattr(dispute, name) for name in cls.model_fields})


class FeedbackOut(BaseModel):
    id: str
    conversation_id: str
    state: str
    review_state: str
    progress: dict[str, Any]
    body: FeedbackBody | None
    checks: list[Check]
    lineage: dict[str, Any]
    error: Problem | None
    reject_reason: str | None
    leaf_id: str
    created_at: datetime
    finished_at: datetime | None
    worker_alive: bool
    asked_by: AskedBy
    notice: str
    seen: bool
    version_n: int | None
    edited: bool
    reaction: Reaction | None
    disputes: list[DisputeOut]

    @classmethod
    def of(cls, view: FeedbackView, language: str) -> FeedbackOut:
        # While it is being made, the code says what it waits for: the notice tells, and nothing has failed yet.
        error = answer_error(view.error_code, view.id, language) if view.state.is_final else None
        return cls(
            id=view.id,
            conversation_id=view.conversation_id,
            state=view.state.value,
            review_state=view.review_state,
            progress=view.progress,
            body=view.body,
            checks=view.checks,
            lineage=view.lineage,
            error=Problem.model_validate(error) if error else None,
            reject_reason=view.reject_reason,
            leaf_id=view.leaf_id,
            created_at=view.created_at,
            finished_at=view.finished_at,
            worker_alive=view.worker_alive,
            asked_by=view.asked_by,
            notice=feedback_notice(view, language),
            seen=view.seen_at is not None,
            version_n=view.version_n,
            edited=view.is_edited,
            reaction=None if view.helpful is None else Reaction(helpful=view.helpful),
            disputes=[DisputeOut.of(dispute) for dispute in view.disputes],
        )


class FeedbackList(BaseModel):
    items: list[FeedbackOut]
    next: None = None


class Choice(BaseModel):
    key: str
    label: str


class FormFieldOut(BaseModel):
    key: str
    kind: Literal["select", "text"]
    label: str
    options: list[Choice]
    hint: str | None
    max_chars: int | None

    @classmethod
    def of(cls, field: SelectField | TextField, language: str) -> FormFieldOut:
        is_select = isinstance(field, SelectField)
        return cls(
            key=field.key,
            kind=field.kind,
            label=field.label.to(language),
            options=[Choice(key=o.key, label=o.label.to(language)) for o in field.options] if is_select else [],
            hint=None if is_select or field.hint is None else field.hint.to(language),
            max_chars=None if is_select else field.max_chars,
        )


class PersonaOut(BaseModel):
    name: str
    role: str


class EndOut(BaseModel):
    """When the talk has reached its aim: after so many of the visitor's turns (null: by hand), and words for it."""

    turns: int | None
    text: str


class ScenarioOut(BaseModel):
    """`release`: a debrief is shown at once ("checked"), but for a share ("sample"), or after a person ("hold")."""

    id: str
    title: str
    summary: str
    you_practise: str
    minutes: int
    languages: list[str]
    persona: PersonaOut
    form: list[FormFieldOut]
    quick_replies: list[str]
    end: EndOut
    release: Release

    @classmethod
    def of(cls, scenario: Scenario, language: str, release: Release) -> ScenarioOut:
        return cls(
            id=scenario.id,
            title=scenario.title.to(language),
            summary=scenario.summary.to(language),
            you_practise=scenario.you_practise.to(language),
            minutes=scenario.minutes,
            languages=list(scenario.languages),
            persona=PersonaOut(name=scenario.persona.name.to(language), role=scenario.persona.role.to(language)),
            form=[FormFieldOut.of(field, language) for field in scenario.form],
            quick_replies=[reply.to(language) for reply in scenario.quick_replies],
            end=EndOut(turns=scenario.end.turns, text=scenario.end.text.to(language)),
            release=release,
        )


class ScenarioList(BaseModel):
    items: list[ScenarioOut]
    next: None = None
