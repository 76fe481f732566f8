"""Which tests run beside which, where `make test` runs several test processes (pytest-xdist's `-n`).

The tests of a file stay together in one process, because they share what is set up once for a file. The tests that ask
the real model are one group, so that one vLLM is in memory; those with a browser are another: one Chromium, one house.
What takes longest begins first, so that at the end nobody waits long for the other.
"""

from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).parent
TOGETHER = {
    "tests/vllm/": "the real model",
    "tests/security/test_attacks.py": "the real model",
    "tests/browser/": "a browser",
}
LONGEST_FIRST = ["vllm", "browser", "security", "crash", "doors", "faults", "integration"]


class Groups(LoadScopeScheduling):
    """Hands whole groups to the processes, in the order of the tests."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


def group_of(nodeid: str) -> str:
    """The group of a test such as "tests/unit/test_checks.py::test_a_quote_is_found": by default its file."""
    file = nodeid.split("::", 1)[0]
    return next((group for start, group in TOGETHER.items() if file.startswith(start)), file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Groups:
    config.option.loadscopereorder = False  # else the groups with most tests would come first
    return Groups(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    if group_of(item.nodeid) == "the real model":
        return -1
    folder = item.path.relative_to(ROOT).parts[0]
    return LONGEST_FIRST.index(folder) if folder in LONGEST_FIRST else len(LONGEST_FIRST)
