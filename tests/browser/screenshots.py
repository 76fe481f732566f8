"""Pictures of the pages for people to look at: `make screenshots`, or `python -m tests.browser.screenshots`.

Each view on a desktop and a phone, light and dark, in English and Korean. The model's words are scripted; everything
else is the real program.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import expect, sync_playwright

from debrief.conversation import Message
from debrief.feedback import Check, Coverage, CriterionResult, Evidence, Example, FeedbackBody
from debrief.settings import Settings
from storage import jobs
from storage.accounts import find_account
from storage.conversations import get_conversation
from storage.messages import list_path
from storage.tables import ConversationRow
from tests.again_scene import make_debrief
from tests.browser.house import CHROMIUM, CHROMIUM_ARGS, House, Look, answer_rows, debrief_card, open_house
from tests.browser.screenshots_debrief import photograph_debrief
from tests.browser.screenshots_list import photograph_list
from tests.browser.screenshots_refusals import photograph as photograph_refusals
from tests.browser.screenshots_talk import photograph_talk
from tests.browser.screenshots_words import ENGLISH, KOREAN, SCREENS
from tests.job_scene import claim_this, interview
from tests.review_scene import PASSWORD, make_account, make_feedback
from tests.scripted_model import Script, ScriptedModel


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("test-output/screenshots"))
    parser.add_argument("--only", default="", help="such as phone-dark-ko; all by default")
    asked = parser.parse_args()
    out: Path = asked.out
    out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
        settings = Settings(_env_file=None, data_dir=Path(folder), rate_limit="off", answers_per_day=1000)
        with ScriptedModel(token_delay_s=0.02) as model, open_house(settings, model, browser) as house:
            for words in (ENGLISH, KOREAN):
                for phone, scheme in SCREENS:
                    if asked.only not in ("", f"{'phone' if phone else 'desktop'}-{scheme}-{words['locale'][:2]}"):
                        continue
                    photograph_talk(house, words, phone, scheme, out)
                    photograph_debrief(house, words, phone, scheme, out)
                    photograph_list(house, words["locale"], phone, scheme, out)
                    _photograph(house, words, phone, scheme, out)
                    _photograph_again(house, words, phone, scheme, out)
                    _photograph_desk(house, words["locale"], phone, scheme, out)
                    name = f"{'phone' if phone else 'desktop'}-{scheme}-{words['locale'][:2]}"
                    photograph_refusals(house, words, phone, scheme, out / name)
        browser.close()
    print(f"{len(list(out.glob('*.png')))} pictures in {out}")


def _photograph(house: House, words: dict, phone: bool, scheme: str, out: Path) -> None:
    name = f"{'phone' if phone else 'desktop'}-{scheme}-{words['locale'][:2]}"

    def shoot(view: str) -> None:
        look.page.wait_for_timeout(400)  # transitions
        look.page.screenshot(path=out / f"{name}-{view}.png")

    with house.visit(phone=phone, locale=words["locale"], scheme=scheme) as look:
        look.page.locator(".card-title").first.wait_for()
        shoot("1-start")
        look.page.locator(".card", has_text=words["with_form"]).click()
        shoot("2-prepare")
        look.page.locator(".back").click()
        conversation_id = look.start(words["title"])
        shoot("3-opening")
        _talk(look, words)
        _ask(look, house)
        shoot("4-progress")
        _store(house, words, conversation_id)
        expect(debrief_card(look.page).locator(".criterion")).to_have_count(3)
        look.open_pane("debrief")
        shoot("5-debrief")
        look.page.locator(".criterion .quote").first.click()
        look.page.wait_for_timeout(800)
        shoot("6-quote")
        look.open_pane("talk")
        house.model.default = lambda _: Script(status=500, error="boom")
        look.say(words["said"][1])
        look.page.locator("#below-transcript .problem").wait_for()
        house.model.default = None
        shoot("7-error")
        if phone:
            look.page.locator(".sidebar .toggle-button").click()
            shoot("8-list")


def _photograph_again(house: House, words: dict, phone: bool, scheme: str, out: Path) -> None:
    """A weak moment tried again, both debriefs side by side, and the levels of all of them."""
    name = f"{'phone' if phone else 'desktop'}-{scheme}-{words['locale'][:2]}"

    def shoot(view: str, *, whole: bool = False) -> None:
        if whole:
            look.page.evaluate("scrollTo(0, 0)")  # what is fixed to the window stays at its place
        look.page.wait_for_timeout(400)
        look.page.screenshot(path=out / f"{name}-{view}.png", full_page=whole)

    def debrief(levels: dict[str, int | None], **values: Any) -> None:
        talk_id = look.page.url.split("c=")[1].split("&")[0]
        with house.db.read() as session:
            owner = session.get_one(ConversationRow, talk_id).visitor_id
        make_debrief(house.db, get_conversation(house.db, owner, talk_id), levels, **values)
        look.open_pane("debrief")
        expect(debrief_card(look.page).locator(".criterion").first).to_be_visible()

    def press_in_sidebar(key: str) -> None:
        if phone:
            look.page.locator(".sidebar .toggle-button").click()
        look.page.locator(f"[data-key={key}]").click()

    def new_talk(levels: dict[str, int | None], **values: Any) -> None:
        press_in_sidebar("new")
        look.start(words["title"])
        _talk(look, words)
        debrief(levels, **values)

    rubric = {"rubric_hash": interview().rubric.hash}
    with house.visit(phone=phone, locale=words["locale"], scheme=scheme) as look:
        look.page.locator(".card-title").first.wait_for()
        for levels in ({"examples": 1, "own_part": 2, "motive": 3}, {"examples": 2, "own_part": None, "motive": 3}):
            new_talk(levels, lineage={"model": "small", **rubric})
        new_talk({"examples": 2, "own_part": 1, "to_the_point": 3, "motive": 3}, lineage=rubric)
        look.page.wait_for_timeout(400)  # the list is read once more after a debrief
        look.page.locator(".improvement .again button").evaluate("button => button.scrollIntoView({block: 'center'})")
        shoot("9-weak")
        look.page.locator(".improvement .again button").click()
        look.page.locator(".moment-title").wait_for()
        shoot("10-again")
        look.page.locator(".moment-hint summary").click()
        shoot("11-hint")
        house.model.enqueue(words["answers"][1])
        look.say(words["said"][0])
        expect(answer_rows(look.page)).to_have_count(3)
        expect(look.page.locator("#message .submit-button")).to_be_visible()
        shoot("12-said")
        debrief({"examples": 4, "own_part": 3, "to_the_point": 3, "motive": 2}, lineage=rubric)
        shoot("13-debrief")
        look.page.locator(".comparisons button").first.click()
        look.page.locator(".compared").first.wait_for()
        shoot("14-compare", whole=True)
        new_talk({"examples": 4, "own_part": None, "to_the_point": 4, "motive": 5}, lineage=rubric)
        press_in_sidebar("progress")
        look.page.locator(".plot").first.wait_for()
        look.page.locator(".as-table summary").first.click()
        shoot("15-progress", whole=True)


def _photograph_desk(house: House, locale: str, phone: bool, scheme: str, out: Path) -> None:
    name = f"{'phone' if phone else 'desktop'}-{scheme}-{locale[:2]}"
    if find_account(house.db, "ada") is None:
        make_account(house.db, "ada", "admin")
    for age_s in (7200, 3600, 600):
        make_feedback(house.db, checks_failed=1, age_s=age_s)

    with house.visit(phone=phone, locale=locale, scheme=scheme) as look:
        page = look.page

        def shoot(view: str) -> None:
            page.wait_for_timeout(400)
            page.screenshot(path=out / f"{name}-desk-{view}.png")

        page.goto(f"{house.url}/admin/")
        shoot("1-sign-in")
        page.locator("#name").fill("ada")
        page.locator("#password").fill(PASSWORD)
        page.locator("button[type=submit]").click()
        page.locator(".desk-item").first.wait_for()
        shoot("2-list")
        page.locator(".desk-item").first.click()
        page.locator(".desk-case-head h2").wait_for()
        page.locator(".quote").first.click()
        page.wait_for_timeout(800)
        shoot("3-case")
        page.locator("#desk-reject").click()
        shoot("4-reject")
        page.goto(f"{house.url}/admin/system/")
        page.locator(".tile").first.wait_for()
        shoot("5-system")


def _talk(look: Look, words: dict) -> None:
    for turn, (said, answer) in enumerate(zip(words["said"], words["answers"], strict=True), start=1):
        look.house.model.enqueue(answer)
        look.say(said)
        expect(answer_rows(look.page)).to_have_count(turn + 1)
        expect(look.page.locator("#message .submit-button")).to_be_visible()


def _ask(look: Look, house: House) -> None:
    jobs.beat(house.db, "k_camera")
    look.page.locator("[data-key=wrap-up]").click()
    expect(look.page.locator(".track")).to_be_visible()
    claim = claim_this(house.db, house.rung[-1])
    jobs.set_progress(house.db, claim, {"step": "writing", "done": 1, "of": 3})
    _CLAIMS.append(claim)
    expect(look.page.locator(".track")).to_have_attribute("aria-valuenow", "47")


_CLAIMS: list[jobs.Claim] = []


def _store(house: House, words: dict, conversation_id: str) -> None:
    said = [message for message in list_path(house.db, conversation_id) if message.role == "user"]
    criteria = [
        CriterionResult(
            key=f"c{n}", name=words["names"][n], status="scored", level=level, level_name=name, reason=reason, tip=tip,
            evidence=[_evidence(said[n % 2])],
            example=Example(before=words["example"][0], after=words["example"][1]) if tip else None,
        )
        for n, (level, name, reason, tip) in enumerate(words["criteria"])
    ]  # fmt: skip
    body = FeedbackBody(
        language=words["locale"][:2],
        way="rubric",
        criteria=criteria,
        next_step=words["next"],
        covered=Coverage(messages=5, of=5),
    )
    checks = [Check(name=name, passed=True) for name in ("evidence", "own_words", "language", "repetition")]
    jobs.store_result(house.db, _CLAIMS.pop(), body=body, checks=checks, partial=False, lineage={}, release="checked")


def _evidence(message: Message) -> Evidence:
    """Its first sentence."""
    end = message.text.index(". ") + 1
    return Evidence(message_id=message.id, start=0, end=end, quote=message.text[:end])


if __name__ == "__main__":
    main()
