"""The review queue: filters, orders, pages, numbers, and the next one for each of several reviewers."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import delete, event, text

from debrief.errors import Conflict, InputRejected
from debrief.feedback import Check
from debrief.review import ReviewState
from storage import conversations, feedback, jobs, reactions, review_queue, review_search, reviews
from storage.audit import list_audit
from storage.engine import Database, utc_now
from storage.queue_filter import NOBODY, QueueFilter, select_ids
from storage.tables import NO_LEVEL, AccountRow, FeedbackRow, MessageRow
from tests.factories import OLGA, make_turn
from tests.review_scene import make_account, make_body, make_feedback, make_talk

pytestmark = pytest.mark.both_engines

S = ReviewState
ALL = tuple(state for state in S if state is not S.NONE)


@pytest.fixture
def rita(database):
    return make_account(database, "rita")


@pytest.fixture
def rosa(database):
    return make_account(database, "rosa")


def ids(database, wanted=None, **how):
    return [item.id for item in review_queue.list_reviews(database, wanted, **how).items]


def change(database, row, **values):
    with database.write() as session:
        for name, value in values.items():
            setattr(session.get_one(FeedbackRow, row.id), name, value)


def stored(database, row):
    with database.read() as session:
        return session.get_one(FeedbackRow, row.id)


# ---- orders and pages


@pytest.mark.parametrize(
    ("sort", "expected"), [("waiting", "abcd"), ("newest", "dcba"), ("worst", "bdac"), ("failed", "cdba")]
)
def test_pages_follow_each_order_and_do_not_overlap(database, sort, expected):
    talk = make_talk(database)
    made = {
        name: make_feedback(
            database, talk, age_s=400 - 100 * n, checks_failed=failed, state=S.CLAIMED if name == "c" else S.PENDING
        )
        for n, (name, failed) in enumerate(zip("abcd", (0, 1, 3, 2), strict=True))
    }
    for name, level in zip("abcd", (4, 1, NO_LEVEL, 1), strict=True):
        change(database, made[name], worst_level=level)
    names = {row.id: name for name, row in made.items()}
    seen, cursor = "", None
    while True:
        page = review_queue.list_reviews(database, sort=sort, limit=1, cursor=cursor)
        seen += "".join(names[item.id] for item in page.items)
        cursor = page.next
        if cursor is None:
            break
    assert seen == expected


@pytest.mark.parametrize("cursor", ["x", "~", "2026-01-01T00:00:00~f", "2026-01-01T00:00:00+00:00~", "x" * 5000])
def test_a_made_up_cursor_is_refused(database, cursor):
    with pytest.raises(InputRejected):
        review_queue.list_reviews(database, cursor=cursor)


def test_a_cursor_of_another_order_is_refused(database):
    talk = make_talk(database)
    for _ in range(2):
        make_feedback(database, talk)
    cursor = review_queue.list_reviews(database, limit=1).next
    with pytest.raises(InputRejected):
        review_queue.list_reviews(database, limit=1, cursor=cursor, sort="worst")


def test_a_list_is_one_statement_however_long(database, rita):
    talk = make_talk(database)
    for n in range(8):
        make_feedback(database, talk, state=S.CLAIMED if n % 2 else S.PENDING, claimer=rita if n % 2 else None)
    statements = []
    with database.read() as session:
        listen = session.get_bind()
    event.listen(listen, "before_cursor_execute", lambda *args: statements.append(args[2]))
    assert len(review_queue.list_reviews(database).items) == 8
    assert [said.split()[0] for said in statements if said != "BEGIN"] == ["SELECT"]


# ---- filters


def test_each_filter_admits_what_it_names_and_nothing_else(any_database):
    database = any_database
    rita, rosa = (make_account(database, name) for name in ("rita", "rosa"))
    talk = make_talk(database)
    plain = make_feedback(database, talk, age_s=500, lineage={"model": "small", "rubric_hash": "1" * 64})
    other = make_feedback(
        database,
        make_talk(database, scenario_id="upset_customer", scenario_hash="2" * 64, language="ko"),
        age_s=200_000,
        checks_failed=4,
        partial=True,
        state=S.CLAIMED,
        claimer=rita,
        lineage={"model": "large", "rubric_hash": "2" * 64},
    )
    change(database, other, asked_by="idle", worst_level=NO_LEVEL, assigned_to=rosa.id, open_disputes=1)
    day_ago = utc_now() - timedelta(days=1)
    singles = {
        "scenario": ("job_interview", "upset_customer"),
        "rubric": ("1" * 64, "2" * 64),
        "model": ("small", "large"),
        "language": ("en", "ko"),
        "level": (3, 0),
        "check": ("passed", "failed"),
        "flagged": (False, True),
        "disputed": (False, True),
        "partial": (False, True),
        "asked_by": ("visitor", "idle"),
        "assignee": (NOBODY, "rosa"),
    }
    for name, (of_plain, of_other) in singles.items():
        assert ids(database, QueueFilter(**{name: of_plain})) == [plain.id], name
        assert ids(database, QueueFilter(**{name: of_other})) == [other.id], name
    assert ids(database, QueueFilter(check="levels_backed")) == [other.id]
    assert ids(database, QueueFilter(reviewer="rita")) == [other.id]
    assert ids(database, QueueFilter(reviewer="nobody known")) == []
    assert ids(database, QueueFilter(since=day_ago)) == [plain.id]
    assert ids(database, QueueFilter(until=day_ago)) == [other.id]
    assert ids(database, QueueFilter(waiting_since_before=day_ago)) == [other.id]
    assert ids(database, QueueFilter(level=3, language="ko")) == []


@pytest.mark.parametrize("rare", [0, 500], ids=["along the list", "by the indexes"])
def test_words_are_found_in_the_talk_and_in_the_debrief_in_both_languages(any_database, monkeypatch, rare):
    monkeypatch.setattr(review_search, "RARE", rare)
    database = any_database
    english = make_feedback(database, make_talk(database))
    korean_talk = make_talk(database, language="ko")
    make_turn(database, korean_talk, text="저는 결제 시스템을 100% 다시 만들었습니다. 썰")
    korean = make_feedback(database, korean_talk, summary='성과를 "숫자"로 말했습니다. Ärger, l\'été \\ 끝')
    both = sorted([english.id, korean.id])
    for words, found in (
        ("billing", both),
        ("BILLING Outstanding", both),
        ("결제", [korean.id]),
        ("결", [korean.id]),
        ("썰", [korean.id]),
        ("숫자", [korean.id]),
        ("끝", [korean.id]),
        ("썰매", []),
        ("좋", []),
        ('"숫자"로 billing', [korean.id]),
        ("ärger", [korean.id]),
        ("L'ÉTÉ", [korean.id]),
        ("\\", [korean.id]),
        ("100%", [korean.id]),
        ("10_%", []),
        ("결제 nowhere", []),
        ("xylophone", []),
        ("own_part", []),  # how a criterion is called inside is no word of the debrief
    ):
        assert sorted(ids(database, QueueFilter(words=words))) == found, words
    assert review_queue.count_matching(database, QueueFilter(words="결제")) == 1
    assert review_queue.claim_next(database, make_account(database), QueueFilter(words="숫자")) == korean.id


def test_a_rare_word_is_asked_of_the_indexes_and_a_frequent_one_is_not(any_database, monkeypatch):
    if any_database.engine.dialect.name == "postgresql":
        count_rows(any_database)  # as the server does by itself at times: it then takes the table for empty
    make_feedback(any_database, summary="겨울 썰매")
    with any_database.read() as session:
        for words, among in (("썰매", 1), ("썰", 1), ("xylophone", 0), ("billing 썰매", 1)):
            narrowed = review_search.narrow(session, QueueFilter(words=words))
            assert narrowed.among is not None, words
            assert len(narrowed.among) == among, words
        monkeypatch.setattr(review_search, "RARE", 0)
        assert review_search.narrow(session, QueueFilter(words="billing")).among is None


def test_where_more_can_have_a_rare_word_than_are_listed_none_is_lost(any_database, monkeypatch):
    monkeypatch.setattr(review_search, "AMONG_MAX", 1)
    found = {make_feedback(any_database, summary="겨울 썰매").id for _ in range(2)}
    with any_database.read() as session:
        assert review_search.narrow(session, QueueFilter(words="썰매")).among is None
    assert set(ids(any_database, QueueFilter(words="썰매"))) == found


def count_rows(database):
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE messages"))


def test_postgresql_knows_a_frequent_word_from_a_sample_without_asking_its_index(clean_postgres_url, monkeypatch):
    monkeypatch.setattr(review_search, "RARE", 1)
    monkeypatch.setattr(review_search, "SAMPLED", 300)  # more than there are, so that nothing is left to chance
    monkeypatch.setattr(review_search, "SEEN_OFTEN", 4)
    database = Database(clean_postgres_url)
    talk = make_talk(database)
    for word in ("zeppelin", *["often"] * 100):
        make_turn(database, talk, text=word)
    count_rows(database)
    with database.read() as session:
        assert review_search.seems_frequent(session, MessageRow.text, "OFTEN")
        assert not review_search.seems_frequent(session, MessageRow.text, "zeppelin")
    database.close()


@pytest.mark.parametrize("way", ["the talk", "the debrief"])
def test_what_a_deleted_debrief_said_is_in_no_index(any_database, way):
    talk = make_talk(any_database)
    row = make_feedback(any_database, talk, summary="겨울 썰매")
    if way == "the talk":
        conversations.delete_conversation(any_database, OLGA, talk.id)
    else:
        with any_database.write() as session:
            session.execute(delete(FeedbackRow).where(FeedbackRow.id == row.id))
    any_database.forget_deleted()
    assert ids(any_database, QueueFilter(words="썰매")) == []
    if any_database.is_sqlite:
        with any_database.read() as session:
            for table in ("search_written_entries", "search_written_terms"):
                assert session.scalar(text(f"SELECT count(*) FROM {table}")) == 0, table


def test_a_check_whose_name_is_part_of_another_is_not_taken_for_it(database):
    row = make_feedback(database)
    change(database, row, checks_failed=1, failed_checks=" levels_backed ")
    assert ids(database, QueueFilter(check="levels")) == ids(database, QueueFilter(check="%")) == []
    assert ids(database, QueueFilter(check="levels_backed")) == [row.id]


def test_a_claim_that_ran_out_is_listed_with_what_waits(database, rita):
    held = make_feedback(database, state=S.CLAIMED, claimer=rita)
    lapsed = make_feedback(database, state=S.CLAIMED, claimer=rita, lease_s=-1)
    assert ids(database, QueueFilter((S.PENDING,))) == [lapsed.id]
    assert ids(database, QueueFilter((S.CLAIMED,))) == [held.id]
    assert sorted(ids(database)) == sorted([held.id, lapsed.id])
    assert review_queue.count_matching(database, QueueFilter((S.PENDING,))) == 1


def test_a_line_tells_of_a_claim_while_it_is_held_of_a_level_where_there_is_one_and_flags_only_orders(database, rita):
    held = make_feedback(database, state=S.CLAIMED, claimer=rita)
    lapsed = make_feedback(database, state=S.CLAIMED, claimer=rita, lease_s=-1)
    change(database, held, failed_checks=" no_injection ")
    change(database, lapsed, failed_checks=" no_echo ", worst_level=NO_LEVEL)
    lines = {item.id: item for item in review_queue.list_reviews(database).items}
    told = {one: (line.claimed_by, line.claimed_until, line.worst_level, line.flagged) for one, line in lines.items()}
    assert told == {held.id: ("rita", held.claimed_until, 3, True), lapsed.id: (None, None, None, False)}


def test_only_who_can_sign_in_is_offered_for_assigning(database, rita, rosa):
    with database.write() as session:
        session.get_one(AccountRow, rosa.id).disabled_at = utc_now()
    assert review_queue.list_reviewers(database) == ["rita"]


def test_counting_leaves_out_what_is_being_made_and_follows_the_filter(database):
    for state in (S.NONE, S.PENDING, S.PENDING, S.REJECTED):
        make_feedback(database, state=state)
    make_feedback(database, make_talk(database, language="ko"))
    numbers = review_queue.count_reviews(database)
    assert S.NONE not in numbers
    assert (numbers[S.PENDING], numbers[S.REJECTED], numbers[S.APPROVED]) == (3, 1, 0)
    assert review_queue.count_reviews(database, QueueFilter(language="ko"))[S.PENDING] == 1
    assert review_queue.count_matching(database, QueueFilter(ALL, language="en")) == 3


def test_states_are_counted_no_further_than_a_reader_needs(database, rita, monkeypatch):
    for _ in range(4):
        make_feedback(database)
    make_feedback(database, state=S.REJECTED)
    assert review_queue.count_waiting(database) == 4
    monkeypatch.setattr(review_queue, "COUNTED", 2)
    numbers = review_queue.count_reviews(database)
    assert (numbers[S.PENDING], numbers[S.REJECTED], review_queue.count_waiting(database)) == (3, 1, 3)
    assert review_queue.count_matching(database, QueueFilter(), most=2) == 3
    for _ in range(2):
        make_feedback(database, state=S.CLAIMED, claimer=rita)
    assert review_queue.count_waiting(database) == 3  # of all states that wait together
    assert review_queue.count_matching(database, QueueFilter(), most=2) == 3
    assert review_queue.count_matching(database, QueueFilter()) == 6  # who acts on all must know how many


def test_a_walk_meets_each_one_once_although_they_leave_the_filter(any_database):
    talk = make_talk(any_database)
    made = [make_feedback(any_database, talk, age_s=age) for age in range(1, 6)]
    began, seen, cursor = utc_now(), [], None
    while True:
        page = review_queue.list_review_ids(any_database, QueueFilter(), limit=2, cursor=cursor, until=began)
        for feedback_id in page.items:
            seen.append(feedback_id)
            change(any_database, next(row for row in made if row.id == feedback_id), review_state="approved")
        make_feedback(any_database, talk)
        cursor = page.next
        if cursor is None:
            break
    assert seen == [row.id for row in made]


def test_the_menus_offer_what_there_is(any_database):
    talk = make_talk(any_database)
    for age, rubric in ((300, "1"), (200, "2"), (100, "1")):
        make_feedback(any_database, talk, age_s=age, lineage={"model": "m", "rubric_hash": rubric * 64})
    kinds = review_queue.list_kinds(any_database)
    assert [(kind.rubric_hash, kind.model) for kind in kinds] == [("2" * 64, "m"), ("1" * 64, "m")]


# ---- the columns keep up with versions, states and objections


def test_what_the_worker_stores_is_what_the_queue_shows(any_database):
    database = any_database
    talk = make_talk(database)
    view, job_id = feedback.request_feedback(database, OLGA, talk.id, versions={})
    claim = jobs.claim_job(database, job_id or "", "w", lease_s=60, seats=2)
    assert claim
    checks = [Check(name="levels_backed", passed=False), Check(name="no_echo", passed=True)]
    jobs.store_result(
        database,
        claim,
        body=make_body(database, talk),
        checks=checks,
        partial=True,
        lineage={"model": "small", "rubric_hash": "a" * 64},
        release="checked",
    )
    [item] = review_queue.list_reviews(
        database, QueueFilter(scenario="job_interview", model="small", rubric="a" * 64, partial=True)
    ).items
    assert (item.id, item.worst_level, item.checks_passed, item.checks) == (view.id, 3, 1, 2)
    assert item.waiting_since > item.created_at


def test_an_objection_counts_until_a_decision_and_the_wait_begins_anew(any_database):
    database = any_database
    rita = make_account(database, "rita")
    row = make_feedback(database, state=S.AUTO_RELEASED, age_s=5000)
    reactions.dispute(database, OLGA, row.id, "next_step", "No.")
    [item] = review_queue.list_reviews(database, QueueFilter(disputed=True)).items
    assert (item.disputes, item.id) == (1, row.id)
    assert item.waiting_since > row.waiting_since
    case = reviews.claim(database, rita, row.id, reviews.get_review(database, row.id).row_version)
    case = reviews.approve(database, rita, row.id, case.row_version)
    assert stored(database, row).open_disputes == 0
    since = stored(database, row).waiting_since
    reviews.reopen(database, rita, row.id, case.row_version)
    assert stored(database, row).waiting_since > since


def test_giving_back_does_not_put_it_at_the_end_of_the_queue(database, rita):
    row = make_feedback(database, age_s=5000)
    case = reviews.claim(database, rita, row.id, row.row_version)
    reviews.release(database, rita, row.id, case.row_version)
    assert stored(database, row).waiting_since == row.waiting_since


# ---- the next one


def test_next_gives_two_reviewers_different_work_and_what_one_has_again(database, rita, rosa):
    oldest, second = (make_feedback(database, age_s=age).id for age in (60, 30))
    assert review_queue.claim_next(database, rita) == oldest
    assert review_queue.claim_next(database, rosa) == second
    assert review_queue.claim_next(database, rita) == oldest
    ada = make_account(database, "ada")
    assert not review_queue.has_next(database, ada)
    assert review_queue.claim_next(database, ada) is None
    assert [entry.action for entry in list_audit(database, second)] == ["claim"]


def test_of_many_who_ask_at_once_no_two_get_the_same(any_database):
    database = any_database
    talk = make_talk(database)
    made = {make_feedback(database, talk, age_s=age).id for age in range(10)}
    people = [make_account(database, f"reviewer{n}") for n in range(10)]
    with ThreadPoolExecutor(10) as threads:
        taken = [*threads.map(lambda account: review_queue.claim_next(database, account), people)]
    assert set(taken) == made


def test_next_keeps_to_filter_and_order_and_passes_over_what_was_skipped(database, rita):
    talk = make_talk(database)
    old, bad = make_feedback(database, talk, age_s=60), make_feedback(database, talk, age_s=30, checks_failed=3)
    foreign = make_feedback(database, make_talk(database, language="ko"), age_s=90)
    english = QueueFilter(language="en")
    assert review_queue.claim_next(database, rita, english, sort="failed") == bad.id
    reviews.release(database, rita, bad.id, stored(database, bad).row_version)
    assert review_queue.claim_next(database, rita, english, sort="failed", skipped=[bad.id]) == old.id
    reviews.release(database, rita, old.id, stored(database, old).row_version)
    assert review_queue.claim_next(database, rita, english, skipped=[bad.id, old.id]) is None
    assert review_queue.claim_next(database, rita) == foreign.id


def test_what_is_assigned_to_another_is_not_the_next_but_can_be_asked_for(database, rita, rosa):
    row = make_feedback(database)
    change(database, row, assigned_to=rosa.id)
    assert review_queue.claim_next(database, rita) is None
    assert review_queue.claim_next(database, rita, QueueFilter(assignee="rosa")) == row.id


def test_next_is_what_somebody_gave_up_before_what_waits_and_nothing_that_is_anothers(database, rita, rosa):
    talk = make_talk(database)
    waits = make_feedback(database, talk, age_s=600)
    lapsed, hers = (make_feedback(database, talk, state=S.CLAIMED, claimer=rosa, lease_s=-1) for _ in range(2))
    change(database, hers, assigned_to=rosa.id)
    mine = make_feedback(database, talk, age_s=900)
    change(database, mine, assigned_to=rita.id)
    taken = []
    while found := review_queue.claim_next(database, rita, skipped=taken):
        assert review_queue.has_next(database, rita, skipped=taken)
        assert not review_queue.has_next(database, rita, QueueFilter(language="ko"), skipped=taken)
        taken.append(found)
    assert taken == [lapsed.id, mine.id, waits.id]
    assert not review_queue.has_next(database, rita, skipped=taken)


def test_next_takes_over_a_claim_that_ran_out(database, rita, rosa):
    row = make_feedback(database, state=S.CLAIMED, claimer=rosa, lease_s=-1)
    assert review_queue.claim_next(database, rita) == row.id


def test_a_claim_is_kept_by_whoever_is_at_it_and_the_page_need_not_be_read_anew(any_database):
    rita, rosa = (make_account(any_database, name) for name in ("rita", "rosa"))
    row = make_feedback(any_database, state=S.CLAIMED, claimer=rita, lease_s=5)
    until = review_queue.extend_claim(any_database, rita, row.id)
    assert stored(any_database, row).claimed_until == until > row.claimed_until
    assert stored(any_database, row).row_version == row.row_version
    for account, feedback_id in ((rosa, row.id), (rita, "f_unknown")):
        with pytest.raises(Conflict):
            review_queue.extend_claim(any_database, account, feedback_id)


def test_the_filter_of_the_whole_is_the_sum_of_its_states(database, rita):
    for state in ALL:
        make_feedback(database, state=state, claimer=rita if state is S.CLAIMED else None)
    wanted = QueueFilter(ALL)
    each = [review_queue.count_matching(database, replace(wanted, states=(state,))) for state in ALL]
    assert sum(each) == len(ALL) == len(ids(database, wanted, limit=100))
    with database.read() as session:
        assert len(session.scalars(select_ids(wanted, utc_now())).all()) == len(ALL)


def test_a_claim_that_ran_out_is_not_kept_but_must_be_taken_again(database, rita):
    row = make_feedback(database, state=S.CLAIMED, claimer=rita, lease_s=-1)
    with pytest.raises(Conflict):
        review_queue.extend_claim(database, rita, row.id)
    reviews.claim(database, rita, row.id, row.row_version)
    review_queue.extend_claim(database, rita, row.id)
