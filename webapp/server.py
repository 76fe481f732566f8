"""The web process: builds its parts, puts the protective layers around them, and serves until it is told to stop.

The page is up in seconds, before the model. Nothing is built on import.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import uvicorn
from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware

from debrief.conversation import Conversation
from debrief.errors import DebriefError, InputRejected, NotFound, TooBusy
from debrief.feedback import FeedbackView
from debrief.scenario import load_scenarios
from debrief.settings import Settings, signing_secret
from debrief.versions import request_versions
from inference.client import ChatModel
from storage import (
    accounts,
    alive,
    backup,
    conversations,
    feedback,
    retention,
    spending,
    tokens,
    unasked,
    undo,
    visitors,
)
from storage.engine import Database, new_id
from storage.feedback import FeedbackLimits
from webapp import login, passwords, sign_in
from webapp.api import (
    again as again_api,
    audit as audit_api,
    conversations as conversations_api,
    data as data_api,
    deleting as deleting_api,
    docs as docs_api,
    edits as edits_api,
    exports as exports_api,
    feedback as feedback_api,
    health as health_api,
    imports as imports_api,
    links as links_api,
    live as live_api,
    messages as messages_api,
    metrics as metrics_api,
    mine as mine_api,
    opinions as opinions_api,
    people as people_api,
    progress as progress_api,
    review as review_api,
    review_bulk as review_bulk_api,
    review_queue as review_queue_api,
    search as search_api,
    system as system_api,
    talk_files as talk_files_api,
    tokens as tokens_api,
    visitor_accounts as visitor_accounts_api,
    webhooks as webhooks_api,
)
from webapp.connections import (
    Patience,
    connections_for,
    guarded_protocol,
    keep_little_for_readers,
    open_files,
    raise_open_files,
)
from webapp.hub import Hub
from webapp.identity import Identity, VisitorSigner
from webapp.limits.attempts import Attempts
from webapp.limits.bodies import BodyLimit
from webapp.limits.crowd import BESIDE_STREAMS, SHARE_OF_ADDRESS, Crowd
from webapp.limits.doors import GradioDoors
from webapp.limits.headers import SecurityHeaders
from webapp.limits.heads import HeadLimit
from webapp.limits.hosts import OwnHostsOnly
from webapp.limits.last_guard import LastGuard
from webapp.limits.origins import OwnOriginOnly
from webapp.limits.proxies import PRIVATE_NETWORKS, TrustedProxies
from webapp.limits.rates import AddressLimit, RateLimits
from webapp.limits.tally import CountRefusals, Tally
from webapp.openid import OpenId, provider_of
from webapp.pace import Pace
from webapp.parts import Parts
from webapp.refusals import error_body, error_headers
from webapp.store import Store
from webapp.turns import TurnRunner
from webapp.watch import Janitor, ModelWatcher, Poller, forever

log = logging.getLogger(__name__)

CHAT_PRIORITY = 0
GRACE_S = 3
REASON_MAX_CHARS = 300
FORGET_EVERY_S = 3600.0
DELETED_EVERY_S = 60.0
EXPORTS_AT_ONCE = 2


def build_app(
    settings: Settings, *, ring: Callable[[str], None], pace: Pace | None = None, with_pages: bool = True
) -> FastAPI:
    """The whole web application, or only its API.

    Args:
        settings: as read once for this process.
        ring: tells the worker of a new feedback job; never raises.
        pace: another one than the product's, for tests.
        with_pages: mount the Gradio apps, which takes a moment.
    """
    parts = build_parts(settings, ring=ring, pace=pace or Pace())
    app = FastAPI(title="Debrief", docs_url=None, redoc_url=None, openapi_url=None, lifespan=_lifespan)
    app.state.parts = parts
    _add_layers(app, parts)
    _say_errors(app)
    for routes in (
        conversations_api,
        deleting_api,
        search_api,
        talk_files_api,
        messages_api,
        imports_api,
        feedback_api,
        again_api,
        progress_api,
        live_api,
        mine_api,
        data_api,
        links_api,
        tokens_api,
        visitor_accounts_api,
        login,
        health_api,
    ):
        _serve(app, routes.router)
    _serve(app, docs_api.router)
    _serve(app, metrics_api.router)
    # The last route of review takes any word for a move.
    for routes in (opinions_api, review_bulk_api, review_queue_api, edits_api, review_api, system_api):
        _serve(app, routes.router)
    for routes in (exports_api, people_api, audit_api, webhooks_api):
        _serve(app, routes.router)
    _end_api(app)
    app.include_router(sign_in.sign_in_routes(parts))
    app.include_router(passwords.password_routes(parts))
    if with_pages:
        _mount_pages(app, parts)
    return app


def build_parts(settings: Settings, *, ring: Callable[[str], None], pace: Pace) -> Parts:
    store = Store(Database(settings.database))
    model = ChatModel(settings, priority=CHAT_PRIORITY)
    hub = Hub(streams_per_visitor=settings.streams_at_once_per_visitor, streams_in_all=settings.streams_at_once)
    limits = RateLimits(settings)
    provider = provider_of(settings, os.environ)
    return Parts(
        settings=settings,
        db=store.db,
        store=store,
        model=model,
        scenarios=load_scenarios(settings.scenario_dir),
        request_feedback=partial(_request_feedback, store.db, settings, ring),
        ring=ring,
        signer=VisitorSigner(signing_secret(settings)),
        hub=hub,
        turns=TurnRunner(
            settings=settings,
            store=store,
            model=model,
            hub=hub,
            limits=limits,
            pace=pace,
            ask_at_end=partial(_request_at_end, store.db, settings, ring),
            writer_id=new_id("p"),
        ),
        limits=limits,
        attempts=Attempts(settings),
        openid=OpenId(provider) if provider else None,
        refused=Tally(),
        pace=pace,
        exporting=asyncio.Semaphore(EXPORTS_AT_ONCE),
        on_space=bool(os.environ.get("SPACE_ID")),
    )


def _request_feedback(
    db: Database, settings: Settings, ring: Callable[[str], None], visitor_id: str, conversation_id: str
) -> FeedbackView:
    """Store the request, then ring: a lost ring costs seconds, a job without a row would cost trust."""
    conversation = conversations.get_conversation(db, visitor_id, conversation_id)
    versions = request_versions(settings, conversation.scenario_hash)
    limits = FeedbackLimits.of(settings)
    view, job_id = feedback.request_feedback(db, visitor_id, conversation_id, versions=versions, limits=limits)
    if job_id is not None:
        ring(job_id)
    return view


def _request_at_end(db: Database, settings: Settings, ring: Callable[[str], None], conversation: Conversation) -> None:
    if settings.feedback_at_end == "off":
        return
    versions, limits = request_versions(settings, conversation.scenario_hash), FeedbackLimits.of(settings)
    try:
        job_id = unasked.request_at_end(db, conversation.id, versions=versions, limits=limits)
    except TooBusy as refusal:  # nobody asked, so nobody is told: the visitor can ask, and the next turn asks again
        log.info("not asked at the end", extra={"conversation_id": conversation.id, "code": refusal.reason})
        return
    if job_id is not None:
        ring(job_id)


def _add_layers(app: FastAPI, parts: Parts) -> None:
    """Around all routes and mounts; the last one added is the outermost."""

    async def find_account(token: str) -> accounts.Account | None:
        return await parts.store(accounts.who_is, token)

    async def find_program(token: str) -> tokens.Bearer | None:
        return await parts.store(tokens.who_is_program, token)

    async def has_moved(visitor_id: str) -> bool:
        return await parts.store(visitors.has_moved, visitor_id)

    # No origin may read from another site. Gradio reflects any Origin, with credentials, unless it finds this here.
    app.add_middleware(CORSMiddleware, allow_origins=[])
    app.add_middleware(sign_in.Guard)
    app.add_middleware(
        Identity,
        signer=parts.signer,
        find_account=find_account,
        find_program=find_program,
        has_moved=has_moved,
        on_space=parts.on_space,
    )
    settings = parts.settings
    app.add_middleware(
        BodyLimit,
        limit_bytes=settings.body_max_bytes,
        timeout_s=settings.body_timeout_s,
        larger={talk_files_api.IMPORT_PATH: max(talk_files_api.IMPORT_MAX_BYTES, settings.body_max_bytes)},
    )
    app.add_middleware(AddressLimit, limits=parts.limits)
    app.add_middleware(OwnOriginOnly)
    app.add_middleware(GradioDoors)
    app.add_middleware(Crowd, settings=settings)
    app.add_middleware(OwnHostsOnly, allowed=settings.allowed_hosts, host=settings.host, on_space=parts.on_space)
    app.add_middleware(HeadLimit)
    app.add_middleware(LastGuard)
    app.add_middleware(SecurityHeaders, on_space=parts.on_space)
    trusted = settings.trusted_proxies or (PRIVATE_NETWORKS if parts.on_space else "")
    app.add_middleware(TrustedProxies, trusted=trusted)
    app.add_middleware(CountRefusals, tally=parts.refused)


def _say_errors(app: FastAPI) -> None:
    @app.exception_handler(DebriefError)
    async def ours(request: Request, error: DebriefError) -> Response:  # pyright: ignore[reportUnusedFunction]
        return _error_response(request, error)

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> Response:  # pyright: ignore[reportUnusedFunction]
        problem = error.errors()[0]
        where = ".".join(str(part) for part in problem["loc"] if part != "body")
        return _error_response(
            request, InputRejected(reason=_printable(f"{where}: {problem['msg']}" if where else problem["msg"]))
        )

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:  # pyright: ignore[reportUnusedFunction]
        if error.status_code == 404:
            return _error_response(request, NotFound())
        return _error_response(request, InputRejected(reason=str(error.detail)), error.status_code)


def _printable(reason: str) -> str:
    """Without a sender's novel, and without lone surrogates, which no response can carry: keys are quoted."""
    return reason.encode("utf-8", "replace").decode("utf-8")[:REASON_MAX_CHARS]


