"""A whole Debrief on loopback with a scripted model, and people who look at it with a real Chromium.

    with open_house(settings, model) as house, house.visit() as olga:
        olga.start("upset_customer")

Every look checks by itself, when it ends, that the page wrote no error to the console and asked no other host.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect

from debrief.settings import Settings
from storage.engine import Database
from storage.migrate import migrate
from tests.ports import free_port
from tests.scripted_model import ScriptedModel
from webapp.server import build_app, web_server

CHROMIUM = "/usr/bin/chromium"
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)


@dataclass
class House:
    url: str
    settings: Settings
    model: ScriptedModel
    db: Database
    browser: Browser
    rung: list[str]
    close: Callable[[], None]
    """End the web server, as at a restart, before the block ends."""

    @contextmanager
    def visit(
        self, *, phone: bool = False, locale: str = "en-US", scheme: str = "light", same_as: Look | None = None
    ) -> Iterator[Look]:
        """Somebody with a browser of their own, one tab on the start page: new here, or known by another's cookie."""
        context = self.browser.new_context(
            viewport=PHONE if phone else DESKTOP,  # type: ignore[arg-type]
            locale=locale,
            color_scheme=scheme,  # type: ignore[arg-type]
            has_touch=phone,
            is_mobile=phone,
            storage_state={"cookies": same_as.context.cookies()} if same_as else None,  # type: ignore[arg-type]
        )
        context.set_default_timeout(PATIENCE_MS)
        look = Look(self, context)
        try:
            look.open_tab()
            yield look
            look.check()
        finally:
            context.close()


@dataclass
class Look:
    house: House
    context: BrowserContext
    tabs: list[Page] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    @property
    def page(self) -> Page:
        return self.tabs[0]

    def open_tab(self, path: str = "/") -> Page:
        page = self.context.new_page()
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(f"{error.name}: {error.message}"))
        page.on("request", self._watch)
        page.goto(self.house.url + path)
        self.tabs.append(page)
        return page

    def expect_refusals(self, status: int) -> None:
        """Let the browser complain in its console about answers with this status."""
        self.expected.append(f"the server responded with a status of {status}")

    def expect_lost_connections(self) -> None:
        self.expected.append("net::ERR_")

    def expect_warnings_of_plots(self) -> None:
        """Gradio's plots say in the console which Vega-Lite they were written for."""
        self.expected += ["Vega-Lite", "is dropped as it does not work with"]

    def check(self) -> None:
        unexpected = [words for words in self.complaints if not any(known in words for known in self.expected)]
        assert not unexpected, unexpected

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _watch(self, request: Any) -> None:
        host = urlsplit(request.url)
        if host.scheme in ("http", "https", "ws", "wss") and host.hostname != "127.0.0.1":
            self.complaints.append(f"asked another host: {request.url}")

    # --- what people do -------------------------------------------------------------------------------------------

    def start(self, title: str, answers: dict[str, str] | None = None) -> str:
        """Begin a talk in the scenario whose card shows `title`; gives the conversation's id."""
        self.page.locator(".card", has_text=title).click()
        if answers is not None:
            for label, value in answers.items():
                control = self.page.get_by_label(label)
                is_select = control.evaluate("element => element.tagName === 'SELECT'")
                control.select_option(value) if is_select else control.fill(value)
            self.page.get_by_role("button", name=re.compile("^(Start|시작)$")).click()
        self.page.wait_for_url(re.compile(r"[?&]c="))
        expect(answer_rows(self.page)).to_have_count(1)
        return self.page.url.split("c=")[1].split("&")[0]

    def open_pane(self, name: Literal["talk", "debrief"]) -> None:
        """Bring talk or debrief to the front, where the screen is too narrow for both."""
        tab = self.page.locator(f"[data-key=pane-{name}]")
        tab.click() if tab.is_visible() else None

    def say(self, text: str, page: Page | None = None) -> None:
        box = message_box(page or self.page)
        box.fill(text)
        box.press("Enter")


def message_box(page: Page) -> Locator:
    return page.locator("#message textarea")


def answer_rows(page: Page) -> Locator:
    """The answers as Gradio's own Chatbot shows them, the opening line included."""
    return page.locator("#transcript .bot-row")


def own_rows(page: Page) -> Locator:
    return page.locator("#transcript .user-row")


def show_all_messages(page: Page, count: int) -> None:
    """Of a long talk the newest messages are shown: ask for the earlier ones until all are there."""
    rows = page.locator("#transcript .message-row")
    rows.first.wait_for(state="attached")
    while (shown := rows.count()) < count:
        page.locator(".earlier-messages button").dispatch_event("click")
        rows.nth(shown).wait_for(state="attached")


def below(page: Page) -> Locator:
    """Errors, remarks and banners between the transcript and the message box."""
    return page.locator("#below-transcript .below")


def debrief_card(page: Page) -> Locator:
    return page.locator(".debrief")


@contextmanager
def open_house(
    settings: Settings,
    model: ScriptedModel,
    browser: Browser,
    *,
    is_demo: bool = False,
    ring: Callable[[str], None] | None = None,
    port: int | None = None,
) -> Iterator[House]:
    """Serve in a thread until the block ends. `is_demo`: as if it had started the packaged model.

    `ring`: without one the rings are only noted, in `rung`. `port`: a free one, if none is given.
    """
    its_model = {"model_port": model.port} if is_demo else {"model_url": model.url, "model": model.model}
    settings = settings.model_copy(update={"port": port or free_port(), **its_model})
    migrate(settings.database, backup_dir=None)
    rung: list[str] = []
    server = web_server(build_app(settings, ring=ring or rung.append), settings)
    thread = threading.Thread(target=server.run, name="house", daemon=True)
    thread.start()
    db = Database(settings.database)

    def close() -> None:
        server.should_exit = True
        thread.join(15)

    try:
        wait_until(lambda: server.started, "the web server starts")
        yield House(f"http://127.0.0.1:{settings.port}", settings, model, db, browser, rung, close)
    finally:
        db.close()
        close()


def wait_until(condition: Callable[[], bool], what: str, *, within_s: float = 60) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {within_s} s: {what}"
        time.sleep(0.02)
