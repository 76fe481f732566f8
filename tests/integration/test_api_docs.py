"""The walk through the API in `docs/api.md` is run as it stands there, by a real shell and a real curl."""

import re
import subprocess
from pathlib import Path
from typing import get_args

from debrief.comparing import Versions, differences
from debrief.dispute import ALONE, IN_LISTS
from debrief.repeat import DIFFERENCES, Sampling
from debrief.review import REASONS
from debrief.texts import catalog
from storage import reviews
from tests.integration.test_api_feedback import make_debrief
from tests.review_scene import PASSWORD, make_account, make_feedback
from tests.web_scene import Browser, Web
from webapp.api.review import Action
from webapp.hub import EventName

DOCS = Path(__file__).parents[2] / "docs" / "api.md"


def test_the_talk_by_curl_works_as_it_is_written(web: Web, tmp_path: Path):
    (script,) = re.findall(r"```bash\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    assert "URL=http://localhost:7860" in script
    script = script.replace("http://localhost:7860", web.url)

    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )

    assert done.returncode == 0, done.stderr
    assert "event: turn" in done.stdout
    assert '"state":"complete"' in done.stdout
    assert "'text': 'I led a team of three.'" in done.stdout
    assert "Your debrief is delayed" in done.stdout
    assert done.stdout.count("queued\n") == 1
    assert done.stdout.count("cancelled\n") == 1
    assert len(web.rung) == 2


def test_what_is_said_of_a_debrief_by_curl_works_as_it_is_written(web: Web, olga: Browser, tmp_path: Path):
    feedback_id = make_debrief(olga, web)
    (script,) = re.findall(r"```console\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    (field,) = set(re.findall(r"^field\(\) .*$", DOCS.read_text("utf-8"), re.MULTILINE))
    (cookie,) = olga.cookies.jar
    jar = f"#HttpOnly_127.0.0.1\tFALSE\t/\tFALSE\t0\t{cookie.name}\t{cookie.value}\n"
    (tmp_path / "jar").write_text(jar)
    script = f"{field}\nURL={web.url}\nFEEDBACK={feedback_id}\n{script}"

    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:2] == ["{'helpful': True}", "pending"]
    assert "You were concrete." in next(tmp_path.glob("debrief-*.md")).read_text("utf-8")


def test_every_path_of_a_sentence_is_in_the_docs():
    text = DOCS.read_text("utf-8")
    paths = {*ALONE, *(f"{part}.N.{name}" for part, names in IN_LISTS.items() for name in names)}
    assert {path for path in paths if f"`{path}`" not in text} == set()


def test_the_review_by_curl_works_as_it_is_written(web: Web, tmp_path: Path):
    make_account(web.parts.db, "rita")
    row = make_feedback(web.parts.db)
    (script,) = re.findall(r"```sh\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    script = f"PASSWORD='{PASSWORD}'\n" + script.replace("http://localhost:7860", web.url)

    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )

    assert done.returncode == 0, done.stderr
    assert "\nrejected\n" in done.stdout
    assert "Version 1 is being made again from its record." in done.stdout
    case = reviews.get_review(web.parts.db, row.id)
    assert (case.state, case.version_n) == ("edited_approved", 2)
    assert case.body
    assert case.body.next_step == "Begin your next answer with the number."


def test_every_reason_and_move_is_in_the_docs():
    text = DOCS.read_text("utf-8")
    assert all(f"`{reason}`" in text for reason in REASONS)
    assert all(action in text for action in get_args(Action))


def test_what_can_make_levels_incomparable_is_in_the_docs():
    text = DOCS.read_text("utf-8")
    one = Versions("r", "p", "s", "m", "written", "model", None, "en")
    other = Versions("", "", "", "", "rubric", "likeness", "pieces", "ko")
    assert f"differs: {', '.join(f'`{name}`' for name in differences(one, other))}." in text


def test_all_that_can_stand_in_the_way_of_making_again_is_in_the_docs():
    text = DOCS.read_text("utf-8")
    assert all(f"`{name}`" in text for name in DIFFERENCES)
    assert all(f"desk.repeat_changed_{name}" in catalog("en") for name in DIFFERENCES)
    assert all(f"`{sampling}`" in text for sampling in get_args(Sampling))


def test_every_live_event_is_in_the_table():
    text = DOCS.read_text("utf-8").partition("## The live stream")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == set(get_args(EventName))
