"""The strings that must stay words, from `corpus.toml`; the very long ones are made here.

Each has a host name and a script call of its own, so that whatever runs or leaves says whose it is.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

CANARY_DOMAIN = "canary.example"
CORPUS_FILE = Path(__file__).with_name("corpus.toml")

LONG = {
    "long": [
        "unbroken" * 400,
        "가나다라" * 800,
        "[" * 400 + "deep" + "]" * 400 + "(http://@host@/deep)",
        "<b>" * 300 + "<img src=x onerror=@run@>",
        "> " * 150 + "![quoted](http://@host@/q.png)",
        "*_`" * 300 + "<script>@run@</script>",
        "http://@host@/" + "a" * 3000,
    ]
}


@dataclass(frozen=True)
class Attack:
    kind: str
    number: int
    """From 0, through the whole corpus."""
    text: str

    @property
    def label(self) -> str:
        return f"{self.kind} {self.number}"


def read_corpus() -> list[Attack]:
    kinds: dict[str, list[str]] = {**tomllib.loads(CORPUS_FILE.read_text("utf-8")), **LONG}
    texts = [(kind, text) for kind, texts in kinds.items() for text in texts]
    return [
        Attack(kind, n, text.replace("@run@", f"ran({n})").replace("@host@", f"x{n}.{CANARY_DOMAIN}"))
        for n, (kind, text) in enumerate(texts)
    ]


CORPUS = read_corpus()
