"""What a webhook is: its events, its body, its signature, and when a failed delivery is tried again.

As Standard Webhooks 1.0.0 has it (https://www.standardwebhooks.com): `webhook-id`, `webhook-timestamp` and
`webhook-signature`, the last one `v1,` and HMAC-SHA256 over `id.timestamp.body`. Where a delivery may go is
`debrief/addresses.py`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal

PING = "ping"
EVENTS = (
    "feedback.ready",
    "feedback.released",
    "feedback.approved",
    "feedback.rejected",
    "feedback.withdrawn",
    "feedback.disputed",
    "review.overdue",
)
"""What an endpoint may ask for; a ping is sent to each that is pinged."""

OF_MOVES = {
    "submit": "feedback.ready",
    "auto_release": "feedback.released",
    "approve": "feedback.approved",
    "edit": "feedback.approved",
    "reject": "feedback.rejected",
    "withdraw": "feedback.withdrawn",
}
"""Which move of a review is told as which event; the others are nobody's business outside."""

Failure = Literal[
    "status", "redirect", "gone", "timed_out", "unresolved", "unreachable", "untrusted", "broken_off",
    "refused_address", "not_encrypted", "interrupted", "switched_off",
]  # fmt: skip
"""Why an attempt did not deliver; each has its sentence in the texts (`manage.hook_failed_…`)."""

SECRET_PREFIX = "whsec_"  # noqa: S105  # what every secret begins with
SECRET_BYTES = 32
LONGEST_WAIT_S = 24 * 3600.0
BACK_OFF = 5
"""Each wait is so many times the one before: 5 s, 25 s, 2 min, 10 min, 52 min, 4 h, 22 h, then a day each."""


def make_secret() -> str:
    """A fresh secret, as the receiver gets it."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def event_body(event: str, at: datetime, data: Mapping[str, object]) -> str:
    """The JSON that is stored, signed and sent, each time byte for byte the same. `at` is when it happened."""
    told = {"type": event, "timestamp": iso(at), "data": data}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def signed_headers(message_id: str, at: datetime, body: str, its_secrets: Sequence[str]) -> dict[str, str]:
    """What goes along with an attempt made `at` this time; one signature for each secret that is valid."""
    timestamp = str(int(at.timestamp()))
    signatures = [sign(secret, message_id, timestamp, body) for secret in its_secrets]
    return {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": " ".join(signatures)}


def sign(secret: str, message_id: str, timestamp: str, body: str) -> str:
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    digest = hmac.new(key, f"{message_id}.{timestamp}.{body}".encode(), hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def wait_s(attempt: int, *, first_s: float, asked_s: float | None = None) -> float:
    """Seconds until the attempt after this one (from 1), with jitter; what the receiver asks for is kept, up to a day.

    The jitter keeps what failed together from coming back together.
    """
    own = min(first_s * BACK_OFF ** (attempt - 1), LONGEST_WAIT_S) * random.uniform(0.8, 1.2)  # noqa: S311 no secret
    return max(own, min(asked_s or 0.0, LONGEST_WAIT_S))


def read_retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds that a `Retry-After` asks for, as a number or a date; None for what is neither."""
    if not value:
        return None
    if value.strip().isdecimal():
        return float(value.strip()[:9])
    try:
        then = parsedate_to_datetime(value)
    except ValueError:
        return None
    then = then.replace(tzinfo=UTC) if then.tzinfo is None else then
    return max(0.0, (then - now) / timedelta(seconds=1))
