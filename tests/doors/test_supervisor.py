"""The supervisor over real processes: what dies comes back, what must end ends, nothing is left behind."""

import ast
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

import pytest

import launch.children
from launch.children import Child, ChildPlan, shorten
from launch.say import Stop
from launch.supervisor import REPLY_WITHIN_S, Plan, check_ports_free
from tests.full_disk import no_room
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
SLEEP = "import time; time.sleep(600)"
ANSWER = (
    "import http.server, sys; h = http.server.BaseHTTPRequestHandler;"
    "h.do_GET = lambda s: (s.send_response(200), s.end_headers());"
    "http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), h).serve_forever()"
)
DEAF = """
import signal, time
for name in (signal.SIGINT, signal.SIGTERM):
    signal.signal(name, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(600)
"""
WITH_OWN_CHILD = f"""
import subprocess, sys
own = subprocess.Popen([sys.executable, "-c", {DEAF!r}])
print(own.pid, flush=True)
own.wait()
"""
SILENT = """
import socket, sys
server, kept = socket.create_server(("127.0.0.1", int(sys.argv[1]))), []
while True:
    kept.append(server.accept())
    print("asked", flush=True)
"""
TIDY = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: (time.sleep(2), sys.exit()))
print("up", flush=True)
time.sleep(600)
"""


@dataclass
class Running:
    process: subprocess.Popen[str]
    folder: Path
    said: Path

    def lines(self) -> str:
        return self.said.read_text("utf-8")

    def table(self) -> dict[str, dict[str, object]]:
        try:
            rows = json.loads((self.folder / "processes.json").read_text("utf-8"))["processes"]
        except FileNotFoundError:
            return {}
        return {row["name"]: row for row in rows}

    def pid(self, name: str) -> int:
        return wait_for(lambda: self.table().get(name, {}).get("pid"))  # type: ignore[return-value]

    def log(self, name: str) -> str:
        return (self.folder / "logs" / f"{name}.log").read_text("utf-8")


Start = Callable[..., Running]


@pytest.fixture
def start(tmp_path: Path) -> Generator[Start]:
    """Start a supervisor over children given as Python programs; it is ended, if it still runs, after the test."""
    started: list[Running] = []

    def begin(reply_within_s: float = REPLY_WITHIN_S, **programs: str) -> Running:
        port, model_port = free_port(), free_port()
        ports = {"web": port, "model": model_port}
        children = {name: [sys.executable, "-c", text, str(ports.get(name, 0))] for name, text in programs.items()}
        plan = tmp_path / "plan.json"
        plan.write_text(
            json.dumps(
                {
                    "data_dir": str(tmp_path),
                    "port": port,
                    "model_port": model_port,
                    "children": children,
                    "reply_within_s": reply_within_s,
                }
            )
        )
        said = tmp_path / "said.txt"
        with said.open("w") as out:
            command = [sys.executable, str(Path(__file__).with_name("small_supervisor.py")), str(plan)]
            process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, text=True)
        started.append(Running(process, tmp_path, said))
        return started[-1]

    yield begin
    for running in started:
        if running.process.poll() is None:
            running.process.send_signal(signal.SIGTERM)
            running.process.wait(15)


def wait_for(look: Callable[[], object], seconds: float = 60) -> object:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not seen within {seconds} s")


def is_alive(pid: int) -> bool:
    """True for a process that runs; one that has ended and only waits to be collected does not count."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_it_prints_the_address_when_the_page_answers_and_then_that_the_model_is_ready(start: Start):
    running = start(web=ANSWER, worker=SLEEP, model=ANSWER)
    wait_for(lambda: "Everything runs" in running.lines())
    lines = running.lines()
    assert "Page:  http://127.0.0.1:" in lines
    assert lines.index("Page:") < lines.index("Everything runs")
    assert {row["state"] for row in running.table().values()} == {"ready", "running"}


def test_a_child_that_dies_is_started_again_and_the_others_stay(start: Start):
    running = start(web=SLEEP, worker=SLEEP, model=SLEEP)
    web, model = running.pid("web"), running.pid("model")
    os.kill(web, signal.SIGKILL)
    wait_for(lambda: running.table()["web"]["pid"] not in {web, None})
    assert running.table()["web"]["restarts"] == 1
    assert running.table()["model"]["pid"] == model
    assert "Web: ended (signal 9); starting it again in 1 s." in running.lines()


def test_a_child_that_keeps_dying_is_started_after_longer_and_longer_pauses(start: Start):
    running = start(worker="raise SystemExit('no luck')")
    wait_for(lambda: running.table().get("worker", {}).get("restarts") == 2)
    wait_for(lambda: "again in 4 s" in running.lines())
    lines = running.lines()
    assert lines.index("again in 1 s") < lines.index("again in 2 s") < lines.index("again in 4 s")
    assert "no luck" in lines


def test_what_has_worked_for_a_while_comes_back_after_the_first_pause_however_often_it_dies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(launch.children, "STEADY_AFTER_S", 0)
    child = Child(ChildPlan("web", [sys.executable, "-c", SLEEP], tmp_path / "web.log"))
    pauses = []
    for has_worked in (True, True, True, False, False):
        child.start()
        if has_worked:
            child.note_working()
        os.kill(child.pid or 0, signal.SIGKILL)
        wait_for(child.has_ended)
        pauses.append(round(child.pause_s))
    assert pauses == [1, 1, 1, 2, 4]


