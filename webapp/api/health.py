"""How the installation is: for the page that waits for the model, for probes, for whoever runs it.

200 whenever the web server and the database work; the model and the worker may be away, and are said to be.
"""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel

from storage import live
from storage.feedback import WORKER_SILENT_AFTER_S
from webapp.api.asking import TheParts
from webapp.live import model_data
from webapp.parts import Parts

DATABASE_TIMEOUT_S = 3.0
MODEL_TIMEOUT_S = 2.0


class Health(BaseModel):
    ok: bool
    web: Literal["ready"] = "ready"
    worker: Literal["ready", "down"]
    model: dict[str, Any]
    database: Literal["ready", "down"]


router = APIRouter()


@router.get("/healthz", summary="How the parts are")
async def healthz(parts: TheParts, response: Response) -> Health:
    health = await read_health(parts)
    response.status_code = 200 if health.ok else 503
    response.headers["cache-control"] = "no-store"
    return health


async def read_health(parts: Parts) -> Health:
    """Never raises: a part that cannot be asked is down."""
    model, (database, worker) = await asyncio.gather(_model(parts), _database_and_worker(parts))
    return Health(ok=database == "ready", worker=worker, model=model, database=database)


async def _model(parts: Parts) -> dict[str, Any]:
    try:
        async with asyncio.timeout(MODEL_TIMEOUT_S):
            return model_data(await parts.model.state())
    except TimeoutError:
        return {"state": "down", "since_s": 0.0, "detail": "does not answer"}


async def _database_and_worker(parts: Parts) -> tuple[Literal["ready", "down"], Literal["ready", "down"]]:
    try:
        async with asyncio.timeout(DATABASE_TIMEOUT_S):
            silence_s = await parts.store(live.find_worker_silence_s)
    except Exception:  # noqa: BLE001  # whatever the database says, it does not work
        return "down", "down"
    is_alive = silence_s is not None and silence_s <= WORKER_SILENT_AFTER_S
    return "ready", "ready" if is_alive else "down"
