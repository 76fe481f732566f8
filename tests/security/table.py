"""Who may call what: the declaration that the route walk holds the running program against.

`python -m tests.security.table` writes it into docs/security.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "security.md"
BEGIN, END = "<!-- the tables begin: python -m tests.security.table -->", "<!-- the tables end -->"

CALLERS = ("nobody", "sam", "rita", "ada", "olga")
"""No cookie at all; a visitor; a reviewer; an admin; the visitor whose talk, message and feedback are asked for."""
HEADINGS = ("nobody", "another visitor", "reviewer", "admin", "the owner")

CLOSED = 0
"""Answered with 404 on every page, before Gradio sees the request (`webapp/limits/doors.py`)."""


@dataclass(frozen=True)
class Line:
    """What a route answers to each of `CALLERS`. In the body, as in the path, `{name}` stands for an id of Olga's."""

    answers: tuple[int, int, int, int, int]
    body: dict[str, object] | None = None


def line(answers: str, body: dict[str, object] | None = None) -> Line:
    nobody, sam, rita, ada, olga = (int(status) for status in answers.split())
    return Line((nobody, sam, rita, ada, olga), body)


OWNED = "404 404 404 404"
"""Somebody else's is answered as what is not there."""

IMPORTED: dict[str, object] = {
    "scenario": "job_interview",
    "messages": [{"role": "user", "text": "I led a team of three."}, {"role": "assistant", "text": "Go on."}],
}

HOOK: dict[str, object] = {"url": "https://hooks.example.org/", "events": ["feedback.ready"]}

