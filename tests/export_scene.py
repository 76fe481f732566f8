"""Feedback as a model writes it on a real scenario, with its whole record, approved or edited by Rita."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from debrief.conversation import Conversation
from debrief.feedback import FeedbackBody
from debrief.review import ReviewState
from debrief.scenario import Scenario, load_scenario
from debrief.transcript import transcript_hash
from debrief.writing import Written
from storage.conversations import get_conversation
from storage.engine import Database, new_id, utc_now
from storage.export_files import Export, ExportWish
from storage.messages import list_path
from storage.review_facts import note_version
from storage.tables import DisputeRow, FeedbackJobRow, FeedbackRow, FeedbackVersionRow
from tests.factories import OLGA, make_conversation, make_turn
from tests.writing_scene import INTERVIEW, Model, write, written

ROOT = Path(__file__).parents[1]
SAID = ("I ran a hotel desk alone. A bus came four hours early.", "I called the cleaners myself. All was well by noon.")


def hotel_talk(
    db: Database, *, visitor_id: str = OLGA, said: tuple[str, ...] = SAID, scenario: Scenario = INTERVIEW, **more
) -> Conversation:
    talk = make_conversation(
        db,
        visitor_id=visitor_id,
        scenario_id=scenario.id,
        scenario_hash=scenario.hash,
        scenario_body=scenario.body(),
        opening="Hello, I'm Dana.",
        **more,
    )
    for words in said:
        make_turn(db, talk, text=words, answer="And then?")
    return get_conversation(db, visitor_id, talk.id)


def eco_challenge() -> Scenario:
    return load_scenario(ROOT / "scenarios" / "eco_challenge.toml")


def written_on(
    db: Database, talk: Conversation, *, model: Model | None = None, way: str = "written", **more: object
) -> Written:
    """What a model makes of this very talk."""
    path = list_path(db, talk.id)
    made = write(model or Model([written()]), [(m.role, m.text) for m in path], talk.language, way, **more)
    ids = {f"id{n}": message.id for n, message in enumerate(path)}
    body = made.body.model_dump(mode="json")
    _rename(body, ids)
    lineage = {**made.lineage, "transcript_hash": transcript_hash(path)}
    return replace(made, body=FeedbackBody.model_validate(body), lineage=lineage)


def _rename(node: object, ids: dict[str, str]) -> None:
    if isinstance(node, dict):
        if "message_id" in node:
            node["message_id"] = ids[node["message_id"]]
        for value in node.values():
            _rename(value, ids)
    elif isinstance(node, list):
        for value in node:
            _rename(value, ids)


def make_reviewed(
    db: Database,
    talk: Conversation | None = None,
    *,
    state: ReviewState = ReviewState.APPROVED,
    made: Written | None = None,
    edited: FeedbackBody | None = None,
    disputed: bool = False,
    created_at: datetime | None = None,
) -> str:
    """A made feedback in this state of review, with a second version where somebody edited it; its id."""
    talk = talk or hotel_talk(db)
    made = made or written_on(db, talk)
    now = created_at or utc_now()
    feedback_id, job_id, version_id = new_id("f"), new_id("j"), new_id("fv")
    row = FeedbackRow(
        id=feedback_id, conversation_id=talk.id, scenario_id=talk.scenario_id, language=talk.language,
        waiting_since=now, review_state=state.value,
        version_id=version_id, row_version=3, created_at=now, updated_at=now,
    )  # fmt: skip
    job = FeedbackJobRow(
        id=job_id, feedback_id=feedback_id, conversation_id=talk.id, leaf_id=talk.active_leaf_id or "",
        dedupe_key=new_id("k"), state="succeeded", run_after=now, progress={}, created_at=now, updated_at=now,
        finished_at=now,
    )  # fmt: skip
    version = FeedbackVersionRow(
        id=version_id, feedback_id=feedback_id, n=1, job_id=job_id, origin="model", partial=made.partial,
        body=made.body.model_dump(mode="json"), checks=[check.model_dump() for check in made.checks],
        lineage=made.lineage, created_at=now,
    )  # fmt: skip
    things = [row, job, version]
    if edited is not None:
        row.version_id = new_id("fv")
        things.append(
            FeedbackVersionRow(
                id=row.version_id,
                feedback_id=feedback_id,
                n=2,
                job_id=None,
                origin="human_edit",
                partial=False,
                body=edited.model_dump(mode="json"),
                checks=[],
                lineage={},
                created_at=now,
            )
        )
    if disputed:
        things.append(
            DisputeRow(
                id=new_id("d"),
                feedback_id=feedback_id,
                version_id=row.version_id,
                path="summary",
                comment="No.",
                created_at=now,
            )
        )
    with db.write() as session:
        for thing in things:
            if isinstance(thing, FeedbackVersionRow):
                note_version(session, row, thing)
            session.add(thing)
            session.flush()
        row.open_disputes = int(disputed)
    return feedback_id


def take(db: Database, wish: ExportWish, actor: str = "system") -> tuple[bytes, Export]:
    """The whole file, and the export that made it."""
    export = Export(db, actor, wish)
    pieces = b"".join(iter(export.next_piece, None))
    export.close()
    return pieces, export
