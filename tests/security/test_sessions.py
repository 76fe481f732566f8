"""What is somebody's stays theirs: streams, sign-ins, cookies. And what another site's page can make a browser do."""

from __future__ import annotations

import re
import secrets
from datetime import timedelta

import pytest
from sqlalchemy import update

from debrief.settings import Settings
from storage import accounts
from storage.engine import utc_now
from storage.tables import SignInRow
from tests.review_scene import PASSWORD, make_account, make_feedback, sign_in
from tests.scripted_model import ScriptedModel
from tests.security.doors import events, gradio_doors, own_doors
from tests.web_scene import Browser, Web, running_web
from webapp.gradio_events import SessionOwners
from webapp.limits.doors import is_open_door

JOIN, DATA = "/admin/gradio_api/queue/join", "/admin/gradio_api/queue/data"
CHANGING = {"POST", "PUT", "PATCH", "DELETE"}
OTHER_SITES = (
    "https://evil.example",
    "http://evil.example",
    "null",
    "file://",
    "https://127.0.0.1",
    "http://127.0.0.1:1",
    "http://127.0.0.1.evil.example",
    "http://localhost",
)


def start(browser: Browser, web: Web, session: str, name: str = "open_desk", feedback_id: str = "") -> object:
    index = next(event.index for event in events(web.app) if (event.mount, event.name) == ("/admin", name))
    return browser.post(JOIN, json={"fn_index": index, "session_hash": session, "data": ["", feedback_id, 3]})


def test_who_learns_a_session_hash_gets_nothing_of_it_and_stops_nothing(desk: Web, rita: Browser, ada: Browser):
    """Gradio alone gives the stream to whoever asks first, and lets anybody cancel what runs in it."""
    session = secrets.token_hex(8)
    started = start(rita, desk, session)
    assert started.status_code == 200

    assert ada.get(DATA, params={"session_hash": session}).status_code == 404
    assert start(ada, desk, session).status_code == 404
    stop = {"session_hash": session, "fn_index": 0, "event_id": started.json()["event_id"]}
    for thief in (ada, rita):
        assert thief.post("/admin/gradio_api/cancel", json=stop).status_code == 404
        assert thief.post("/admin/gradio_api/reset", json=stop).status_code == 404
        assert thief.get(f"/admin/gradio_api/heartbeat/{session}").status_code == 404
    with desk.browser() as nobody:
        for path in (DATA, f"/admin/gradio_api/heartbeat/{session}", "/gradio_api/queue/data"):
            assert nobody.get(path, params={"session_hash": session}).status_code in (401, 404), path
        assert nobody.post("/gradio_api/cancel", json=stop).status_code == 404

    mine = rita.get(DATA, params={"session_hash": session})
    assert '"success":true' in mine.text
    assert '"name":"rita"' in mine.text


def test_one_reviewer_in_two_browsers_is_one_person_and_a_sign_out_ends_the_stream_too(desk: Web, rita: Browser):
    session = secrets.token_hex(8)
    with desk.browser() as second:
        sign_in(second, "rita")
        assert start(rita, desk, session).status_code == 200
        assert start(second, desk, session).status_code == 200
        second.post("/admin/logout")
        assert second.get(DATA, params={"session_hash": session}).status_code == 401


def test_an_event_does_what_its_senders_role_allows_whatever_the_session(desk: Web, rita: Browser, sam: Browser):
    row = make_feedback(desk.parts.db)
    assert start(sam, desk, "sam-session", "approve", row.id).status_code == 401
    assert start(rita, desk, secrets.token_hex(4), "approve", row.id).status_code == 200


def test_owners_are_remembered_up_to_a_number():
    owners = SessionOwners(most=3)
    assert owners.take("a", "rita")
    assert not owners.take("a", "ada")
    for n in range(10):
        assert owners.take(f"flood{n}", "sam")
    assert len(owners._owners) == 3
    assert not owners.owns("a", "rita"), "forgotten, so nobody's"


def test_a_page_of_another_site_can_send_nothing_that_changes_anything(desk: Web, ada: Browser):
    """Every changing route there is, from every kind of foreign origin, with an admin's cookies."""
    paths = [(door.method, door.path) for door in own_doors(desk.app) if door.method in CHANGING]
    paths += [(d.method, d.mount.rstrip("/") + d.path) for d in gradio_doors(desk.app) if d.method in CHANGING]
    assert len(paths) > 80
    for method, path in paths:
        concrete = re.sub(r"\{[^}]*\}", "abcd", path)
        sites = OTHER_SITES if is_open_door(concrete) else OTHER_SITES[:1]
        for headers in (*({"origin": site} for site in sites), {"sec-fetch-site": "cross-site"}):
            response = ada.request(method, concrete, json={}, headers=headers)
            assert response.status_code == (403 if is_open_door(concrete) else 404), (method, path, headers)
            assert "access-control-allow-origin" not in response.headers, (method, path, headers)
    assert ada.get("/admin/config").status_code == 200, "still signed in"


def test_no_answer_to_any_route_may_be_read_by_another_site(desk: Web, ada: Browser):
    paths = {door.path for door in own_doors(desk.app)} - {"/api/v1/live"}
    paths |= {door.mount.rstrip("/") + door.path for door in gradio_doors(desk.app)}
    evil = {"origin": "https://evil.example", "host": "debrief.example"}
    preflight = {**evil, "access-control-request-method": "POST", "access-control-request-headers": "content-type"}
    for path in sorted(paths):
        concrete = re.sub(r"\{[^}]*\}", "abcd", path)
        asked, read = ada.options(concrete, headers=preflight), ada.get(concrete, headers=evil)
        for response in (asked, read):
            assert "access-control-allow-origin" not in response.headers, path
            assert "access-control-allow-credentials" not in response.headers, path


