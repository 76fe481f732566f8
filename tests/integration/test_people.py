"""Who may work here, changed by an admin; one visitor forgotten; the audit that tells of it."""

from collections.abc import Iterator

import pytest
from sqlalchemy import select

from debrief.errors import Conflict, InputRejected, NotAllowed, NotFound
from debrief.review import ACTIONS
from debrief.texts import LANGUAGES, catalog
from storage import accounts, password_links, people
from storage.accounts import Account
from storage.audit import AuditQuery, audit, list_events
from storage.engine import Database
from storage.export_files import ExportWish
from storage.tables import ConversationRow
from tests.export_scene import hotel_talk, make_reviewed, take
from tests.factories import OLGA, SAM
from tests.review_scene import PASSWORD, make_account, sign_in
from tests.web_scene import Browser, Web


@pytest.fixture
def ada(any_database: Database) -> Account:
    return make_account(any_database, "ada", "admin")


@pytest.fixture
def ada_at_work(web: Web) -> Iterator[Browser]:
    make_account(web.parts.db, "ada", "admin")
    with web.browser() as browser:
        assert sign_in(browser, "ada").status_code == 303
        yield browser


def test_a_new_account_signs_in_with_the_password_that_its_person_chose_by_the_link(
    any_database: Database, ada: Account
):
    link = password_links.invite(any_database, ada, "rita", "reviewer")
    with pytest.raises(InputRejected):
        password_links.use_link(any_database, link.token, "short")

    rita = password_links.use_link(any_database, link.token, PASSWORD)

    assert accounts.who_is(any_database, accounts.sign_in(any_database, "rita", PASSWORD)) == rita
    for token in (link.token, "", "x" * 500):
        with pytest.raises(NotFound):
            password_links.use_link(any_database, token, "another long one")
    with pytest.raises(Conflict, match="already"):
        password_links.invite(any_database, ada, "rita", "reviewer")


def test_a_forgotten_password_stays_good_until_the_newest_link_is_used_and_then_every_sign_in_ends(
    any_database: Database, ada: Account, monkeypatch: pytest.MonkeyPatch
):
    rita = make_account(any_database, "rita")
    first = password_links.make_link(any_database, ada, rita.id)
    newest = password_links.make_link(any_database, ada, rita.id)
    browser = accounts.sign_in(any_database, "rita", PASSWORD)
    assert list(password_links.pending_links(any_database)) == [rita.id]
    with pytest.raises(NotFound):
        password_links.use_link(any_database, first.token, "another long one")
    with monkeypatch.context() as later:
        later.setattr(password_links, "utc_now", lambda: newest.expires_at)
        with pytest.raises(NotFound):
            password_links.use_link(any_database, newest.token, "another long one")

    password_links.use_link(any_database, newest.token, "another long one")

    assert accounts.who_is(any_database, browser) is None
    with pytest.raises(NotAllowed):
        accounts.sign_in(any_database, "rita", PASSWORD)
    assert accounts.sign_in(any_database, "rita", "another long one")
    assert password_links.pending_links(any_database) == {}


def test_ones_own_password_is_changed_by_who_knows_it_and_by_a_form(web: Web, ada_at_work: Browser):
    form = {"password": "not it at all", "new_password": "another long one", "again": "another long one"}
    wrong = ada_at_work.post("/admin/password", data=form)
    assert (wrong.status_code, "That is not your present password." in wrong.text) == (403, True)
    unlike = ada_at_work.post("/admin/password", data={**form, "password": PASSWORD, "again": "another long on"})
    assert "not the same" in unlike.text
    with web.browser() as elsewhere:
        sign_in(elsewhere, "ada")
        changed = ada_at_work.post("/admin/password", data={**form, "password": PASSWORD})
        assert (changed.status_code, changed.headers["location"]) == (303, "/admin/")
        assert ada_at_work.get("/api/v1/people").status_code == 200
        assert elsewhere.get("/api/v1/people").status_code == 401
    (event,) = list_events(web.parts.db, AuditQuery(action="set_password")).items
    assert event.detail == {"by": "password"}


def test_ada_makes_and_revokes_tokens_of_accounts_and_sees_when_they_were_used(web: Web, ada_at_work: Browser):
    rita = make_account(web.parts.db, "rita")
    made = ada_at_work.post(f"/api/v1/people/{rita.id}/tokens", json={"label": "Nightly export"}).json()
    bearer = {"authorization": f"Bearer {made['token']}"}
    with web.browser(headers=bearer) as program:
        assert program.get("/api/v1/review").status_code == 200
        assert program.get("/api/v1/people").status_code == 403
    (line,) = ada_at_work.get("/api/v1/people/tokens").json()["items"]
    assert (line["label"], line["account"]) == ("Nightly export", "rita")
    assert line["used_at"]
    assert made["token"] not in str(line)

    assert ada_at_work.delete(f"/api/v1/people/tokens/{made['id']}").status_code == 204
    with web.browser(headers=bearer) as program:
        assert program.get("/api/v1/review").status_code == 401
    told = list_events(web.parts.db, AuditQuery(object_type="token")).items
    assert [(event.action, event.detail["account"]) for event in told] == [
        ("revoke_token", rita.id), ("make_token", rita.id),
    ]  # fmt: skip


def test_a_program_cannot_make_links_or_tokens_that_would_outlive_its_own(web: Web, ada_at_work: Browser):
    me = next(row for row in ada_at_work.get("/api/v1/people").json()["items"] if row["me"])
    made = ada_at_work.post(f"/api/v1/people/{me['id']}/tokens", json={"label": "Ops"}).json()
    with web.browser(headers={"authorization": f"Bearer {made['token']}"}) as program:
        assert program.get("/api/v1/people").status_code == 200
        for path, body in ((f"{me['id']}/tokens", {"label": "x"}), (f"{me['id']}/link", {}), ("", {"name": "rolf"})):
            refused = program.post(f"/api/v1/people/{path}".rstrip("/"), json=body)
            assert (refused.status_code, refused.json()["code"]) == (403, "not_by_token")