OWN: dict[str, Line] = {
    "GET /healthz": line("200 200 200 200 200"),
    "GET /metrics": line("404 404 404 404 404"),
    "GET /manifest.json": line("200 200 200 200 200"),
    "GET /favicon.ico": line("200 200 200 200 200"),
    "GET /assets-{asked}/{name}": line("404 404 404 404 404"),
    "GET /docs": line("401 401 403 200 401"),
    "GET /openapi.json": line("401 401 403 200 401"),
    "GET /api/v1/scenarios": line("200 200 200 200 200"),
    "GET /api/v1/me": line("200 200 200 200 200"),
    "GET /api/v1/me/data": line("200 200 200 200 200"),
    "DELETE /api/v1/me/data": line("200 200 200 200 200"),
    "GET /api/v1/me/tokens": line("200 200 200 200 200"),
    "POST /api/v1/me/tokens": line("201 201 201 201 201", {"label": "A script"}),
    "DELETE /api/v1/me/tokens/{token_id}": line(f"{OWNED} 204"),
    "POST /api/v1/me/link": line("201 201 201 201 201"),
    "POST /api/v1/me/link/use": line("404 404 404 404 404", {"token": "nobodys"}),
    "POST /api/v1/me/account": line("422 422 422 422 422", {"name": "x", "password": "long enough"}),
    "POST /api/v1/me/account/sign-in": line("403 403 403 403 403", {"name": "nobody", "password": "a guess"}),
    "POST /api/v1/me/account/provider": line("404 404 404 404 404"),  # none is configured
    "GET /login/callback": line("303 303 303 303 303"),
    "POST /api/v1/me/account/sign-out": line("404 404 404 404 404"),
    "PUT /api/v1/me/account/password": line("404 404 404 404 404", {"password": "old one", "new_password": "new one"}),
    "GET /api/v1/live": line("200 200 200 200 200"),
    "GET /api/v1/live?conversation_id={conversation_id}": line(f"{OWNED} 200"),
    "GET /api/v1/progress": line("200 200 200 200 200"),
    "GET /api/v1/conversations": line("200 200 200 200 200"),
    "POST /api/v1/conversations": line("201 201 201 201 201", {"scenario": "job_interview"}),
    "GET /api/v1/conversations/{conversation_id}": line(f"{OWNED} 200"),
    "PATCH /api/v1/conversations/{conversation_id}": line(f"{OWNED} 200", {"title": "Mine now"}),
    "DELETE /api/v1/conversations/{conversation_id}": line(f"{OWNED} 200"),
    "DELETE /api/v1/conversations": line("422 422 422 422 422"),
    "GET /api/v1/conversations/{conversation_id}/export": line(f"{OWNED} 200"),
    "GET /api/v1/export/conversations": line("200 200 200 200 200"),
    "POST /api/v1/import/talks": line("422 422 422 422 422", {"format": "something else"}),
    "POST /api/v1/search": line("200 200 200 200 200", {"text": "team"}),
    "GET /api/v1/deletions": line("200 200 200 200 200"),
    "POST /api/v1/deletions/{deletion_id}/undo": line(f"{OWNED} 200"),
    "POST /api/v1/conversations/{conversation_id}/messages": line(f"{OWNED} 202", {"text": "Hello."}),
    "POST /api/v1/conversations/{conversation_id}/stop": line(f"{OWNED} 200"),
    "POST /api/v1/conversations/{conversation_id}/feedback": line(f"{OWNED} 202"),
    "GET /api/v1/conversations/{conversation_id}/feedback": line(f"{OWNED} 200"),
    "GET /api/v1/conversations/{conversation_id}/live": line(f"{OWNED} 200"),
    "GET /api/v1/messages/{message_id}": line(f"{OWNED} 200"),
    "POST /api/v1/messages/{message_id}/retry": line(f"{OWNED} 202"),
    "POST /api/v1/messages/{message_id}/edit": line(f"{OWNED} 422", {"text": "Somebody else said this."}),
    "POST /api/v1/messages/{message_id}/continue": line(f"{OWNED} 422"),
    "POST /api/v1/messages/{message_id}/choose": line(f"{OWNED} 200"),
    "POST /api/v1/messages/{message_id}/rate": line(f"{OWNED} 200", {"value": "up"}),
    "GET /api/v1/feedback/{feedback_id}": line(f"{OWNED} 200"),
    "GET /api/v1/feedback/{feedback_id}/export": line(f"{OWNED} 200"),
    "POST /api/v1/feedback/{feedback_id}/seen": line(f"{OWNED} 204"),
    "POST /api/v1/feedback/{feedback_id}/cancel": line(f"{OWNED} 200"),
    "PUT /api/v1/feedback/{feedback_id}/reaction": line(f"{OWNED} 200", {"helpful": True}),
    "POST /api/v1/feedback/{feedback_id}/disputes": line(f"{OWNED} 200", {"path": "next_step", "comment": "No."}),
    "GET /api/v1/feedback/{feedback_id}/compare": line("404 404 404 404 404"),
    "POST /api/v1/feedback/{feedback_id}/again": line(f"{OWNED} 201", {"message_id": "{said_id}"}),
    "POST /api/v1/import/conversations": line("201 201 201 201 201", IMPORTED),
    "GET /api/v1/review": line("401 401 200 200 401"),
    "GET /api/v1/review/counts": line("401 401 200 200 401"),
    "GET /api/v1/review/choices": line("401 401 200 200 401"),
    "POST /api/v1/review/next": line("401 401 200 204 401"),  # Rita has it then
    "POST /api/v1/review/bulk/preview": line("401 401 200 200 401", {"action": "approve", "ids": ["f_none"]}),
    "POST /api/v1/review/bulk": line("401 401 200 200 401", {"action": "approve", "ids": ["f_none"]}),
    "POST /api/v1/review/{feedback_id}/beat": line("401 401 409 409 401"),  # nobody has claimed it
    "GET /api/v1/review/waiting": line("401 401 200 200 401"),
    "GET /api/v1/review/{feedback_id}": line("401 401 200 200 401"),
    "POST /api/v1/review/{feedback_id}/again": line("401 401 202 202 401"),
    "POST /api/v1/second-opinions/next": line("401 401 204 204 401"),
    "POST /api/v1/second-opinions/{feedback_id}": line("401 401 404 404 401", {"decision": "approve", "levels": {}}),
    "GET /api/v1/agreement": line("401 401 200 200 401"),
    "POST /api/v1/review/{feedback_id}/regenerate": line("401 401 202 202 401"),
    "GET /api/v1/review/{feedback_id}/draft": line("401 401 200 200 401"),
    "POST /api/v1/review/{feedback_id}/check": line("401 401 200 200 401", {"criteria": []}),
    "POST /api/v1/review/{feedback_id}/edit": line("401 401 422 422 401", {"row_version": 3, "edit": {"criteria": []}}),
    "GET /api/v1/review/{feedback_id}/versions": line("401 401 200 200 401"),
    "GET /api/v1/review/{feedback_id}/difference?before=1&after=1": line("401 401 200 200 401"),
    "GET /api/v1/feedback/{feedback_id}/corrections": line(f"{OWNED} 200"),
    "POST /api/v1/review/{feedback_id}/{action}": line("401 401 200 200 401"),
    "GET /api/v1/exports": line("401 401 403 200 401"),
    "GET /api/v1/exports/matching": line("401 401 403 200 401"),
    "GET /api/v1/exports/runs/{export_id}": line("401 401 403 404 401"),
    "GET /api/v1/exports/{kind}": line("401 401 403 200 401"),
    "GET /api/v1/audit": line("401 401 403 200 401"),
    "GET /api/v1/review/{feedback_id}/audit": line("401 401 200 200 401"),
    "GET /api/v1/people": line("401 401 403 200 401"),
    "POST /api/v1/people": line("401 401 403 201 401", {"name": "rolf"}),
    "PATCH /api/v1/people/{account_id}": line("401 401 403 404 401", {"role": "admin"}),
    "GET /api/v1/people/tokens": line("401 401 403 200 401"),
    "DELETE /api/v1/people/tokens/{token_id}": line("401 401 403 404 401"),
    "POST /api/v1/people/{account_id}/tokens": line("401 401 403 404 401", {"label": "nightly"}),
    "POST /api/v1/people/{account_id}/link": line("401 401 403 404 401"),
    "DELETE /api/v1/people/visitors/{thing_id}": line("401 401 403 404 401"),
    "GET /api/v1/webhooks": line("401 401 403 200 401"),
    "POST /api/v1/webhooks": line("401 401 403 201 401", HOOK),
    "PATCH /api/v1/webhooks/{webhook_id}": line("401 401 403 404 401", {"disabled": True}),
    "DELETE /api/v1/webhooks/{webhook_id}": line("401 401 403 404 401"),
    "POST /api/v1/webhooks/{webhook_id}/secret": line("401 401 403 404 401"),
    "POST /api/v1/webhooks/{webhook_id}/ping": line("401 401 403 404 401"),
    "POST /api/v1/webhooks/{webhook_id}/again": line("401 401 403 404 401"),
    "GET /api/v1/webhooks/{webhook_id}/deliveries": line("401 401 403 404 401"),
    "GET /api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}": line("401 401 403 404 401"),
    "POST /api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/again": line("401 401 403 404 401"),
    "GET /api/v1/system": line("401 401 403 200 401"),
    "GET /api/{rest:path}": line("404 404 404 404 404"),
    "POST /api/{rest:path}": line("404 404 404 404 404"),
    "PUT /api/{rest:path}": line("404 404 404 404 404"),
    "PATCH /api/{rest:path}": line("404 404 404 404 404"),
    "DELETE /api/{rest:path}": line("404 404 404 404 404"),
    "GET /admin/login": line("200 200 303 303 200"),
    "POST /admin/login": line("401 401 401 401 401"),
    "GET /admin/password": line("200 200 200 200 200"),
    "POST /admin/password": line("404 404 403 403 404"),
    "GET /admin/logout": line("303 303 303 303 303"),
    "POST /admin/logout": line("303 303 303 303 303"),
}
"""Our own routes. A line may name a query: one route, asked in two ways."""

