"""A version made again exactly: by its own record, not by today's settings, or not at all."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from debrief.repeat import compare, in_force, in_the_way, read_recipe
from debrief.writing import Written
from storage import repeats
from storage.jobs import Claim
from tasks.desk import Desk, load_talk, whom_to_ask, write


class CannotRepeat(Exception):
    """What made the version is no longer there as it was. `differs` says what, by `debrief.repeat.DIFFERENCES`."""

    def __init__(self, *differs: str) -> None:
        super().__init__(*differs)
        self.differs = differs


async def make_again(desk: Desk, claim: Claim) -> Written:
    """Make the version that the job repeats once more; what came of the comparison is in the lineage, as "repeat".

    Raises:
        CannotRepeat: it would be another feedback; nothing was asked of the model.
    """
    version = await asyncio.to_thread(repeats.get_version, desk.db, claim.repeats or "")
    recipe = read_recipe(version.lineage)
    if recipe is None:
        raise CannotRepeat("record")
    talk = await load_talk(desk, claim)
    asked = await whom_to_ask(desk, recipe.manner)
    now = in_force(
        talk.path,
        talk.transcript,
        talk.scenario,
        claim.language,
        recipe.manner,
        likeness=desk.likeness.name,
        model=asked.model,
        context_tokens=asked.context_tokens,
        guidance=recipe.guidance,
    )
    differs = in_the_way(recipe, version.lineage, now, sends_seeds=desk.settings.model_seeds == "on")
    if differs:
        raise CannotRepeat(*differs)
    written = await write(desk, claim, talk, recipe.manner, asked, seed=recipe.seed, guidance=recipe.guidance)
    outcome = compare(version.id, version.body, written)
    return replace(written, lineage={**written.lineage, "repeat": outcome.as_data()})
