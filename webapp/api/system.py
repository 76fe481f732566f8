"""How the installation stands, for admins: processes, model, queue, database."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from debrief.manner import Probed, choose_manner
from debrief.settings import Settings
from storage.probes import KeptProbe, find_newest_probe
from storage.spending import Budget, Daily, read_spent
from storage.standing import read_standing
from webapp.api.asking import TheAsker, TheParts
from webapp.api.health import read_health
from webapp.api.mine import require_admin
from webapp.pages.system.handlers import read_processes
from webapp.parts import Parts

router = APIRouter(prefix="/api/v1", tags=["system"])


@router.get("/system", summary="Processes with memory, model, queue, database")
async def system(parts: TheParts, asker: TheAsker) -> dict[str, Any]:
    require_admin(asker)
    standing = await parts.store(read_standing)
    health = await read_health(parts)
    processes = await parts.store.in_thread(lambda: read_processes(parts.settings.data_dir))
    return {
        "processes": processes,
        "feedback": _feedback(parts.settings, await parts.store(find_newest_probe)),
        "model": {**health.model, "name": parts.settings.model or "", "url": parts.settings.model_url},
        "jobs": {state.value: number for state, number in standing.jobs.items()},
        "oldest_waiting_s": standing.oldest_waiting_s,
        "today": await _today(parts),
        "workers_alive": standing.workers_alive,
        "answers_running": standing.answers_running,
        "database_bytes": standing.database_bytes,
    }


async def _today(parts: Parts) -> dict[str, Any]:
    """What was used of the daily limits (0: none), and how often this web process has refused something, by code."""
    settings = parts.settings
    limits: dict[Budget, Daily] = {
        "answers": Daily(settings.answers_per_day, settings.answers_per_day_per_visitor),
        "feedbacks": Daily(settings.feedbacks_per_day, settings.feedbacks_per_day_per_visitor),
    }
    spent = {name: await parts.store(read_spent, name) for name in limits}
    return {name: asdict(spent[name]) | asdict(limits[name]) for name in limits} | {"refused": parts.refused.today()}


def _feedback(settings: Settings, probe: KeptProbe | None) -> dict[str, Any]:
    """How feedback is made in each language, and what the newest probe of a model found."""
    result = probe.result if probe else {}
    manners = {
        language: asdict(choose_manner(settings, Probed(**result[language]) if language in result else None))
        for language in ("en", "ko")
    }
    return {"manners": manners, "probe": asdict(probe) if probe else None}
