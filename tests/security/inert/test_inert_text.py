"""Words stay words: in a real browser nothing in them runs, nothing leaves, and nothing leads elsewhere.

Every string of the corpus stands in every place where a visitor, the model, a reviewer or the operator's files can put
words. It is done twice: as the product is, and without its content security policy, so that the proof does not lean
on the policy alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from markdown_it import MarkdownIt
from playwright.sync_api import Browser, Page, expect

from tests.browser.house import show_all_messages
from tests.security.inert.canary import Ears, Listener
from tests.security.inert.conftest import Place
from tests.security.inert.corpus import CANARY_DOMAIN, CORPUS
from tests.security.inert.scene import ADDRESS
from webapp.inert import EMPTY, inert

STRINGS = len(CORPUS)
ALIVE = 60
"""So many run or call by themselves in a naive page. Others wait for a click, another browser, another parser."""

FOREIGN = """() => {
  const fetching = ["href", "src", "srcset", "poster", "action", "formaction", "background", "data", "xlink:href",
    "style", "cite", "ping", "manifest", "codebase", "longdesc"];
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    for (const { name, value } of element.attributes) {
      if (name.startsWith("on") || (fetching.includes(name) && /canary[.]example|^\\s*(java|vb)script:/i.test(value)))
        found.push(`${element.tagName} ${name}=${value.slice(0, 80)}`);
    }
  }
  const never = "script,style,link,meta,base,iframe,frame,object,embed,video,audio,source,img,math,template,noscript";
  for (const element of document.querySelectorAll(".slot *, #transcript .message *"))
    if (element.matches(never) && !element.matches(".katex math")) found.push(element.outerHTML.slice(0, 120));
  for (const element of document.querySelectorAll("#transcript .message *"))
    if (element.matches("a[href],form,input,textarea,select,dialog,.mermaid,[style*=fixed]"))
      found.push(element.outerHTML.slice(0, 120));
  if (({}).polluted !== undefined) found.push("Object.prototype is polluted");
  return [...new Set(found)];
}"""
"""Elements and attributes on the page that could only come from words."""


def look_around(place: Place, page: Page, *, wholly: bool) -> Iterator[str]:
    """Show one page after the other; gives the name of each once it stands. `wholly`: also those like another."""
    filled, url = place.filled, place.house.url

    def show(path: str, selector: str, at_least: int, name: str) -> str:
        page.goto(url + path)
        page.locator(selector).nth(at_least - 1).wait_for(state="attached")
        return name

    show(f"/?c={filled.imported}", ".debrief .improvement", STRINGS, "imported talk and debrief")
    show_all_messages(page, 2 * STRINGS)
    yield "imported talk and debrief"
    page.evaluate("for (const details of document.querySelectorAll('details')) details.open = true")
    page.emulate_media(media="print")
    yield "everything open, print view"
    page.emulate_media(media="screen")
    yield show(f"/?compare={filled.comparison}", ".compared", STRINGS, "comparison")
    yield show("/?view=progress", ".plot", STRINGS, "progress")
    yield show(f"/admin/?show=all&f={filled.disputed}", "#desk-card .disputed-words", 2 * STRINGS, "desk, objections")
    yield show("/admin/?show=rejected", ".desk-item", 30, "desk, the list")
    while wholly and page.get_by_role("button", name="Show more").is_visible():
        before = page.locator(".desk-item").count()
        page.get_by_role("button", name="Show more").click()
        page.locator(".desk-item").nth(before).wait_for(state="attached")
    yield "desk, the list with every name"
    for feedback_id in filled.noted if wholly else filled.noted[:1]:
        yield show(f"/admin/?show=rejected&f={feedback_id}", ".desk-case-head .remark", 1, "desk, a note")
    yield show("/admin/system/", "tbody tr", STRINGS, "system")


def assert_silent(place: Place, ears: Ears) -> None:
    assert not ears.happened(), ears.happened()
    assert not place.canary.heard, place.canary.heard[:3]


def test_as_a_text_grows_on_the_page_no_half_of_it_is_more_than_words(place: Place):
    assert_silent(place, place.ears_while_said)


def test_without_the_policy_nothing_runs_and_nothing_leaves_on_any_page(place: Place):
    seen = walk(place, without_policy=True)
    print(f"{STRINGS} strings, {seen} views: scripts run 0, requests out 0, dialogs 0, downloads 0, navigations 0")


def test_with_the_policy_nothing_runs_and_the_policy_has_nothing_to_stop(place: Place):
    """`refused` is among what must be silent: in normal use Gradio and our pages never run into the policy."""
    walk(place, without_policy=False)


def walk(place: Place, *, without_policy: bool) -> int:
    """The number of views."""
    seen = 0
    place.canary.heard.clear()
    with place.visit(place.filled.cookies, without_policy=without_policy) as (page, ears):
        for name in look_around(place, page, wholly=without_policy):
            page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)))")
            found = page.evaluate(FOREIGN)
            assert not found, (name, found)
            assert not ears.happened(), (name, ears.happened())
            seen += 1
    for cookies in place.filled.lister_cookies if without_policy else place.filled.lister_cookies[:1]:
        with place.visit(cookies, without_policy=without_policy) as (page, ears):
            page.goto(place.house.url)
            expect(page.locator(".entry-title").nth(10)).to_be_attached()
            page.locator(".entry-open").nth(3).dispatch_event("click")  # a long title pushes its middle out of reach
            expect(page.locator("#transcript .bot-row")).to_be_attached()
            assert not page.evaluate(FOREIGN)
            assert not ears.happened(), ears.happened()
            seen += 1
    assert_silent(place, ears)
    return seen


def test_every_string_is_shown_as_it_was_said(place: Place):
    """To the letter wherever the page builds its own elements; in the transcript no message is lost."""
    with place.visit(place.filled.cookies, without_policy=False) as (page, _):
        page.goto(f"{place.house.url}/?c={place.filled.imported}")
        expect(page.locator(".debrief .criterion")).to_have_count(STRINGS)
        show_all_messages(page, 2 * STRINGS)
        names: list[str] = page.locator(".debrief .criterion h3").evaluate_all("all => all.map(e => e.textContent)")
        rewrites: list[str] = page.locator(".rewrite .sentence p").evaluate_all(
            "all => all.map(e => e.firstChild.textContent)"
        )
        rows: list[str] = page.locator("#transcript .md").evaluate_all("all => all.map(e => e.textContent)")
        width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    said = [attack.text for attack in CORPUS]
    assert names == said
    assert rewrites == said
    assert len(rows) == 2 * STRINGS
    lost = [attack.label for attack, row in zip(CORPUS, rows[::2], strict=True) if not letters(row)]
    assert not lost, lost
    assert width[0] <= width[1], "nothing reaches out to the side"


def letters(words: str) -> str:
    return "".join(sign for sign in words if sign.isprintable() and not sign.isspace())


def test_an_address_in_a_talk_is_words_and_a_click_on_it_leads_nowhere(place: Place):
    """No link is made of it, so there is none to follow: not by a click, a middle click or the keyboard."""
    for path in (f"/?c={place.filled.linked}", f"/admin/?show=all&f={place.filled.asked}"):
        with place.visit(place.filled.cookies, without_policy=True) as (page, ears):
            page.goto(place.house.url + path)
            rows = page.locator("#transcript .message-row", has_text=CANARY_DOMAIN).locator(".md")
            rows.nth(1).wait_for()
            for row in rows.all():
                assert (row.text_content() or "").replace(EMPTY, "").strip() == ADDRESS.text
                for how in ({}, {"button": "middle"}, {"modifiers": ["Control"]}):
                    row.get_by_text(CANARY_DOMAIN).click(**how)  # type: ignore[arg-type]
            assert page.locator("#transcript .message a").count() == 0
            assert page.url == place.house.url + path
            assert len(page.context.pages) == 1
            assert_silent(place, ears)


def test_what_is_copied_out_of_a_talk_is_what_was_said(place: Place):
    with place.visit(place.filled.cookies, without_policy=False) as (page, _):
        page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=place.house.url)
        page.goto(f"{place.house.url}/?c={place.filled.linked}")
        row = page.locator("#transcript .message-row", has_text=CANARY_DOMAIN).first.locator(".md")
        row.wait_for()
        assert EMPTY in (row.text_content() or "")
        row.evaluate("(element) => getSelection().selectAllChildren(element)")
        page.keyboard.press("Control+c")
        assert page.evaluate("navigator.clipboard.readText()") == ADDRESS.text
        page.evaluate("(words) => navigator.clipboard.writeText(words)", inert(ADDRESS.text))
        assert page.evaluate("navigator.clipboard.readText()") == ADDRESS.text


def test_the_rule_is_the_same_in_both_languages_and_what_was_said_comes_back(place: Place):
    texts = [attack.text for attack in CORPUS]
    with place.visit(place.filled.cookies, without_policy=False) as (page, _):
        page.goto(place.house.url)
        expect(page.locator(".brand")).to_be_visible()
        in_javascript: dict[str, Any] = page.evaluate(
            """async (texts) => {
                 const files = performance.getEntriesByType("resource").map(({ name }) => name);
                 const { inert, asSaid } = await import(files.find((name) => name.endsWith("/inert.js")));
                 return { made: texts.map(inert), back: texts.map(inert).map(asSaid) };
            }""",
            texts,
        )
    assert in_javascript["made"] == [inert(text) for text in texts]
    as_said = [back for attack, back in zip(CORPUS, in_javascript["back"], strict=True) if attack.kind != "unseen"]
    assert as_said == [attack.text for attack in CORPUS if attack.kind != "unseen"]


def test_the_policy_is_in_force(place: Place):
    """What a script of our own page may not do, let alone a stranger's: each is refused and reported."""
    with place.visit(place.filled.cookies, without_policy=False) as (page, ears):
        page.goto(place.house.url)
        expect(page.locator(".brand")).to_be_visible()
        refused = page.evaluate(
            """async (url) => {
                 const refused = [];
                 const note = ({ effectiveDirective: directive }) => refused.push(directive);
                 document.addEventListener("securitypolicyviolation", note);
                 const make = (tag, values) => Object.assign(document.createElement(tag), values);
                 const put = (tag, values) => document.body.append(make(tag, values));
                 put("img", { src: `${url}/i.png` });
                 put("script", { src: `${url}/s.js` });
                 put("link", { rel: "stylesheet", href: `${url}/s.css` });
                 put("iframe", { src: `${url}/f` });
                 put("video", { src: `${url}/v.mp4` });
                 put("object", { data: `${url}/o` });
                 document.head.prepend(make("base", { href: `${url}/` }));
                 await fetch(`${url}/c`).catch(() => 0);
                 navigator.sendBeacon(`${url}/b`);
                 try { new WebSocket(url.replace("http", "ws")); } catch {}
                 const form = make("form", { action: `${url}/p`, method: "post" });
                 document.body.append(form);
                 form.submit();
                 const aMoment = () => new Promise((done) => setTimeout(done, 50));
                 for (let turn = 0; turn < 100 && refused.length < 11; turn++) await aMoment();
                 return refused.sort();
            }""",
            f"http://x9999.{CANARY_DOMAIN}",
        )
        assert refused == [
            "base-uri", "connect-src", "connect-src", "connect-src", "form-action", "frame-src", "img-src", "media-src",
            "object-src", "script-src-elem", "style-src-elem",
        ]  # fmt: skip
        assert ears.refused
    # For a frame and a form Chromium opens a connection before it asks the policy. Nothing may be said in it.
    assert not any(place.canary.heard)
    place.canary.heard.clear()


