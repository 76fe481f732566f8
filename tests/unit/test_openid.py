"""What a token must claim to be taken, claim by claim; and where a provider may be."""

import base64
import json

import pytest

from webapp.openid import TokenRefused, is_safe_address, read_claims, whats_wrong

NOW = 1_000_000.0
RIGHT = {
    "iss": "https://provider.example",
    "aud": "we",
    "sub": "olga-1",
    "nonce": "of this try",
    "iat": NOW,
    "exp": NOW + 600,
}


def wrong(**changes: object) -> str:
    claims = {name: value for name, value in {**RIGHT, **changes}.items() if value is not None}
    return whats_wrong(claims, issuer="https://provider.example", client_id="we", nonce="of this try", now=NOW)


def test_a_token_for_us_of_this_try_is_taken():
    assert wrong() == ""
    assert wrong(aud=["we", "others"], azp="we") == ""
    assert wrong(iat=None, exp=NOW - 30) == "", "clocks differ a little"


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("iss", "https://elsewhere.example"),
        ("iss", "https://provider.example/"),
        ("iss", None),
        ("aud", "others"),
        ("aud", ["others"]),
        ("aud", None),
        ("azp", "others"),
        ("exp", NOW - 3600),
        ("exp", "never"),
        ("exp", True),
        ("exp", None),
        ("iat", NOW + 3600),
        ("iat", "soon"),
        ("nonce", "of another try"),
        ("nonce", None),
        ("nonce", 7),
        ("sub", ""),
        ("sub", "x" * 256),
        ("sub", 7),
        ("sub", None),
    ],
)
def test_a_token_that_is_not_for_us_now_is_refused(claim, value):
    assert wrong(**{claim: value}) == claim


def test_a_token_for_several_must_say_for_whom_it_was_made():
    assert wrong(aud=["we", "others"]) == "azp"


def part(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "token",
    ["", "a.b", "a.b.c", f"{part({'alg': 'RS256'})}.{part([])}.x", f"{part([])}.{part({})}.x", "é.é.é",
     f"{part({'alg': 'none'})}.{part(RIGHT)}.", f"{part({})}.{part(RIGHT)}.x", f"{part({'alg': 'RS256'})}.%%%.x"],
)  # fmt: skip
def test_what_is_no_signed_token_is_refused(token):
    with pytest.raises(TokenRefused):
        read_claims(token)


def test_a_secret_goes_by_https_or_stays_on_this_machine():
    assert is_safe_address("https://huggingface.co/oauth/token")
    assert is_safe_address("http://127.0.0.1:8080/token")
    for address in ("http://huggingface.co/oauth/token", "http://127.0.0.1.evil.example/", "ftp://x", "", "//x"):
        assert not is_safe_address(address)
