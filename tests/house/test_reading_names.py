"""What is named as reading never writes: `webapp.store` gives it threads that no writer can block."""

import ast
from pathlib import Path

from webapp.store import READING

ROOT = Path(__file__).parents[2]
MAY_WRITE = {"who_is", "who_is_program"}
"""They note the use of a sign-in or a token, and wait for that half a second at most."""


def test_what_is_named_as_reading_does_not_write():
    files = [*(ROOT / "storage").glob("*.py"), *(ROOT / "webapp").rglob("*.py")]
    functions = [
        node
        for file in files
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.lstrip("_").startswith(READING)
    ]
    assert len(functions) > 50
    writing = {node.name for node in functions if ".write(" in ast.unparse(node)}
    assert writing <= MAY_WRITE
