"""What the web process is made of. Built once in `webapp.server.build_app` and handed to every page and route."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from debrief.feedback import FeedbackView
from debrief.scenario import Scenario
from debrief.settings import Settings
from inference.client import ChatModel
from storage.engine import Database
from webapp.hub import Hub
from webapp.identity import VisitorSigner
from webapp.limits.attempts import Attempts
from webapp.limits.rates import RateLimits
from webapp.limits.tally import Tally
from webapp.openid import OpenId
from webapp.pace import Pace
from webapp.store import Store
from webapp.turns import TurnRunner


@dataclass(frozen=True)
class Parts:
    settings: Settings
    db: Database
    store: Store
    """`await store(function, ...)`: a function of `storage`, called with the database in a thread."""
    model: ChatModel
    scenarios: dict[str, Scenario]
    request_feedback: Callable[[str, str], FeedbackView]
    """Blocking: (visitor id, conversation id) -> the feedback, new or the one that was there. Rings the worker."""
    ring: Callable[[str], None]
    """Tells the worker of a job by its id; never raises."""
    signer: VisitorSigner
    hub: Hub
    turns: TurnRunner
    limits: RateLimits
    attempts: Attempts
    openid: OpenId | None
    """The provider with which visitors may sign in, where one is configured."""
    refused: Tally
    pace: Pace
    exporting: asyncio.Semaphore
    """Exports on their way: each takes a thread and a core for as long as it runs."""
    on_space: bool
    """True on a Hugging Face Space: another site's frame, https outside, one proxy in front."""
