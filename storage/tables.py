"""The schema on one page: mapped classes, constraints, indexes. Each migration in `storage/migrations` leads here.

Ids that leave the server are random strings. Times are UTC. Deleting a visitor or a conversation deletes all that
hangs on it; the audit keeps ids and hashes only, never people's words.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    DateTime as SqlDateTime,
    Dialect,
    ForeignKey,
    Index,
    MetaData,
    String as SqlString,
    Text as SqlText,
    TypeDecorator,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from debrief.conversation import storable
from debrief.feedback import words_of
from debrief.policy import draw


class String(TypeDecorator[str]):
    """Takes whatever a browser sends: an id with a NUL in it is not found, instead of an error of the driver."""

    impl = SqlString
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else storable(value)


class Text(String):
    impl = SqlText
    cache_ok = True


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC in Python on both engines; SQLite keeps no zone, so it is put back on reading."""

    impl = SqlDateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: UtcDateTime, dict[str, Any]: JSON, list[Any]: JSON}


Id = String(40)
Hash = String(64)
NO_LEVEL = 6
"""In place of a worst level: after all levels that there are."""


class VisitorRow(Base):
    """Made with the visitor's first conversation; the id is the one that the signed cookie names."""

    __tablename__ = "visitors"
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    created_at: Mapped[datetime]


class ScenarioVersionRow(Base):
    """A scenario file as it was when somebody talked in it. Never changed; the hash is over the whole body."""

    __tablename__ = "scenario_versions"
    hash: Mapped[str] = mapped_column(Hash, primary_key=True)
    scenario_id: Mapped[str] = mapped_column(String(80), index=True)
    body: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class ConversationRow(Base):
    __tablename__ = "conversations"
    __table_args__ = (
        Index(None, "visitor_id", "updated_at"),
        Index(None, "visitor_id", "changed_at"),
        Index(
            "ix_conversations_deleted",
            "deleted_at",
            sqlite_where=text("deleted_at IS NOT NULL"),
            postgresql_where=text("deleted_at IS NOT NULL"),
        ),
    )
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    visitor_id: Mapped[str] = mapped_column(ForeignKey("visitors.id", ondelete="CASCADE"))
    scenario_hash: Mapped[str] = mapped_column(ForeignKey("scenario_versions.hash"))
    scenario_id: Mapped[str] = mapped_column(String(80))
    language: Mapped[str] = mapped_column(String(16))
    title: Mapped[str] = mapped_column(String(200))
    answers: Mapped[dict[str, Any]]
    active_leaf_id: Mapped[str | None] = mapped_column(Id)
    """A message of this conversation. No foreign key: the two tables would each wait for the other."""
    message_count: Mapped[int] = mapped_column(default=0)
    origin: Mapped[str] = mapped_column(String(16), default="talk", server_default="talk")
    """"talk": held here; "import": it happened elsewhere; "again": begun from a moment of another talk."""
    again_of: Mapped[str | None] = mapped_column(ForeignKey("conversations.id", ondelete="SET NULL"), index=True)
    """The talk that this one tries again."""
    again_from: Mapped[str | None] = mapped_column(Id)
    """The visitor's message in that talk that is said anew here. No foreign key: it may be gone."""
    changed_at: Mapped[datetime | None]
    """When it last got another title, was deleted, or came back."""
    deleted_at: Mapped[datetime | None]
    """Set while the deletion can still be undone. Until then nothing but `storage/undo.py` sees it (engine.py)."""
    deletion_id: Mapped[str | None] = mapped_column(Id)
    """Which deletion it was: of all talks, or of this one."""
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class MessageRow(Base):
    """A node of the conversation's tree. `writer_token` names the one runner that may write a running answer."""

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("conversation_id", "seq"),
        UniqueConstraint("conversation_id", "request_id"),
        Index(
            "ix_messages_running",
            "heartbeat_at",
            sqlite_where=text("state = 'running'"),
            postgresql_where=text("state = 'running'"),
        ),
    )
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    seq: Mapped[int]
    parent_id: Mapped[str | None] = mapped_column(ForeignKey("messages.id"), index=True)
    """No cascade: down a talk of more than 1,000 messages SQLite would give up ("too many levels of recursion")."""
    role: Mapped[str] = mapped_column(String(16))
    text: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(16))
    error_code: Mapped[str | None] = mapped_column(String(60))
    request_id: Mapped[str | None] = mapped_column(String(80))
    """Chosen by the browser for each sending, kept on the message that the request made first."""
    writer_token: Mapped[str | None] = mapped_column(Id)
    writer_id: Mapped[str | None] = mapped_column(Id)
    """The process that writes a running answer, as `storage/alive.py` knows it."""
    stop_requested: Mapped[bool] = mapped_column(default=False)
    heartbeat_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    first_token_s: Mapped[float | None]
    total_s: Mapped[float | None]
    prompt_tokens: Mapped[int | None]
    completion_tokens: Mapped[int | None]
    model: Mapped[str | None] = mapped_column(String(200))
    continues: Mapped[str | None] = mapped_column(Id)
    """The sibling that this answer goes on with. No foreign key: both go with the conversation."""
    prompt_from: Mapped[str | None] = mapped_column(Id)
    context_tokens: Mapped[int | None]
    is_estimated: Mapped[bool] = mapped_column(default=False, server_default=false())


