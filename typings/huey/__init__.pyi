"""The part of huey 3.5 that `tasks/` uses; huey ships no types."""

from collections.abc import Callable
from typing import Any

from huey.storage import SqliteStorage

class Huey:
    storage: SqliteStorage
    def __init__(self, name: str = ..., results: bool = ..., serializer: object = ..., **storage: Any) -> None: ...
    def task(self, *, name: str | None = ...) -> Callable[[Callable[[str], None]], Callable[[str], object]]: ...
    def enqueue(self, task: object) -> object: ...
