"""What leaves the house: each kind's rows, what is left out and counted, files that other programs read."""

import csv
import hashlib
import io
import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from datasets import Dataset, load_dataset

from debrief.conversation import Conversation
from debrief.errors import InputRejected
from debrief.feedback import Evidence, FeedbackBody
from debrief.request import prompt_digest
from debrief.review import ReviewState
from storage import conversations, export_files
from storage.audit import list_audit
from storage.engine import Database
from storage.export_files import BYTE_ORDER_MARK, Export, ExportWish, harmless
from storage.exports import list_exports
from storage.messages import list_path
from storage.queue_filter import QueueFilter
from storage.tables import FeedbackRow, FeedbackVersionRow
from tests.export_scene import eco_challenge, hotel_talk, make_reviewed, take, written_on
from tests.factories import OLGA, SAM
from tests.review_scene import make_account, make_feedback, make_talk
from tests.writing_scene import Model, written


def rows_of(db: Database, kind: str, **options: object) -> list[dict]:
    content, _ = take(db, ExportWish(kind, "jsonl", **options))  # type: ignore[arg-type]
    return [json.loads(line) for line in content.splitlines()]


def better(body: FeedbackBody, **changes: object) -> FeedbackBody:
    return body.model_copy(
        update={"summary": "You held the desk alone, and said how. Add one number next time.", **changes}
    )


def edited_feedback(db: Database, talk: Conversation) -> str:
    made = written_on(db, talk)
    return make_reviewed(db, talk, state=ReviewState.EDITED_APPROVED, made=made, edited=better(made.body))


# ------------------------------------------------------------------------------------------------------------- kinds


def test_a_talk_is_exported_as_messages_from_its_persona_to_where_it_was_reviewed(any_database: Database):
    talk = hotel_talk(any_database)
    make_reviewed(any_database, talk)

    (row,) = rows_of(any_database, "conversations")

    assert [message["role"] for message in row["messages"]] == [
        "system", "assistant", "user", "assistant", "user", "assistant",
    ]  # fmt: skip
    assert "Dana Whitfield" in row["messages"][0]["content"]
    assert row["messages"][2]["content"] == "I ran a hotel desk alone. A bus came four hours early."
    assert (row["conversation_id"], row["state"]) == (talk.id, "approved")


def test_a_talk_with_two_debriefs_is_exported_once(any_database: Database):
    talk = hotel_talk(any_database)
    make_reviewed(any_database, talk)
    newest = make_reviewed(any_database, talk)

    content, export = take(any_database, ExportWish("conversations", "jsonl"))

    assert json.loads(content)["id"] == newest
    assert export.tally.left_out == {"older_debrief": 1}


def test_approved_words_are_exported_with_the_very_prompt_that_they_came_from(database: Database):
    model = Model([written()])
    talk = hotel_talk(database)
    make_reviewed(database, talk, made=written_on(database, talk, model=model))

    (row,) = rows_of(database, "sft", redacted=False)

    assert row["prompt"] == model.asked[0].messages
    assert row["prompt_is"] == "as_asked"
    assert json.loads(row["completion"][0]["content"]) == written()


def test_an_edit_is_a_preference_over_the_models_answer_to_the_same_prompt(database: Database):
    model = Model([written()])
    talk = hotel_talk(database)
    made = written_on(database, talk, model=model)
    make_reviewed(database, talk, state=ReviewState.EDITED_APPROVED, made=made, edited=better(made.body))

    (row,) = rows_of(database, "preferences", redacted=False)

    assert row["prompt"] == model.asked[0].messages
    assert json.loads(row["rejected"][0]["content"]) == written()
    assert json.loads(row["chosen"][0]["content"])["summary"].startswith("You held the desk alone")
    assert row["change"] > 0.05


def test_a_typo_is_no_preference_but_another_level_is(database: Database):
    for changes in ({"next_step": "Next time, add one number to each story you tell."}, {}):
        talk = hotel_talk(database)
        made = written_on(database, talk)
        edited = made.body.model_copy(update=changes)
        if not changes:
            first, *rest = edited.criteria
            edited = edited.model_copy(update={"criteria": [first.model_copy(update={"level": 5}), *rest]})
        make_reviewed(database, talk, state=ReviewState.EDITED_APPROVED, made=made, edited=edited)

    content, export = take(database, ExportWish("preferences", "jsonl"))

    assert [json.loads(line)["change"] for line in content.splitlines()] == [1.0]
    assert export.tally.left_out == {"too_alike": 1}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"prompt_hash": "0" * 64}, "prompt_changed"),
        ({"transcript_hash": "0" * 64}, "prompt_changed"),
        ({"calls": []}, "no_prompt"),
        ({"manner": None}, "no_record"),
    ],
)
def test_where_the_exact_prompt_is_not_to_be_had_there_is_no_preference(database: Database, changed: dict, reason: str):
    talk = hotel_talk(database)
    made = written_on(database, talk)
    made.lineage.update(changed)
    make_reviewed(database, talk, state=ReviewState.EDITED_APPROVED, made=made, edited=better(made.body))

    _, export = take(database, ExportWish("preferences", "jsonl"))

    assert export.tally.left_out == {reason: 1}


