"""How long it takes to list and to search one's talks, with 50 and with 5,000 of them, over the real API.

    python -m benchmarks.many_talks [--database postgresql+psycopg://…] [--talks 50 5000]

Each talk has an opening line and six turns, in English and Korean by turns. A figure is the median of the asked times
of one request, from a client on the same machine; the last column is how many times longer it takes with the larger
number. Without `--database` it is a fresh SQLite file that is deleted afterwards.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from debrief.settings import Settings
from storage.engine import Database, insert_or_ignore, new_id, utc_now
from storage.migrate import migrate
from storage.scenarios import keep_version
from storage.tables import ConversationRow, MessageRow, VisitorRow
from tests.web_scene import Browser, Web

TURNS = 6
TIMES = 15
AT_ONCE = 25
"""Talks a transaction: on a busy machine PostgreSQL would end a longer one for its silence."""
ENGLISH = "team queue result customer delay helmet colleague measure improve question answer project plan week month"
KOREAN = "팀 대기열 결과 고객 지연 헬멧 동료 측정 개선 질문 대답 과제 계획 이번주 다음달 일정 회의 제품 배송 환불"
SEARCHES = {
    "rare word, 8 letters": "zeppelin",
    "rare Korean word, 3 syllables": "비행선",
    "rare Korean word, 2 syllables": "썰매",
    "one rare Korean syllable": "썰",
    "frequent word": "customer",
    "frequent Korean word, 2 syllables": "고객",
    "two words": "customer delay",
    "what is nowhere": "xylophone",
}


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--database", default="", help="an empty PostgreSQL database instead of a SQLite file")
    asked.add_argument("--talks", type=int, nargs=2, default=(50, 5000))
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            _env_file=None, data_dir=Path(folder), rate_limit="off", database_url=given.database,
            model_url="http://127.0.0.1:9/v1",
        )  # fmt: skip
        migrate(settings.database, backup_dir=None)
        with Web(settings) as web:
            columns = [measure(web, talks) for talks in given.talks]
    few, many = given.talks
    print(f"\n{'milliseconds':34} {few:>9} {many:>9}     ratio")
    for name, first in columns[0].items():
        last = columns[1][name]
        print(f"{name:34} {first:9.1f} {last:9.1f} {last / first:8.1f}x")


def measure(web: Web, talks: int) -> dict[str, float]:
    """Median milliseconds by what was asked, for a new visitor with so many talks."""
    with web.browser() as browser:
        browser.begin()
        visitor_id = web.parts.signer.read(browser.cookies["debrief_visitor"])
        assert visitor_id
        began = time.monotonic()
        fill(web.parts.db, visitor_id, talks, web.parts.scenarios["job_interview"])
        print(f"{talks} talks stored in {time.monotonic() - began:.1f} s")
        figures = {
            "first slice of the list": median(lambda: browser.get("/api/v1/conversations", params={"limit": 50})),
            "a slice in the middle": median(ask_in_the_middle(browser, talks)),
        }
        for name, words in SEARCHES.items():
            figures[name] = median(lambda words=words: browser.post("/api/v1/search", json={"text": words}))
        return figures


def ask_in_the_middle(browser: Browser, talks: int) -> Callable[[], httpx.Response]:
    cursor = None
    for _ in range(talks // 200):
        cursor = browser.get("/api/v1/conversations", params=only(limit=100, cursor=cursor)).json()["next"]
    return lambda: browser.get("/api/v1/conversations", params=only(limit=50, cursor=cursor))


def only(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def median(ask: Callable[[], httpx.Response]) -> float:
    times: list[float] = []
    for _ in range(TIMES):
        began = time.perf_counter()
        response = ask()
        times.append((time.perf_counter() - began) * 1000)
        assert response.status_code == 200, response.text
    return statistics.median(times)


def fill(db: Database, visitor_id: str, talks: int, scenario: Any) -> None:
    """Store so many talks; one in five hundred has the rare words."""
    words = random.Random(7)
    for first in range(0, talks, AT_ONCE):
        with db.write() as session:
            insert_or_ignore(session, VisitorRow, {"id": visitor_id, "created_at": utc_now()})
            keep_version(session, scenario.id, scenario.hash, scenario.body())
            rows = [talk(visitor_id, scenario, n, words) for n in range(first, min(first + AT_ONCE, talks))]
            session.add_all([row for row, _ in rows])
            session.flush()
            session.add_all([message for _, messages in rows for message in messages])


def talk(visitor_id: str, scenario: Any, n: int, words: random.Random) -> tuple[ConversationRow, list[MessageRow]]:
    at = utc_now() - timedelta(hours=n)
    ids = [new_id("m") for _ in range(2 * TURNS + 1)]
    row = ConversationRow(
        id=new_id("c"), visitor_id=visitor_id, scenario_id=scenario.id, scenario_hash=scenario.hash, language="en",
        title=f"Talk {n}", answers={}, active_leaf_id=ids[-1], message_count=len(ids), created_at=at, updated_at=at,
    )  # fmt: skip
    vocabulary = (KOREAN if n % 2 else ENGLISH).split()
    messages = [
        MessageRow(
            id=id, conversation_id=row.id, seq=seq, parent_id=ids[seq - 1] if seq else None,
            role="user" if seq % 2 else "assistant", text=" ".join(words.choices(vocabulary, k=30)), state="complete",
            stop_requested=False, created_at=at, finished_at=at,
        )
        for seq, id in enumerate(ids)
    ]  # fmt: skip
    if n % 500 == 45:
        messages[3].text += " zeppelin 비행선 썰매"
    return row, messages


if __name__ == "__main__":
    main()
