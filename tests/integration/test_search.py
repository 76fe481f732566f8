"""Finding one's own talks by what was said in them, on SQLite with its index and on PostgreSQL without."""

import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import text

from debrief.conversation import MessageState
from debrief.errors import InputRejected
from storage import answers, conversations, search, undo, visitors
from storage.backup import back_up
from storage.engine import Database, utc_now
from storage.migrate import migrate
from storage.search import list_found
from tests.factories import OLGA, SAM, make_conversation, make_turn, start_turn
from tests.old_database import old_database
from tests.scripted_model import ScriptedModel
from tests.web_scene import Browser

pytestmark = pytest.mark.both_engines
both_ways = pytest.mark.parametrize("rare", [2000, -1], ids=["by the index", "through the messages"])


def titles(db: Database, query: str, visitor_id: str = OLGA) -> list[str]:
    return [found.conversation.title for found in list_found(db, visitor_id, query).items]


@both_ways
@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ("면", True), ("접", True), ("면접", True), ("접은", True), ("어려워", True), ("어려웠어요", False),
        ("led A TEAM", True), ("LED", True), ("team led", True), ("led teams", False), ("ed", True), ("zq", False),
        ("ÄRGER", True), ("ä", True), ("100%", True), ("0%", True), ("1%0", False), ("l_d", False), ("_", False),
        ('"quoted"', True), ('"quo', True), ("\\back", True), ("led OR nothing", False), ("qu* AND", False),
        ("JOB interview", True), ("interview led", False), ("🎉", True), ("요.", True), ("면.", False),
        ("TE am", True), ("어려 접", True), ("어려 팀", False),
    ],
)  # fmt: skip
def test_a_term_is_found_wherever_it_stands_and_is_never_a_pattern(
    database: Database, monkeypatch: pytest.MonkeyPatch, query: str, is_found: bool, rare: int
):
    monkeypatch.setattr(search, "RARE", rare)
    make_conversation(database, title="Something else", turns=1)
    talk = make_conversation(database, title="Job interview")
    make_turn(database, talk, text='I led a team, 100% "quoted" \\back, kein Ärger 🎉', answer="면접은 어려워 보여요.")
    assert titles(database, query) == (["Job interview"] if is_found else [])


@both_ways
def test_a_find_shows_the_newest_message_with_the_hit_and_counts_the_others(
    database: Database, monkeypatch: pytest.MonkeyPatch, rare: int
):
    monkeypatch.setattr(search, "RARE", rare)
    talk = make_conversation(database, title="Job interview")
    make_turn(database, talk, text="The queue was slow.", answer="Which queue?")
    last = make_turn(database, talk, text=f"{'Before that. ' * 9}Our QUEUE held.", answer="I see.")
    [found] = list_found(database, OLGA, "queue").items
    assert found.count == 3
    assert found.hit
    assert (found.hit.message_id, found.hit.match, found.hit.after) == (last.user_message.id, "QUEUE", " held.")
    assert found.hit.before.endswith("Our ")
    assert found.hit.is_cut
    [by_title] = list_found(database, OLGA, "interview").items
    assert (by_title.hit, by_title.count) == (None, 0)


@both_ways
def test_nobody_finds_what_others_said(database: Database, monkeypatch: pytest.MonkeyPatch, rare: int):
    monkeypatch.setattr(search, "RARE", rare)
    make_turn(database, make_conversation(database, visitor_id=SAM), text="My secret plan.")
    assert titles(database, "secret") == titles(database, "se") == []
    assert titles(database, "secret", SAM) == ["Job interview"]


@both_ways
def test_what_was_found_is_paged_in_the_order_of_the_list(
    database: Database, monkeypatch: pytest.MonkeyPatch, rare: int
):
    monkeypatch.setattr(search, "RARE", rare)
    for n in range(5):
        make_turn(database, make_conversation(database, title=f"Talk {n}"), text="The same words.")
    first = list_found(database, OLGA, "same", limit=3)
    rest = list_found(database, OLGA, "same", limit=3, cursor=first.next)
    assert [found.conversation.title for found in first.items + rest.items] == [f"Talk {n}" for n in (4, 3, 2, 1, 0)]
    assert rest.next is None


@pytest.mark.parametrize("query", ["", "  \n", "word " * 9, "x" * 201])
def test_nothing_and_too_much_are_refused_in_words(database: Database, query: str):
    with pytest.raises(InputRejected):
        list_found(database, OLGA, query)


def test_an_answer_is_found_when_it_has_ended(database: Database):
    talk = make_conversation(database)
    turn = start_turn(database, talk)
    assert turn.writer_token
    answers.finish_answer(
        database, turn.answer.id, turn.writer_token, state=MessageState.STOPPED, text="Half a sentence"
    )
    assert titles(database, "half a sent") == ["Job interview"]


def test_a_deleted_talk_is_not_found_and_one_brought_back_is(database: Database):
    talk = make_conversation(database, turns=1)
    deletion = undo.delete_with_grace(database, OLGA, talk.id)
    assert titles(database, "sentence") == titles(database, "se") == []
    undo.undo_deletion(database, OLGA, deletion.id)
    assert titles(database, "sentence") == ["Job interview"]


# ---- SQLite's index ---------------------------------------------------------------------------------------------

