"""The past conversations: finding, renaming, deleting and taking it back, as files, in two tabs, and very many."""

import json
import re
from pathlib import Path

from playwright.sync_api import Page, expect

from storage.imports import Said, import_conversation
from storage.tables import ConversationRow
from tests.browser.house import House, Look, answer_rows, own_rows
from tests.integration.test_talk_files import tree

INTERVIEW = "Job interview"


def entries(page: Page):
    return page.locator(".list .entry")


def choose(page: Page, name: str, at: int = 0) -> None:
    """Open the menu of a talk in the list and choose from it."""
    entry = entries(page).nth(at)
    entry.hover()
    entry.locator(".entry-more").click()
    entry.locator(".menu-item", has_text=name).click()


def talk_about(look: Look, words: str) -> str:
    look.page.get_by_role("button", name=re.compile("New conversation|새 대화")).click()
    look.house.model.enqueue("Go on.")
    talk = look.start(INTERVIEW)
    look.say(words)
    expect(look.page.locator("#message .submit-button")).to_be_visible()
    expect(answer_rows(look.page)).to_have_count(2)
    return talk


def saved(look: Look, talk: str) -> dict:
    return look.page.request.get(f"{look.house.url}/api/v1/conversations/{talk}/export").json()


def test_a_search_in_korean_finds_from_one_syllable_on_and_opens_at_the_message(olga: Look):
    page = olga.page
    first = talk_about(olga, "저는 면접을 준비했습니다. 100% 자신 있어요.")
    talk_about(olga, "Something else.")
    box = page.get_by_role("searchbox", name="Search your talks")
    for typed in ("면", "면접", "면접을", "접을 자신"):
        box.fill(typed)
        found = page.locator(".found-list .entry")
        expect(found).to_have_count(1)
        expect(found.locator("mark")).to_have_text(typed.split()[0])
    found.locator(".entry-open").click()
    expect(own_rows(page)).to_contain_text("면접을 준비했습니다")
    expect(page.locator("#transcript .message-row.quoted")).to_contain_text("면접을 준비했습니다")
    assert first in page.url
    box.fill("1_0")
    expect(page.locator(".found-words")).to_contain_text("Nothing found for “1_0”")
    box.press("Escape")
    expect(box).to_have_value("")
    expect(entries(page)).to_have_count(2)


def test_what_is_saved_comes_back_as_the_same_tree_and_a_wrong_file_is_refused_in_words(olga: Look, tmp_path: Path):
    page = olga.page
    talk = talk_about(olga, "I led a team of three.")
    with page.expect_download() as download:
        choose(page, "Save to bring back")
    file = tmp_path / "talk.json"
    download.value.save_as(file)

    page.locator("[data-key=manage]").click()
    with page.expect_file_chooser() as chooser:
        page.locator("[data-key=bring]").click()
    chooser.value.set_files(file)
    expect(page.locator(".notice")).to_contain_text("The talk is back")
    page.wait_for_url(lambda url: "c=" in url and talk not in url)
    expect(own_rows(page)).to_contain_text("I led a team of three.")
    expect(page.locator(".talk-head .imported")).to_have_text("imported")
    expect(entries(page)).to_have_count(2)
    assert tree(saved(olga, page.url.split("c=")[1])) == tree(json.loads(file.read_text("utf-8")))

    olga.expect_refusals(422)
    drop(page, '{"conversations": []}')
    expect(page.locator(".notice.bad")).to_contain_text("not a talk that Debrief saved")
    drop(page, file.read_text("utf-8"))
    expect(entries(page)).to_have_count(3)


def drop(page: Page, content: str) -> None:
    page.evaluate(
        """content => {
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([content], "talk.json", {type: "application/json"}));
            for (const kind of ["dragenter", "dragover", "drop"])
                document.body.dispatchEvent(new DragEvent(kind, {bubbles: true, cancelable: true, dataTransfer}));
        }""",
        content,
    )


