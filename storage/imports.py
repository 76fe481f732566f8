"""Talk that happened elsewhere, stored as a conversation of its own, so that it can be read and debriefed here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from debrief.conversation import MessageState, Role, storable
from storage.conversations import TITLE_MAX_CHARS
from storage.engine import Database, insert_or_ignore, new_id, utc_now
from storage.scenarios import keep_version
from storage.tables import ConversationRow, MessageRow, VisitorRow


@dataclass(frozen=True)
class Said:
    """A message from elsewhere. The text is kept as it is."""

    role: Role
    text: str


def import_conversation(
    db: Database,
    *,
    visitor_id: str,
    scenario_id: str,
    scenario_hash: str,
    scenario_body: dict[str, Any],
    language: str,
    title: str,
    answers: dict[str, str],
    said: Sequence[Said],
) -> str:
    """Store a talk as one line of messages; its id. The visitor's row is made with the first one.

    The first message is the root, whoever said it; two of a kind in a row stay two messages. When it was said
    elsewhere is not known here: all carry the time of the import.
    """
    now = utc_now()
    talk = ConversationRow(
        id=new_id("c"),
        visitor_id=visitor_id,
        scenario_id=scenario_id,
        scenario_hash=scenario_hash,
        language=language,
        title=storable(title.strip())[:TITLE_MAX_CHARS],
        answers={key: storable(value) for key, value in answers.items()},
        origin="import",
        message_count=len(said),
        created_at=now,
        updated_at=now,
    )
    ids = [new_id("m") for _ in said]
    talk.active_leaf_id = ids[-1] if ids else None
    messages = [
        MessageRow(
            id=ids[seq],
            conversation_id=talk.id,
            seq=seq,
            parent_id=ids[seq - 1] if seq else None,
            role=message.role,
            text=message.text,
            state=MessageState.COMPLETE.value,
            stop_requested=False,
            created_at=now,
            finished_at=now,
        )
        for seq, message in enumerate(said)
    ]
    with db.write() as session:
        insert_or_ignore(session, VisitorRow, {"id": visitor_id, "created_at": now})
        keep_version(session, scenario_id, scenario_hash, scenario_body)
        session.add(talk)
        session.flush()
        session.add_all(messages)
    return talk.id
