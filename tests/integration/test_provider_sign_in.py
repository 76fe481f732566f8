"""Signing in with a provider, such as Hugging Face: there and back over real HTTP, and whatever may go wrong."""

import logging
import time
from collections.abc import Iterator
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx
import pytest
from pydantic import ValidationError

from debrief.errors import Conflict
from debrief.settings import Settings
from storage.visitor_accounts import find_account_of, sign_in, sign_up
from storage.visitor_logins import enter
from tests.factories import OLGA, SAM, make_conversation
from tests.integration.test_delete_visitor import traces
from tests.openid_provider import OpenIdProvider
from tests.web_scene import Browser, Web, running_web
from webapp.openid import provider_of

HOME = "http://127.0.0.1:1"
PASSWORD = "three blue herons"
ISSUER = "https://provider.example"


@pytest.fixture
def provider() -> Iterator[OpenIdProvider]:
    with OpenIdProvider() as running:
        yield running


@pytest.fixture
def house(web_settings: Settings, provider: OpenIdProvider) -> Iterator[Web]:
    with running_web(web_settings.model_copy(update=provider.settings(HOME))) as web:
        yield web


def begin(browser: Browser) -> str:
    response = browser.post("/api/v1/me/account/provider")
    assert response.status_code == 200, response.text
    return response.json()["address"]


def say_yes(address: str) -> str:
    """What the provider sends the browser back to, without the host, which only the test does not have."""
    back = urlsplit(httpx.get(address, trust_env=False).headers["location"])
    return f"{back.path}?{back.query}"


def arrive(browser: Browser, way_back: str) -> dict[str, str]:
    """What the page is told, in its fragment."""
    response = browser.get(way_back)
    assert response.status_code == 303, response.text
    return dict(parse_qsl(urlsplit(response.headers["location"]).fragment))


def go_there_and_back(browser: Browser) -> dict[str, str]:
    return arrive(browser, say_yes(begin(browser)))


def account(browser: Browser) -> dict | None:
    return browser.get("/api/v1/me").json()["visitor_account"]


