"""The walk through the API in `docs/api.md` is run as it stands there, by a real shell and a real curl."""

import re
import subprocess
from pathlib import Path
from typing import get_args

from tests.web_scene import Web
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
    assert len(web.rung) == 1


def test_every_live_event_is_in_the_table():

    text = DOCS.read_text("utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == set(get_args(EventName))