PROGRAM: dict[str, int] = {
    "POST /api/v1/me/tokens": 403,
    "POST /api/v1/me/link": 403,
    "POST /api/v1/me/link/use": 403,
    "POST /api/v1/me/account": 403,
    "POST /api/v1/me/account/provider": 403,
    "POST /api/v1/me/account/sign-out": 403,
    "PUT /api/v1/me/account/password": 403,
}
"""Where a program that shows the owner's token, and no cookie, gets another answer than the owner."""


def for_program(name: str) -> int:
    """A token is its owner on the API, and nothing elsewhere, where the header is not read."""
    nobody, *_, owner = OWN[name].answers
    return PROGRAM.get(name, owner if "/api/v1/" in name else nobody)


PAGES: dict[str, tuple[int, int, int, int, int]] = {
    "/": (0, 0, 0, 0, 0),
    "/admin": (401, 401, 0, 0, 401),
    "/admin/system": (401, 401, 403, 0, 401),
    "/admin/manage": (401, 401, 403, 0, 401),
    "/admin/plots": (401, 401, 0, 0, 401),
}
"""The Gradio pages: what turns a caller away from everything on them; 0 lets in."""

EVENTS: dict[str, tuple[str, ...]] = {
    "/": ("send_message", "stop_answer", "paint", "chat", "debrief"),
    "/admin": (
        "open_desk", "open_case", "refresh_desk", "skip", "take_next", "claim", "release", "approve", "reject",
        "open_reject", "close_reject", "open_reopen", "paint_talk",
        "draw_after_open_desk", "draw_after_open_case", "draw_after_refresh_desk", "draw_after_skip",
        "draw_after_take_next", "draw_after_claim", "draw_after_release", "draw_after_approve", "draw_after_reject",
    ),
    "/admin/system": (),
    "/admin/manage": (),
    "/admin/plots": ("draw_plots", "draw_days", "draw_scenario"),
}  # fmt: skip
"""Gradio's events by page. All but `PUBLIC` are private: none may be called by name, by nobody. Those that reach
Python may be started by index through the page's queue, by who may open the page; every handler asks for the role
once more."""

