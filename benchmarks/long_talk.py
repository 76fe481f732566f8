"""A talk of 500 messages against a new one: how long it takes to open, and what a streamed answer costs.

    python -m benchmarks.long_talk --messages 500 --rounds 5

The web process is the product's own, the model is scripted, the browser is a real Chromium. Opening is timed from the
navigation until the talk's last message is in the page. An answer's cost is processor time: of the web process, and of
the page's main thread as the browser counts it. What matters are the ratios: both talks share machine and minute.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect, sync_playwright

from benchmarks.load import cpu_s, machine, scripted_model, stack
from tests.browser.house import CHROMIUM, CHROMIUM_ARGS, DESKTOP, answer_rows, message_box

WORDS = 200
LAST = "This is the last of what was said before."
PATIENCE_MS = 120_000


@dataclass(frozen=True)
class Cost:
    """Medians: milliseconds to open, processor milliseconds an answer."""

    open_ms: float
    server_ms: float
    browser_ms: float


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--messages", type=int, default=500)
    asked.add_argument("--rounds", type=int, default=5)
    options = asked.parse_args()
    expect.set_options(timeout=PATIENCE_MS)
    with (
        tempfile.TemporaryDirectory() as folder,
        scripted_model(Path(folder), words=WORDS) as model_url,
        stack(model_url) as house,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
        context = browser.new_context(viewport=DESKTOP)  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.goto(house.url)
        costs = [measure(page, house.url, house.web_pid, size, options.rounds) for size in (2, options.messages)]
        browser.close()
    tell(costs, options.messages)


def measure(page: Page, url: str, web_pid: int, size: int, rounds: int) -> Cost:
    talk = bring(page, url, size)
    address = f"{url}/?c={talk}"
    page.goto(address)  # what is cached, and what the server reads once, is so for all
    expect(answer_rows(page).last).to_contain_text(LAST)
    opened = [open_ms(page, address) for _ in range(rounds)]
    answers = [answer_cost(page, web_pid, n) for n in range(rounds)]
    return Cost(statistics.median(opened), *(statistics.median(part) for part in zip(*answers, strict=True)))


def bring(page: Page, url: str, size: int) -> str:
    """A talk of so many messages that is this browser's."""
    said = [{"role": ("user", "assistant")[n % 2], "text": sentence(n)} for n in range(size - 1)]
    messages = [*said, {"role": "assistant", "text": LAST}]
    response = page.request.post(
        f"{url}/api/v1/import/conversations", data={"scenario": "job_interview", "messages": messages}
    )
    if response.status != 201:
        sys.exit(f"the talk was not taken: {response.text()}")
    return response.json()["id"]


def sentence(n: int) -> str:
    return f"In **step {n}** we moved one service, `queue_{n}`, and nobody waited.\n\n- it took two days\n- it cost $5"


def open_ms(page: Page, address: str) -> float:
    page.goto("about:blank")
    page.goto(address, wait_until="commit")
    waiting = page.wait_for_function(
        "words => document.querySelector('#transcript')?.innerText.includes(words) && performance.now()", arg=LAST
    )
    return float(waiting.json_value())


def answer_cost(page: Page, web_pid: int, n: int) -> tuple[float, float]:
    """Processor milliseconds of the web process and of the page for one answer, from the sending to its end."""
    counter = page.context.new_cdp_session(page)
    counter.send("Performance.enable")
    page.wait_for_timeout(500)
    server, browser = cpu_s(web_pid), busy_s(counter)
    message_box(page).fill(f"And then? nonce-{n:04}")
    message_box(page).press("Enter")
    expect(page.locator("#message .stop-button")).to_be_visible()
    expect(page.locator("#message .submit-button")).to_be_visible()
    page.wait_for_timeout(500)
    spent = (cpu_s(web_pid) - server) * 1000, (busy_s(counter) - browser) * 1000
    counter.detach()
    return spent


def busy_s(counter: Any) -> float:
    metrics = {metric["name"]: metric["value"] for metric in counter.send("Performance.getMetrics")["metrics"]}
    return float(metrics["TaskDuration"])


def tell(costs: list[Cost], messages: int) -> None:
    new, long = costs
    print(f"{machine()}; an answer has {WORDS} words")
    print(f"{'':24}{'new talk':>12}{f'{messages} messages':>16}{'ratio':>8}")
    for name, field in (
        ("open, ms", "open_ms"),
        ("server CPU an answer, ms", "server_ms"),
        ("page CPU an answer, ms", "browser_ms"),
    ):
        before, after = getattr(new, field), getattr(long, field)
        print(f"{name:24}{before:12.0f}{after:16.0f}{after / max(before, 0.1):8.2f}")


if __name__ == "__main__":
    main()
