"""Which tests run beside which, where `make test` runs several test processes (pytest-xdist's `-n`).

The tests of a file stay together in one process, because they share what is set up once for a file; those with a
browser all do: one Chromium, one house. What takes longest begins first, so that at the end nobody waits long for the
other. What needs the whole machine (the real model computes on all cores; floods, faults and kills are about patience)
comes last, in one process, when the others have ended.
"""

from collections import OrderedDict

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import NodeManager, WorkerController

ALONE = "alone"
TOGETHER = {
    "tests/browser/": "a browser",
    "tests/doors/test_prepare_model.py": ALONE,  # what it has prepared need not be prepared again
    "tests/vllm/": ALONE,
    "tests/security/test_attacks.py": ALONE,
    "tests/security/test_floods.py": ALONE,
    "tests/security/test_slow_clients.py": ALONE,
    "tests/crash/": ALONE,
    "tests/faults/": ALONE,
}
NodeManager.EXIT_TIMEOUT = 20  # at Ctrl-C each process ends its servers; after xdist's 10 s some were still at it
LONG = ["tests/browser/", *(f"tests/{folder}/" for folder in ("security", "doors", "integration"))]


class Groups(LoadScopeScheduling):
    """Hands whole groups to the processes, in the order of the tests, and the last one to a process that is alone."""

    def _assign_work_unit(self, node: WorkerController) -> None:
        others = [other for other in self.nodes if other is not node]
        if next(iter(self.workqueue)) != ALONE or not others:
            super()._assign_work_unit(node)
        elif not all(other.shutting_down for other in others):
            node.shutdown()
        # else it waits with its last test until the others have ended: remove_node comes back here

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)

    def remove_node(self, node: WorkerController) -> str | None:
        """Gives the test in which a process died. xdist would begin it again, and lose one process after the other."""
        groups = self.assigned_work[node]
        died = next((test for group in groups.values() for test, is_over in group.items() if not is_over), None)
        del self.assigned_work[node]
        if died is not None:
            groups[group_of(died)][died] = True
            left = {name: group for name, group in groups.items() if not all(group.values())}
            self.workqueue = OrderedDict({**left, **self.workqueue})
        for other in list(self.assigned_work):
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
    if group_of(item.nodeid) == ALONE:
        return len(LONG) + 1
    return next((place for place, start in enumerate(LONG) if item.nodeid.startswith(start)), len(LONG))
