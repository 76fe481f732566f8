"""What strangers, other sites and floods are answered; on the whole application, Gradio's pages included."""

import json
from collections.abc import Iterator

import pytest
from itsdangerous import Signer

from debrief.settings import Settings, signing_secret
from tests.scripted_model import ScriptedModel
from tests.web_scene import Browser, Web, running_web, until
from webapp.identity import VisitorSigner, cookie_header
from webapp.limits.bodies import nesting
from webapp.limits.rates import TokenBuckets


@pytest.fixture(scope="module")
def module_model() -> Iterator[ScriptedModel]:
    with ScriptedModel() as model:
        yield model


@pytest.fixture(scope="module")
def whole_web(module_model: ScriptedModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """One server with all pages for this whole file; its visitors keep the tests apart."""
    settings = Settings(
        _env_file=None,
        data_dir=tmp_path_factory.mktemp("whole"),
        rate_limit="off",
        model_url=module_model.url,
        body_max_bytes=20_000,
        allowed_hosts="*",
    )
    with running_web(settings, with_pages=True) as web:
        yield web


@pytest.fixture
def olga(whole_web: Web) -> Iterator[Browser]:
    with whole_web.browser() as browser:
        yield browser


@pytest.fixture
def sam(whole_web: Web) -> Iterator[Browser]:
    with whole_web.browser() as browser:
        browser.begin()
        yield browser


def test_a_forged_or_foreign_cookie_names_nobody(whole_web: Web, olga: Browser):
    talk = olga.begin()
    visitor = olga.cookies["debrief_visitor"].rsplit(".", 1)[0]
    forged = [
        visitor,
        f"{visitor}.forged",
        Signer("another secret", salt="debrief.visitor").sign(visitor).decode(),
        Signer(signing_secret(whole_web.settings), salt="other").sign(visitor).decode(),
        "x" * 5000,
        "",
    ]
    for value in forged:
        with whole_web.browser(headers={"cookie": f"debrief_visitor={value}"}) as sam:
            assert sam.get(f"/api/v1/conversations/{talk}").status_code == 404
    assert VisitorSigner(signing_secret(whole_web.settings)).read(olga.cookies["debrief_visitor"]) == visitor


def test_a_page_gives_the_cookie_and_a_bare_request_leaves_nothing_behind(whole_web: Web):
    with whole_web.browser() as newcomer:
        assert "set-cookie" not in newcomer.get("/api/v1/me").headers
        assert "set-cookie" not in newcomer.get("/healthz").headers
        assert newcomer.get("/api/v1/conversations").json() == {"items": [], "next": None, "total": 0}
        page = newcomer.get("/")
        cookie = page.headers["set-cookie"]
        again = newcomer.get("/").headers["set-cookie"]

    assert page.status_code == 200
    assert cookie.startswith("debrief_visitor=v_")
    assert cookie == again, "the same visitor, the date of the cookie renewed"
    assert "; HttpOnly; SameSite=Lax" in cookie
    assert "Path=/" in cookie


def test_a_cookie_is_made_for_where_the_page_is_shown():
    flags = {
        profile: cookie_header("c", "v", profile).decode().partition("HttpOnly; ")[2]
        for profile in ("http", "https", "framed")
    }
    assert flags == {
        "http": "SameSite=Lax",
        "https": "SameSite=Lax; Secure",
        "framed": "SameSite=None; Secure; Partitioned",
    }


PROXY = {"x-forwarded-proto": "https", "x-forwarded-host": "debrief.example", "x-forwarded-for": "1.2.3.4"}


@pytest.mark.parametrize(("trusted", "expected"), [("", "SameSite=Lax"), ("127.0.0.1", "SameSite=Lax; Secure")])
def test_forwarded_headers_count_only_from_a_named_proxy(web_settings: Settings, trusted: str, expected: str):
    settings = web_settings.model_copy(
        update={"trusted_proxies": trusted, "allowed_hosts": "127.0.0.1, debrief.example"}
    )
    with running_web(settings) as web, web.browser() as olga:
        begun = olga.post("/api/v1/conversations", json={"scenario": "job_interview"}, headers=PROXY)
        assert begun.headers["set-cookie"].partition("HttpOnly; ")[2] == expected
        origin = {**PROXY, "origin": "https://debrief.example"}
        posted = olga.post("/api/v1/conversations", json={"scenario": "job_interview"}, headers=origin)
        assert posted.status_code == (201 if trusted else 403)


def test_on_a_space_the_page_may_be_framed_and_its_cookie_survives(
    web_settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SPACE_ID", "olga/debrief")
    with running_web(web_settings) as web, web.browser() as olga:
        begun = olga.post("/api/v1/conversations", json={"scenario": "job_interview"})

    assert begun.headers["set-cookie"].endswith("HttpOnly; SameSite=None; Secure; Partitioned")
    assert "huggingface.co" in begun.headers["content-security-policy"]
    assert "x-frame-options" not in begun.headers


ORIGINS = [
    (None, 201),
    ("OWN", 201),
    ("http://evil.example", 403),
    ("null", 403),
    ("http://127.0.0.1:1", 403),
    ("https://127.0.0.1", 403),
    ("file://", 403),
    ("http://127.0.0.1.evil.example", 403),
    ("not an origin", 403),
]


def test_a_changing_request_from_another_site_is_refused(whole_web: Web, olga: Browser):
    for origin, status in ORIGINS:
        headers = {} if origin is None else {"origin": whole_web.url if origin == "OWN" else origin}
        response = olga.post("/api/v1/conversations", json={"scenario": "job_interview"}, headers=headers)
        assert response.status_code == status, origin
        assert "access-control-allow-origin" not in response.headers, origin
        if status == 403:
            assert response.json()["code"] == "wrong_origin"
            joined = olga.post("/gradio_api/queue/join", json={}, headers=headers)
            assert joined.status_code == 403, "Gradio's routes too"
    cross = olga.post(
        "/api/v1/conversations", json={"scenario": "job_interview"}, headers={"sec-fetch-site": "cross-site"}
    )
    assert cross.status_code == 403


@pytest.mark.parametrize("path", ["/", "/config", "/gradio_api/info", "/api/v1/me"])
def test_no_other_site_may_read_us(whole_web: Web, path: str):
    evil = {"origin": "https://evil.example", "host": "debrief.example"}
    with whole_web.browser(headers=evil) as reader:
        read = reader.get(path)
        preflight = reader.options(path, headers={"access-control-request-method": "POST"})
    assert "access-control-allow-origin" not in read.headers
    assert "access-control-allow-origin" not in preflight.headers


def test_every_response_carries_the_protective_headers(olga: Browser):
    for path in ("/", "/healthz", "/api/v1/nowhere", "/gradio_api/cancel", "/config", "/api/v1/live?conversation_id=x"):
        headers = olga.get(path).headers
        policy = headers["content-security-policy"]
        assert "img-src 'self' data: blob:" in policy
        assert "frame-ancestors 'self'" in policy
        assert "object-src 'none'" in policy
        assert "http" not in policy, "nothing comes from elsewhere"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["x-frame-options"] == "SAMEORIGIN"


def test_an_oversized_body_gets_a_readable_413(whole_web: Web, olga: Browser):
    talk = olga.begin()
    path = f"/api/v1/conversations/{talk}/messages"
    small, large = b'{"text": "' + b"x" * 3000 + b'"}', b'{"text": "' + b"x" * 3_000_000 + b'"}'
    kind = {"content-type": "application/json"}

    def chunks(body: bytes) -> Iterator[bytes]:
        yield from (body[at : at + 10_000] for at in range(0, len(body), 10_000))

    for in_chunks in (False, True):
        for route in (path, "/gradio_api/queue/join", "/admin/login"):
            response = olga.post(route, content=chunks(large) if in_chunks else large, headers=kind)
            assert (response.status_code, response.json()["code"]) == (413, "body_too_large")
            assert "19 kB" in response.json()["message"]
    assert olga.post(path, content=chunks(small), headers=kind).status_code == 202


def test_deeply_nested_json_is_refused_before_it_is_parsed(olga: Browser):
    talk = olga.begin()
    for deep in ("[" * 9000 + "]" * 9000, '{"text":' * 1500 + '"x"' + "}" * 1500):
        response = olga.post(
            f"/api/v1/conversations/{talk}/messages",
            content=deep,
            headers={"content-type": "application/json"},
        )
        assert (response.status_code, response.json()["code"]) == (422, "too_deep")


def test_brackets_within_words_are_not_nesting():
    assert nesting(json.dumps({"text": "[[[{{{" * 100 + '\\"[['}).encode()) == 1
    assert nesting(b'[{"a": [1, 2]}, []]') == 3


def test_a_flood_of_messages_is_held_back_with_the_time_to_wait(web_settings: Settings):
    limited = web_settings.model_copy(update={"rate_limit": "on", "messages_per_minute": 3})
    with running_web(limited) as web, web.browser() as olga, web.browser() as sam:
        talk = olga.begin()
        for _ in range(2):
            olga.ended(olga.say(talk)["answer_id"])
        response = olga.post(f"/api/v1/conversations/{talk}/messages", json={"text": "Once more."})
        korean = olga.post(
            f"/api/v1/conversations/{talk}/messages", json={"text": "Once more."}, headers={"accept-language": "ko"}
        )
        sam.ended(sam.say(sam.begin())["answer_id"])

    assert (response.status_code, response.json()["code"]) == (429, "too_many_messages")
    assert 1 <= int(response.headers["retry-after"]) <= 20
    assert f"in {response.headers['retry-after']} seconds" in response.json()["message"]
    assert "1분에" in korean.json()["message"]


def test_buckets_refill_and_forget_the_oldest():
    now = 0.0
    buckets = TokenBuckets(60, keys=3, clock=lambda: now)
    assert [buckets.wait_s("olga") for _ in range(60)] == [0.0] * 60
    assert buckets.wait_s("olga") == pytest.approx(1.0)
    now = 1.0
    assert buckets.wait_s("olga") == 0.0
    for n in range(100):
        buckets.wait_s(f"sam{n}")
    assert len(buckets._buckets) == 3


def test_what_nobody_expected_is_shown_with_the_id_that_is_logged(
    whole_web: Web, olga: Browser, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def explode(*_: object, **__: object) -> None:
        raise RuntimeError("the secret words of olga")

    talk = olga.begin()
    monkeypatch.setattr("webapp.api.conversations.read_talk", explode)
    response = olga.get(f"/api/v1/conversations/{talk}")

    assert (response.status_code, response.json()["code"]) == (500, "unexpected")
    assert "secret words" not in response.text
    incident = until(lambda: [record.incident for record in caplog.records if hasattr(record, "incident")])[0]
    assert f"id {incident}" in response.json()["message"]