def _error_response(request: Request, error: DebriefError, status: int | None = None) -> Response:
    response = JSONResponse(error_body(request.scope, error), status or error.http_status)
    response.raw_headers.extend([*error_headers(error), (b"cache-control", b"no-store")])
    return response


def _serve(app: FastAPI, router: APIRouter) -> None:
    """The router's own routes, as they are. `include_router` would read every signature once more for each app."""
    app.router.routes.extend(router.routes)


def _end_api(app: FastAPI) -> None:
    """What is left under `/api/` is not there: a page must not answer for it."""

    @app.api_route("/api/{rest:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"], include_in_schema=False)
    async def nothing_here(rest: str) -> None:  # pyright: ignore[reportUnusedFunction]
        raise NotFound


def _mount_pages(app: FastAPI, parts: Parts) -> None:
    """In a running event loop: without one Gradio 6.31 makes several of its own and never closes them.

    In a thread, because the caller may have a running loop of another kind.
    """
    # Here: importing Gradio takes most of a start, and the API alone does without it.
    from webapp import desk, ui  # noqa: PLC0415
    from webapp.gradio_events import guard_events  # noqa: PLC0415

    async def mount() -> None:
        assets = ui.serve_assets(app, parts)
        desk.mount(app, parts, assets)
        ui.mount(app, parts, assets)
        guard_events(app, parts.limits)

    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(mount())).result()


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncGenerator[None]:
    parts: Parts = app.state.parts
    pace = parts.pace
    signs_of_life = parts.settings.data_dir / "alive" / "web"
    shown_alive = _show_life(signs_of_life, parts.turns.writer_id)
    loops = [
        asyncio.create_task(forever(name, interval_s, look), name=name)
        for name, interval_s, look in (
            ("janitor", pace.janitor_s, Janitor(parts.store, pace, signs_of_life, parts.turns.own_ids).look),
            ("poller", pace.poll_s, Poller(parts.store, parts.hub).look),
            ("deleted talks", DELETED_EVERY_S, partial(_forget_deleted_talks, parts.store)),
            ("old copies", FORGET_EVERY_S, partial(_forget_old_copies, parts.settings)),
            ("old spending", FORGET_EVERY_S, partial(_forget_old_spending, parts.store)),
            ("old talks", FORGET_EVERY_S, partial(_forget_old_talks, parts)),
            ("model watcher", pace.model_watch_s, ModelWatcher(parts.model, parts.hub, pace).look),
        )
    ]
    try:
        yield
    finally:
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
        await finish_work(parts)
        await parts.model.aclose()
        await parts.store.close()
        parts.db.close()
        shown_alive.close()