PUBLIC: dict[str, list[str]] = {"chat": ["Hello."], "debrief": ["{conversation_id}"]}
"""The visitor's page's events that programs may call by name, with what they take. A talk of somebody else's is not
there for them either, which the call's result says: starting it says nothing."""

GRADIO: dict[str, int] = {
    "GET /": 200,
    "HEAD /": 200,
    "GET /config": 200,
    "GET /config/": 200,
    "GET /assets/{path:path}": 404,
    "GET /static/{path:path}": 404,
    "GET /favicon.ico": 200,
    "GET /theme.css": 200,
    "GET /robots.txt": 200,
    "GET /manifest.json": 200,
    "GET /openapi.json": 200,
    "HEAD /openapi.json": 200,
    "GET /pwa_icon": 404,
    "GET /pwa_icon/{size}": 422,
    "POST /login": 422,
    "POST /login/": 422,
    "GET /logout": 302,
    "GET /gradio_api/info": 200,
    "GET /gradio_api/info/": 200,
    "GET /gradio_api/theme.css": 200,
    "GET /gradio_api/app_id": 200,
    "GET /gradio_api/app_id/": 200,
    "POST /gradio_api/queue/join": 404,
    "GET /gradio_api/queue/data": 404,
    "POST /gradio_api/run/{api_name}": 404,
    "POST /gradio_api/run/{api_name}/": 404,
    "POST /gradio_api/call/{api_name}": 404,
    "POST /gradio_api/call/{api_name}/": 404,
    "GET /gradio_api/call/{api_name}/{event_id}": 404,
    **dict.fromkeys(
        (
            "GET /svelte/{path:path}",
            "GET /monitoring",
            "GET /monitoring/summary",
            "GET /monitoring/{key}",
            "GET /gradio_api/user",
            "GET /gradio_api/user/",
            "GET /gradio_api/login_check",
            "GET /gradio_api/login_check/",
            "GET /gradio_api/token",
            "GET /gradio_api/token/",
            "GET /gradio_api/dev/reload",
            "GET /gradio_api/runs",
            "GET /gradio_api/runs/",
            "GET /gradio_api/deep_link",
            "GET /gradio_api/openapi.json",
            "GET /gradio_api/custom_component/{id}/{environment}/{type}/{file_name}",
            "GET /gradio_api/proxy={url_path:path}",
            "HEAD /gradio_api/proxy={url_path:path}",
            "GET /gradio_api/file={path_or_url:path}",
            "HEAD /gradio_api/file={path_or_url:path}",
            "GET /gradio_api/file/{path:path}",
            "POST /gradio_api/stream/{event_id}",
            "POST /gradio_api/stream/{event_id}/close",
            "GET /gradio_api/stream/{session_hash}/{run}/{component_id}/playlist.m3u8",
            "GET /gradio_api/stream/{session_hash}/{run}/{component_id}/{segment_id}.{ext}",
            "GET /gradio_api/stream/{session_hash}/{run}/{component_id}/playlist-file",
            "POST /gradio_api/reset",
            "POST /gradio_api/reset/",
            "GET /gradio_api/heartbeat/{session_hash}",
            "POST /gradio_api/api/{api_name}",
            "POST /gradio_api/api/{api_name}/",
            "POST /gradio_api/call/v2/{api_name}",
            "POST /gradio_api/call/v2/{api_name}/",
            "GET /gradio_api/call/v2/{api_name}/{event_id}",
            "POST /gradio_api/cancel",
            "POST /gradio_api/component_server",
            "POST /gradio_api/component_server/",
            "GET /gradio_api/queue/status",
            "GET /gradio_api/upload_progress",
            "POST /gradio_api/upload",
            "GET /gradio_api/startup-events",
            "POST /gradio_api/process_recording",
            "POST /gradio_api/vibe-edit",
            "POST /gradio_api/vibe-edit/",
            "POST /gradio_api/undo-vibe-edit",
            "POST /gradio_api/undo-vibe-edit/",
            "GET /gradio_api/vibe-code",
            "GET /gradio_api/vibe-code/",
            "POST /gradio_api/vibe-code",
            "POST /gradio_api/vibe-code/",
            "POST /gradio_api/vibe-starter-queries",
            "POST /gradio_api/vibe-starter-queries/",
        ),
        CLOSED,
    ),
}
"""Gradio's routes, below each page: what an empty call answers to who is let in, or CLOSED."""


