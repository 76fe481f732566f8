"""Things to test with. Every argument has a default, so that a test names only what it is about.

The cast: Olga owns, Sam is a stranger, Rita reviews.
"""

from debrief.conversation import Conversation, Message, MessageState, Turn
from storage import answers, conversations, messages, turns
from storage.engine import Database, new_id
from storage.spending import UNLIMITED, Daily

OLGA = "v_olga"
SAM = "v_sam"
RITA = "rita"

SCENARIO_HASH = "0" * 64


def make_conversation(
    db: Database,
    *,
    visitor_id: str = OLGA,
    turns: int = 0,
    opening: str = "Good morning. Please introduce yourself.",
    title: str = "Job interview",
    language: str = "en",
    scenario_id: str = "job_interview",
    scenario_hash: str = SCENARIO_HASH,
    scenario_body: dict | None = None,
    answers: dict[str, str] | None = None,
) -> Conversation:
    """A talk with the opening line and so many finished turns."""
    conversation, _ = conversations.create_conversation(
        db,
        visitor_id=visitor_id,
        scenario_id=scenario_id,
        scenario_hash=scenario_hash,
        scenario_body=scenario_body or {"id": scenario_id},
        language=language,
        title=title,
        answers=answers or {},
        opening=opening,
    )
    for n in range(1, turns + 1):
        make_turn(db, conversation, text=f"Sentence {n} of mine.", answer=f"Answer {n}.")
    return conversations.get_conversation(db, visitor_id, conversation.id)


def start_turn(
    db: Database,
    conversation: Conversation,
    *,
    text: str = "I led a team of three.",
    request_id: str | None = None,
    visitor_id: str | None = None,
    per_visitor_cap: int = 1000,
    total_cap: int = 1000,
    daily: Daily = UNLIMITED,
    writer_id: str | None = None,
) -> Turn:
    """A turn whose answer is still to be written."""
    return turns.start_turn(
        db,
        visitor_id or conversation.visitor_id,
        conversation.id,
        text,
        request_id or new_id("r"),
        per_visitor_cap=per_visitor_cap,
        total_cap=total_cap,
        daily=daily,
        writer_id=writer_id,
    )


def make_turn(
    db: Database,
    conversation: Conversation,
    *,
    text: str = "I led a team of three.",
    answer: str = "What was hard about it?",
    state: MessageState = MessageState.COMPLETE,
    error_code: str | None = None,
) -> Turn:
    """A turn whose answer has ended."""
    turn = start_turn(db, conversation, text=text)
    assert turn.writer_token
    answers.finish_answer(
        db, turn.answer.id, turn.writer_token, state=state, text=answer, error_code=error_code, model="scripted"
    )
    said, written = messages.get_messages(db, [turn.user_message.id, turn.answer.id])
    return Turn(said, written, is_new=True, writer_token=turn.writer_token)


def make_message(db: Database, *, text: str = "I led a team of three.", visitor_id: str = OLGA) -> Message:
    """Something the visitor said, in a talk of its own."""
    return make_turn(db, make_conversation(db, visitor_id=visitor_id), text=text).user_message