class RatingRow(Base):
    """What the visitor says of an answer. Taken back, the row is gone."""

    __tablename__ = "ratings"
    message_id: Mapped[str] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True)
    value: Mapped[str] = mapped_column(String(8))
    reasons: Mapped[list[Any]]
    comment: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(index=True)


FILTERED = (
    "scenario_id", "language", "model", "rubric_hash", "worst_level", "checks_failed", "partial", "open_disputes",
    "asked_by", "assigned_to", "reviewed_by", "claimed_by", "claimed_until", "failed_checks",
)  # fmt: skip
"""The feedback's columns that the queue's filters look at; `storage/queue_filter.py` has the filters."""


class FeedbackRow(Base):
    """One debrief: how its review stands and which version counts. Its making is the job, its words the versions."""

    __tablename__ = "feedback"
    __table_args__ = (
        Index(None, "conversation_id", "created_at"),
        # One for each order of the review queue; `storage/review_queue.py` walks them state by state.
        # The first two have all that filters ask for, so that a walk which finds little stays in the index.
        Index("ix_feedback_by_waiting", "review_state", "waiting_since", "id", *FILTERED, "created_at"),
        Index("ix_feedback_by_age", "review_state", "created_at", "id", *FILTERED, "waiting_since"),
        Index("ix_feedback_by_level", "review_state", "worst_level", "waiting_since", "id"),
        Index("ix_feedback_by_checks", "review_state", "checks_failed", "waiting_since", "id"),
        Index("ix_feedback_by_rubric", "scenario_id", "rubric_hash", "created_at"),
        Index("ix_feedback_kinds", "scenario_id", "rubric_hash", "model", "language", "created_at"),
    )
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    scenario_id: Mapped[str] = mapped_column(String(80))
    """As the conversation has it; kept here because the review queue filters by it."""
    language: Mapped[str] = mapped_column(String(16))
    review_state: Mapped[str] = mapped_column(String(24))
    hidden_state: Mapped[str | None] = mapped_column(String(24))
    """How the review stands while the talk is deleted and can still come back; the state itself says "none" then."""
    reject_reason: Mapped[str | None] = mapped_column(String(40))
    review_note: Mapped[str | None] = mapped_column(Text)
    reviewed_by: Mapped[str | None] = mapped_column(ForeignKey("accounts.id"))
    claimed_by: Mapped[str | None] = mapped_column(ForeignKey("accounts.id"))
    claimed_until: Mapped[datetime | None]
    version_id: Mapped[str | None] = mapped_column(Id)
    """The version that counts. No foreign key, for the reason given at `active_leaf_id`."""
    row_version: Mapped[int] = mapped_column(default=0)
    """Goes up with each move, so that the slower of two reviewers is told."""
    review_before: Mapped[str | None] = mapped_column(String(24))
    """Where it stood before it was to be written anew; it goes back there when that fails."""
    review_round: Mapped[int] = mapped_column(default=1, server_default="1")
    """Goes up each time that a decision is opened again; a second opinion belongs to a round."""
    claimed_at: Mapped[datetime | None]
    """When whoever has it took it; renewing does not change it."""
    asked_by: Mapped[str] = mapped_column(String(16), default="visitor", server_default="visitor")
    """Who wanted it: "visitor", "end" (the scenario's end was reached) or "idle" (nobody spoke for long)."""
    seen_at: Mapped[datetime | None]
    """When the visitor first had the words before their eyes."""
    waiting_since: Mapped[datetime]
    """When it last began to wait for a reviewer; when it was made, where it never did."""
    overdue_told_at: Mapped[datetime | None]
    """When it was told that this one waits for too long; empty again as soon as it begins to wait anew."""
    assigned_to: Mapped[str | None] = mapped_column(ForeignKey("accounts.id"), index=True)
    """Whose work it is to be. A plan, not a lock: who claims it has it."""
    # What the queue knows of the version that counts, written with it: see `storage/review_facts.py`.
    rubric_hash: Mapped[str | None] = mapped_column(Hash)
    model: Mapped[str | None] = mapped_column(String(200))
    partial: Mapped[bool] = mapped_column(default=False, server_default=false())
    worst_level: Mapped[int] = mapped_column(default=NO_LEVEL, server_default=str(NO_LEVEL))
    """The lowest level of all criteria; 6 where none has a level."""
    checks: Mapped[int] = mapped_column(default=0, server_default="0")
    checks_failed: Mapped[int] = mapped_column(default=0, server_default="0")
    failed_checks: Mapped[str] = mapped_column(String(800), default="")
    """The names of the checks that did not pass, each between blanks."""
    open_disputes: Mapped[int] = mapped_column(default=0, server_default="0")
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime] = mapped_column(index=True)