def test_who_is_shut_out_is_signed_out_at_once_and_gets_no_link(any_database: Database, ada: Account):
    rita = make_account(any_database, "rita")
    token = accounts.sign_in(any_database, "rita", PASSWORD)
    people.disable_person(any_database, ada, rita.id)
    assert accounts.who_is(any_database, token) is None
    with pytest.raises(Conflict, match="shut"):
        password_links.make_link(any_database, ada, rita.id)
    (_, row) = people.list_people(any_database)
    assert (row.account.name, row.sign_ins) == ("rita", 0)


def test_a_role_counts_from_the_next_click_on(any_database: Database, ada: Account):
    rita = make_account(any_database, "rita")
    token = accounts.sign_in(any_database, "rita", PASSWORD)

    people.change_role(any_database, ada, rita.id, "admin")

    found = accounts.who_is(any_database, token)
    assert found is not None
    assert found.is_admin
    with pytest.raises(InputRejected, match="no role"):
        people.change_role(any_database, ada, rita.id, "king")


def test_the_last_admin_stays_one(any_database: Database, ada: Account):
    other = make_account(any_database, "anna", "admin")
    people.disable_person(any_database, ada, other.id)

    for move in (
        lambda: people.disable_person(any_database, ada, ada.id),
        lambda: people.change_role(any_database, ada, ada.id, "reviewer"),
    ):
        with pytest.raises(Conflict, match="last admin"):
            move()
    people.enable_person(any_database, ada, other.id)
    assert not people.change_role(any_database, other, ada.id, "reviewer").is_admin


def test_a_visitor_is_forgotten_by_the_id_of_any_debrief_of_theirs(any_database: Database, ada: Account):
    feedback_id = make_reviewed(any_database, hotel_talk(any_database))
    make_reviewed(any_database, hotel_talk(any_database, visitor_id=SAM))
    assert people.find_visitor(any_database, feedback_id) == OLGA

    stored = people.forget_visitor(any_database, ada, OLGA)

    assert (stored.rows["conversations"], stored.rows["feedback"]) == (1, 1)
    with any_database.read() as session:
        assert [row.visitor_id for row in session.scalars(select(ConversationRow))] == [SAM]
    content, _ = take(any_database, ExportWish("feedback", "jsonl"))
    assert feedback_id.encode() not in content
    (event,) = list_events(any_database, AuditQuery(action="delete_visitor")).items
    assert (event.actor, event.detail["conversations"]) == (ada.id, 1)
    assert OLGA not in str(event)
    with pytest.raises(NotFound):
        people.forget_visitor(any_database, ada, OLGA)


def test_the_audit_is_read_in_slices_by_who_what_and_which(any_database: Database, ada: Account):
    with any_database.write() as session:
        for n in range(7):
            audit(session, ada.id if n % 2 else "system", "approve" if n < 5 else "reject", "feedback", f"f_{n % 3}")

    def ids(**wanted) -> list[str]:
        found: list[str] = []
        before = None
        while True:
            page = list_events(any_database, AuditQuery(object_type="feedback", **wanted), limit=2, before=before)
            found += [event.object_id for event in page.items]
            if page.next is None:
                return found
            before = int(page.next)

    assert ids() == ["f_0", "f_2", "f_1", "f_0", "f_2", "f_1", "f_0"]
    assert ids(actor=ada.id, action="approve") == ["f_0", "f_1"]
    assert ids(object_id="f_1", action="reject") == []


def test_an_admin_makes_shuts_and_forgets_by_the_api_and_the_audit_says_so(web: Web, ada_at_work: Browser):
    made = ada_at_work.post("/api/v1/people", json={"name": "rita"}).json()
    with web.browser() as rita:
        path, token = made["link"].split("#")
        chosen = rita.post(path, data={"token": token, "new_password": PASSWORD, "again": PASSWORD})
        assert chosen.status_code == 303
        assert rita.get("/api/v1/review").status_code == 200
        changed = ada_at_work.patch(f"/api/v1/people/{made['id']}", json={"disabled": True})
        assert changed.json()["disabled_at"]
        assert rita.get("/api/v1/review").status_code == 401
    me = next(row for row in ada_at_work.get("/api/v1/people").json()["items"] if row["me"])
    refused = ada_at_work.patch(f"/api/v1/people/{me['id']}", json={"role": "reviewer"})
    assert (refused.status_code, refused.json()["code"]) == (409, "last_admin")
    with web.browser() as olga:
        talk = olga.begin()
        deleted = ada_at_work.delete(f"/api/v1/people/visitors/{talk}").json()["deleted"]
        assert deleted["talks"] == 1
        assert olga.get(f"/api/v1/conversations/{talk}").status_code == 404
    told = ada_at_work.get("/api/v1/audit", params={"limit": 3}, headers={"accept-language": "ko"}).json()
    assert [event["action"] for event in told["items"]] == ["delete_visitor", "disable_account", "sign_in"]
    assert told["items"][1]["said"] == "계정 사용을 중지함"
    assert told["items"][1]["by"] == "ada"
    assert told["next"]


def test_every_move_of_the_review_has_words_in_the_audit():

    known = {key.removeprefix("audit.did_") for key in catalog("en") if key.startswith("audit.did_")}
    assert set(ACTIONS) <= known
    for language in LANGUAGES:
        assert all(f"audit.did_{name}" in catalog(language) for name in known)
