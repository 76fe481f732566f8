"""Alembic runs this file for each of its commands; `storage/migrate.py` hands it an open transaction."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context

from storage.search_index import is_of_search
from storage.tables import Base, String, Text, UtcDateTime


def render_item(kind: str, item: Any, _autogen: object) -> str | Literal[False]:
    """Write our own types as the plain ones, so that an old migration needs none of today's code."""
    if kind != "type":
        return False
    if isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if isinstance(item, Text):
        return "sa.Text()"
    if isinstance(item, String):
        return f"sa.{item.impl_instance!r}"
    return False


def include_name(name: str | None, kind: str, _parents: object) -> bool:
    """Leave the search's own tables and indexes alone: `storage/tables.py` does not know them."""
    return not (kind in ("table", "index") and is_of_search(name))


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    render_item=render_item,
    include_name=include_name,
    on_version_apply=context.config.attributes.get("on_step"),
)
context.run_migrations()
