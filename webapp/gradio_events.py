"""What may start an event of a Gradio page and read its stream: looked at before Gradio sees the request.

Gradio 6.31 answers an unknown event, a value of the wrong kind or an unknown stream with a traceback and status 500;
it lets everybody call private events by name, and gives a stream to whoever knows the session hash, which browsers
make themselves with `Math.random()`. Here an event must be one of this page, its values must fit the components, and
a session hash belongs to the person who used it first. A call by name gets a session of its own, so that its result
is its caller's as well.
"""

from __future__ import annotations

import math
import re
import secrets
import sys
from collections import OrderedDict
from typing import Any, cast
from urllib.parse import parse_qs

import orjson
from fastapi import FastAPI
from gradio.routes import App
from starlette.routing import Mount

from debrief.errors import DebriefError, InputRejected, NotFound, SignInNeeded
from webapp.limits.bodies import SAFE_INTEGER, replay
from webapp.limits.rates import RateLimits
from webapp.refusals import refuse

SESSIONS = 2_000
"""Session hashes whose owner is remembered, as many as Gradio keeps streams; the quietest is forgotten first."""
SESSIONS_OF_ASKER = 200
"""Of one person, who would need so many tabs; forgetting his oldest costs nobody else anything."""

_EVENT_DOOR = re.compile(r"(?:^|/)gradio_api/(queue/join|queue/data|run|call)(?:/|$)(.*)", re.DOTALL)
_SESSION_HASH = re.compile(r"[A-Za-z0-9-]{4,64}")


def guard_events(app: FastAPI, limits: RateLimits) -> None:
    """Put the guard around every Gradio app that is mounted so far; before the first request."""
    for route in app.routes:
        if isinstance(route, Mount) and isinstance(route.app, App):
            page: Any = route.app
            page.state_holder.capacity = SESSIONS  # Gradio's 10,000 copies of a page are some hundred MB
            # After each event Gradio has pandas count its last 10,000, for a page that nobody may open.
            page.get_blocks()._queue.ANAYLTICS_CACHE_FREQUENCY = sys.maxsize
            page.add_middleware(OwnEventsOnly, page=page, limits=limits)


class SessionOwners:
    """Whose a session hash is: of the first who used it. Who takes more than a person needs loses his own oldest."""

    def __init__(self, most: int = SESSIONS, most_of_asker: int = SESSIONS_OF_ASKER) -> None:
        self._most = most
        self._most_of_asker = most_of_asker
        self._owners: OrderedDict[str, str] = OrderedDict()
        self._of_asker: dict[str, OrderedDict[str, None]] = {}

    def knows(self, session: str) -> bool:
        return session in self._owners

    def take(self, session: str, asker: str) -> bool:
        """Whether the hash is this person's, now or already."""
        if self._owners.setdefault(session, asker) != asker:
            return False
        own = self._of_asker.setdefault(asker, OrderedDict())
        own[session] = None
        own.move_to_end(session)
        self._owners.move_to_end(session)
        if len(own) > self._most_of_asker:
            self._forget(next(iter(own)))
        if len(self._owners) > self._most:
            self._forget(next(iter(self._owners)))
        return True

    def owns(self, session: str, asker: str) -> bool:
        return self._owners.get(session) == asker

    def _forget(self, session: str) -> None:
        asker = self._owners.pop(session)
        del self._of_asker[asker][session]
        if not self._of_asker[asker]:
            del self._of_asker[asker]


class OwnEventsOnly:
    """ASGI middleware of one mounted Gradio app. Needs `visitor_id`, `is_newcomer` and `account` in the state.

    Args:
        app: what it protects.
        page: the Gradio app, whose blocks tell the events.
        limits: hold back who begins session after session.
    """

    def __init__(self, app: Any, *, page: Any, limits: RateLimits) -> None:
        self._app = app
        self._page = page
        self._limits = limits
        self._owners = SessionOwners()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        door = _EVENT_DOOR.search(scope["path"]) if scope["type"] == "http" else None
        if door is None:
            await self._app(scope, receive, send)
            return
        try:
            if scope["method"] == "POST":
                body = await self._checked_body(scope, door[1], door[2].strip("/"), receive)
                receive = replay(body, receive)
            else:
                self._check_stream(scope, door[1], door[2].strip("/"))
        except DebriefError as error:
            await refuse(scope, send, error)
            return
        await self._app(scope, receive, send)

    async def _checked_body(self, scope: Any, door: str, name: str, receive: Any) -> bytes:
        """The body with nothing in it but what an event takes.

        Raises:
            NotFound: no such event, or the session is another person's.
            InputRejected: a value that the event's components cannot have.
            SignInNeeded: nobody is known to be asking: no cookie, no account.
            TooBusy: the same person began too many sessions.
        """
        body = _read_json(await _whole(receive))
        fn = self._find_event(door, name, body)
        data = check_values(_padded(body.get("data"), fn) if door == "call" else body.get("data"), fn.inputs)
        session = f"call-{secrets.token_hex(16)}" if door == "call" else body.get("session_hash")
        if session is not None or door == "queue/join":
            self._take_session(scope, session, may_be_new=door == "call")
        cleaned = {
            "data": data,
            "event_data": body.get("event_data"),
            "trigger_id": _check_number(body.get("trigger_id"), "trigger_id"),
            "session_hash": session,
        }
        return orjson.dumps(cleaned | ({"fn_index": fn._id} if door != "call" else {}))

    def _find_event(self, door: str, name: str, body: dict[str, Any]) -> Any:
        """By index for the page's own events, by name for those that skip the queue or are public."""
        events: dict[int, Any] = self._page.get_blocks().fns
        if door == "queue/join":
            index = body.get("fn_index")
            fn = events.get(index) if isinstance(index, int) and not isinstance(index, bool) else None
        else:
            fn = next((fn for fn in events.values() if fn.api_name == name and _may_be_named(fn, door)), None)
            if fn is not None and body.get("fn_index") not in (None, fn._id):
                raise NotFound
        if fn is None or fn.fn is None:
            raise NotFound
        return fn

    def _take_session(self, scope: Any, session: object, *, may_be_new: bool) -> None:
        if not isinstance(session, str) or not _SESSION_HASH.fullmatch(session):
            raise InputRejected(reason="session_hash: 4 to 64 letters, digits or hyphens")
        asker = _asker(scope, may_be_new=may_be_new)
        if not self._owners.knows(session):
            self._limits.check_session(asker)
        if not self._owners.take(session, asker):
            raise NotFound
        forget_ended(self._queue)

    def _check_stream(self, scope: Any, door: str, name: str) -> None:
        """Raises NotFound for another person's stream, and for one that Gradio does not hold, as if it were neither."""
        if door == "queue/data":
            session = (parse_qs(scope["query_string"].decode("latin-1")).get("session_hash") or [""])[-1]
        else:
            name, _, event_id = name.partition("/")
            if not any(fn.api_name == name and _may_be_named(fn, door) for fn in self._events()):
                raise NotFound
            session = session_of(self._queue, event_id)
        if session not in self._queue.pending_messages_per_session or not self._owners.owns(session, _asker(scope)):
            raise NotFound

    def _events(self) -> list[Any]:
        return list(self._page.get_blocks().fns.values())

    @property
    def _queue(self) -> Any:
        return self._page.get_blocks()._queue