only_sqlite = pytest.mark.only_sqlite("PostgreSQL has no index of ours")


def indexed(db: Database) -> tuple[int, int, int]:
    """Messages in the index, different groups of three characters in it, and bytes of its parts in the file."""
    with closing(sqlite3.connect(db.url.database or "")) as connection:
        connection.execute("CREATE VIRTUAL TABLE temp.terms USING fts5vocab(main, search_index, row)")
        count = "SELECT count(*) FROM "
        parts = "SELECT coalesce(sum(length(block)), 0) FROM search_index_data WHERE id > 10"
        return tuple(
            connection.execute(query).fetchone()[0] for query in (count + "search_entries", count + "temp.terms", parts)
        )


@only_sqlite
@pytest.mark.parametrize("way", ["at once", "after its grace", "all of a visitor's"])
def test_a_deleted_talk_leaves_nothing_in_the_index(database: Database, way: str):
    talks = [make_conversation(database) for _ in range(3)]
    for n in range(30):
        make_turn(database, talks[n % 3], text=f"Words {n} that will be gone.", answer=f"Words {n} of an answer.")
    assert indexed(database)[0] == 63
    if way == "at once":
        for talk in talks:
            conversations.delete_conversation(database, OLGA, talk.id)
    elif way == "after its grace":
        undo.delete_all_with_grace(database, OLGA)
        assert undo.delete_expired(database, before=utc_now()) == 3
    else:
        visitors.delete_visitor(database, OLGA)
    assert indexed(database) == (0, 0, 0)


@only_sqlite
@pytest.mark.parametrize("query", ["썰매", "썰", "매", "zq", "ZQ", "겨울 썰매", "겨울에는 매"])
def test_a_rare_word_of_one_or_two_characters_is_found_by_the_index_alone(
    database: Database, monkeypatch: pytest.MonkeyPatch, query: str
):
    """Also as the last one of what was said, where no group of three begins with it."""
    monkeypatch.setattr(search, "_in_messages", None)
    make_turn(database, make_conversation(database, title="Sledge"), text="겨울에는 Zq 썰매")
    assert titles(database, query) == ["Sledge"]


@only_sqlite
def test_the_other_talks_stay_found_when_one_is_deleted(database: Database):
    gone, kept = make_conversation(database, title="Gone"), make_conversation(database, title="Kept")
    for talk in (gone, kept):
        make_turn(database, talk, text=f"About {talk.title} things.")
    conversations.delete_conversation(database, OLGA, gone.id)
    assert titles(database, "things") == ["Kept"]
    assert titles(database, "about gone") == []


@only_sqlite
def test_a_talk_is_found_in_a_backup_too(database: Database, tmp_path, monkeypatch: pytest.MonkeyPatch):
    """VACUUM gives the rows of a table other numbers, and a backup is made by it."""
    talks = [make_conversation(database, title=f"Talk {n}") for n in range(4)]
    for talk in talks:
        make_turn(database, talk, text=f"Only in {talk.title}.")
    conversations.delete_conversation(database, OLGA, talks[1].id)
    copy = Database(f"sqlite:///{back_up(str(database.url), tmp_path / 'copy.sqlite3').file}")
    assert titles(copy, "only in talk 3") == ["Talk 3"]
    make_turn(copy, talks[3], text="And said later.")
    assert titles(copy, "said later") == ["Talk 3"]
    monkeypatch.setattr(search, "_in_messages", None)
    assert titles(copy, "r.") == ["Talk 3"]
    copy.close()


@only_sqlite
def test_a_talk_from_before_there_was_an_index_is_found(settings, monkeypatch: pytest.MonkeyPatch):
    settings.data_dir.mkdir()
    old_database(settings)
    migrate(settings.database, backup_dir=None)
    db = Database(settings.database)
    assert titles(db, "words 5") == ["Old talk"]
    monkeypatch.setattr(search, "_in_messages", None)
    assert titles(db, "5.") == ["Old talk"]
    db.close()


@only_sqlite
def test_words_that_change_under_the_index_are_found_as_they_are_now(database: Database):
    talk = make_conversation(database)
    message = make_turn(database, talk, text="What was said first.").user_message
    with database.write() as session:
        session.execute(text("UPDATE messages SET text = 'Something new.' WHERE id = :id"), {"id": message.id})
    assert titles(database, "said first") == []
    assert titles(database, "something new") == ["Job interview"]


# ---- the route --------------------------------------------------------------------------------------------------


def test_the_route_gives_the_hit_in_pieces_and_refuses_in_words(
    olga: Browser, sam: Browser, scripted_model: ScriptedModel
):
    scripted_model.enqueue("Please go on.")
    talk = olga.begin()
    olga.ended(olga.say(talk, "저는 면접을 준비했습니다.")["answer_id"])
    [found] = olga.post("/api/v1/search", json={"text": "면접"}).json()["items"]
    hit = found["hit"]
    assert (found["id"], hit["before"], hit["match"], hit["after"]) == (talk, "저는 ", "면접", "을 준비했습니다.")
    assert sam.post("/api/v1/search", json={"text": "면접"}).json() == {"items": [], "next": None}
    refused = olga.post("/api/v1/search", json={"text": " "})
    assert (refused.status_code, refused.json()["code"]) == (422, "nothing_to_search")
