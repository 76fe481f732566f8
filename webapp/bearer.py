"""`Authorization: Bearer …` on the API: how a program says who it is, instead of a cookie.

Cookies count for nothing then, so another site's page gains nothing by sending one; and a wrong token is refused
rather than taken for somebody new.
"""

from __future__ import annotations

from typing import Any

from webapp.refusals import header

API = "/api/v1/"
SCHEME = "bearer"


def bearer_token(scope: Any) -> str | None:
    """The token that a request to the API shows, empty when it shows a malformed one; None without the header."""
    if not scope["path"].startswith(API):
        return None
    given = header(scope, b"authorization")
    if given is None:
        return None
    scheme, _, token = given.strip().partition(" ")
    return token.strip() if scheme.lower() == SCHEME else ""
