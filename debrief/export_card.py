"""The card of an exported dataset: what is in it, what is not and why. Markdown, with the front matter of hubs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from debrief.export_rows import Kind

_WHAT: dict[Kind, str] = {
    "conversations": "Talks of people with a model that plays a part, one a row, in OpenAI's `messages` form.",
    "sft": "What a reviewing model was asked, and the answer that a person approved (TRL's prompt and completion).",
    "preferences": "What a reviewing model was asked, and two answers. `rejected` is the model's own to this very "
    "prompt. `chosen` is what a person made of it (`source` is `edit`), or what the model wrote anew after a person "
    "had rejected the first, and a person approved (`regenerated`). Where `guided` is true a reviewer had told it what "
    "to do better, and that instruction is not in `prompt`.",
    "feedback": "Reviewed feedback as a flat table, one a row, with the level of each criterion.",
}
_WHY = {
    "not_released": "waits for a reviewer",
    "not_reviewed": "released by the program, no person has approved it",
    "rejected": "a reviewer rejected it",
    "withdrawn": "withdrawn",
    "disputed": "its visitor says that something in it is wrong, and nobody has decided yet",
    "older_debrief": "a later debrief of the same talk is in the set",
    "no_prompt": "no model was asked",
    "no_record": "older than the record that a prompt is built from",
    "several_prompts": "came from more than one prompt",
    "prompt_changed": "talk, prompts or program are no longer as they were, so the exact prompt cannot be built",
    "not_a_line": "a quote is no line of the prompt",
    "partial": "a part is missing or not scored",
    "not_edited": "no person has edited it, and none had rejected another one before it",
    "no_model_version": "there is no version of the model's before the edit",
    "too_alike": "the two differ too little to tell anything",
    "deleted": "deleted while the export ran",
}
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def dataset_card(
    kind: Kind,
    *,
    export_id: str,
    made_at: datetime,
    filters: Mapping[str, object],
    redacted: bool,
    considered: int,
    rows: int,
    left_out: Mapping[str, int],
    sha256: str,
) -> str:
    """The card as `README.md`. `rows` and everything in `left_out` add up to `considered`."""
    size = next((name for most, name in _SIZES if rows < most), "1M<n<10M")
    chosen = ", ".join(f"{name} {value}" for name, value in filters.items()) or "everything"
    task = "text-classification" if kind == "feedback" else "text-generation"
    return "\n".join(
        [
            "---",
            f"pretty_name: Debrief {kind}",
            "language:\n- en\n- ko",
            "license: other",
            f"size_categories:\n- {size}",
            f"task_categories:\n- {task}",
            "configs:\n- config_name: default\n  data_files:\n  - split: train\n    path: data.parquet",
            "---",
            "",
            f"# Debrief {kind}",
            "",
            _WHAT[kind],
            "",
            "| | |",
            "|---|---|",
            f"| export | `{export_id}` |",
            f"| made at | {made_at:%Y-%m-%d %H:%M} UTC |",
            f"| filter | {chosen} |",
            f"| looked at | {considered} |",
            f"| rows | {rows} |",
            f"| left out | {sum(left_out.values())} |",
            f"| SHA-256 of data.parquet | `{sha256}` |",
            "",
            "## Left out",
            "",
            *([f"- {n}: {_WHY[reason]} (`{reason}`)" for reason, n in sorted(left_out.items())] or ["Nothing."]),
            "",
            "## Names and contacts",
            "",
            _REDACTED if redacted else _NOT_REDACTED,
            "",
            "## Before you pass it on",
            "",
            "These are people's words. They were told, before they spoke, who reads along; they were not asked whether "
            "their words may be published. No licence is given here. Whoever deletes a talk later is not deleted from "
            "this file: make a new export and delete the old one.",
            "",
        ]
    )


_REDACTED = (
    "E-mail and web addresses, telephone numbers, long numbers, names typed into a form and names given with a phrase "
    "of introduction were replaced by `[email]`, `[url]`, `[phone]`, `[number]` and `[name]`. Names said in passing, "
    "nicknames, employers, places and whoever can be recognised by their story were not found: patterns cannot."
)
_NOT_REDACTED = "Nothing was taken out: this set holds whatever people said of themselves and of others."