class FeedbackJobRow(Base):
    """The making of one feedback version. The row is the job; a message in the queue only rings for it."""

    __tablename__ = "feedback_jobs"
    __table_args__ = (Index(None, "state", "run_after"),)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    feedback_id: Mapped[str] = mapped_column(ForeignKey("feedback.id", ondelete="CASCADE"), index=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), index=True)
    leaf_id: Mapped[str] = mapped_column(Id)
    """The last message that the review covers: its path to the root is the transcript."""
    dedupe_key: Mapped[str] = mapped_column(Hash, unique=True)
    repeats: Mapped[str | None] = mapped_column(Id)
    """The version that is made once more exactly as it was made, from what its lineage says."""
    guidance: Mapped[str | None] = mapped_column(Text)
    """What a reviewer wants done better in a version written anew."""
    state: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int] = mapped_column(default=0)
    max_attempts: Mapped[int] = mapped_column(default=3)
    run_after: Mapped[datetime]
    rung_at: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]
    token: Mapped[str | None] = mapped_column(Id)
    """Fencing token: fresh with every claim; only its holder may store."""
    worker_id: Mapped[str | None] = mapped_column(Id)
    progress: Mapped[dict[str, Any]]
    error_code: Mapped[str | None] = mapped_column(String(60))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime] = mapped_column(index=True)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


def _words(row: Any) -> str:
    """Of a version that is being put in: what follows from its body."""
    return words_of(row.get_current_parameters()["body"])


def _second_draw(row: Any) -> int:
    """Of a review that is being put in: what follows from the feedback's id."""
    return draw("second", row.get_current_parameters()["feedback_id"])


