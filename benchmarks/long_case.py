"""A talk of about a thousand messages opened at the review desk, and its debrief written over there.

    python -m benchmarks.long_case --turns 500 --rounds 3

Fills a fresh record through the storage layer with two talks that have a debrief, one of seven messages and one with
so many turns more. The web process is the product's own, the browser a real Chromium. Told is processor time, of
the web process and of the page's main thread as the browser counts it, until the page rests: for opening the case, for
its editor, and for a click on the quote of the talk's last turn. Beside it what Gradio's events brought over the wire.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect, sync_playwright

from benchmarks.load import cpu_s, machine, scripted_model, stack
from debrief.review import ReviewState
from storage.engine import Database
from tests.browser.house import CHROMIUM, CHROMIUM_ARGS, DESKTOP
from tests.review_scene import PASSWORD, make_account, make_feedback, make_talk

PATIENCE_MS = 240_000
REST_S = 0.7
"""So long the page must have done little to be at rest."""
LAST_QUOTE = "After that, doubled invoices went to zero"


@dataclass(frozen=True)
class Cost:
    """Processor milliseconds of the web process and of the page's main thread, of these for script and for style and
    layout; thousand bytes of Gradio's events; milliseconds on the wall until what was wanted was there.
    """

    server: float
    page: float
    script: float
    style_and_layout: float
    kilobytes: float
    wall: float


class Counter:
    """What has been spent since the page was opened."""

    def __init__(self, page: Page, web_pid: int) -> None:
        self.page, self.web_pid = page, web_pid
        self.session: Any = page.context.new_cdp_session(page)
        self.session.send("Performance.enable", {"timeDomain": "threadTicks"})
        self.session.send("Network.enable")
        self.bytes = 0
        self._of_gradio: set[str] = set()
        self.session.on("Network.requestWillBeSent", self._note)
        self.session.on("Network.dataReceived", self._count)

    def _note(self, event: dict[str, Any]) -> None:
        if "/gradio_api/" in event["request"]["url"]:
            self._of_gradio.add(event["requestId"])

    def _count(self, event: dict[str, Any]) -> None:
        if event["requestId"] in self._of_gradio:
            self.bytes += event["dataLength"]

    def read(self) -> dict[str, float]:
        metrics = {one["name"]: one["value"] for one in self.session.send("Performance.getMetrics")["metrics"]}
        return {
            "server": 1000 * cpu_s(self.web_pid),
            "page": 1000 * (metrics["TaskDuration"] - metrics["DevToolsCommandDuration"]),
            "script": 1000 * metrics["ScriptDuration"],
            "style_and_layout": 1000 * (metrics["RecalcStyleDuration"] + metrics["LayoutDuration"]),
            "kilobytes": self.bytes / 1000,
        }

    def cost(self, act: Callable[[], None], *, is_new_page: bool = False) -> Cost:
        before = self.read()
        began = time.monotonic()
        act()
        wall = 1000 * (time.monotonic() - began)
        after = self._at_rest()
        if is_new_page:  # the browser counts from the navigation
            before |= dict.fromkeys(("page", "script", "style_and_layout"), 0.0)
        return Cost(wall=wall, **{name: after[name] - before[name] for name in after})

    def _at_rest(self) -> dict[str, float]:
        """At rest: it did next to nothing twice in a row, for a busy machine may leave it no turn at all."""
        spent, quiet = self.read(), 0
        while quiet < 2:
            self.page.wait_for_timeout(1000 * REST_S)
            now = self.read()
            quiet = quiet + 1 if now["page"] - spent["page"] < 60 else 0
            spent = now
        return spent


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--turns", type=int, default=500)
    asked.add_argument("--rounds", type=int, default=3)
    options = asked.parse_args()
    expect.set_options(timeout=PATIENCE_MS)
    with (
        tempfile.TemporaryDirectory() as folder,
        scripted_model(Path(folder)) as model_url,
        stack(model_url) as house,
        sync_playwright() as playwright,
    ):
        cases = seed(f"sqlite:///{house.folder / 'debrief.sqlite3'}", options.turns)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
        context = browser.new_context(viewport=DESKTOP)  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        sign_in(page, house.url)
        for messages, feedback_id in cases:
            address = f"{house.url}/admin/?show=all&f={feedback_id}"
            measure(page, house.web_pid, address)  # what is cached, and what the server reads once
            rounds = [measure(page, house.web_pid, address) for _ in range(options.rounds)]
            tell(messages, rounds)
        browser.close()


def seed(url: str, turns: int) -> list[tuple[int, str]]:
    """Two debriefs that were released at once: how many messages their talks have, and their ids."""
    db = Database(url)
    make_account(db)
    talks = [(7 + 2 * more, make_talk(db, between=more)) for more in (0, turns)]
    cases = [(size, make_feedback(db, talk, state=ReviewState.AUTO_RELEASED).id) for size, talk in talks]
    db.close()
    return cases


def sign_in(page: Page, url: str) -> None:
    page.goto(f"{url}/admin/")
    page.locator("#name").fill("rita")
    page.locator("#password").fill(PASSWORD)
    page.locator("button[type=submit]").click()
    expect(page.locator(".desk-bar")).to_be_visible()


def measure(page: Page, web_pid: int, address: str) -> dict[str, Cost]:
    page.goto("about:blank")
    counter = Counter(page, web_pid)

    def open_case() -> None:
        page.goto(address, wait_until="commit")
        expect(page.locator(".criterion")).to_have_count(4)
        page.locator("#transcript .message-row").first.wait_for()

    def follow_quote() -> None:
        page.locator("#desk-card .quote", has_text=LAST_QUOTE).dispatch_event("click")
        expect(page.locator("#transcript .message-row.quoted")).to_contain_text(LAST_QUOTE)

    def edit() -> None:
        page.locator("[data-key=tool-edit]").dispatch_event("click")
        page.locator(".desk-editor-sum").wait_for()

    costs = {
        "open": counter.cost(open_case, is_new_page=True),
        "follow the last quote": counter.cost(follow_quote),
        "edit": counter.cost(edit),
    }
    counter.session.detach()
    return costs


def tell(messages: int, rounds: list[dict[str, Cost]]) -> None:
    names = [field.name for field in fields(Cost)]
    print(f"{messages} messages; {machine()}")
    print(f"{'':24}" + "".join(f"{name.replace('_', ' '):>18}" for name in names))
    for what in rounds[0]:
        medians = [statistics.median(getattr(one[what], name) for one in rounds) for name in names]
        print(f"{what:24}" + "".join(f"{median:18.0f}" for median in medians))


if __name__ == "__main__":
    main()