def test_the_listener_hears_what_leaves(canary: Listener, browser: Browser):
    """Last, because it fills the listener: a page without the policy is heard, so silence elsewhere means silence."""
    with browser.new_context() as context:
        page = context.new_page()
        page.set_content(f"<img src='http://x9998.{CANARY_DOMAIN}/seen.png'>")
        for _ in range(100):
            if any(b"/seen.png" in heard for heard in canary.heard):
                break
            page.wait_for_timeout(100)
    assert any(b"/seen.png" in heard for heard in canary.heard)


def test_where_nothing_protects_the_corpus_is_alive(browser: Browser):
    """As Markdown with HTML, each in a frame of its own: otherwise silence elsewhere would prove nothing.

    Last, because it fills the listener.
    """
    ears = Ears("about:blank")
    context = browser.new_context()
    ears.hear(context)
    page = context.new_page()
    page.set_content("<body></body>")
    page.evaluate(
        """(texts) => { for (const text of texts) {
             const frame = document.createElement("iframe");
             frame.srcdoc = text;
             document.body.append(frame);
        } }""",
        [MarkdownIt("commonmark", {"html": True}).render(attack.text) for attack in CORPUS],
    )
    alive: set[str] = set()
    for _ in range(100):
        alive = {attack.label for attack in CORPUS if is_alive(attack.number, ears)}
        if len(alive) >= ALIVE:
            break
        page.wait_for_timeout(100)
    context.close()
    print(f"{len(alive)} of {STRINGS} strings run or call in a naive page")
    assert len(alive) >= ALIVE, sorted(alive)


def is_alive(number: int, ears: Ears) -> bool:
    ran = any(f"({number},)" in what for what in ears.scripts)
    return ran or any(f"x{number}.{CANARY_DOMAIN}" in what for what in (*ears.requests, *ears.navigations))