def test_a_prompt_that_is_built_otherwise_than_it_was_sent_is_known_by_its_hash(database: Database):
    talk = hotel_talk(database)
    made = written_on(database, talk)
    assert made.lineage["calls"][0]["prompt_sha256"] != prompt_digest([{"role": "user", "content": "x"}])
    made.lineage["calls"][0]["prompt_sha256"] = prompt_digest([{"role": "user", "content": "x"}])
    make_reviewed(database, talk, state=ReviewState.EDITED_APPROVED, made=made, edited=better(made.body))

    assert rows_of(database, "preferences") == []


def test_what_more_than_one_prompt_led_to_is_no_preference(database: Database):
    talk = hotel_talk(database)
    made = written_on(database, talk, model=Model([written(summary="Too short."), written()]))
    make_reviewed(database, talk, state=ReviewState.EDITED_APPROVED, made=made, edited=better(made.body))

    _, export = take(database, ExportWish("preferences", "jsonl"))

    assert export.tally.left_out == {"several_prompts": 1}


def test_words_placed_without_a_model_are_exported_with_the_prompt_that_one_would_get_today(database: Database):
    talk = hotel_talk(database)
    lines = [message for message in list_path(database, talk.id) if message.role == "user"]
    made = written_on(database, talk, model=Model([{"criteria": {}}]), way="rubric")
    placed = [
        result
        if result.evidence
        else result.model_copy(
            update={
                "status": "scored",
                "level": 3,
                "evidence": [made_evidence(lines[0].id, lines[0].text, "I ran a hotel desk alone.")],
            }
        )
        for result in made.body.criteria
    ]
    make_reviewed(
        database, talk, made=made.__class__(made.body.model_copy(update={"criteria": placed}), [], False, made.lineage)
    )

    (row,) = rows_of(database, "sft")

    assert row["prompt_is"] == "as_of_today"
    assert {*json.loads(row["completion"][0]["content"])} == {"criteria"}


def made_evidence(message_id: str, text: str, quote: str):
    start = text.index(quote)
    return Evidence(message_id=message_id, start=start, end=start + len(quote), quote=quote)


# -------------------------------------------------------------------------------------------------------- left out


def test_what_is_not_released_disputed_or_withdrawn_is_left_out_and_counted(any_database: Database):
    for state in (ReviewState.PENDING, ReviewState.CLAIMED, ReviewState.REJECTED, ReviewState.WITHDRAWN):
        make_reviewed(any_database, state=state)
    make_reviewed(any_database, state=ReviewState.AUTO_RELEASED)
    make_reviewed(any_database, disputed=True)
    make_reviewed(any_database)

    counts = {}
    for kind in ("conversations", "sft", "feedback", "preferences"):
        _, export = take(any_database, ExportWish(kind, "jsonl"))
        tally = export.tally
        assert tally.considered == 7 == tally.rows + tally.left_out.total()
        counts[kind] = (tally.rows, dict(tally.left_out))

    common = {"not_released": 2, "rejected": 1, "withdrawn": 1, "disputed": 1}
    assert counts["conversations"] == counts["feedback"] == (2, common)
    assert counts["sft"] == (1, {**common, "not_reviewed": 1})
    assert counts["preferences"] == (0, {**common, "not_reviewed": 1, "not_edited": 1})


def test_a_deleted_person_is_in_no_later_export(any_database: Database):
    talk = hotel_talk(any_database)
    make_reviewed(any_database, talk)
    make_reviewed(any_database, hotel_talk(any_database, visitor_id=SAM, said=("I sold bread for ten years.",) * 2))
    assert "hotel desk" in str(rows_of(any_database, "conversations"))

    conversations.delete_conversation(any_database, OLGA, talk.id)

    for kind in ("conversations", "sft", "feedback"):
        left = str(rows_of(any_database, kind))
        assert "hotel desk" not in left
        assert talk.id not in left
    assert "sold bread" in str(rows_of(any_database, "conversations"))


