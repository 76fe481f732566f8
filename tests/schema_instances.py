"""A small valid instance of a JSON schema: what the scripted model answers when it is asked for structure.

Knows the part of JSON Schema that a model server's structured output knows. What it does not know it refuses loudly,
so that a test never passes on a wrong instance.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

LOREM = (
    "You greeted them warmly and asked what had happened before you offered help. "
    "Then you named one thing that you would do at once and said when it would be done. "
    "A short question at the end would have shown them that you had listened. "
)
UNDECIDED = object()
UNKNOWN_WORDS = {"patternProperties", "not", "if", "contains", "dependentSchemas", "multipleOf", "uniqueItems"}

Schema = dict[str, Any]
Choose = Callable[[str, Schema], object]
"""Called with the place ("criteria[0].level") and its schema; gives a value, or UNDECIDED for the plain one."""


def undecided(place: str, schema: Schema) -> object:
    return UNDECIDED


def an_instance(schema: Schema, *, choose: Choose = undecided, full: bool = False) -> Any:
    """A valid instance: first choice of every enum, shortest arrays (at least one item if allowed), short strings.

    Args:
        schema: with `$defs` and `$ref` if it likes.
        choose: decides single places, see `Choose`.
        full: longest arrays and strings instead, where a bound is given.
    """
    return _Builder(schema, choose, full).build(schema, "")


class _Builder:
    def __init__(self, root: Schema, choose: Choose, full: bool) -> None:
        self._root, self._choose, self._full = root, choose, full

    def build(self, schema: Schema, place: str, item: int = 0) -> Any:
        """`item` is the index in an array of choices, so that they differ from each other."""
        schema = self._resolve(schema)
        if unknown := UNKNOWN_WORDS & schema.keys():
            raise NotImplementedError(f"{place or 'the schema'} uses {', '.join(sorted(unknown))}")
        if (chosen := self._choose(place, schema)) is not UNDECIDED:
            return chosen
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return schema["enum"][item % len(schema["enum"])]
        for either in ("anyOf", "oneOf"):
            if either in schema:
                return self.build(schema[either][0], place, item)
        kind = schema.get("type", "object" if "properties" in schema else "string")
        return getattr(self, f"_{kind[0] if isinstance(kind, list) else kind}")(schema, place)

    def _resolve(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            target: Any = self._root
            for step in schema["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            schema = {**target, **{key: value for key, value in schema.items() if key != "$ref"}}
        for part in schema.get("allOf", []):
            schema = {**schema, **self._resolve(part)}
        return schema

    def _object(self, schema: Schema, place: str) -> dict[str, Any]:
        properties = schema.get("properties", {})
        return {name: self.build(inner, f"{place}.{name}" if place else name) for name, inner in properties.items()}

    def _array(self, schema: Schema, place: str) -> list[Any]:
        fixed = schema.get("prefixItems", [])
        most = schema.get("maxItems", max(1, schema.get("minItems", 1)) + len(fixed))
        least = min(most, max(1, schema.get("minItems", 1), len(fixed)))
        items: list[Any] = []
        for index in range(most if self._full else least):
            inner = fixed[index] if index < len(fixed) else schema.get("items", {})
            items.append(self.build(inner, f"{place}[{index}]", index))
        return items

    def _string(self, schema: Schema, place: str) -> str:
        least, most = schema.get("minLength", 0), schema.get("maxLength", 200)
        size = most if self._full else max(least, min(60, most))
        text = (LOREM * (size // len(LOREM) + 1))[:size]
        text = text.rstrip().ljust(least, ".")
        if (pattern := schema.get("pattern")) and not re.search(pattern, text):
            raise NotImplementedError(f"{place} wants the pattern {pattern}; give it by `choose`")
        return text

    def _integer(self, schema: Schema, place: str) -> int:
        low, high = _bounds(schema, step=1)
        if low is None:
            return 0 if high is None else int(min(0, high))
        return int(low if high is None or not self._full else high)

    def _number(self, schema: Schema, place: str) -> float:
        low, high = _bounds(schema, step=0)
        if low is None or high is None:
            return float(high - 1 if high is not None else low + 1 if low is not None else 0)
        return (low + high) / 2

    def _boolean(self, schema: Schema, place: str) -> bool:
        return True

    def _null(self, schema: Schema, place: str) -> None:
        return None


def _bounds(schema: Schema, step: int) -> tuple[float | None, float | None]:
    """Least and most; `step` moves an excluded bound inside."""
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is None and "exclusiveMinimum" in schema:
        low = schema["exclusiveMinimum"] + step
    if high is None and "exclusiveMaximum" in schema:
        high = schema["exclusiveMaximum"] - step
    return low, high
