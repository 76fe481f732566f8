"""Webhooks as receivers meet them: the published example, the receiver of the docs, names, certificates, the API."""

import asyncio
import re
import ssl
import threading
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import get_args

import httpx
import pytest

from debrief.addresses import checked_url
from debrief.errors import ConfigError, InputRejected
from debrief.settings import read_settings
from debrief.texts import LANGUAGES, catalog
from debrief.webhooks import EVENTS, PING, Failure, read_retry_after, sign, signed_headers, wait_s
from storage import webhooks
from storage.accounts import Account
from storage.engine import Database, utc_now
from storage.webhook_outbox import Claimed
from tasks.webhook_posting import Poster
from tests.review_scene import make_account, sign_in
from tests.web_scene import Browser, Web, running_web
from tests.webhook_scene import CERTIFICATE, LOOPBACK, Names, Receiver, deliver_all, make_hook, receiving

DOCS = Path(__file__).parents[2] / "docs" / "webhooks.md"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def receiver():
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def ada(database: Database) -> Account:
    return make_account(database, "ada", "admin")


def claimed(url: str, body: str = '{"type":"ping"}') -> Claimed:
    return Claimed("msg_1", "wh_1", "t_1", 1, url, (SECRET,), body)


# ---- the signature


def test_the_signature_is_the_one_that_standard_webhooks_publishes():
    signature = sign(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", '{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_receiver_in_the_docs_takes_what_is_ours_and_refuses_the_rest(
    database: Database, ada: Account, capsys: pytest.CaptureFixture[str]
):
    [example] = re.findall(r"```python\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    program = {"__name__": "receiver"}
    exec(compile(example, str(DOCS), "exec"), program)
    program["Receiver"].log_message = lambda *_: None
    with ThreadingHTTPServer(("127.0.0.1", 0), program["Receiver"]) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/"
        hook, program["SECRET"] = make_hook(database, ada, url)
        webhooks.ping(database, ada, hook.id)
        deliver_all(database)

        body = '{"type":"ping","data":{}}'
        good = signed_headers("msg_2", utc_now(), body, ["whsec_AAAA", program["SECRET"]])
        said = [
            httpx.post(url, content=body, headers=good).status_code,
            httpx.post(url, content=body.replace("ping", "feedback.approved"), headers=good).status_code,
            httpx.post(url, content=body, headers={**good, "webhook-timestamp": "1614265330"}).status_code,
            httpx.post(url, content=body, headers={**good, "webhook-id": "msg_3"}).status_code,
            httpx.post(url, content=body).status_code,
        ]
        server.shutdown()
        thread.join()
    assert said == [204, 400, 400, 400, 400]
    assert capsys.readouterr().out == "ping None\n" * 2
    assert webhooks.list_webhooks(database)[0].delivered_at


def test_the_docs_name_every_event():
    named = set(re.findall(r"^\| `([a-z.]+)` \|", DOCS.read_text("utf-8"), re.MULTILINE))
    assert named == {*EVENTS, PING}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_event_and_every_failure_has_its_words(language: str):
    keys = [*(f"event_{event.replace('.', '_')}" for event in [*EVENTS, PING])]
    keys += [f"hook_failed_{failure}" for failure in get_args(Failure)]
    assert not [key for key in keys if f"manage.{key}" not in catalog(language)]


def test_waits_grow_up_to_a_day_and_what_the_receiver_asks_for_is_kept():
    waits = [wait_s(n, first_s=5) for n in range(1, 11)]
    assert all(0.8 * 5 ** (n + 1) <= waits[n] <= 1.2 * 5 ** (n + 1) for n in range(7))
    assert max(waits) <= 1.2 * 24 * 3600
    assert wait_s(1, first_s=5, asked_s=600) == 600
    now = utc_now()
    assert read_retry_after("120", now) == 120
    assert read_retry_after("Wed, 21 Oct 2015 07:28:00 GMT", now) == 0
    assert read_retry_after("soon", now) is None


# ---- where it goes


@pytest.mark.parametrize(
    ("url", "networks"),
    [
        ("", LOOPBACK),
        ("ftp://example.org/", LOOPBACK),
        ("https://", LOOPBACK),
        ("https://exa mple.org/", LOOPBACK),
        ("https://olga:secret@example.org/", LOOPBACK),
        ("https://example.org:99999/", LOOPBACK),
        (f"https://example.org/{'x' * 500}", LOOPBACK),
        ("http://example.org/", ()),
        ("https://localhost/", ()),
        ("https://127.0.0.1/", ()),
        ("https://10.1.2.3/", LOOPBACK),
        ("https://169.254.169.254/latest/meta-data/", LOOPBACK),
        ("https://[::1]/", LOOPBACK),
        ("https://[::ffff:10.0.0.1]/", LOOPBACK),
        ("https://[64:ff9b::a00:1]/", LOOPBACK),
        ("http://8.8.8.8/", LOOPBACK),
    ],
)
def test_an_address_that_no_webhook_may_go_to_is_refused_in_words(url: str, networks: tuple[str, ...]):
    with pytest.raises(InputRejected, match=r"address|https"):
        checked_url(url, networks)


def test_the_connection_goes_to_the_address_that_was_checked_and_the_name_is_asked_once(receiver: Receiver):
    names = Names("127.0.0.1")
    url = f"http://hooks.example:{receiver.port}/hook?key=1"
    ended = asyncio.run(Poster(LOOPBACK, 20, resolve=names).post(claimed(url)))
    assert (ended.status, ended.failure) == (204, None)
    assert names.asked == ["hooks.example"]
    assert receiver.arrived[0].headers["host"] == f"hooks.example:{receiver.port}"


@pytest.mark.parametrize(
    ("addresses", "networks", "failure"),
    [
        (["127.0.0.1"], (), "refused_address"),
        (["10.0.0.1", "169.254.169.254", "::1"], LOOPBACK, "refused_address"),
        (["::ffff:127.0.0.1"], (), "refused_address"),
        (["8.8.8.8"], LOOPBACK, "not_encrypted"),
        ([], LOOPBACK, "unresolved"),
    ],
)
def test_a_name_that_leads_where_no_webhook_may_go_is_not_asked(receiver: Receiver, addresses, networks, failure):
    url = f"http://hooks.example:{receiver.port}/"
    ended = asyncio.run(Poster(networks, 20, resolve=Names(*addresses)).post(claimed(url)))
    assert (ended.status, ended.failure) == (None, failure)
    assert receiver.arrived == []


def test_of_several_addresses_a_forbidden_one_is_passed_over_and_a_dead_one_too(receiver: Receiver):
    names = Names("10.0.0.1", "127.0.0.9", "127.0.0.1")
    url = f"http://hooks.example:{receiver.port}/"
    ended = asyncio.run(Poster(LOOPBACK, 20, resolve=names).post(claimed(url)))
    assert ended.failure is None


def test_a_name_that_nobody_knows_and_a_port_where_nobody_is_are_told_apart(receiver: Receiver):
    poster = Poster(LOOPBACK, 20)
    receiver_port = receiver.port
    with receiving() as other:
        gone = other.url
    assert asyncio.run(poster.post(claimed(gone))).failure == "unreachable"
    assert asyncio.run(poster.post(claimed(f"http://nobody.invalid:{receiver_port}/"))).failure == "unresolved"


def test_a_certificate_counts_for_the_name_and_not_for_the_address():
    trust = ssl.create_default_context(cafile=str(CERTIFICATE))
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(CERTIFICATE)
    with receiving(tls=served) as receiver:
        poster = Poster(LOOPBACK, 20, resolve=Names("127.0.0.1"), trust=trust)
        port = receiver.port
        said = [
            asyncio.run(poster.post(claimed(f"https://{name}:{port}/"))).failure
            for name in ("hooks.example", "other.example")
        ]
        untrusting = Poster(LOOPBACK, 20, resolve=Names("127.0.0.1"))
        said.append(asyncio.run(untrusting.post(claimed(f"https://hooks.example:{port}/"))).failure)
    assert said == [None, "untrusted", "untrusted"]
    assert len(receiver.arrived) == 1


def test_networks_that_are_none_are_refused_at_the_start():
    with pytest.raises(ConfigError, match="DEBRIEF_WEBHOOK_NETWORKS"):
        read_settings(_env_file=None, webhook_networks="10.0.0.0/8, home")


# ---- the API


def test_an_admin_adds_pings_rotates_and_deletes_over_the_api(web_settings, receiver: Receiver):
    with running_web(web_settings.model_copy(update={"webhook_networks": LOOPBACK[0]})) as web, web.browser() as ada:
        make_account(web.parts.db, "ada", "admin")
        sign_in(ada, "ada")
        walk(web, ada, receiver)


def walk(web: Web, ada: Browser, receiver: Receiver) -> None:
    refused = ada.post("/api/v1/webhooks", json={"url": "https://10.0.0.1/", "events": ["feedback.ready"]})
    assert (refused.status_code, refused.json()["code"]) == (422, "hook_url_private")
    refused = ada.post("/api/v1/webhooks", json={"url": receiver.url, "events": ["feedback.sung"]})
    assert refused.json()["code"] == "hook_events"
    made = ada.post("/api/v1/webhooks", json={"url": receiver.url, "events": ["feedback.ready"]}).json()
    path = f"/api/v1/webhooks/{made['webhook']['id']}"
    assert made["secret"] not in ada.get("/api/v1/webhooks").text

    queued = ada.post(f"{path}/ping").json()["delivery_id"]
    deliver_all(web.parts.db)
    assert receiver.arrived[0].is_signed_with(made["secret"])
    [item] = ada.get(f"{path}/deliveries", params={"state": "delivered"}).json()["items"]
    assert (item["id"], item["attempts"][0]["status"]) == (queued, 204)
    assert ada.get(f"{path}/deliveries/{queued}").json() == item

    newer = ada.post(f"{path}/secret", json={"overlap_hours": 0}).json()["secret"]
    assert ada.post(f"{path}/deliveries/{queued}/again").status_code == 202
    deliver_all(web.parts.db)
    assert [receiver.arrived[1].is_signed_with(secret) for secret in (made["secret"], newer)] == [False, True]

    assert ada.patch(path, json={"disabled": True}).json()["disabled_why"] == "admin"
    assert ada.post(f"{path}/ping").json()["code"] == "hook_disabled"
    assert ada.patch(path, json={"disabled": False, "events": ["review.overdue"]}).json()["events"] == [
        "review.overdue"
    ]
    assert ada.delete(path).status_code == 204
    assert ada.get("/api/v1/webhooks").json()["items"] == []
    told = ada.get("/api/v1/audit", params={"object_id": made["webhook"]["id"]}).json()["items"]
    assert len(told) == 8
    assert not [event for event in told if event["said"] == event["action"]], "each is said in words"
    assert "/hook" not in str(told)
