"""People's and models' words for Gradio's Chatbot, which reads Markdown, HTML and mermaid diagrams in them.

Gradio 6.31 lets pictures and links of other sites through its sanitising, and draws what stands in a mermaid block
with links and pictures allowed. Two things make it lose a whole message: a code block whose language is called like
something that every JavaScript object has ("constructor"), and its own mark for a formula. The same rule in
JavaScript, for the visitor's page: webapp/assets/inert.js.
"""

from __future__ import annotations

import re

EMPTY = "\u200b"
_OPENERS = re.compile(
    "|".join(
        (
            r"<(?=[a-z/!?])",
            r"!(?=\[)",
            r"\](?=[(:[])",
            r":(?=//)",
            r"www(?=\.)",
            r"@(?=[a-z0-9_-])",
            r"%(?=latex_block)",
            r"(?:`{3,}|~{3,})(?=[^a-z0-9\n]*(?:mermaid|constructor|tostring|tolocalestring|valueof|hasownproperty))",
            r"(?:`{3,}|~{3,})(?=[^a-z0-9\n]*(?:isprototypeof|propertyisenumerable))",
            r"(?:`{3,}|~{3,})(?=[^a-z0-9\n]*(?:proto|definegetter|definesetter|lookupgetter|lookupsetter)(?:\\?_){2})",
        )
    ),
    re.IGNORECASE | re.ASCII,
)


def inert(words: str) -> str:
    """The words with an empty character after each sign that could begin a tag, picture, link or diagram."""
    return _OPENERS.sub(rf"\g<0>{EMPTY}", words)
