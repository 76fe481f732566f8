"""Tokens for programs: whose rights they have, and that they end."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from debrief.errors import Conflict, InputRejected, NotFound
from storage import accounts, tokens
from storage.engine import utc_now
from storage.tables import ProgramTokenRow
from storage.tokens import MOST_OF_ONE, Owner, make_token, who_is_program
from tests.factories import OLGA, SAM
from tests.integration.test_delete_visitor import traces
from tests.review_scene import make_account, make_feedback
from tests.web_scene import Browser, Web

pytestmark = pytest.mark.both_engines
OLGAS = Owner(visitor_id=OLGA)


def with_token(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def token_of(browser: Browser, label: str = "my script") -> dict[str, str]:
    response = browser.post("/api/v1/me/tokens", json={"label": label})
    assert response.status_code == 201, response.text
    return response.json()


def test_a_token_is_its_owner_until_it_is_revoked(database):
    made, token = make_token(database, OLGAS, "my script")
    bearer = who_is_program(database, token)
    assert bearer
    assert (bearer.visitor_id, bearer.account) == (OLGA, None)
    with pytest.raises(NotFound):
        tokens.revoke_token(database, Owner(visitor_id=SAM), made.id)
    tokens.revoke_token(database, OLGAS, made.id)
    assert who_is_program(database, token) is None


def test_a_token_is_kept_only_as_a_hash_and_says_when_it_was_last_used(database):
    _, token = make_token(database, OLGAS, "my script")
    assert traces(database, [token, token.removeprefix(tokens.PREFIX)]) == set()
    assert [(known.label, known.used_at) for known in tokens.list_tokens(database, OLGAS)] == [("my script", None)]
    who_is_program(database, token)
    (known,) = tokens.list_tokens(database, OLGAS)
    assert known.used_at
    assert utc_now() - known.used_at < timedelta(minutes=5)


def test_a_use_is_not_written_down_again_within_the_minute(database):
    _, token = make_token(database, OLGAS, "my script")
    lately = utc_now() - timedelta(seconds=30)
    with database.write() as session:
        session.execute(update(ProgramTokenRow).values(used_at=lately))
    who_is_program(database, token)
    with database.read() as session:
        assert session.scalar(select(ProgramTokenRow.used_at)) == lately


@pytest.mark.parametrize("label", ["", "   ", "x" * 61, "two\nlines"])
def test_a_token_needs_a_short_label(database, label):
    with pytest.raises(InputRejected):
        make_token(database, OLGAS, label)


def test_nobody_collects_tokens_without_end(database):
    for n in range(MOST_OF_ONE):
        make_token(database, OLGAS, f"number {n}")
    with pytest.raises(Conflict):
        make_token(database, OLGAS, "one more")
    make_token(database, Owner(visitor_id=SAM), "the first of Sam's")


def test_a_disabled_accounts_token_opens_nothing(database):
    rita = make_account(database, "rita")
    _, token = make_token(database, Owner(account_id=rita.id), "exports")
    bearer = who_is_program(database, token)
    assert bearer
    assert bearer.account == rita
    accounts.disable_account(database, "rita")
    assert who_is_program(database, token) is None


# --- by the API


def test_a_program_with_olgas_token_needs_no_cookie_and_sees_her_talks(web: Web, olga: Browser):
    talk = olga.begin()
    token = token_of(olga)["token"]
    with web.browser(headers=with_token(token)) as program:
        assert program.read(talk)["id"] == talk
        program.ended(program.say(talk)["answer_id"])
        begun = program.begin()
        assert not program.cookies
    assert {item["id"] for item in olga.get("/api/v1/conversations").json()["items"]} == {talk, begun}


def test_a_token_counts_more_than_a_cookie_and_is_asked_for_no_origin(web: Web, olga: Browser, sam: Browser):
    talk, token = olga.begin(), token_of(olga)["token"]
    headers = {**with_token(token), "origin": "https://elsewhere.example", "sec-fetch-site": "cross-site"}
    assert (
        sam.patch(f"/api/v1/conversations/{talk}", json={"title": "By a program"}, headers=headers).status_code == 200
    )
    assert sam.get(f"/api/v1/conversations/{talk}").status_code == 404


@pytest.mark.parametrize("given", ["Bearer debrief_nonsense", "Bearer", "Basic b2xnYTpwdw==", "bearer x" * 99])
def test_a_wrong_token_is_refused_in_words_and_never_taken_for_somebody_new(web: Web, given: str):
    with web.browser(headers={"authorization": given}) as program:
        for answer in (program.get("/api/v1/me"), program.post("/api/v1/conversations", json={"scenario": "x"})):
            assert (answer.status_code, answer.json()["code"]) == (401, "wrong_token")
            assert answer.headers["www-authenticate"] == "Bearer"
            assert "set-cookie" not in answer.headers
        assert program.get("/healthz").status_code == 200


def test_a_revoked_token_is_refused_at_once(web: Web, olga: Browser):
    made = token_of(olga)
    with web.browser(headers=with_token(made["token"])) as program:
        assert program.get("/api/v1/me").status_code == 200
        assert olga.delete(f"/api/v1/me/tokens/{made['id']}").status_code == 204
        assert program.get("/api/v1/me").status_code == 401
    assert olga.get("/api/v1/me/tokens").json()["items"] == []


def test_a_program_can_make_nothing_that_outlives_its_token(web: Web, olga: Browser):
    with web.browser(headers=with_token(token_of(olga)["token"])) as program:
        for path, body in (
            ("/api/v1/me/tokens", {"label": "another"}),
            ("/api/v1/me/link", None),
            ("/api/v1/me/link/use", {"token": "x"}),
        ):
            answer = program.post(path, json=body)
            assert (answer.status_code, answer.json()["code"]) == (403, "not_by_token")


def test_ritas_token_reads_the_review_and_adas_the_system(web: Web):
    make_feedback(web.parts.db)
    for name, role, reads_system in (("rita", "reviewer", 403), ("ada", "admin", 200)):
        account = make_account(web.parts.db, name, role)
        _, token = make_token(web.parts.db, Owner(account_id=account.id), "exports")
        with web.browser(headers=with_token(token)) as program:
            assert len(program.get("/api/v1/review").json()["items"]) == 1
            assert program.get("/api/v1/system").status_code == reads_system
            assert program.read(program.begin())
            assert program.get("/admin/", headers={"accept": "text/html"}).status_code in (303, 404)


@pytest.mark.only_sqlite
def test_the_command_makes_lists_and_revokes_an_accounts_token(database, settings):
    make_account(database, "rita")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "app.py", "token", *arguments], cwd=Path(__file__).parents[2], capture_output=True,
            text=True, env={"DEBRIEF_DATA_DIR": str(settings.data_dir), "PATH": "/usr/bin:/bin"}, check=False,
        )  # fmt: skip

    token, _, rest = run("rita", "--label", "nightly export").stdout.partition("\n")
    bearer = who_is_program(database, token)
    assert bearer
    assert bearer.account
    token_id = rest.rstrip(".\n").rpartition(" ")[2]
    assert f"{token_id}  made" in run("rita", "--list").stdout
    assert run("rita", "--revoke", token_id).returncode == 0
    assert who_is_program(database, token) is None
    assert "No account that can be used is called sam" in run("sam").stderr