def test_a_page_that_runs_but_does_not_answer_any_more_is_killed_and_started_again(start: Start):
    running = start(web=ANSWER, worker=SLEEP, reply_within_s=0.3)
    wait_for(lambda: running.table().get("web", {}).get("state") == "ready")
    frozen = running.pid("web")
    os.kill(frozen, signal.SIGSTOP)
    wait_for(lambda: running.table()["web"]["pid"] not in {frozen, None}, seconds=60)
    assert not is_alive(frozen)
    wait_for(lambda: running.table()["web"]["state"] == "ready")
    assert "Web: runs but does not answer any more" in running.lines()


def test_a_page_that_is_slow_to_start_is_not_killed_for_it(start: Start):
    running = start(web=SILENT, worker=SLEEP, reply_within_s=0.05)
    web = running.pid("web")
    wait_for(lambda: running.log("web").count("asked") > 7, seconds=60)
    assert running.pid("web") == web


def test_after_a_killed_supervisor_the_next_one_waits_until_its_children_have_left_their_ports(tmp_path: Path):
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        plan = Plan("127.0.0.1", held.getsockname()[1], tmp_path, "http://model", 0, "small", False, False, tmp_path)
        with pytest.raises(Stop):
            check_ports_free(plan)
        (tmp_path / "processes.json").write_text("{}")
        threading.Timer(1, held.close).start()
        check_ports_free(plan)


def test_what_a_dead_child_left_behind_is_ended(start: Start):
    running = start(worker=WITH_OWN_CHILD)
    worker = running.pid("worker")
    grandchild = int(str(wait_for(lambda: running.log("worker").splitlines()[1:2])).strip("[']"))
    os.kill(worker, signal.SIGKILL)
    wait_for(lambda: not is_alive(grandchild))


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
def test_one_signal_ends_everything_within_ten_seconds_even_what_ignores_it(start: Start, name: signal.Signals):
    running = start(web=DEAF, worker=SLEEP, model=WITH_OWN_CHILD)
    pids = [running.pid(child) for child in ("web", "worker", "model")]
    grandchild = int(str(wait_for(lambda: running.log("model").splitlines()[1:2])).strip("[']"))
    wait_for(lambda: "deaf" in running.log("web"))
    began = time.monotonic()
    running.process.send_signal(name)
    assert running.process.wait(15) == 0
    assert time.monotonic() - began < 10
    assert not [pid for pid in [*pids, grandchild] if is_alive(pid)]


def test_when_the_supervisor_is_killed_its_children_die_too(start: Start):
    running = start(web=SLEEP, worker=SLEEP, model=DEAF)
    pids = [running.pid(child) for child in ("web", "worker", "model")]
    wait_for(lambda: "deaf" in running.log("model"))
    running.process.kill()
    running.process.wait()
    wait_for(lambda: not any(is_alive(pid) for pid in pids))


def test_the_worker_ends_before_the_model_so_that_it_can_give_its_jobs_back(start: Start):
    running = start(worker=TIDY, model=ANSWER)
    worker, model = running.pid("worker"), running.pid("model")
    wait_for(lambda: "up" in running.log("worker"))
    running.process.send_signal(signal.SIGTERM)
    wait_for(lambda: "Ending." in running.lines())
    assert is_alive(model)
    wait_for(lambda: not is_alive(worker))
    running.process.wait(60)
    assert not is_alive(model)


def test_a_log_that_has_grown_is_cut_and_its_older_part_kept(tmp_path: Path):
    log = tmp_path / "web.log"
    log.write_text("old\n" * 100)
    with log.open("a") as writer:  # a child appends all the time
        shorten(log, max_bytes=50)
        writer.write("new\n")
    assert log.read_text() == "new\n"
    assert (tmp_path / "web.log.1").read_text() == "old\n" * 100


def test_the_doors_need_only_the_standard_library():
    allowed = sys.stdlib_module_names | {"launch", "debrief"}
    inside = [node for file in product_files() for node in top_level_imports(file)]
    assert not [name for name in inside if name.split(".")[0] not in allowed]


def product_files() -> list[Path]:
    return [ROOT / "app.py", *(ROOT / "launch").glob("*.py")]


def top_level_imports(file: Path) -> list[str]:
    names: list[str] = []
    for node in ast.parse(file.read_text("utf-8")).body:
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.append(node.module)
    return names


def test_a_full_disk_ends_nobody_and_what_dies_meanwhile_comes_back(start: Start):
    running = start(worker=SLEEP)
    first = running.pid("worker")
    with no_room(running.process.pid):
        os.kill(first, signal.SIGKILL)
        second = wait_for(lambda: children_of(running.process.pid) - {first})
        assert running.process.poll() is None
    assert wait_for(lambda: running.pid("worker") in second)
    assert running.process.poll() is None


def test_a_log_that_cannot_be_kept_on_a_full_disk_is_emptied(tmp_path: Path):
    log = tmp_path / "web.log"
    log.write_text("x" * 2000)
    (tmp_path / "web.log.1").mkdir()  # nothing can be written there

    shorten(log, 1000)
    shorten(tmp_path / "nowhere" / "web.log", 1000)

    assert log.exists()


def children_of(pid: int) -> set[int]:
    """Of the process itself; the tether between lies in the same process (see launch/tether.py)."""
    return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}