# -------------------------------------------------------------------------------------------------------- redaction


def test_names_and_contacts_are_taken_out_of_every_kind_unless_they_are_wanted(database: Database):
    said = (
        "My name is Olga Ivanova, olga@example.com, 010-1234-5678. I ran a hotel desk alone.",
        "Olga called the cleaners herself. All was well by noon.",
    )
    talk = hotel_talk(database, said=said)
    make_reviewed(database, talk)

    for kind in ("conversations", "sft", "feedback"):
        clean, whole = str(rows_of(database, kind)), str(rows_of(database, kind, redacted=False))
        assert not [word for word in ("Olga", "Ivanova", "example.com", "1234") if word in clean]
        assert "Olga" in whole


def test_what_was_typed_into_the_form_is_taken_for_a_name_where_it_could_be_one(database: Database):
    eco = eco_challenge()
    answers = {field.key: field.options[0].key if field.kind == "select" else "Olga Ivanova" for field in eco.form}
    talk = hotel_talk(database, scenario=eco, answers=answers, said=("Ivanova is what they call me at work.",) * 2)
    make_reviewed(database, talk, made=written_on(database, hotel_talk(database)))

    (row,) = rows_of(database, "conversations")

    assert "Ivanova" not in str(row)


# ------------------------------------------------------------------------------------------------------------ files

NASTY = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "  =1", "＝1", "'=1", "a,b", 'say "x"', "two\nlines", "한국어"]


def test_cells_that_look_like_formulas_stay_text():
    assert [harmless(text) for text in NASTY[:8]] == [f"'{text}" for text in NASTY[:8]]
    assert [harmless(text) for text in NASTY[8:]] == NASTY[8:]
    assert harmless("I led a team - alone = hard") == "I led a team - alone = hard"


def test_a_table_holds_nasty_words_as_text(database: Database):
    talk = make_talk(database)
    row = make_feedback(database, talk, state=ReviewState.APPROVED)
    with database.write() as session:
        version = session.get_one(FeedbackVersionRow, row.version_id)
        version.body = {
            **version.body,
            "summary": '=HYPERLINK("http://x","y"), "quoted"\nand a line',
            "next_step": "@x 한국어",
        }

    content, _ = take(database, ExportWish("feedback", "csv", redacted=False))

    text = content.decode("utf-8")
    assert text.startswith(BYTE_ORDER_MARK)
    (read,) = csv.DictReader(io.StringIO(text.removeprefix(BYTE_ORDER_MARK), newline=""))
    assert read["summary"] == '\'=HYPERLINK("http://x","y"), "quoted"\nand a line'
    assert read["next_step"] == "'@x 한국어"
    assert (read["id"], read["state"], read["partial"], read["helpful"]) == (row.id, "approved", "false", "")


def test_levels_have_a_column_for_each_criterion_and_no_number_where_there_is_none(database: Database):
    make_reviewed(database)

    content, _ = take(database, ExportWish("feedback", "csv"))

    (read,) = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    levels = {name: value for name, value in read.items() if name.startswith("level_")}
    assert sorted(levels.values()) == ["2", "3", "4", "5"]


def test_a_file_is_sent_and_packed_piece_by_piece(database: Database, monkeypatch: pytest.MonkeyPatch):
    """So that neither the memory nor the wait for the first byte grows with it."""
    monkeypatch.setattr(export_files, "PIECE_BYTES", 100)
    monkeypatch.setitem(export_files.ROW_GROUPS, "feedback", 2)
    talk = hotel_talk(database)
    made = written_on(database, talk)
    for _ in range(5):
        make_reviewed(database, talk, made=made)

    lines = Export(database, "system", ExportWish("feedback", "jsonl"))
    assert len([*iter(lines.next_piece, None)]) == 5
    lines.close()
    content, _ = take(database, ExportWish("feedback", "parquet"))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        packed = pq.ParquetFile(io.BytesIO(archive.read("data.parquet")))
    assert [packed.metadata.row_group(n).num_rows for n in range(packed.num_row_groups)] == [2, 2, 1]