def session_of(queue: Any, event_id: str) -> str:
    """The session that an event of Gradio's queue belongs to, until its result has been read; else an empty string.

    Where Gradio keeps the event itself is no sign: it forgets that some time before or after the reading.
    """
    return next((session for session, ids in queue.pending_event_ids_session.items() if event_id in ids), "")


def forget_ended(queue: Any) -> None:
    """Gradio lets the quietest streams go beyond its number, but keeps the names of all that there ever were."""
    names = queue.pending_event_ids_session
    if len(names) > 2 * SESSIONS:
        for session in [session for session in names if session not in queue.pending_messages_per_session]:
            del names[session]


def _padded(values: object, fn: Any) -> object:
    """What a caller by name leaves away at the end is nothing, which the endpoint takes for its default."""
    if not isinstance(values, list):
        return values
    given = cast("list[Any]", values)
    return given + [None] * (len(fn.inputs) - len(given)) if given else given


def check_values(values: object, components: list[Any]) -> list[Any]:
    """The values of an event's inputs, if there is one for each and it fits the component's description of itself.

    Raises:
        InputRejected: says which does not.
    """
    if not isinstance(values, list):
        raise InputRejected(reason="data: must be a list")
    given = cast("list[Any]", values)
    if len(given) != len(components):
        raise InputRejected(reason=f"data: {len(components)} values are needed, {len(given)} came")
    for n, (value, component) in enumerate(zip(given, components, strict=True)):
        description = component.api_info()
        if getattr(component, "allow_custom_value", False):
            description.pop("enum", None)  # its choices are not all there are, whatever it says of itself
        if not _fits(value, description):
            raise InputRejected(reason=f"data.{n}: not a value of this kind of field")
    return given


def _fits(value: object, description: dict[str, Any]) -> bool:
    """Whether a JSON value is of the described type, and one of the choices where there are some; null always is."""
    if value is None:
        return True
    if "enum" in description and value not in description["enum"]:
        return False
    kinds: dict[str, type | tuple[type, ...]] = {"string": str, "boolean": bool, "array": list, "object": dict}
    kind = description.get("type")
    if kind in ("number", "integer"):
        return _is_number(value)
    return not isinstance(kind, str) or isinstance(value, kinds.get(kind, object))


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and abs(value) <= SAFE_INTEGER


def _check_number(value: object, name: str) -> object:
    if value is not None and not (_is_number(value) and isinstance(value, int)):
        raise InputRejected(reason=f"{name}: must be a whole number")
    return value


def _may_be_named(fn: Any, door: str) -> bool:
    """Public events by `call`, those that skip the queue by `run`: past the queue one would get a first frame only."""
    return fn.fn is not None and (not fn.queue if door == "run" else fn.api_visibility == "public")


def _asker(scope: Any, *, may_be_new: bool = False) -> str:
    """An account in all its browsers, else the visitor that a cookie names, or will: a call by name hands one out.

    Raises:
        SignInNeeded: nobody is known to be asking, and who is new may not.
    """
    state = scope["state"]
    if state["account"] is not None:
        return f"account {state['account'].id}"
    if state["is_newcomer"] and not may_be_new:
        raise SignInNeeded
    return f"visitor {state['visitor_id']}"


def _read_json(body: bytes) -> dict[str, Any]:
    try:
        read = orjson.loads(body)
    except orjson.JSONDecodeError:
        read = None
    if not isinstance(read, dict):
        raise InputRejected(reason="the body must be a JSON object")
    return cast("dict[str, Any]", read)


async def _whole(receive: Any) -> bytes:
    """All of a body that `webapp.limits.bodies.BodyLimit` has let pass."""
    chunks: list[bytes] = []
    while True:
        message = await receive()
        chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(chunks)