class FeedbackVersionRow(Base):
    """What was written, by the model or by a person. Never changed."""

    __tablename__ = "feedback_versions"
    __table_args__ = (UniqueConstraint("feedback_id", "n"), Index(None, "origin", "created_at"))
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    feedback_id: Mapped[str] = mapped_column(ForeignKey("feedback.id", ondelete="CASCADE"))
    n: Mapped[int]
    job_id: Mapped[str | None] = mapped_column(ForeignKey("feedback_jobs.id", ondelete="CASCADE"), unique=True)
    """UNIQUE: a job stores one result, however often it ran."""
    origin: Mapped[str] = mapped_column(String(16))
    author_id: Mapped[str | None] = mapped_column(ForeignKey("accounts.id"))
    parent_id: Mapped[str | None] = mapped_column(Id)
    """The version that this one was made from: the edited one, or the one that was to be written anew."""
    partial: Mapped[bool]
    body: Mapped[dict[str, Any]]
    words: Mapped[str] = mapped_column(Text, default=_words, server_default=text("''"), deferred=True)
    """What a reader reads of the body, for the search of the review queue."""
    checks: Mapped[list[Any]]
    lineage: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class ReviewRow(Base):
    """What one reviewer thinks of a version in one round: the decision, or an opinion given blind beside it."""

    __tablename__ = "reviews"
    __table_args__ = (UniqueConstraint("feedback_id", "round", "reviewer_id"), Index(None, "second_draw", "created_at"))
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    feedback_id: Mapped[str] = mapped_column(ForeignKey("feedback.id", ondelete="CASCADE"))
    second_draw: Mapped[int] = mapped_column(default=_second_draw, server_default="0")
    """What the feedback drew for a second opinion: `debrief/policy.py`. Here, so that an index finds those drawn."""
    version_id: Mapped[str] = mapped_column(ForeignKey("feedback_versions.id", ondelete="CASCADE"))
    """The version that was read, not the one that an edit made of it."""
    reviewer_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"))
    round: Mapped[int]
    decision: Mapped[str | None] = mapped_column(String(24))
    """approve, edit or reject; None while a blind opinion is being formed."""
    levels: Mapped[dict[str, Any]]
    """Criterion key to level, 1 to 5, or None for "not observed"; only those that this reviewer judged."""
    blind: Mapped[bool]
    """Given without seeing the first decision or any level."""
    opened_at: Mapped[datetime]
    created_at: Mapped[datetime | None] = mapped_column(index=True)
    """When it was given."""
    seconds_spent: Mapped[int | None]
    """From opening to deciding, bounded; None where nobody knows when it was opened."""


class ReactionRow(Base):
    """What the visitor says of a version as a whole: whether it helped."""

    __tablename__ = "reactions"
    version_id: Mapped[str] = mapped_column(ForeignKey("feedback_versions.id", ondelete="CASCADE"), primary_key=True)
    helpful: Mapped[bool]
    at: Mapped[datetime]


class DisputeRow(Base):
    """The visitor's objection to one sentence of a version: "this is wrong". Goes with the feedback."""

    __tablename__ = "disputes"
    __table_args__ = (UniqueConstraint("version_id", "path"),)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    feedback_id: Mapped[str] = mapped_column(ForeignKey("feedback.id", ondelete="CASCADE"), index=True)
    version_id: Mapped[str] = mapped_column(ForeignKey("feedback_versions.id", ondelete="CASCADE"))
    path: Mapped[str] = mapped_column(String(80))
    """Which sentence, such as "criteria.1.reason" or "summary"; the words are in the version's body."""
    comment: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    """Set when a reviewer has decided on the feedback after it."""


class ProbeRow(Base):
    """How a model did on the known talks of the probe. One row for each model and version of the probe."""

    __tablename__ = "probes"
    key: Mapped[str] = mapped_column(Hash, primary_key=True)
    model: Mapped[str] = mapped_column(String(200))
    result: Mapped[dict[str, Any]]
    at: Mapped[datetime]


class WorkerRow(Base):
    """A living worker process; a stale `beat_at` means that it is gone."""

    __tablename__ = "workers"
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    started_at: Mapped[datetime]
    beat_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(24))


class GaugeRow(Base):
    """A few numbers that one process tells another, such as chat's recent time to first token in seconds."""

    __tablename__ = "gauges"
    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    value: Mapped[float]
    at: Mapped[datetime]


class SpendingRow(Base):
    """What was used up of a daily limit: how often, on that day (UTC), by whom. Deleting a talk gives nothing back."""

    __tablename__ = "spending"
    day: Mapped[str] = mapped_column(String(10), primary_key=True)
    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    """What, and of whom: "answers" of all, "answers:v_…" of one visitor."""
    used: Mapped[int]


class AccountRow(Base):
    """A person who signs in: a reviewer or an admin."""

    __tablename__ = "accounts"
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    role: Mapped[str] = mapped_column(String(16))
    password_hash: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]