LAX, SECURE = "Path=/; HttpOnly; SameSite=Lax", "Path=/; HttpOnly; SameSite=Lax; Secure"
FRAMED = "HttpOnly; SameSite=None; Secure; Partitioned"


@pytest.mark.parametrize(
    ("place", "visitor_flags", "sign_in_flags"),
    [
        ("plain", "HttpOnly; SameSite=Lax", LAX),
        ("behind TLS", "HttpOnly; SameSite=Lax; Secure", SECURE),
        ("Space", FRAMED, SECURE),
    ],
)
def test_cookies_carry_the_flags_of_the_place_where_the_page_is_shown(
    web_settings: Settings, monkeypatch: pytest.MonkeyPatch, place: str, visitor_flags: str, sign_in_flags: str
):
    """A reviewer's sign-in is never for another's frame; the cookie that ends it has the flags of the one it ends."""
    headers = {} if place == "plain" else {"x-forwarded-proto": "https", "x-forwarded-for": "203.0.113.5"}
    if place == "Space":
        monkeypatch.setenv("SPACE_ID", "olga/debrief")
    if place == "behind TLS":
        web_settings = web_settings.model_copy(update={"trusted_proxies": "127.0.0.1"})
    with running_web(web_settings) as web, web.browser(headers=headers) as rita:
        make_account(web.parts.db, "rita")
        begun = rita.post("/api/v1/conversations", json={"scenario": "job_interview"}).headers["set-cookie"]
        signed_in = sign_in(rita, "rita")
        signed_out = rita.post("/admin/logout")
    assert begun.endswith(visitor_flags)
    assert "Path=/;" in begun
    assert "Domain" not in begun
    [given] = [c for c in signed_in.headers.get_list("set-cookie") if c.startswith("debrief_sign_in=")]
    [ended] = [c for c in signed_out.headers.get_list("set-cookie") if c.startswith("debrief_sign_in=")]
    assert given.partition("; ")[2] == sign_in_flags
    assert ended == f"debrief_sign_in=; {sign_in_flags.replace('Path=/;', 'Path=/; Max-Age=0;')}"


def test_guessing_is_held_back_whatever_address_the_guesser_claims(web_settings: Settings):
    limited = web_settings.model_copy(update={"rate_limit": "on", "sign_ins_per_minute": 3})
    with running_web(limited) as web, web.browser() as sam:
        make_account(web.parts.db, "rita")
        statuses = [guess(sam, f"198.51.100.{n}") for n in range(5)]
    assert statuses == [401, 401, 401, 429, 429]


def test_behind_a_proxy_only_the_address_that_the_proxy_saw_counts(web_settings: Settings):
    limited = web_settings.model_copy(
        update={"rate_limit": "on", "sign_ins_per_minute": 2, "trusted_proxies": "127.0.0.1"}
    )
    with running_web(limited) as web, web.browser() as sam:
        make_account(web.parts.db, "rita")
        statuses = [guess(sam, f"10.9.8.{n}, 198.51.100.7") for n in range(3)]
        somebody_else = guess(sam, "10.9.8.7, 198.51.100.8")
    assert statuses == [401, 401, 429]
    assert somebody_else == 401


def guess(browser: Browser, claimed: str) -> int:
    form = {"name": "rita", "password": f"guess {claimed}"}
    return browser.post("/admin/login", data=form, headers={"x-forwarded-for": claimed}).status_code


def test_a_token_planted_before_the_sign_in_never_becomes_the_sign_in(desk: Web):
    """Neither a made-up one nor one of the attacker's own: signing in always makes a new one and ends the old."""
    attackers = accounts.sign_in(desk.parts.db, "ada", PASSWORD)
    for planted in ("x" * 43, attackers):
        with desk.browser() as rita:
            rita.cookies.set("debrief_sign_in", planted)
            signed_in = sign_in(rita, "rita")
            [given] = [c for c in signed_in.headers.get_list("set-cookie") if c.startswith("debrief_sign_in=")]
        assert planted not in given
        assert accounts.who_is(desk.parts.db, planted) is None


def test_a_sign_in_outlives_a_restart_and_ends_by_idleness_and_with_its_account(
    web_settings: Settings, scripted_model: ScriptedModel
):
    with running_web(web_settings, with_pages=True) as web, web.browser() as rita:
        account = make_account(web.parts.db, "rita")
        sign_in(rita, "rita")
        cookie = {"cookie": f"debrief_sign_in={rita.cookies['debrief_sign_in']}"}
        assert rita.get("/admin/config").status_code == 200
    with running_web(web_settings, with_pages=True) as web, web.browser(headers=cookie) as rita:
        assert rita.get("/admin/config").status_code == 200
        with web.parts.db.write() as session:
            session.execute(update(SignInRow).values(expires_at=utc_now() - timedelta(seconds=1)))
        assert rita.get("/admin/config").status_code == 401
        with web.parts.db.write() as session:
            session.execute(update(SignInRow).values(expires_at=utc_now() + timedelta(hours=1)))
        assert rita.get("/admin/config").status_code == 200
        accounts.disable_account(web.parts.db, account.name)
        assert rita.get("/admin/config").status_code == 401