def tables() -> str:
    """All of it as Markdown."""
    own = "".join(
        f"| `{name}` | {' | '.join(map(str, (*line.answers, for_program(name))))} |\n" for name, line in OWN.items()
    )
    own_headings = " | ".join((*HEADINGS, "a program with the owner's token"))
    head_own = f"| route | {own_headings} |\n|---|{'---|' * (len(HEADINGS) + 1)}\n"
    opened = {name: status for name, status in GRADIO.items() if status != CLOSED}
    rows = "".join(f"| `{name}` | {status} |\n" for name, status in opened.items())
    pages = "".join(
        f"| `{mount}` | {' | '.join(str(status) if status else 'in' for status in row)} | {len(EVENTS[mount])} |\n"
        for mount, row in PAGES.items()
    )
    closed = ", ".join(f"`{name}`" for name, status in GRADIO.items() if status == CLOSED)
    return (
        f"### Our own routes\n\nThe status that each caller gets; ids in a path are the owner's.\n\n"
        f"{head_own}{own}\n"
        f"### Gradio's pages\n\nWhat turns a caller away from everything on the page; `in` lets in.\n\n"
        f"| page | {' | '.join(HEADINGS)} | events |\n|---|{'---|' * (len(HEADINGS) + 1)}\n{pages}\n"
        f"### Gradio's routes that are open\n\nBelow each page, to who is let in; the status of an empty call.\n\n"
        f"| route | empty call |\n|---|---|\n{rows}\n"
        f"### Gradio's routes that are closed\n\n404 for everybody on every page: {closed}.\n"
    )


def write_tables(page: str) -> str:
    """The page with today's tables between its two marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{tables()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(write_tables(PAGE.read_text("utf-8")), "utf-8")
