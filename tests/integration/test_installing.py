"""Debrief as an app: a browser finds a whole manifest, and every picture that the pages name is there."""

import re
import struct

from debrief.settings import Settings
from tests.web_scene import running_web


def png_size(data: bytes) -> str:
    assert data.startswith(b"\x89PNG")
    return "{}x{}".format(*struct.unpack(">II", data[16:24]))


def test_the_manifest_names_icons_that_are_there_in_the_size_that_it_says(settings: Settings):
    with running_web(settings, with_pages=True) as web, web.browser() as olga:
        manifest = olga.get("/manifest.json").json()
        assert (manifest["name"], manifest["start_url"], manifest["scope"]) == ("Debrief", "./", "./")
        assert {icon["purpose"] for icon in manifest["icons"]} == {"any", "maskable"}
        for icon in manifest["icons"]:
            picture = olga.get(f"/{icon['src']}")
            assert picture.headers["content-type"] == icon["type"]
            assert icon["sizes"] == "any" or png_size(picture.content) == icon["sizes"]
        korean = olga.get("/manifest.json", headers={"accept-language": "ko"}).json()
        assert "디브리프" in korean["description"]
        assert png_size(olga.get("/favicon.ico").content) == "48x48"
        head = olga.get("/").text
        for name in ("icon.svg", "icon-apple.png"):
            (address,) = re.findall(rf'href=\\?"(assets-\w+/{name})', head)
            assert olga.get(f"/{address}").status_code == 200
        assert head.count("theme-color") == 2
