"""The endpoints for programs, `/chat` and `/debrief`: by gradio_client, and by plain requests as curl makes them."""
from collections.abc import Iterator
import pytest
from tests.scripted_model import ScriptedModel
from tests.web_scene import Web, running_web
from debrief.settings import Settings

@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[tuple[Web, ScriptedModel]]:
    with ScriptedModel() as model:
        settings = Settings(_env_file=None, data_dir=tmp_path_factory.mktemp("calls"), rate_limit="off", model_url=model.url)
        with running_web(settings, with_pages=True) as web:
            yield web, model

def test_x(served):
    from gradio_client import Client
    web, model = served
    c = Client(web.url, verbose=False, analytics_enabled=False)
    print(c.view_api(return_format="dict"))
    print(c.cookies)
    print(c.predict("Hello there", api_name="/chat"))
    job = c.submit("Hello there again", api_name="/chat")
    job.result()
    print(job.outputs())
    try:
        print(c.predict("", api_name="/chat"))
    except Exception as e:
        print(type(e), e)
    with web.browser() as sam:
        r = sam.post("/gradio_api/call/chat", json={"data": ["Hi"]})
        print(r.status_code, r.text, r.headers.get("set-cookie"))
        print(sam.get("/gradio_api/call/chat/" + r.json()["event_id"]).text)
        print(sam.get("/gradio_api/call/chat/" + r.json()["event_id"]).status_code)
