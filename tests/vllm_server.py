"""One real vLLM with the packaged model for the whole test session, started by the product's own launch code.

The prepared model is kept between sessions, outside of the source tree. For quick rounds by hand, a server that runs
already may be used instead: DEBRIEF_TEST_MODEL_URL=http://127.0.0.1:8800/v1.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import launch.prepare_model
from launch.children import Child, ChildPlan
from launch.machine import has_gpu
from launch.model import PACKAGED_MODEL, ModelPlan, command, environment
from launch.prepare_model import prepare
from launch.supervisor import MODEL_ENDING
from tests.ports import free_port

SEATS = 16
READY_WITHIN_S = 420


@pytest.fixture(scope="session")
def real_model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the real model, for DEBRIEF_MODEL_URL."""
    if given := os.environ.get("DEBRIEF_TEST_MODEL_URL"):
        yield given.rstrip("/")
        return
    with packaged_model(tmp_path_factory.mktemp("model") / "model.log") as url:
        yield url


@contextmanager
def packaged_model(log: Path) -> Iterator[str]:
    """The packaged model on a free port, ready; its server writes to `log`."""
    port = free_port()
    child = Child(child_plan(port, log))
    child.start()
    try:
        wait_until_ready(child, port, log)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        while child.is_running:
            child.end()
            time.sleep(0.05)


def child_plan(port: int, log: Path) -> ChildPlan:
    folder = kept_model()
    prepare(folder)
    plan = ModelPlan(source=str(folder), name=PACKAGED_MODEL, port=port, seats=SEATS, has_gpu=has_gpu())
    surroundings = environment(plan, {"VLLM_CPU_KVCACHE_SPACE": "1", **os.environ})
    return ChildPlan("model", command(plan, sys.executable), log, MODEL_ENDING, MODEL_ENDING[-1][1], surroundings)


def kept_model() -> Path:
    return kept_folder() / recipe() / PACKAGED_MODEL


def kept_folder() -> Path:
    """In the virtual environment, which `make` keeps; else in the user's cache."""
    if sys.prefix != sys.base_prefix and os.access(sys.prefix, os.W_OK):
        return Path(sys.prefix) / "debrief-test-model"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "debrief-test-model"


def recipe() -> str:
    """Changes with the way in which the model is prepared, so that an older one is not taken for it."""
    return hashlib.sha256(Path(launch.prepare_model.__file__).read_bytes()).hexdigest()[:12]


def wait_until_ready(child: Child, port: int, log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while not answers(port):
        if child.has_ended() or time.monotonic() > deadline:
            end = "\n".join(log.read_text("utf-8", "replace").splitlines()[-20:])
            raise AssertionError(f"the model did not start (exit {child.last_exit}):\n{end}")
        time.sleep(0.2)


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2) as response:
            return response.status == 200
    except (urllib.error.URLError, OSError):
        return False


def gauge(url: str, name: str) -> float:
    """A value of the server's /metrics, for example "num_requests_running"."""
    with urllib.request.urlopen(url.removesuffix("/v1") + "/metrics", timeout=5) as response:
        lines = response.read().decode().splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(f"vllm:{name}{{"))
