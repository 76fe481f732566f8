"""Signing in at the desk, over a real server: the guard, the cookie, the throttle, the way back."""

import hashlib
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from debrief.settings import Settings
from storage import accounts, reviews
from storage.tables import SignInRow
from tests.review_scene import PASSWORD, make_account, make_feedback, sign_in
from tests.web_scene import Browser, Web, running_web
from webapp.sign_in import safe_next

HTML = {"accept": "text/html"}
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
def olga(desk: Web) -> Iterator[Browser]:
    """A visitor with a talk of her own and no account."""
    with desk.browser() as browser:
        browser.begin()
        yield browser


def desk_paths(web: Web) -> set[str]:
    """Every path that the apps mounted below /admin answer, with something in place of each parameter."""
    paths = {"/admin", "/admin/"}
    for mount in web.app.routes:
        prefix = getattr(mount, "path", "")
        if prefix.startswith("/admin/") or prefix == "/admin":
            inner = getattr(getattr(mount, "app", None), "routes", [])
            paths |= {prefix + route.path.replace("{", "").replace("}", "").replace(":path", "") for route in inner}
    return paths - {"/admin/login", "/admin/login/", "/admin/logout", "/admin/logout/"}


def test_nobody_gets_below_admin_without_an_account(desk: Web, olga: Browser):
    paths = desk_paths(desk)
    assert {"/admin/config", "/admin/gradio_api/queue/join", "/admin/system/config"} <= paths
    for path in paths:
        for method in ("GET", "POST"):
            response = olga.request(method, path, json={} if method == "POST" else None)
            assert response.status_code in (401, 404), (method, path)
    for path in ("/admin/config", "/admin/gradio_api/info", "/admin/theme.css", "/admin/assets/x.js", "/admin/x"):
        assert olga.get(path).status_code == 401, path


def test_an_event_of_the_desk_cannot_be_called_by_a_visitor_nor_from_the_visitors_page(desk: Web, olga: Browser):
    row = make_feedback(desk.parts.db)
    names = [dependency["api_name"] for dependency in _config(desk)["dependencies"]]
    assert "approve" in names
    for name in names:
        for way in ("call", "run"):
            body = {"data": ["all", 30, row.id, row.row_version]}
            assert olga.post(f"/admin/gradio_api/{way}/{name}", json=body).status_code == 401, name
    visitors = {dependency["api_name"] for dependency in olga.get("/config").json()["dependencies"]}
    assert not visitors & set(names)
    assert reviews.get_review(desk.parts.db, row.id).state == "pending"


def _config(desk: Web) -> dict:
    with desk.browser() as browser:
        sign_in(browser)
        return browser.get("/admin/config").json()


def test_a_page_leads_to_the_sign_in_and_back(desk: Web, olga: Browser):
    response = olga.get("/admin/?f=f_1&show=all", headers=HTML)
    assert response.status_code == 303
    assert response.headers["location"] == "/admin/login?next=%2Fadmin%2F%3Ff%3Df_1%26show%3Dall"
    back = sign_in(olga, next="/admin/?f=f_1&show=all")
    assert (back.status_code, back.headers["location"]) == (303, "/admin/?f=f_1&show=all")
    assert olga.get("/admin/", headers=HTML).status_code == 200
    assert olga.get("/admin", headers=HTML).headers["location"] == "/admin/"


def test_rita_reads_the_desk_and_only_ada_the_system(desk: Web, rita: Browser, ada: Browser):
    assert rita.get("/admin/", headers=HTML).status_code == 200
    for path in ("/admin/system/", "/admin/system/config", "/api/v1/system", "/docs"):
        assert rita.get(path).status_code == 403, path
        assert ada.get(path).status_code == 200, path


@pytest.mark.parametrize(
    "goal",
    [
        "https://evil.example/admin/",
        "//evil.example/admin/",
        "/\\evil.example/admin/",
        "/admin/\r\nSet-Cookie: a=b",
        "javascript:alert(1)",
        "/admin/../../evil",
        "/admin/login",
        "/admin/logout",
        "/admin/password",
        "/elsewhere",
        "",
        "http:/admin/",
    ],
)
def test_signing_in_never_leads_elsewhere(desk: Web, goal: str):
    assert safe_next(goal) == "/admin/"
    with desk.browser() as browser:
        assert sign_in(browser, next=goal).headers["location"] == "/admin/"


def test_the_cookie_is_for_the_server_alone_and_the_database_keeps_only_its_hash(desk: Web):
    with desk.browser() as browser:
        response = sign_in(browser)
        [cookie] = [value for value in response.headers.get_list("set-cookie") if value.startswith("debrief_sign_in")]
        token = browser.cookies["debrief_sign_in"]
    assert cookie.partition("; ")[2] == "Path=/; HttpOnly; SameSite=Lax"
    with desk.parts.db.read() as session:
        kept = set(session.scalars(select(SignInRow.token_hash)))
    assert hashlib.sha256(token.encode()).hexdigest() in kept
    assert token not in kept


def test_behind_https_the_cookie_is_secure(web_settings: Settings):
    settings = web_settings.model_copy(update={"trusted_proxies": "127.0.0.1"})
    with running_web(settings) as web, web.browser(headers={"x-forwarded-proto": "https"}) as rita:
        make_account(web.parts.db, "rita")
        cookies = sign_in(rita).headers.get_list("set-cookie")
    assert any("debrief_sign_in" in cookie and cookie.endswith("; Secure") for cookie in cookies)


