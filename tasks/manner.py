"""How the next feedback is made, and the probe of the model that decides it where the settings leave it open.

The probe runs once for a model, when it is first ready, at feedback's priority and within a time limit. A model that
somebody chose is worth waiting for: the first feedbacks wait for the end of its probe. For the packaged model nobody
waits, because it is known to fail.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import asdict, replace

from debrief.errors import ModelError
from debrief.manner import Manner, Probed, asks_for_probe, choose_manner
from debrief.probe import probe_key, probe_language
from debrief.settings import Settings
from storage import probes
from storage.engine import Database
from storage.gauges import get_gauge
from tasks.desk import Desk

logger = logging.getLogger(__name__)

LANGUAGES = ("en", "ko")
PROBE_LIMIT_S = 60
CHAT_GAUGE = "chat_first_token_s"
CHAT_GAUGE_MAX_AGE_S = 30


async def decide_manner(desk: Desk, language: str) -> Manner:
    """How a feedback in this language is to be made now; the model is asked only once while chat is slow.

    Raises:
        ModelUnavailable and others of ModelError: the model has to be known first and cannot be asked.
    """
    probed = await _probed(desk, language) if asks_for_probe(desk.settings) else None
    manner = choose_manner(desk.settings, probed)
    if manner.samples > 1 and await asyncio.to_thread(chat_is_slow, desk.db, desk.settings):
        return replace(manner, samples=1)
    return manner


def chat_is_slow(db: Database, settings: Settings) -> bool:
    """Whether people wait for chat's first token longer than they should, as the web process last told."""
    first_token_s = get_gauge(db, CHAT_GAUGE, max_age_s=CHAT_GAUGE_MAX_AGE_S)
    return first_token_s is not None and first_token_s > settings.chat_first_token_goal_s


async def probe_model(desk: Desk) -> None:
    """Probe the model in each language in which that has not been done. What takes too long is left for another time.

    Raises:
        ModelError: the model cannot be asked; what was found until then is kept.
    """
    if not asks_for_probe(desk.settings):
        return
    model = (await desk.model.info()).name
    key = probe_key(model, desk.likeness.name)
    kept = await asyncio.to_thread(probes.find_probe, desk.db, key)
    found = dict(kept.result) if kept else {}
    try:
        async with asyncio.timeout(PROBE_LIMIT_S):
            for language in LANGUAGES:
                if language not in found:
                    probed = await probe_language(desk.ask, desk.likeness, language)
                    found[language] = asdict(probed)
                    await asyncio.to_thread(probes.keep_probe, desk.db, key, model, found)
                    logger.info("model_probed language=%s %s", language, probed)
    except TimeoutError:
        logger.warning("probe_unfinished languages=%s limit_s=%d", ",".join(found) or "none", PROBE_LIMIT_S)


async def _probed(desk: Desk, language: str) -> Probed | None:
    settings = desk.settings
    is_packaged = settings.starts_own_model and not settings.model
    try:
        model = (await desk.model.info()).name
    except ModelError:
        if is_packaged:
            return None
        raise
    key = probe_key(model, desk.likeness.name)
    if not is_packaged:
        try:
            await asyncio.wait_for(desk.probe_over.wait(), PROBE_LIMIT_S)
        except TimeoutError:
            logger.warning("probe_not_awaited limit_s=%d", PROBE_LIMIT_S)
    kept = await asyncio.to_thread(probes.find_probe, desk.db, key)
    result = kept.result.get(language) if kept else None
    return Probed(**result) if result else None
