"""How the installation is doing, in Prometheus' text format: for a program that asks again and again.

Only with `DEBRIEF_METRICS_TOKEN`: behind a proxy every request comes from loopback, so the address proves nothing.
For everybody else, and while no token is set, the route is not there. A few lines of text need no package: the only
one that writes them comes with the model's packages, which the web process runs without.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator, Mapping

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse

from debrief.conversation import MessageState
from debrief.errors import NotFound
from debrief.settings import Settings
from storage.standing import read_standing
from storage.webhook_standing import read_webhook_standing
from webapp.api.asking import TheParts
from webapp.api.health import read_health
from webapp.counts import Histogram
from webapp.pages.system.handlers import read_processes
from webapp.parts import Parts
from webapp.refusals import header

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MODEL_STATES = ("starting", "ready", "down")
ENDED = [state.value for state in MessageState if state is not MessageState.RUNNING]
Samples = Iterable[tuple[Mapping[str, str], float | None]]
"""Labels and value; None where it is not known, which leaves the sample out."""

router = APIRouter()


@router.get("/metrics", include_in_schema=False)
async def metrics(parts: TheParts, request: Request) -> PlainTextResponse:
    if not is_allowed(parts.settings, header(request.scope, b"authorization")):
        raise NotFound
    text = "".join(await _metrics(parts))
    return PlainTextResponse(text, headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"})


def is_allowed(settings: Settings, authorization: str | None) -> bool:
    token = settings.metrics_token.get_secret_value()
    kind, _, given = (authorization or "").partition(" ")
    return bool(token) and kind.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode())


async def _metrics(parts: Parts) -> list[str]:
    health = await read_health(parts)
    counts = parts.turns.counts
    refused = parts.refused.since_start()
    lines = [
        *_counter("answers_begun", "Answers that this process has begun.", [({}, counts.begun)]),
        *_counter("answers_ended", "How they ended.", [({"state": name}, counts.ended[name]) for name in ENDED]),
        *_histogram("first_token_seconds", "From a message to its answer's first words.", counts.first_token_s),
        *_counter("refusals", "Requests refused, by code.", [({"code": c}, n) for c, n in sorted(refused.items())]),
        *_gauge("live_streams", "Open live streams.", [({}, parts.hub.stream_count)]),
        *_gauge("model_state", "1 for the state that the model server is in.", _one_of(str(health.model["state"]))),
        *_gauge("database_up", "1 while the database answers.", [({}, health.database == "ready")]),
    ]
    processes = await parts.store.in_thread(lambda: read_processes(parts.settings.data_dir))
    memory = [({"process": str(row["name"])}, row["rss_bytes"]) for row in processes]
    lines += _gauge("process_resident_bytes", "Memory of a process and those that it started.", memory)
    return lines + (await _standing(parts) if health.database == "ready" else [])


async def _standing(parts: Parts) -> list[str]:
    """What all processes share."""
    standing = await parts.store(read_standing)
    hooks = await parts.store(read_webhook_standing)
    jobs = [({"state": state.value}, number) for state, number in standing.jobs.items()]
    return [
        *_gauge("answers_running", "Answers being written, by all processes.", [({}, standing.answers_running)]),
        *_gauge("feedback_jobs", "Makings of a debrief by state.", jobs),
        *_gauge(
            "feedback_oldest_waiting_seconds",
            "Age of the job that waits longest; 0 when none does.",
            [({}, standing.oldest_waiting_s or 0)],
        ),
        *_gauge(
            "webhooks",
            "Endpoints by whether what is sent there arrives.",
            [({"state": state}, getattr(hooks, state)) for state in ("works", "failing", "disabled")],
        ),
        *_gauge(
            "webhook_deliveries",
            "Deliveries that have yet to arrive, and those that were given up.",
            [({"state": state}, getattr(hooks, state)) for state in ("waiting", "failed")],
        ),
        *_gauge(
            "webhook_oldest_waiting_seconds",
            "Age of the oldest event that has yet to arrive; 0 when none has.",
            [({}, hooks.oldest_waiting_s or 0)],
        ),
        *_gauge("workers_alive", "Workers that gave a sign of life.", [({}, standing.workers_alive)]),
        *_gauge("database_bytes", "Size of the database.", [({}, standing.database_bytes)]),
    ]


def _one_of(state: str) -> Samples:
    return [({"state": name}, name == state) for name in MODEL_STATES]


def _counter(name: str, about: str, samples: Samples) -> Iterator[str]:
    return _family(f"debrief_{name}_total", "counter", about, samples)


def _gauge(name: str, about: str, samples: Samples) -> Iterator[str]:
    return _family(f"debrief_{name}", "gauge", about, samples)


def _family(name: str, kind: str, about: str, samples: Samples) -> Iterator[str]:
    yield _head(name, kind, about)
    for labels, value in samples:
        if value is not None:
            yield _sample(name, labels, value)


def _histogram(name: str, about: str, found: Histogram) -> Iterator[str]:
    name = f"debrief_{name}"
    yield _head(name, "histogram", about)
    for bound, number in zip(found.bounds, found.buckets, strict=True):
        yield _sample(f"{name}_bucket", {"le": f"{bound:g}"}, number)
    yield _sample(f"{name}_bucket", {"le": "+Inf"}, found.count)
    yield _sample(f"{name}_sum", {}, found.sum)
    yield _sample(f"{name}_count", {}, found.count)


def _head(name: str, kind: str, about: str) -> str:
    return f"# HELP {name} {about}\n# TYPE {name} {kind}\n"


def _sample(name: str, labels: Mapping[str, str], value: float) -> str:
    pairs = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    return f"{name}{{{pairs}}} {_number(value)}\n" if pairs else f"{name} {_number(value)}\n"


def _number(value: float) -> str:
    """Whole numbers without a fraction: `1e+09` for bytes would be near enough for nobody."""
    return str(int(value)) if value == int(value) else repr(float(value))


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