def test_signing_out_ends_it_on_the_server_too(desk: Web, rita: Browser):
    token = rita.cookies["debrief_sign_in"]
    assert accounts.who_is(desk.parts.db, token)
    response = rita.post("/admin/logout")
    assert (response.status_code, response.headers["location"]) == (303, "/admin/login")
    assert accounts.who_is(desk.parts.db, token) is None
    with desk.browser(headers={"cookie": f"debrief_sign_in={token}"}) as thief:
        assert thief.get("/admin/config").status_code == 401
    assert rita.get("/admin/config").status_code == 401


def test_a_get_signs_nobody_out(desk: Web, rita: Browser):
    assert rita.get("/admin/logout").headers["location"] == "/admin/"
    assert rita.get("/admin/config").status_code == 200


def test_another_site_cannot_sign_a_person_in_or_out(desk: Web, rita: Browser):
    evil = {"origin": "https://evil.example"}
    assert rita.post("/admin/logout", headers=evil).status_code == 403
    assert rita.post("/admin/login", data={"name": "ada", "password": PASSWORD}, headers=evil).status_code == 403
    assert rita.get("/admin/config").status_code == 200


@pytest.mark.parametrize("name", ["rita", "nobody"])
def test_a_wrong_password_is_told_in_words_and_the_name_kept(desk: Web, name: str):
    with desk.browser(language="ko") as browser:
        response = sign_in(browser, name, "wrong")
    assert response.status_code == 401
    assert "이름 또는 비밀번호가 맞지 않습니다." in response.text
    assert f'value="{name}"' in response.text
    assert "debrief_sign_in" not in response.headers.get("set-cookie", "")


def test_what_was_typed_comes_back_as_text(desk: Web):
    with desk.browser() as browser:
        page = sign_in(browser, '"><script>alert(1)</script>', "wrong", next='/admin/"><script>').text
    assert "<script>" not in page


@pytest.mark.parametrize("body", [b"", b"name=rita", b"\xff\xfe=1", b"name=rita&" * 50, b"{}"])
def test_a_broken_form_is_a_wrong_password_and_no_crash(desk: Web, body: bytes):
    with desk.browser() as browser:
        assert browser.post("/admin/login", content=body, headers=FORM).status_code == 401


def test_guessing_is_held_back_in_words_for_that_name_only(web_settings: Settings):
    limited = web_settings.model_copy(update={"rate_limit": "on", "sign_ins_per_minute": 3})
    with running_web(limited) as web, web.browser() as sam:
        make_account(web.parts.db, "rita")
        make_account(web.parts.db, "ada", "admin")
        assert [sign_in(sam, "rita", f"guess {n}").status_code for n in range(3)] == [401] * 3
        held = sign_in(sam, "rita", PASSWORD)
        assert sign_in(sam, " RITA ", PASSWORD).status_code == 429
        assert sign_in(sam, "ada").status_code == 303
        many = [sign_in(sam, f"name{n}", "guess").status_code for n in range(30)]
    assert held.status_code == 429
    assert f"Try again in {held.headers['retry-after']} seconds." in held.text
    assert many[-1] == 429, "an address may not walk through all names either"


def test_without_any_account_the_page_says_how_to_make_the_first(web_settings: Settings):
    with running_web(web_settings) as web, web.browser() as olga:
        assert "python app.py admin NAME" in olga.get("/admin/login").text
        make_account(web.parts.db, "ada", "admin")
        assert "python app.py admin NAME" not in olga.get("/admin/login").text


def test_a_reviewed_feedback_by_curl(desk: Web, rita: Browser):
    row = make_feedback(desk.parts.db)
    path = f"/api/v1/review/{row.id}"
    assert row.id in [item["id"] for item in rita.get("/api/v1/review?limit=100").json()["items"]]
    case = rita.get(path).json()
    assert (case["state"], len(case["messages"]), len(case["body"]["criteria"])) == ("pending", 7, 4)
    assert rita.post(f"{path}/reject", json={}).json()["code"] == "reason_needed"
    approved = rita.post(f"{path}/approve")
    assert (approved.status_code, approved.json()["state"], approved.json()["reviewed_by"]) == (200, "approved", "rita")
    late = rita.post(f"{path}/reopen", json={"row_version": case["row_version"]})
    assert (late.status_code, late.json()["code"]) == (409, "conflict")
    assert rita.post(f"{path}/withdraw").status_code == 403
    assert rita.post(f"{path}/explode").status_code == 422
    assert rita.get("/api/v1/review/f_unknown").status_code == 404


def test_the_operators_numbers(desk: Web, ada: Browser):
    make_feedback(desk.parts.db)
    numbers = ada.get("/api/v1/system").json()
    [web] = numbers["processes"]
    assert web["name"] == "web"
    assert web["rss_bytes"] > 20_000_000
    assert numbers["jobs"]["succeeded"] >= 1
    assert numbers["jobs"]["queued"] == 0
    assert numbers["database_bytes"] > 100_000
    assert numbers["model"]["state"] in ("starting", "ready")
