"""Words in an exported debrief stay words, whatever signs are in them: seen with a real Markdown reader."""

from datetime import UTC, datetime

from hypothesis import example, given, strategies as st
from markdown_it import MarkdownIt

from debrief.conversation import Conversation
from debrief.feedback import Coverage, CriterionResult, Evidence, FeedbackBody, FeedbackView, Improvement, JobState
from webapp.export import escaped, export_name, feedback_markdown

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
SIGNS = st.text(st.sampled_from("ab가 \n\t\r\\`*_{}[]()<>#+-.!|~&;:/@$=\"'1234wW\x00"), max_size=40)


def read(markdown: str) -> str:
    return MarkdownIt("commonmark").render(markdown)


@given(SIGNS)
@example("![x](http://evil/x.png)")
@example("<script>alert(1)</script>")
@example("1. one\n2. two")
@example("- [ ] task\n\n# head\n---")
@example("&lt;b&gt; \\* `code` https://a.example www.b.example c@d.example $x$")
def test_a_reader_of_markdown_sees_the_very_words_and_nothing_else(words: str):
    flat = " ".join("".join(" " if sign < " " else sign for sign in words).split())
    shown = read(escaped(words)).removeprefix("<p>").removesuffix("</p>\n")
    plain = shown.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&amp;", "&")
    assert plain == flat
    assert "\n" not in escaped(words)


def test_what_stands_in_a_talk_makes_no_tag_link_or_heading_in_the_file():
    evil = "# <img src=x onerror=alert(1)> [a](javascript:b) ![c](http://d) **e** https://f.example"
    html = read(feedback_markdown(make_view(evil), make_talk(evil), "en"))
    assert not any(tag in html for tag in ("<img", "<a ", "<script"))
    assert html.count("<h1>") == 1
    assert html.count("<blockquote>") == 2


def test_the_rubrics_example_is_not_sold_as_a_rewrite():
    text = feedback_markdown(make_view("Said."), make_talk("A talk"), "en")
    assert "**An example of how it can sound** Better." in text
    assert "Try it like this" not in text


def test_the_file_says_whose_words_these_are_and_what_was_covered():
    text = feedback_markdown(make_view("Said."), make_talk("A talk"), "en")
    assert "chosen by how alike your sentences are" in text
    assert "Based on messages 1–40, 82 of 120." in text


def test_a_files_name_is_plain():
    assert export_name(make_view("x", id='f_"../a\r\nb-\u00e9Z9'), "md") == "debrief-2026-11-22-fabZ9.md"


def make_talk(title: str) -> Conversation:
    return Conversation(
        id="c_1", visitor_id="v_olga", scenario_id="job_interview", scenario_hash="0", language="en", title=title,
        answers={}, active_leaf_id=None, created_at=NOW, updated_at=NOW,
    )  # fmt: skip


def make_view(words: str, id: str = "f_123456") -> FeedbackView:
    quote = Evidence(message_id="m_1", start=0, end=5, quote=words)
    body = FeedbackBody(
        language="en", way="rubric", placed_by="likeness",
        criteria=[
            CriterionResult(
                key="a", name=words, status="scored", level=2, level_name=words, reason=words, tip=words,
                evidence=[quote],
            )
        ],
        improvements=[Improvement(criterion="a", problem=words, rewrite="Better.", evidence=[quote], is_example=True)],
        summary=words, next_step=words, covered=Coverage(messages=41, of=120, runs=[(1, 40), (82, 82)]),
    )  # fmt: skip
    return FeedbackView(
        id=id, conversation_id="c_1", state=JobState.SUCCEEDED, review_state="auto_released", progress={}, body=body,
        checks=[], lineage={}, error_code=None, reject_reason=None, leaf_id="m_1", created_at=NOW, finished_at=NOW,
        worker_alive=True,
    )  # fmt: skip
