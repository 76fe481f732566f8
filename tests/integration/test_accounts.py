"""People who sign in."""

import hashlib
from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import select, update

from debrief.errors import Conflict, InputRejected, NotAllowed, NotFound
from storage import accounts, passwords
from storage.audit import list_audit
from storage.engine import utc_now
from storage.tables import AccountRow, SignInRow
from tests.review_scene import PASSWORD, make_account

pytestmark = pytest.mark.both_engines


def test_rita_signs_in_and_is_known_by_her_token(database):
    rita = make_account(database, "rita")
    token = accounts.sign_in(database, "rita", PASSWORD)
    assert accounts.who_is(database, token) == rita


@pytest.mark.parametrize(("name", "password"), [("rita", "wrong"), ("nobody", PASSWORD), ("", ""), ("rita", "")])
def test_a_wrong_name_or_password_is_refused_in_the_same_words(database, name, password):
    make_account(database, "rita")
    with pytest.raises(NotAllowed) as refused:
        accounts.sign_in(database, name, password)
    assert refused.value.reason == "wrong_password"


def test_an_unknown_name_costs_as_much_hashing_as_a_wrong_password(database, monkeypatch):
    make_account(database, "rita")
    compared = []
    hasher = SimpleNamespace(
        verify=lambda stored, given: compared.append(stored) or False, hash=passwords._hasher().hash
    )
    monkeypatch.setattr(passwords, "_hasher", lambda: hasher)
    for name in ("rita", "nobody"):
        with pytest.raises(NotAllowed):
            accounts.sign_in(database, name, "wrong")
    assert len(compared) == 2
    assert {stored.rsplit("$", 2)[0] for stored in compared} == {"$argon2id$v=19$m=8,t=1,p=1"}


def test_neither_password_nor_token_can_be_read_from_the_database(database, settings):
    make_account(database, "rita")
    token = accounts.sign_in(database, "rita", PASSWORD)
    with database.read() as session:
        stored = session.scalar(select(SignInRow.token_hash))
    assert stored == hashlib.sha256(token.encode()).hexdigest()
    files = b"".join(file.read_bytes() for file in settings.data_dir.iterdir())
    assert token.encode() not in files
    assert PASSWORD.encode() not in files


def test_a_sign_in_ends_after_the_idle_time_and_use_moves_its_end(database):
    make_account(database, "rita")
    token = accounts.sign_in(database, "rita", PASSWORD, hours=2)
    _move_clock(database, used_ago=timedelta(minutes=90), left=timedelta(minutes=30))
    assert accounts.who_is(database, token)
    with database.read() as session:
        assert session.scalar(select(SignInRow.expires_at)) > utc_now() + timedelta(minutes=115)
    _move_clock(database, used_ago=timedelta(hours=3), left=timedelta(seconds=-1))
    assert accounts.who_is(database, token) is None


def test_signing_out_ends_only_this_browser(database):
    make_account(database, "rita")
    here, there = (accounts.sign_in(database, "rita", PASSWORD) for _ in range(2))
    accounts.sign_out(database, here)
    assert accounts.who_is(database, here) is None
    assert accounts.who_is(database, there)


def test_a_disabled_account_is_out_at_once_and_cannot_come_back(database):
    make_account(database, "rita")
    token = accounts.sign_in(database, "rita", PASSWORD)
    accounts.disable_account(database, "rita")
    assert accounts.who_is(database, token) is None
    with pytest.raises(NotAllowed):
        accounts.sign_in(database, "rita", PASSWORD)


def test_a_sign_in_that_outlived_its_account_is_nobody(database):
    make_account(database, "rita")
    token = accounts.sign_in(database, "rita", PASSWORD)
    with database.write() as session:
        session.execute(update(AccountRow).values(disabled_at=utc_now()))
    assert accounts.who_is(database, token) is None


def test_a_new_password_ends_the_old_sign_ins(database):
    make_account(database, "rita")
    token = accounts.sign_in(database, "rita", PASSWORD)
    accounts.set_password(database, "rita", "another long password")
    assert accounts.who_is(database, token) is None
    assert accounts.sign_in(database, "rita", "another long password")


@pytest.mark.parametrize(
    ("name", "password", "role", "reason"),
    [
        ("", PASSWORD, "admin", "account_name"),
        ("a" * 81, PASSWORD, "admin", "account_name"),
        ("a\nb", PASSWORD, "admin", "account_name"),
        ("rita", "short", "admin", "password_length"),
        ("rita", PASSWORD, "king", "unknown_role"),
    ],
)
def test_a_bad_account_is_refused_with_the_reason(database, name, password, role, reason):
    with pytest.raises(InputRejected) as refused:
        accounts.create_account(database, name, password, role)
    assert refused.value.reason == reason
    assert accounts.count_accounts(database) == 0


def test_a_name_is_taken_once(database):
    make_account(database, "리타")
    with pytest.raises(Conflict):
        make_account(database, " 리타 ")
    assert accounts.find_account(database, "리타")


def test_unknown_people_are_not_found(database):
    assert accounts.find_account(database, "rita") is None
    for change in (accounts.disable_account, lambda db, name: accounts.set_password(db, name, PASSWORD)):
        with pytest.raises(NotFound):
            change(database, "rita")


def test_garbage_tokens_are_nobody(database):
    for token in ("", "x", "ä" * 50, "x" * 100_000):
        assert accounts.who_is(database, token) is None
        accounts.sign_out(database, token)


def test_what_happens_to_an_account_is_on_record(database):
    rita = make_account(database, "rita")
    token = accounts.sign_in(database, "rita", PASSWORD)
    accounts.sign_out(database, token)
    accounts.disable_account(database, "rita", actor="a_olga")
    events = [(event.actor, event.action) for event in list_audit(database, rita.id)]
    assert events == [
        ("system", "create_account"),
        (rita.id, "sign_in"),
        (rita.id, "sign_out"),
        ("a_olga", "disable_account"),
    ]


def _move_clock(database, *, used_ago, left):
    now = utc_now()
    with database.write() as session:
        session.execute(update(SignInRow).values(used_at=now - used_ago, expires_at=now + left))
        assert session.scalar(select(AccountRow.id))