def _show_life(folder: Path, process_id: str) -> contextlib.ExitStack:
    """Until it is closed others see that this process lives. Where that cannot be shown, its answers show it."""
    shown = contextlib.ExitStack()
    try:
        shown.enter_context(alive.sign_of_life(folder, process_id))
    except OSError:  # a full disk must not keep the page from coming up
        log.exception("could not show that this process lives")
    return shown


async def _forget_old_copies(settings: Settings) -> None:
    """A server that is never restarted must not keep for ever what people have deleted since."""
    folder = settings.data_dir / "backups"
    await asyncio.to_thread(backup.forget_old, folder, days=settings.upgrade_copies_days)
    await asyncio.to_thread(backup.forget_old_backups, folder, days=settings.backup_days)


async def _forget_deleted_talks(store: Store) -> None:
    """Also at the start: a talk whose grace ended while nobody ran must not stay."""
    await store(undo.delete_expired)


async def _forget_old_spending(store: Store) -> None:
    await store(spending.forget_old_days)


async def _forget_old_talks(parts: Parts) -> None:
    settings = parts.settings
    kept = retention.Kept(settings.talks_days, settings.feedback_days, settings.webhook_log_days)
    await parts.store(retention.forget_in_turn, kept, every_s=FORGET_EVERY_S * 0.9)


