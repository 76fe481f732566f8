"""A talk of 500 messages against a new one: how long it takes to open, and what a streamed answer costs.

    python -m benchmarks.long_talk --messages 500 --rounds 5

The web process is the product's own, the model is scripted, the browser is a real Chromium. Opening is timed from the
navigation until the talk's last message is in the page. An answer's cost is processor time: of the web process, and of
the page's main thread as the browser counts it, style, layout and painting included. Nobody looks at the page
meanwhile: asking it whether the answer has ended costs it more than the answer does, and the more the longer the talk
is. A page that is slow to paint paints less often, so the cost of one painting is told too. What matters are the
ratios: both talks share machine and minute.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect, sync_playwright

from benchmarks.load import cpu_s, machine, scripted_model, stack
from tests.browser.house import CHROMIUM, CHROMIUM_ARGS, DESKTOP, answer_rows, message_box

WORDS = 200
LAST = "This is the last of what was said before."
PATIENCE_MS = 120_000
GROWN_CHARS = 300
COUNT_PAINTINGS = """() => {
  const { paint } = window.debrief;
  window.paintings = 0;
  window.debrief.paint = () => { window.paintings += 1; return paint(); };
}"""


@dataclass(frozen=True)
class Cost:
    """Medians: milliseconds to open; of the processor those for an answer, of the web process and of the page's main
    thread, those for style and layout among the latter, and the main thread's for one painting in mid-answer.
    """

    open_ms: float
    server_ms: float
    browser_ms: float
    style_and_layout_ms: float
    painting_ms: float


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
    page.evaluate(COUNT_PAINTINGS)
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


def answer_cost(page: Page, web_pid: int, n: int) -> tuple[float, float, float, float]:
    """Processor milliseconds for one answer, from the sending to its end: see `Cost`."""
    counter: Any = page.context.new_cdp_session(page)
    counter.send("Performance.enable", {"timeDomain": "threadTicks"})  # processor time, not that on the wall
    page.wait_for_timeout(500)
    server, before = cpu_s(web_pid), read_main_thread(page, counter)
    said = f"And then? nonce-{n:04}"
    message_box(page).fill(said)
    message_box(page).press("Enter")
    talk = wait_for(
        page, f"conversations/{page.url.split('/?c=')[1]}", lambda talk: talk["messages"][-2]["text"] == said
    )
    answer = f"messages/{talk['messages'][-1]['id']}"
    wait_for(page, answer, lambda answer: len(answer["text"]) > GROWN_CHARS)
    grown = read_main_thread(page, counter)
    wait_for(page, answer, lambda answer: len(answer["text"]) > 5 * GROWN_CHARS)
    nearly = read_main_thread(page, counter)
    wait_for(page, answer, lambda answer: answer["state"] != "running")
    page.wait_for_timeout(1000)
    server, after = cpu_s(web_pid) - server, read_main_thread(page, counter)
    counter.detach()
    painting_s = (nearly.busy_s - grown.busy_s) / max(1, nearly.paintings - grown.paintings)
    spent_s = (server, after.busy_s - before.busy_s, after.drawing_s - before.drawing_s, painting_s)
    return tuple(1000 * seconds for seconds in spent_s)  # type: ignore[return-value]


def wait_for(page: Page, path: str, is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Ask the server, not the page, until it is so of what this path gives."""
    for _ in range(PATIENCE_MS // 100):
        given = page.request.get(f"{page.url.split('/?c=')[0]}/api/v1/{path}").json()
        if is_so(given):
            return given
        page.wait_for_timeout(100)
    sys.exit(f"waited in vain for {path}")


@dataclass(frozen=True)
class MainThread:
    """Processor seconds since the page was opened, without what answering us costs; of them for style and layout."""

    busy_s: float
    drawing_s: float
    paintings: int


def read_main_thread(page: Page, counter: Any) -> MainThread:
    metrics = {metric["name"]: metric["value"] for metric in counter.send("Performance.getMetrics")["metrics"]}
    return MainThread(
        busy_s=metrics["TaskDuration"] - metrics["DevToolsCommandDuration"],
        drawing_s=metrics["RecalcStyleDuration"] + metrics["LayoutDuration"],
        paintings=page.evaluate("window.paintings"),
    )


def tell(costs: list[Cost], messages: int) -> None:
    new, long = costs
    print(f"{machine()}; an answer has {WORDS} words")
    print(f"{'':26}{'new talk':>12}{f'{messages} messages':>16}{'ratio':>8}")
    for name, field in (
        ("open, ms", "open_ms"),
        ("server CPU an answer, ms", "server_ms"),
        ("page CPU an answer, ms", "browser_ms"),
        ("of it style, layout, ms", "style_and_layout_ms"),
        ("page CPU a painting, ms", "painting_ms"),
    ):
        before, after = getattr(new, field), getattr(long, field)
        print(f"{name:26}{before:12.1f}{after:16.1f}{after / max(before, 0.1):8.2f}")


if __name__ == "__main__":
    main()