class PasswordLinkRow(Base):
    """With what a person chooses the password of their account, once. Only the SHA-256 of its token is kept."""

    __tablename__ = "password_links"
    token_hash: Mapped[str] = mapped_column(Hash, primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), unique=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class SignInRow(Base):
    """A signed-in browser. Only the token's SHA-256 is kept."""

    __tablename__ = "sign_ins"
    token_hash: Mapped[str] = mapped_column(Hash, primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    used_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class ProgramTokenRow(Base):
    """What a program shows instead of a cookie: it acts for a visitor, or for an account. Only the SHA-256 is kept."""

    __tablename__ = "program_tokens"
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    token_hash: Mapped[str] = mapped_column(Hash, unique=True)
    label: Mapped[str] = mapped_column(String(80))
    """The owner's own words for it."""
    visitor_id: Mapped[str | None] = mapped_column(ForeignKey("visitors.id", ondelete="CASCADE"), index=True)
    account_id: Mapped[str | None] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class VisitorAccountRow(Base):
    """With what a visitor finds their talks again in another browser. Beside `accounts`, which is the desk's."""

    __tablename__ = "visitor_accounts"
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    visitor_id: Mapped[str] = mapped_column(ForeignKey("visitors.id", ondelete="CASCADE"), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    name_key: Mapped[str | None] = mapped_column(String(200), unique=True)
    """By what a password's owner is found; None where there is no password."""
    password_hash: Mapped[str | None] = mapped_column(String(200))
    created_at: Mapped[datetime]


class VisitorLoginRow(Base):
    """A visitor's account that a provider's subject leads to. Only the SHA-256 of issuer and subject is kept."""

    __tablename__ = "visitor_logins"
    subject_hash: Mapped[str] = mapped_column(Hash, primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("visitor_accounts.id", ondelete="CASCADE"), unique=True)
    created_at: Mapped[datetime]


class IdentityLinkRow(Base):
    """A private link that makes another browser the same visitor, once. Only the SHA-256 of its token is kept."""

    __tablename__ = "identity_links"
    token_hash: Mapped[str] = mapped_column(Hash, primary_key=True)
    visitor_id: Mapped[str] = mapped_column(ForeignKey("visitors.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class AuditRow(Base):
    """Who did what, when. Append-only; ids, states, hashes and reason codes, never people's words."""

    __tablename__ = "audit_events"
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    actor: Mapped[str] = mapped_column(String(80))
    action: Mapped[str] = mapped_column(String(40))
    object_type: Mapped[str] = mapped_column(String(40))
    object_id: Mapped[str] = mapped_column(Id, index=True)
    detail: Mapped[dict[str, Any]]


class WebhookRow(Base):
    """An address of somebody else's program that is told of events. The secret signs, so it is kept as it is."""

    __tablename__ = "webhooks"
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    url: Mapped[str] = mapped_column(String(500))
    events: Mapped[list[Any]]
    secret: Mapped[str] = mapped_column(String(100))
    old_secret: Mapped[str | None] = mapped_column(String(100))
    old_secret_until: Mapped[datetime | None]
    """Until then both secrets sign."""
    failing_since: Mapped[datetime | None]
    """The first failure after the last delivery that went well."""
    disabled_at: Mapped[datetime | None]
    disabled_why: Mapped[str | None] = mapped_column(String(16))
    """"admin", "gone" (the receiver answered 410) or "failing" (for too long)."""
    created_at: Mapped[datetime]


class WebhookDeliveryRow(Base):
    """One event for one endpoint: the outbox while it waits, the log when it has ended. Its id is the webhook-id."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (Index(None, "webhook_id", "state", "due_at"), Index(None, "webhook_id", "created_at"))
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    webhook_id: Mapped[str] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"))
    feedback_id: Mapped[str | None] = mapped_column(ForeignKey("feedback.id", ondelete="CASCADE"), index=True)
    """What it is about: who deletes that takes the log of it along."""
    event: Mapped[str] = mapped_column(String(40))
    body: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(16))
    """"waiting", "sending", "delivered" or "given_up"."""
    attempts: Mapped[int] = mapped_column(default=0)
    """Since it was last asked for; the log numbers them all."""
    due_at: Mapped[datetime]
    token: Mapped[str | None] = mapped_column(Id)
    """Names the one attempt that may end it."""
    lease_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None] = mapped_column(index=True)


class WebhookAttemptRow(Base):
    """What came of one attempt. Nothing of what the receiver answered is kept but its status."""

    __tablename__ = "webhook_attempts"
    __table_args__ = (UniqueConstraint("delivery_id", "n"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    delivery_id: Mapped[str] = mapped_column(ForeignKey("webhook_deliveries.id", ondelete="CASCADE"))
    n: Mapped[int]
    at: Mapped[datetime]
    duration_s: Mapped[float | None]
    status: Mapped[int | None]
    failure: Mapped[str | None] = mapped_column(String(20))
    """A code of `debrief.webhooks.Failure`; None where it was delivered."""
