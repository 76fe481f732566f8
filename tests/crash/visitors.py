"""Visitors who go on whatever happens to the server: what gets no reply is sent again, with the same request id.

Each keeps a ledger of what was acknowledged, for the referee who reads the database at the end.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from sqlalchemy import select

from debrief.settings import Settings
from storage.engine import Database
from storage.tables import MessageRow
from tests.web_scene import Browser

REPLY_WITHIN_S = 5
TURNS_OF_A_TALK = 20


@dataclass
class Acknowledged:
    """What a visitor was told is kept."""

    words: dict[str, str] = field(default_factory=dict)
    """Message id to what was said."""
    feedback: list[str] = field(default_factory=list)
    sent_again: int = 0


class Chatterer:
    """Says one thing after the other until all is over, and now and then asks for a debrief.

    Args:
        name: makes what it says unique.
        where: the address of the server of the moment.
        kept: its ledger, which others may share.
        is_over: ends it.
        feedback_every: turns between two debriefs; 0: never one.
    """

    def __init__(
        self,
        name: str,
        where: Callable[[], str],
        kept: Acknowledged,
        is_over: threading.Event,
        *,
        feedback_every: int = 0,
    ) -> None:
        self._name = name
        self._where = where
        self._kept = kept
        self._is_over = is_over
        self._feedback_every = feedback_every
        self._browser: Browser | None = None

    def run(self) -> None:
        with Browser(self._where()) as self._browser:
            self._browser.timeout = httpx.Timeout(REPLY_WITHIN_S)
            talk, turn = self._begin(), 0
            while talk and not self._is_over.is_set():
                turn += 1
                self._take_turn(talk, f"This is {self._name}, who says sentence {turn}.")
                if self._feedback_every and turn % self._feedback_every == 0:
                    self._ask_for_feedback(talk)
                    talk = self._begin()
                elif turn % TURNS_OF_A_TALK == 0:
                    talk = self._begin()

    def _begin(self) -> str:
        response = self._until(201, "POST", "/api/v1/conversations", json={"scenario": "job_interview"})
        return response.json()["id"] if response is not None else ""

    def _take_turn(self, talk: str, text: str) -> None:
        path = f"/api/v1/conversations/{talk}/messages"
        response = self._until(202, "POST", path, json={"text": text, "request_id": text})
        if response is None:
            return
        said = response.json()
        self._kept.words[said["user_message_id"]] = text
        while not self._is_over.is_set():
            answer = self._try("GET", f"/api/v1/messages/{said['answer_id']}")
            if answer is not None and answer.status_code == 200 and answer.json()["state"] != "running":
                return
            time.sleep(0.05)

    def _ask_for_feedback(self, talk: str) -> None:
        response = self._until(202, "POST", f"/api/v1/conversations/{talk}/feedback")
        if response is not None:
            self._kept.feedback.append(response.json()["id"])

    def _until(self, status: int, method: str, path: str, **more: Any) -> httpx.Response | None:
        """Ask until it is acknowledged; None when all is over before."""
        for attempt in range(100_000):
            response = self._try(method, path, **more)
            if response is not None and response.status_code == status:
                self._kept.sent_again += attempt > 0
                return response
            if self._is_over.is_set():
                break
            time.sleep(0.05)
        return None

    def _try(self, method: str, path: str, **more: Any) -> httpx.Response | None:
        """One request to the server of the moment; None when it gave no reply."""
        assert self._browser
        self._browser.base_url = self._where()
        try:
            return self._browser.request(method, path, **more)
        except httpx.TransportError:
            return None


def missing_words(settings: Settings, kept: Acknowledged) -> tuple[int, int]:
    """How many of the acknowledged words are not stored as they were said, and how many are stored once too often."""
    db = Database(settings.database)
    try:
        with db.read() as session:
            rows = session.execute(select(MessageRow.id, MessageRow.text).where(MessageRow.role == "user")).all()
    finally:
        db.close()
    stored = {row.id: row.text for row in rows}
    lost = sum(stored.get(id) != text for id, text in kept.words.items())
    return lost, sum(count - 1 for count in Counter(stored.values()).values())