async def finish_work(parts: Parts) -> None:
    """Store what is being written as interrupted, then end the live streams. Doing it twice is harmless."""
    await parts.turns.close()
    parts.hub.close()


class WebServer(uvicorn.Server):
    """Ends answers and live streams first when it is told to stop: uvicorn would wait for them."""

    def __init__(self, app: FastAPI, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._parts: Parts = app.state.parts

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for server in self.servers:
            for listener in server.sockets:
                keep_little_for_readers(listener.fileno())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await finish_work(self._parts)
        await super().shutdown(sockets)


def web_server(app: FastAPI, settings: Settings, patience: Patience | None = None) -> WebServer:
    """`patience`: another one with connections than the product's, for tests."""
    patience = patience or Patience()
    most = connections_for(open_files())
    wanted = settings.streams_at_once + BESIDE_STREAMS
    if most < wanted:
        log.warning("few open files", extra={"connections": most, "wanted": wanted})
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=guarded_protocol(patience, most, max(most // SHARE_OF_ADDRESS, wanted)),
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        proxy_headers=False,  # webapp.limits.proxies.TrustedProxies reads them, for named proxies only
        server_header=False,
        timeout_keep_alive=patience.idle_s,
        timeout_graceful_shutdown=GRACE_S,
    )
    return WebServer(app, config)


def serve(settings: Settings, *, ring: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM."""
    raise_open_files()
    web_server(build_app(settings, ring=ring), settings).run()