@pytest.fixture
def unzipped(database: Database, tmp_path: Path) -> Path:
    talk = hotel_talk(database)
    edited_feedback(database, talk)
    make_reviewed(database)
    make_reviewed(database, state=ReviewState.REJECTED)
    for kind in ("conversations", "sft", "preferences", "feedback"):
        content, _ = take(database, ExportWish(kind, "parquet"))
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            assert archive.testzip() is None
            archive.extractall(tmp_path / kind)
    return tmp_path


def test_parquet_is_read_back_with_a_card_that_counts(unzipped: Path):
    table = pq.read_table(unzipped / "conversations" / "data.parquet")
    card = (unzipped / "conversations" / "README.md").read_text("utf-8")

    assert table.num_rows == 2
    assert table.column("messages").to_pylist()[0][2]["content"].startswith("I ran a hotel desk")
    assert "| looked at | 3 |" in card
    assert "| rows | 2 |" in card
    assert "- 1: a reviewer rejected it (`rejected`)" in card
    assert pq.read_table(unzipped / "feedback" / "data.parquet").column("level_examples").to_pylist() == [2, 2]


def test_the_datasets_library_loads_every_kind_and_form_with_the_same_rows(
    unzipped: Path, database: Database, tmp_path: Path
):
    def load(*what: str, **options: object) -> Dataset:
        return load_dataset(*what, split="train", cache_dir=str(tmp_path / "cache"), **options)

    rows = {"conversations": 2, "sft": 2, "preferences": 1, "feedback": 2}
    for kind, number in rows.items():
        packed = load(str(unzipped / kind))
        assert packed.num_rows == number
        content, _ = take(database, ExportWish(kind, "jsonl"))  # type: ignore[arg-type]
        file = tmp_path / f"{kind}.jsonl"
        file.write_bytes(content)
        plain = load("json", data_files=str(file))
        assert plain.num_rows == number
        same = [name for name in packed.column_names if not name.startswith("level_") and name != "created_at"]
        assert plain.select_columns(same).to_list() == packed.select_columns(same).to_list()
    pair = load(str(unzipped / "preferences"))[0]
    assert [message["role"] for message in pair["prompt"] + pair["chosen"] + pair["rejected"]] == [
        "user", "assistant", "assistant",
    ]  # fmt: skip
    content, _ = take(database, ExportWish("feedback", "csv"))
    (tmp_path / "feedback.csv").write_bytes(content)
    table = load("csv", data_files=str(tmp_path / "feedback.csv"), encoding="utf-8-sig")
    assert table["id"] == load(str(unzipped / "feedback"))["id"]
    assert table["level_examples"] == [2, 2]


def test_an_unknown_pair_of_kind_and_form_is_refused_in_words():
    with pytest.raises(InputRejected, match="jsonl, parquet"):
        ExportWish("sft", "csv")


# -------------------------------------------------------------------------------------------------------- on record


def test_an_export_is_on_record_with_filter_counts_and_hash_and_without_words(any_database: Database):
    rita = make_account(any_database)
    make_reviewed(any_database)
    with any_database.write() as session:
        row = session.get_one(FeedbackRow, make_reviewed(any_database, state=ReviewState.REJECTED))
        row.reviewed_by, row.model = rita.id, "Qwen/Qwen3.5 4B"
    wanted = QueueFilter(
        (ReviewState.APPROVED, ReviewState.REJECTED), scenario="job_interview", model="Qwen/Qwen3.5 4B",
        reviewer="rita", words="hotel cleaners",
        since=datetime(2026, 1, 1, tzinfo=UTC), until=datetime(2027, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    wish = ExportWish("feedback", "csv", wanted)

    content, export = take(any_database, wish, "a_ada")

    (run,) = list_exports(any_database)
    assert (run.id, run.by, run.outcome, run.kind, run.format) == (export.id, "a_ada", "complete", "feedback", "csv")
    assert (run.considered, run.rows, run.left_out) == (1, 1, {})
    assert run.filter == {
        "states": "approved.rejected", "scenario": "job_interview", "model": "Qwen_Qwen3.5_4B", "reviewer": rita.id,
        "since": "2026-01-01", "until": "2026-12-31", "words": "yes",
    }  # fmt: skip
    assert run.sha256 == hashlib.sha256(content).hexdigest()
    assert "hotel" not in str(list_audit(any_database, export.id))


def test_an_export_that_nobody_takes_to_its_end_is_on_record_as_broken(database: Database):
    make_reviewed(database)
    export = Export(database, "a_ada", ExportWish("feedback", "parquet"))
    export.next_piece()
    export.close()
    export.close()

    (run,) = list_exports(database)
    assert run.outcome == "broken"
    assert export.next_piece() is None
