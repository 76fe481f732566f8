"""Pictures of the start page and of a talk in the states that it can have; called by `screenshots.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from playwright.sync_api import expect

from storage.conversations import get_conversation
from storage.tables import ConversationRow
from tests.browser.house import House, Look, answer_rows, below, message_box
from tests.factories import make_turn
from tests.scripted_model import Script

RICH = {
    "en": "Here is what I mean, on **one page**:\n\n```python\ndef wait(jobs, rate):\n    return len(jobs) / rate\n"
    "```\n\n| before | after |\n|---|---|\n| 40 s | 2 s |\n\nWith \\(n\\) jobs and rate \\(r\\): $$t = \\frac{n}{r}$$",
    "ko": "제 말은 이런 뜻이에요. **한 장**으로 정리하면:\n\n```python\ndef wait(jobs, rate):\n"
    "    return len(jobs) / rate\n```\n\n| 전 | 후 |\n|---|---|\n| 40초 | 2초 |\n\n일이 \\(n\\)개, 속도가 \\(r\\)이면: "
    "$$t = \\frac{n}{r}$$",
}
LONG_TURNS = 40


def photograph_talk(house: House, words: dict, phone: bool, scheme: str, out: Path) -> None:
    name = f"{'phone' if phone else 'desktop'}-{scheme}-{words['locale'][:2]}"
    with house.visit(phone=phone, locale=words["locale"], scheme=scheme) as look:
        for state in _states(look, words, phone=phone):
            look.page.wait_for_timeout(400)
            look.page.screenshot(path=out / f"{name}-talk-{state}.png")


def _states(look: Look, words: dict, *, phone: bool) -> Iterator[str]:
    """Bring the page from one state to the next, and name it."""
    page, model, language = look.page, look.house.model, words["locale"][:2]
    go = _ways(look, phone=phone)
    page.locator(".card-title").first.wait_for()
    yield "start-first"
    page.locator(".privacy summary").first.click()
    yield "start-privacy"
    go("progress")
    page.locator("#progress h1").wait_for()
    yield "progress-empty"
    go("my-data")
    page.locator("#mine h1").wait_for()
    yield "data-empty"
    go("new")
    page.locator(".card", has_text=words["with_form"]).click()
    page.locator(".field").first.wait_for()
    yield "form"
    page.locator(".back").click()

    talk_id = look.start(words["title"])
    yield "opening"
    model.enqueue(Script(text="…", delay_s=60))
    look.say(words["said"][0])
    expect(page.locator("#message .stop-button")).to_be_visible()
    yield "thinking"
    page.locator("#message .stop-button").click()
    expect(below(page).locator(".remark")).to_be_visible()
    yield "stopped-empty"
    model.enqueue(Script(text=words["answers"][0], stall_after=9))
    page.locator("[data-key=retry]").click()
    expect(answer_rows(page).last).to_contain_text(words["answers"][0][:8])
    yield "streaming"
    page.locator("#message .stop-button").click()
    expect(below(page).locator(".remark")).to_be_visible()
    yield "stopped"
    model.enqueue(words["answers"][0])
    page.locator("[data-key=retry]").click()
    expect(page.locator("#message .submit-button")).to_be_visible()
    expect(page.locator(".pager-place").last).to_have_text("3/3")
    yield "versions"
    page.locator("[data-tool=rate-down]").last.click()
    page.locator("[data-key=rate-send]").wait_for()
    yield "rating"
    page.locator("[data-key=rate-close]").click()
    page.locator("[data-tool=details]").last.click()
    page.locator(".took").wait_for()
    yield "details"
    page.locator("[data-tool=details]").last.click()
    page.locator("[data-tool=edit]").last.click()
    page.locator("[data-key=edit-send]").wait_for()
    yield "edit"
    page.locator(".tool-form textarea").fill(words["said"][1])
    model.enqueue(RICH[language])
    page.locator("[data-key=edit-send]").click()
    expect(page.locator("#transcript pre")).to_be_visible()
    expect(page.locator("#message .submit-button")).to_be_visible()
    yield "branch-and-code"
    page.locator(".wrap-up").click()
    page.locator(".ending").wait_for()
    yield "wrap-up-early"
    page.locator("[data-key=wrap-up-no]").click()
    model.default = lambda _: Script(status=429, error="busy", headers={"retry-after": "30"})
    look.say(words["said"][0])
    below(page).get_by_role("alert").wait_for()
    yield "busy"
    model.default = None
    if not phone:
        page.get_by_role("heading", level=1).focus()
        page.keyboard.press("?")
        page.get_by_role("dialog").wait_for()
        yield "shortcuts"
        page.keyboard.press("Escape")
    yield from _later(look, words, talk_id, go)


def _later(look: Look, words: dict, talk_id: str, go: Callable[[str], None]) -> Iterator[str]:
    """A very long talk, the second visit, one's data, and no connection."""
    page, house = look.page, look.house
    with house.db.read() as session:
        owner = session.get_one(ConversationRow, talk_id).visitor_id
    talk = get_conversation(house.db, owner, talk_id)
    for n in range(LONG_TURNS):
        make_turn(house.db, talk, text=words["said"][n % 2], answer=words["answers"][n % 2])
    page.reload()
    expect(page.locator(".earlier-messages")).to_be_attached()
    page.locator("#transcript .bubble-wrap").evaluate("area => (area.scrollTop = 0)")
    yield "long"
    go("new")
    page.locator(".way-back").wait_for()
    yield "start-second"
    go("my-data")
    page.locator(".numbers").wait_for()
    yield "data"
    page.go_back()
    page.locator(".way-back").click()
    answer_rows(page).first.wait_for()
    look.expect_lost_connections()
    look.context.set_offline(True)
    message_box(page).fill(words["said"][0])
    message_box(page).press("Enter")
    below(page).get_by_role("alert").wait_for()
    yield "offline"
    look.context.set_offline(False)


def _ways(look: Look, *, phone: bool) -> Callable[[str], None]:
    """What presses a button of the sidebar, which is closed on a phone."""

    def go(key: str) -> None:
        if phone:
            look.page.locator(".sidebar .toggle-button").click()
            look.page.locator(".sidebar.open").wait_for()
        look.page.locator(f"[data-key={key}]").click()

    return go