def test_olga_signs_in_with_the_provider_and_finds_her_talks_on_her_phone(
    house: Web, provider: OpenIdProvider, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    with house.browser() as olga, house.browser() as phone:
        talk = olga.begin()
        assert go_there_and_back(olga) == {"come": "new"}
        assert olga.read(talk)
        assert account(olga)["name"] == "olga"
        begun_there = phone.begin()
        assert go_there_and_back(phone) == {"come": "1"}
        assert {item["id"] for item in phone.get("/api/v1/conversations").json()["items"]} == {talk, begun_there}
        assert go_there_and_back(phone) == {"come": "0"}
        provider.signs_in("sam-2", "olga")  # names are not who somebody is
        with house.browser() as sam:
            assert go_there_and_back(sam) == {"come": "new"}
            assert sam.get("/api/v1/conversations").json()["items"] == []
    assert traces(house.parts.db, ["olga-1", "sam-2"]) == set()
    assert "olga-1" not in caplog.text


def test_who_comes_without_a_cookie_is_somebody_afterwards(house: Web):
    with house.browser() as olga:
        way_back = say_yes(begin(olga))
        assert arrive(olga, way_back) == {"come": "new"}
        assert account(olga)["name"] == "olga"


def test_an_account_with_a_password_gets_the_second_way_in(house: Web):
    with house.browser() as olga, house.browser() as phone:
        talk = olga.begin()
        olga.post("/api/v1/me/account", json={"name": "Olga Kim", "password": PASSWORD})
        assert go_there_and_back(olga) == {"come": "0"}
        shown = account(olga)
        assert (shown["name"], shown["has_password"], shown["has_provider"]) == ("Olga Kim", True, True)
        assert go_there_and_back(phone) == {"come": "0"}
        assert phone.read(talk)
        phone.post("/api/v1/me/account/sign-out", json={"everywhere": True})
        assert account(olga) is None
        assert go_there_and_back(olga) == {"come": "0"}
        assert olga.read(talk)


def test_another_account_than_the_one_that_is_signed_in_is_refused(house: Web, provider: OpenIdProvider):
    with house.browser() as olga, house.browser() as sam:
        go_there_and_back(olga)
        sam.post("/api/v1/me/account", json={"name": "sam", "password": PASSWORD})
        assert go_there_and_back(sam) == {"problem": "login_of_another"}
        assert account(sam)["name"] == "sam"
        provider.signs_in("olga-2", "olga two")
        assert go_there_and_back(olga) == {"problem": "login_of_another"}, "an account has one subject"


def spoiled(way_back: str, **changes: str) -> str:
    path, _, query = way_back.partition("?")
    return f"{path}?{urlencode({name: values[0] for name, values in parse_qs(query).items()} | changes)}"


def test_a_strangers_way_back_leads_nowhere(house: Web, provider: OpenIdProvider):
    with house.browser() as sam, house.browser() as olga:
        way_back = say_yes(begin(sam))
        talk = olga.begin()
        assert arrive(olga, way_back) == {"problem": "login_too_old"}, "nothing was begun in her browser"
        begin(olga)
        assert arrive(olga, way_back) == {"problem": "login_too_old"}, "this is not the state of her try"
        assert account(olga) is None
        assert olga.read(talk)
        assert provider.tokens_asked == 0


def test_a_wrong_state_is_refused_before_the_provider_is_asked(house: Web, provider: OpenIdProvider):
    with house.browser() as olga:
        for state in ("guessed", "", "\ud7ff"):
            assert arrive(olga, spoiled(say_yes(begin(olga)), state=state)) == {"problem": "login_too_old"}
        assert provider.tokens_asked == 0


def test_a_way_back_is_good_once_and_a_replayed_code_never(house: Web):
    with house.browser() as olga:
        way_back = say_yes(begin(olga))
        cookie = olga.cookies["debrief_login"]
        assert arrive(olga, way_back) == {"come": "new"}
        assert arrive(olga, way_back) == {"problem": "login_too_old"}
        with house.browser(headers={"cookie": f"debrief_login={cookie}"}) as thief:
            assert arrive(thief, way_back) == {"problem": "login_refused"}, "the provider takes no code twice"
            assert account(thief) is None


def test_a_code_of_another_try_does_not_fit(house: Web):
    with house.browser() as olga, house.browser() as sam:
        codes = parse_qs(say_yes(begin(sam)).partition("?")[2])["code"]
        assert arrive(olga, spoiled(say_yes(begin(olga)), code=codes[0])) == {"problem": "login_refused"}


def test_a_token_of_another_try_or_too_old_is_refused_and_nothing_changes(house: Web, provider: OpenIdProvider):
    with house.browser() as olga:
        talk = olga.begin()
        for claims in ({"nonce": "another"}, {"exp": int(time.time()) - 3600}):
            provider.spoil = lambda right, claims=claims: {**right, **claims}
            assert go_there_and_back(olga) == {"problem": "login_refused"}
        assert account(olga) is None
        assert olga.read(talk)
        provider.spoil = lambda right: right
        assert go_there_and_back(olga) == {"come": "new"}


def test_who_says_no_there_is_told_so_here(house: Web, provider: OpenIdProvider):
    provider.denies = True
    with house.browser() as olga:
        assert go_there_and_back(olga) == {"problem": "login_cancelled"}
        provider.denies = False
        assert go_there_and_back(olga) == {"come": "new"}


def test_a_provider_that_is_down_is_told_in_words_at_both_ends_and_comes_back(house: Web, provider: OpenIdProvider):
    with house.browser(language="ko") as olga:
        provider.is_down = True
        refused = olga.post("/api/v1/me/account/provider")
        assert (refused.status_code, refused.json()["code"]) == (502, "login_down")
        assert "잠시 뒤에" in refused.json()["message"]
        provider.is_down = False
        way_back = say_yes(begin(olga))
        provider.is_down = True
        assert arrive(olga, way_back) == {"problem": "login_down"}
        provider.is_down = False
        assert go_there_and_back(olga) == {"come": "new"}


def test_a_provider_that_speaks_for_another_is_not_believed(web_settings: Settings, provider: OpenIdProvider):
    under_another_name = provider.settings(HOME) | {"openid_url": provider.url.replace("127.0.0.1", "localhost")}
    with running_web(web_settings.model_copy(update=under_another_name)) as web, web.browser() as olga:
        assert olga.post("/api/v1/me/account/provider").json()["code"] == "login_down"


def test_without_a_provider_there_is_no_such_way(web: Web, olga: Browser):
    assert olga.post("/api/v1/me/account/provider").json()["code"] == "no_provider"
    assert arrive(olga, "/login/callback?state=x&code=y") == {"problem": "login_later"}


def test_the_trys_cookie_is_for_the_server_alone_and_short(house: Web):
    with house.browser() as olga:
        response = olga.post("/api/v1/me/account/provider")
        [cookie] = [one for one in response.headers.get_list("set-cookie") if one.startswith("debrief_login=")]
        assert cookie.partition("; ")[2] == "Path=/; Max-Age=600; HttpOnly; SameSite=Lax"


def test_on_a_space_the_provider_is_the_one_that_it_names(settings: Settings):
    space = {
        "OPENID_PROVIDER_URL": "https://huggingface.co",
        "OAUTH_CLIENT_ID": "of-the-space",
        "OAUTH_CLIENT_SECRET": "s",
        "SPACE_HOST": "olga-debrief.hf.space",
    }
    found = provider_of(settings, space)
    assert found
    assert (found.name, found.callback) == ("Hugging Face", "https://olga-debrief.hf.space/login/callback")
    for missing in space:
        assert provider_of(settings, {**space, missing: ""}) is None
    with pytest.raises(ValidationError, match="belong together"):
        Settings(_env_file=None, openid_url="https://provider.example")


# --- the record


@pytest.mark.both_engines
def test_who_comes_again_is_the_same_and_brings_what_was_said(any_database):
    db = any_database
    assert enter(db, ISSUER, "1", "olga\u202e\n kim", OLGA).is_new
    assert find_account_of(db, OLGA).name == "olga kim"
    talk = make_conversation(db, visitor_id="v_phone")
    entered = enter(db, ISSUER, "1", "renamed", "v_phone")
    assert (entered.visitor_id, entered.talks, entered.is_new) == (OLGA, 1, False)
    assert enter(db, "https://another.example", "1", "olga", SAM).visitor_id == SAM, "another issuer's 1 is not she"
    sign_up(db, "v_third", "third", PASSWORD)
    with pytest.raises(Conflict):
        enter(db, ISSUER, "1", "olga", "v_third")
    assert sign_in(db, "third", PASSWORD, "v_fourth").visitor_id == "v_third"
    assert talk
