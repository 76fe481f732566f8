"""Which way imports may point, and where each outside package lives. This test is that rule."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
LAYERS = {
    "debrief": set(),
    "storage": {"debrief"},
    "inference": {"debrief"},
    "webapp": {"storage", "inference", "debrief"},
    "tasks": {"storage", "inference", "debrief"},
    "launch": set(),
}
HOMES = {
    "numpy": "inference",
    "tokenizers": "inference",
    "safetensors": "inference",
    "kiwipiepy": "inference",
    "gradio": "webapp",
    "huey": "tasks",
    "sqlalchemy": "storage",
    "alembic": "storage",
    "pyarrow": "storage",
    "openai": "inference",
}


def imported_packages(file: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def product_files() -> list[Path]:
    return [file for folder in LAYERS for file in (ROOT / folder).rglob("*.py")]


def test_imports_point_down_and_never_sideways():
    wrong = [
        f"{file.relative_to(ROOT)} imports {name}"
        for file in product_files()
        for name in imported_packages(file)
        if (top := name.split(".")[0]) in LAYERS
        and top != (own := file.relative_to(ROOT).parts[0])
        and top not in LAYERS[own]
    ]
    assert not wrong


def test_each_outside_package_has_one_home():
    wrong = [
        f"{file.relative_to(ROOT)} imports {name}"
        for file in product_files()
        for name in imported_packages(file)
        if (home := HOMES.get(name.split(".")[0])) and file.relative_to(ROOT).parts[0] != home
    ]
    assert not wrong


def test_nobody_imports_vllm():
    wrong = [
        str(file) for file in product_files() if "vllm" in {name.split(".")[0] for name in imported_packages(file)}
    ]
    assert not wrong


def test_handlers_do_not_import_gradio():
    wrong = [
        str(file)
        for file in (ROOT / "webapp" / "pages").rglob("handlers.py")
        if "gradio" in {name.split(".")[0] for name in imported_packages(file)}
    ]
    assert not wrong
