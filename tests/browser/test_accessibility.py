"""axe-core finds nothing serious on any page in any state: light and dark, English and Korean, desktop and phone.

On the phone also: nothing scrolls sideways, and what one taps is 44 px high and wide.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from storage import jobs
from storage.accounts import find_account
from tests.again_scene import make_debrief
from tests.browser.house import House, below, debrief_card
from tests.browser.test_list import drop
from tests.browser.test_trying_again import BETTER, WEAK, debrief, say, talk_of, try_again
from tests.job_scene import claim_this
from tests.review_scene import PASSWORD, make_account, make_feedback
from tests.scripted_model import Script

SCREENS = pytest.mark.parametrize(
    ("phone", "scheme"), [(False, "light"), (True, "dark")], ids=["desktop-light", "phone-dark"]
)
VISITORS = pytest.mark.parametrize(
    ("phone", "scheme", "locale"),
    [(False, "light", "en-US"), (True, "dark", "en-US"), (True, "light", "ko-KR"), (False, "dark", "ko-KR")],
    ids=["desktop-light-en", "phone-dark-en", "phone-light-ko", "desktop-dark-ko"],
)
GRAVE = ("serious", "critical")
RULES = {"resultTypes": ["violations"]}
TITLES = {"en-US": ("Job interview", "Eco challenge"), "ko-KR": ("취업 면접", "에코 챌린지")}
NARROW_TARGETS = """() => {
  const seen = {opacityProperty: true, visibilityProperty: true};
  const isInText = (element) => element.matches(".privacy summary");
  const isSeen = (element, box) =>
    box.width && box.height && box.right > 0 && box.left < innerWidth && element.checkVisibility(seen);
  const all = "button, a[href], input:not([type=radio], [type=checkbox]), select, textarea, summary";
  return [...document.querySelectorAll(all)]
    .map((element) => [element, element.getBoundingClientRect()])
    .filter(([element, box]) => isSeen(element, box) && !isInText(element) && !element.matches(".skip-link"))
    .filter(([, {width, height}]) => width < 43.5 || height < 43.5)
    .map(([element, {width, height}]) => `${element.dataset.key ?? element.className}: ${width} x ${height}`);
}"""


def inspector(page: Page, found: list[str], *, by_finger: bool = False) -> Callable[[str], None]:
    """What looks at the page as it is and notes each grave finding, with the name of the state."""
    axe = Axe()

    def inspect(state: str) -> None:
        for violation in axe.run(page, options=RULES).response["violations"]:
            if violation["impact"] in GRAVE:
                found.extend(f"{state}: {violation['id']} {node['target']}" for node in violation["nodes"])
        if by_finger:
            found.extend(f"{state}: too small for a finger: {target}" for target in page.evaluate(NARROW_TARGETS))
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                found.append(f"{state}: scrolls sideways")

    return inspect


@VISITORS
def test_the_visitors_pages_have_no_grave_finding(house: House, phone: bool, scheme: str, locale: str):
    found: list[str] = []
    interview, eco = TITLES[locale]
    with house.visit(phone=phone, scheme=scheme, locale=locale) as olga:
        page = olga.page
        page.emulate_media(reduced_motion="reduce")
        inspect = inspector(page, found, by_finger=phone)
        page.locator(".card-title").first.wait_for()
        inspect("start")
        page.locator(".card", has_text=eco).click()
        page.locator(".field").first.wait_for()
        inspect("form")
        page.locator(".back").click()
        olga.start(interview)
        page.get_by_role("heading", level=1).focus()
        page.keyboard.press("?")
        page.get_by_role("dialog").wait_for()
        inspect("shortcuts")
        page.keyboard.press("Escape")
        inspect("opening")
        if phone:
            page.locator(".sidebar .toggle-button").click()
            page.locator(".sidebar.open .entry").wait_for()
            inspect("sidebar")
            page.locator(".sidebar .toggle-button").click()
        house.model.enqueue("You **named** it.\n\n- How?\n- `when`?\n\n```\ncode\n```")
        say(olga, "I led the rewrite.")
        page.locator(".wrap-up").click()
        expect(below(page).locator(".ending")).to_be_visible()
        inspect("talk")
        house.model.enqueue(Script(text="Fine.", delay_s=30))
        page.locator("[data-key=wrap-up-no]").click()
        olga.say("It was fine.")
        expect(page.locator("#message .stop-button")).to_be_visible()
        inspect("answer on its way")
        page.locator("#message .stop-button").click()
        expect(below(page).locator(".remark")).to_be_visible()
        inspect("stopped")
        jobs.beat(house.db, "k_axe")
        page.locator(".wrap-up").click()
        expect(debrief_card(page).locator(".track")).to_be_visible()
        inspect("debrief in the making")
        claim_this(house.db, house.rung[-1])
        page.locator("[data-key=cancel]").click()
        expect(page.locator("[data-key=ask]")).to_be_visible()
        inspect("debrief stopped")
        debrief(olga, {"examples": 2, "motive": 4, "own_part": None}, nonce="again")
        for summary in debrief_card(page).locator("summary").all():
            summary.click()
        inspect("debrief")
        page.locator("[data-key^=dispute-]").first.click()
        page.locator("[data-key=dispute-send]").wait_for()
        inspect("objection")
        page.locator("[data-key=dispute-send]").click()
        expect(debrief_card(page).locator(".disputed")).to_be_visible()
        inspect("objected")
        house.model.default = lambda _: Script(status=500, error="boom")
        olga.open_pane("talk")
        olga.say("Once more.")
        below(page).get_by_role("alert").wait_for()
        inspect("error")
        house.model.default = None
        page.goto(f"{house.url}/?c=c_nothing")
        olga.expect_refusals(404)
        page.locator(".missing").wait_for()
        inspect("missing")
        page.goto(f"{house.url}/?view=progress")
        page.locator("#progress h1").wait_for()
        inspect("progress")
        page.goto(f"{house.url}/?view=data")
        page.locator("#mine h1").wait_for()
        inspect("my data")
    assert not found, "\n".join(sorted(set(found)))


@SCREENS
def test_comparing_and_bringing_back_have_no_grave_finding(house: House, phone: bool, scheme: str):
    found: list[str] = []
    with house.visit(phone=phone, scheme=scheme) as olga:
        page = olga.page
        page.emulate_media(reduced_motion="reduce")
        inspect = inspector(page, found, by_finger=phone)

        def make(talk_id: str, levels: dict[str, int | None]) -> None:
            make_debrief(house.db, talk_of(house, talk_id), levels)
            page.locator("[data-key=pane-debrief]").click() if phone else None
            expect(debrief_card(page).locator(".criterion").first).to_be_visible()

        talk_id = olga.start("Job interview")
        say(olga, "I led the rewrite.", WEAK)
        make(talk_id, {"examples": 2, "motive": 4, "own_part": None})
        file = page.request.get(f"{house.url}/api/v1/conversations/{talk_id}/export?format=json").text()
        again = try_again(olga)
        inspect("trying again")
        say(olga, BETTER)
        make(again, {"examples": 4, "motive": 3, "own_part": 3})
        page.get_by_role("button", name="Compare with your earlier try").click()
        page.locator(".compared").first.wait_for()
        inspect("comparison")
        page.goto(house.url)
        page.locator(".card-title").first.wait_for()
        page.evaluate("document.body.classList.add('dropping')")
        inspect("a file above the page")
        olga.expect_refusals(422)
        drop(page, '{"conversations": []}')
        expect(page.locator(".notice.bad")).to_be_visible()
        inspect("a file that is none of ours")
        drop(page, file)
        expect(page.locator(".talk-head .imported")).to_be_visible()
        inspect("a talk that was brought back")
    assert not found, "\n".join(sorted(set(found)))


@SCREENS
def test_the_desk_has_no_grave_finding(house: House, phone: bool, scheme: str):
    found: list[str] = []
    if find_account(house.db, "ada") is None:
        make_account(house.db, "ada", "admin")
    make_feedback(house.db, checks_failed=1)
    with house.visit(phone=phone, scheme=scheme) as ada:
        page = ada.page
        page.emulate_media(reduced_motion="reduce")
        inspect = inspector(page, found)
        page.goto(f"{house.url}/admin/")
        inspect("sign-in")
        page.locator("#name").fill("ada")
        page.locator("#password").fill(PASSWORD)
        page.locator("button[type=submit]").click()
        page.locator(".desk-item").first.wait_for()
        inspect("list")
        page.locator(".desk-item").first.click()
        page.locator(".desk-case-head h2").wait_for()
        inspect("case")
        page.locator("#desk-reject").click()
        page.get_by_role("button", name="Reject it").wait_for()
        inspect("reject")
        page.goto(f"{house.url}/admin/system/")
        page.locator(".tile").first.wait_for()
        inspect("system")
    assert not found, "\n".join(sorted(set(found)))
