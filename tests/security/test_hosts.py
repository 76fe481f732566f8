"""DNS rebinding: a name that somebody points at this machine is not ours, and is answered nothing."""

from __future__ import annotations

import pytest

from debrief.settings import Settings
from tests.security.test_bodies import raw
from tests.web_scene import Web, running_web
from webapp.limits.hosts import OwnHostsOnly, read_host

OURS = [
    "localhost",
    "LOCALHOST",
    "localhost:7860",
    "localhost.",
    "127.0.0.1",
    "127.0.0.1:80",
    "127.8.8.8",
    "[::1]:7860",
]
FOREIGN = [
    "evil.example", "evil.example:7860", "127.0.0.1.evil.example", "localhost.evil.example", "evil-localhost",
    "evil@localhost", "evil.example#localhost", "localhost evil", "192.168.1.7", "0.0.0.0", "[::2]", "2130706433", "",
    "[", ":",
]  # fmt: skip


@pytest.fixture
def local_web(web: Web) -> Web:
    assert (web.settings.host, web.settings.allowed_hosts) == ("127.0.0.1", "")
    return web


def test_on_this_machine_only_its_own_names_are_answered(local_web: Web):
    """What another site's page asks under its own name, after it has made that name ours, it does not get."""
    with local_web.browser() as olga:
        talk = olga.begin()
        for host in OURS:
            assert olga.get(f"/api/v1/conversations/{talk}", headers={"host": host}).status_code == 200, host
        for host in FOREIGN:
            for method, path in (
                ("GET", "/"),
                ("GET", f"/api/v1/conversations/{talk}"),
                ("GET", "/api/v1/live"),
                ("POST", "/api/v1/conversations"),
                ("POST", "/gradio_api/queue/join"),
                ("GET", "/admin/login"),
            ):
                own = {"host": host, "origin": f"http://{host}"}
                refused = olga.request(method, path, json={"scenario": "job_interview"}, headers=own)
                assert (refused.status_code, refused.json()["code"]) == (421, "wrong_host"), (host, method, path)
                assert "set-cookie" not in refused.headers
        korean = olga.get("/", headers={"host": "evil.example", "accept-language": "ko"}).json()["message"]
        assert '"evil.example"이(가) 아닙니다' in korean
        assert "DEBRIEF_ALLOWED_HOSTS" in korean
        assert olga.get("/healthz", headers={"host": "10.1.2.3"}).status_code == 200, "whoever watches asks by address"


def test_only_names_that_the_operator_allows_are_answered(web_settings: Settings):
    allowed = web_settings.model_copy(update={"allowed_hosts": "debrief.example, *.talk.example"})
    with running_web(allowed) as web, web.browser() as olga:

        def status(host: str) -> int:
            return olga.get("/api/v1/me", headers={"host": host}).status_code

        for host in ("debrief.example", "Debrief.Example:8443", "a.talk.example", "a.b.talk.example"):
            assert status(host) == 200, host
        for host in (
            "www.debrief.example",
            "talk.example",
            "eviltalk.example",
            "debrief.example.evil.example",
            "[::1]",
        ):
            assert status(host) == 421, host


def test_the_name_that_a_trusted_proxy_was_asked_by_is_what_counts(web_settings: Settings):
    for trusted, counts in (("127.0.0.1", True), ("", False)):
        settings = web_settings.model_copy(update={"trusted_proxies": trusted, "allowed_hosts": "debrief.example"})
        with running_web(settings) as web, web.browser() as olga:
            outside = {"host": "127.0.0.1", "x-forwarded-host": "debrief.example"}
            assert olga.get("/api/v1/me", headers=outside).status_code == (200 if counts else 421)
            evil = {"host": "debrief.example", "x-forwarded-host": "evil.example"}
            assert olga.get("/api/v1/me", headers=evil).status_code == (421 if counts else 200)


@pytest.mark.parametrize(
    ("host", "on_space", "allowed", "takes_all"),
    [
        ("127.0.0.1", False, "", False),
        ("localhost", False, "", False),
        ("::1", False, "", False),
        ("0.0.0.0", False, "", True),
        ("192.168.1.7", False, "", True),
        ("127.0.0.1", True, "", True),
        ("0.0.0.0", True, "debrief.example", False),
        ("127.0.0.1", False, "*", True),
    ],
)
def test_without_a_setting_all_names_are_ours_only_where_we_cannot_know_them(
    host: str, on_space: bool, allowed: str, takes_all: bool
):
    assert OwnHostsOnly(None, allowed=allowed, host=host, on_space=on_space)._takes_all is takes_all


def test_two_host_headers_are_refused(local_web: Web):
    for second in (b"evil.example", b"localhost"):
        asked = b"GET /api/v1/me HTTP/1.1\r\nhost: localhost\r\nhost: " + second + b"\r\n\r\n"
        answered = raw(local_web.url, asked)
        assert answered.startswith(b"HTTP/1.1 400"), answered


def test_a_host_is_read_as_browsers_write_it():
    assert [read_host(host) for host in ("A.example:80", "[::1]:1", "a.example.", None, "a b", "a:b", "a:1:2")] == [
        "a.example", "::1", "a.example", None, None, None, None,
    ]  # fmt: skip
