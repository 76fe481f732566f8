"""What is deleted by itself after some days, and what is not."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import delete, func, select, update

from debrief.errors import NotFound
from storage import accounts
from storage.conversations import get_conversation
from storage.engine import Database, utc_now
from storage.feedback import get_feedback, request_feedback
from storage.links import make_link
from storage.retention import Forgotten, Kept, forget_in_turn, forget_old
from storage.tables import ConversationRow, FeedbackRow, IdentityLinkRow, SignInRow, VisitorRow
from storage.visitor_accounts import sign_in, sign_up
from tests.again_scene import make_debrief
from tests.factories import OLGA, SAM, make_conversation, make_turn, start_turn
from tests.review_scene import PASSWORD, make_account, make_talk
from tests.web_scene import running_web, until
from webapp.pages.chat.handlers import kept_days

pytestmark = pytest.mark.both_engines
MONTH = Kept(talks_days=30)


def touched_days_ago(db: Database, days: float, *talk_ids: str) -> None:
    then = utc_now() - timedelta(days=days)
    with db.write() as session:
        session.execute(update(ConversationRow).where(ConversationRow.id.in_(talk_ids)).values(updated_at=then))
        of_them = FeedbackRow.conversation_id.in_(talk_ids)
        session.execute(update(FeedbackRow).where(of_them).values(updated_at=then))
        session.execute(update(VisitorRow).values(created_at=then))


def is_there(db: Database, talk_id: str, visitor_id: str = OLGA) -> bool:
    try:
        return bool(get_conversation(db, visitor_id, talk_id))
    except NotFound:
        return False


def test_a_talk_that_nobody_touched_is_deleted_after_its_days_and_a_newer_one_is_not(database):
    old, newer = make_conversation(database, turns=1), make_conversation(database, turns=1)
    touched_days_ago(database, 31, old.id)
    assert forget_old(database, MONTH) == Forgotten(talks=1, feedbacks=0, visitors=0, sign_ins=0)
    assert not is_there(database, old.id)
    assert is_there(database, newer.id)


def test_without_days_everything_is_kept(database):
    talk = make_conversation(database, turns=1)
    touched_days_ago(database, 10_000, talk.id)
    assert forget_old(database, Kept()) == Forgotten(0, 0, 0, 0)
    assert is_there(database, talk.id)


def test_a_talk_whose_debrief_was_touched_lately_or_whose_answer_is_being_written_stays(database):
    asked, answering = make_talk(database), make_conversation(database)
    start_turn(database, answering)
    touched_days_ago(database, 31, asked.id, answering.id)
    request_feedback(database, OLGA, asked.id, versions={"rubric": "1"})
    assert forget_old(database, MONTH).talks == 0


def test_a_debrief_goes_after_its_days_and_its_talk_stays(database):
    talk = make_talk(database)
    feedback_id = make_debrief(database, talk)
    touched_days_ago(database, 8, talk.id)
    assert forget_old(database, Kept(feedback_days=7)).feedbacks == 1
    with pytest.raises(NotFound):
        get_feedback(database, OLGA, feedback_id)
    assert is_there(database, talk.id)


def test_a_debrief_that_still_waits_to_be_made_is_not_taken_away(database):
    talk = make_talk(database)
    request_feedback(database, OLGA, talk.id, versions={"rubric": "1"})
    touched_days_ago(database, 8, talk.id)
    assert forget_old(database, Kept(feedback_days=7)).feedbacks == 0


def test_a_visitor_whose_last_talk_is_gone_goes_too_after_the_same_days(database):
    talk = make_conversation(database, visitor_id=SAM, turns=1)
    touched_days_ago(database, 31, talk.id)
    make_conversation(database, visitor_id=OLGA)
    assert forget_old(database, MONTH) == Forgotten(talks=1, feedbacks=0, visitors=1, sign_ins=0)
    with database.read() as session:
        assert session.scalars(select(VisitorRow.id)).all() == [OLGA]


def test_sign_ins_that_have_ended_are_deleted_and_the_others_hold(database):
    make_account(database, "rita")
    ended, open_one = (accounts.sign_in(database, "rita", PASSWORD) for _ in range(2))
    with database.write() as session:
        first = session.scalars(select(SignInRow).where(SignInRow.token_hash == accounts._token_hash(ended))).one()
        first.expires_at = utc_now() - timedelta(minutes=1)
    assert forget_old(database, Kept()).sign_ins == 1
    assert accounts.who_is(database, open_one)


def test_private_links_that_ran_out_are_deleted_and_the_others_hold(database):
    make_conversation(database, visitor_id=OLGA)
    make_conversation(database, visitor_id=SAM)
    for visitor_id in (OLGA, SAM):
        make_link(database, visitor_id)
    with database.write() as session:
        olgas = session.scalars(select(IdentityLinkRow).where(IdentityLinkRow.visitor_id == OLGA)).one()
        olgas.expires_at = utc_now() - timedelta(minutes=1)
    forget_old(database, Kept())
    with database.read() as session:
        assert session.scalars(select(IdentityLinkRow.visitor_id)).all() == [SAM]


def test_two_processes_at_once_delete_each_talk_once_and_none_too_many(database):
    talks = [make_conversation(database) for _ in range(120)]
    touched_days_ago(database, 31, *(talk.id for talk in talks[:110]))
    with ThreadPoolExecutor(2) as both:
        done = list(both.map(lambda _: forget_old(database, MONTH), range(2)))
    assert sum(one.talks for one in done) == 110
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(ConversationRow)) == 10


def test_of_two_processes_one_does_the_chore_in_its_hour(database):
    assert forget_in_turn(database, MONTH, every_s=3600) is not None
    assert forget_in_turn(database, MONTH, every_s=3600) is None


@pytest.mark.only_sqlite
def test_the_web_process_deletes_old_talks_by_itself(database, web_settings):
    talk = make_conversation(database)
    make_turn(database, talk)
    touched_days_ago(database, 3, talk.id)
    with running_web(web_settings.model_copy(update={"talks_days": 2})):
        until(lambda: not is_there(database, talk.id), within_s=60, what="the old talk is deleted")


@pytest.mark.parametrize(
    ("given", "backups"),
    [({}, 30), ({"backup_days": 7.5, "upgrade_copies_days": 2}, 8), ({"upgrade_copies_days": 0}, 0)],
)
@pytest.mark.only_sqlite
def test_the_page_is_told_how_long_what_is_kept(settings, given, backups):
    settings = settings.model_copy(update={"talks_days": 90, **given})
    assert kept_days(settings) == {"talks": 90, "feedback": 0, "backups": backups}


def test_who_has_an_account_stays_without_talks_and_who_has_none_goes(database):
    make_conversation(database, visitor_id=SAM)
    sign_up(database, OLGA, "olga", "three blue herons")
    with database.write() as session:
        session.execute(update(VisitorRow).values(created_at=utc_now() - timedelta(days=31)))
        session.execute(delete(ConversationRow))
    assert forget_old(database, MONTH).visitors == 1
    assert sign_in(database, "olga", "three blue herons", SAM).visitor_id == OLGA
