"""The whole loop in a real browser against a running Debrief, with the seconds that a person would wait.

    python -m benchmarks.whole_loop http://127.0.0.1:7860 --reviewer rita:PASSWORD

Scenario, three turns, debrief, a click on a quote, sign in, approve, and the visitor sees it.
"""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Generator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.house import CHROMIUM, CHROMIUM_ARGS, DESKTOP, answer_rows, debrief_card, message_box

SAID = (
    "I am applying as a baker. Last winter I ran the night shift alone for a month because two colleagues were ill.",
    "I planned the doughs the evening before and I cut our waste by a third. My boss kept my plan afterwards.",
    "I want this job because I have bought your rye bread for years. What does a typical night look like here?",
)
PATIENCE_MS = 120_000


@contextmanager
def timed(what: str) -> Generator[None]:
    began = time.monotonic()
    yield
    print(f"{what:44} {time.monotonic() - began:6.2f} s")


def open_page(browser: Browser, url: str) -> Page:
    page = browser.new_context(viewport=DESKTOP, locale="en-US").new_page()  # type: ignore[arg-type]
    page.on("console", lambda m: print("console:", m.text) if m.type in ("error", "warning") else None)
    page.goto(url)
    return page


def talk(page: Page) -> None:
    with timed("start page to opening line"):
        page.locator(".card", has_text="Job interview").click()
        page.wait_for_url(re.compile("c="))
        expect(answer_rows(page)).to_have_count(1)
    for n, text in enumerate(SAID, start=1):
        message_box(page).fill(text)
        began = time.monotonic()
        message_box(page).press("Enter")
        expect(answer_rows(page).nth(n).locator(".message")).to_contain_text(re.compile(r"\w"))
        print(f"turn {n}: first words                           {time.monotonic() - began:6.2f} s")
        expect(page.locator("#message .submit-button")).to_be_visible()
        print(f"turn {n}: whole answer                          {time.monotonic() - began:6.2f} s")


def debrief(page: Page) -> str:
    """Ask for it and read it; its id."""
    with timed("debrief"), page.expect_response(lambda r: r.url.endswith("/feedback") and r.ok) as asked:
        page.get_by_role("button", name="Get my debrief").click()
    feedback_id = asked.value.json()["id"]
    with timed("debrief: from request to first criterion"):
        expect(debrief_card(page).locator(".criterion").first).to_be_visible()
    quotes = debrief_card(page).locator(".quote")
    print(f"quotes: {quotes.count()}")
    quotes.first.click()
    expect(page.locator("#transcript .message-row.quoted")).to_have_count(1)
    print(f"quote {quotes.first.inner_text()!r} marks a message of the talk")
    return feedback_id


def approve(browser: Browser, url: str, reviewer: str, feedback_id: str) -> None:
    name, password = reviewer.split(":", 1)
    with timed("sign in, read, approve"):
        page = open_page(browser, f"{url}/admin/?f={feedback_id}")
        page.locator("#name").fill(name)
        page.locator("#password").fill(password)
        page.locator("button[type=submit]").click()
        expect(page.locator(".criterion").first).to_be_visible()
        page.get_by_role("button", name="Approve", exact=True).click()
        expect(page.locator("#desk-notice")).to_contain_text("Approved")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("--reviewer", required=True, metavar="NAME:PASSWORD")
    given = parser.parse_args()
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
        with timed("start page"):
            page = open_page(browser, given.url)
            expect(page.locator(".card").first).to_be_visible()
        talk(page)
        feedback_id = debrief(page)
        approve(browser, given.url, given.reviewer, feedback_id)
        with timed("the visitor sees the approval"):
            expect(debrief_card(page)).to_contain_text(re.compile("approved|reviewer", re.IGNORECASE))
        print(debrief_card(page).inner_text()[:600])
        browser.close()


if __name__ == "__main__":
    main()