def test_a_deleted_talk_is_gone_at_once_and_comes_back_with_all_that_was_said(olga: Look):
    page = olga.page
    talk_about(olga, "Do not lose this.")
    choose(page, "Delete")
    expect(page.locator(".hero")).to_be_visible()
    expect(entries(page)).to_have_count(0)
    page.locator(".notice").get_by_role("button", name="Undo").click()
    expect(own_rows(page)).to_contain_text("Do not lose this.")
    expect(entries(page)).to_have_count(1)
    expect(page.locator(".notice")).to_contain_text("is back")


def test_all_talks_are_deleted_after_a_question_with_their_number_and_the_other_tab_can_undo(olga: Look):
    page = olga.page
    talk_about(olga, "First.")
    talk_about(olga, "Second.")
    second = olga.open_tab()
    expect(entries(second)).to_have_count(2)
    page.locator("[data-key=manage]").click()
    page.locator("[data-key=delete-all]").click()
    question = page.get_by_role("alertdialog")
    expect(question).to_contain_text("Delete all your talks (2)")
    question.get_by_role("button", name="Delete all 2").click()
    for tab in (page, second):
        tab.bring_to_front()
        expect(entries(tab)).to_have_count(0)
    second.locator("[data-key=deleted-lately]").click()
    second.locator(".deletions").get_by_role("button", name="Undo").click()
    for tab in (second, page):
        tab.bring_to_front()
        expect(entries(tab)).to_have_count(2)


def test_a_second_tab_hears_of_a_new_title_and_of_a_deletion(olga: Look):
    page = olga.page
    talk = talk_about(olga, "Hello.")
    second = olga.open_tab(f"/?c={talk}")
    expect(own_rows(second)).to_have_count(1)
    page.bring_to_front()
    choose(page, "Rename")
    field = page.get_by_role("textbox", name="Rename")
    expect(field).to_be_focused()
    field.fill("  ")
    field.press("Enter")
    expect(page.locator(".entry-form").get_by_role("alert")).to_contain_text("the title is empty")
    field.press("Escape")
    expect(entries(page).locator(".entry-title")).to_have_text(INTERVIEW)
    entries(page).locator(".entry-open").press("F2")
    field.fill("나의 면접")
    field.press("Enter")
    second.bring_to_front()
    for tab in (second, page):
        expect(entries(tab).locator(".entry-title")).to_have_text("나의 면접")
        expect(tab.locator(".talk-head h1")).to_have_text("나의 면접")
    second.bring_to_front()
    olga.expect_refusals(404)
    assert page.request.delete(f"{olga.house.url}/api/v1/conversations/{talk}").ok
    expect(second.locator(".missing")).to_be_visible()
    expect(entries(second)).to_have_count(0)


def test_of_very_many_talks_only_those_near_the_eye_are_in_the_page(olga: Look, house: House):
    page = olga.page
    owner = talk_owner(house, talk_about(olga, "The newest."))
    for n in range(230):
        import_conversation(
            house.db, visitor_id=owner.visitor_id, scenario_id=owner.scenario_id, scenario_hash=owner.scenario_hash,
            scenario_body={}, language="en", title=f"Talk {n}", answers={}, said=[Said("user", "Hello.")],
        )  # fmt: skip
    page.reload()
    first = entries(page).first.locator(".entry-open")
    first.focus()
    page.keyboard.press("ArrowDown")
    expect(entries(page).nth(1).locator(".entry-open")).to_be_focused()
    last = page.locator(".entry-title", has_text=re.compile("^Job interview$"))
    page.wait_for_function(
        """() => {
            document.querySelector(".days").scrollIntoView({block: "end"});
            return !document.querySelector("[data-key=list-more]");
        }""",
        polling=200,
    )
    expect(last).to_be_visible()
    assert entries(page).count() < 150
    assert page.locator("[data-block]").count() >= 5


def talk_owner(house: House, talk: str) -> ConversationRow:
    with house.db.read() as session:
        return session.get_one(ConversationRow, talk)
