"""Which tests run beside which, where `make test` runs several test processes (pytest-xdist's `-n`).

The tests of a file stay together in one process, because they share what is set up once for a file. The tests that ask
the real model are one group, so that one vLLM is in memory; those with a browser are another: one Chromium, one house.
What takes longest begins first, so that at the end nobody waits long for the other.
"""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import NodeManager, WorkerController

TOGETHER = {
    "tests/doors/test_prepare_model.py": "the real model",  # what it has prepared need not be prepared again
    "tests/vllm/": "the real model",
    "tests/security/test_attacks.py": "the real model",
    "tests/browser/": "a browser",
}
NodeManager.EXIT_TIMEOUT = 20  # at Ctrl-C each process ends its servers; after xdist's 10 s some were still at it
ORDER = [*TOGETHER, *(f"tests/{folder}/" for folder in ("security", "crash", "doors", "faults", "integration"))]


class Groups(LoadScopeScheduling):
    """Hands whole groups to the processes, in the order of the tests."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)

    def remove_node(self, node: WorkerController) -> str | None:
        """Gives the test in which a process died. xdist would begin it again, and lose one process after the other."""
        groups = self.assigned_work[node]
        died = next((test for group in groups.values() for test, is_over in group.items() if not is_over), None)
        if died is None:
            return super().remove_node(node)
        del self.assigned_work[node]
        groups[group_of(died)][died] = True
        self.workqueue.update({name: group for name, group in groups.items() if not all(group.values())})
        for other in self.assigned_work:
            self._reschedule(other)
        return died


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
    for place, start in enumerate(ORDER):
        if item.nodeid.startswith(start):
            return place
    return len(ORDER)
