"""Everything of the running application that can be called: its own routes, Gradio's routes and Gradio's events.

Read from the application itself, so that whatever somebody adds, or a newer Gradio brings, is on the list.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fastapi import FastAPI
from fastapi.routing import APIRoute
from gradio.routes import App
from starlette.routing import BaseRoute, Mount, Route


@dataclass(frozen=True, order=True)
class Door:
    """A method on a path. `mount` is the page whose Gradio app answers it, empty for a route of our own."""

    mount: str
    method: str
    path: str

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, order=True)
class Event:
    """A Gradio event on the page at `mount`. Without `runs_here` it is JavaScript only."""

    mount: str
    index: int
    name: str
    inputs: int
    runs_here: bool


def own_doors(app: FastAPI) -> list[Door]:
    """Every route that is not a mounted Gradio app's."""
    return sorted(door for route in app.routes for door in _doors("", route))


def gradio_doors(app: FastAPI) -> list[Door]:
    """Every route of every mounted Gradio app; the path is that below the mount."""
    return sorted(door for mount, page in pages(app) for route in page.routes for door in _doors(mount, route))


def events(app: FastAPI) -> list[Event]:
    return sorted(
        Event(mount, index, str(fn.api_name), len(fn.inputs), fn.fn is not None)
        for mount, page in pages(app)
        for index, fn in page.get_blocks().fns.items()
    )


def pages(app: FastAPI) -> Iterator[tuple[str, App]]:
    """Each mounted Gradio app with the path of its page, `/` for the visitor's."""
    for route in app.routes:
        if isinstance(route, Mount) and isinstance(route.app, App):
            yield route.path or "/", route.app


def _doors(mount: str, route: BaseRoute) -> Iterator[Door]:
    """Fails on a kind of route that it cannot read: what is not walked is not known to be closed."""
    if isinstance(route, Mount) and isinstance(route.app, App):
        return
    assert isinstance(route, APIRoute | Route), f"the walk cannot read {route!r}: teach tests/security/doors.py"
    for method in route.methods or ():
        yield Door(mount, method, route.path)
