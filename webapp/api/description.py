"""The description of the API (OpenAPI): what the routes say of themselves, with what they refuse and examples.

The shapes of success are on the routes. What every route may refuse follows from its kind and its path; what only some
refuse is in `REFUSALS` below.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI

from webapp.api.shapes import Problem
from webapp.limits import CHANGING

ABOUT = """Everything that the page does. Who you are is a signed cookie: keep it. What is refused is `{code, message}`,
the message in English or Korean as `Accept-Language` asks; `Retry-After` says where waiting helps. Somebody else's is
answered as what is not there. A walk through it by curl, and the live stream's events, are in docs/api.md."""

CODES: dict[int, str] = {
    401: "Nobody is signed in.",
    403: "Not with this role, or the request comes from another site's page.",
    404: "Not there, or not yours.",
    408: "The body did not come in time.",
    409: "Somebody was faster, or it is not in the state for that.",
    413: "The body is too large.",
    415: "The body is encoded.",
    422: "Something in the request is not as it must be; the message names it.",
    429: "A limit; Retry-After says when to come back. Nothing was stored.",
    502: "Another server, which is needed for this, does not answer as it must.",
    503: "No room, or the database does not answer. Nothing was changed.",
}

BEGINNING = {
    422: ["unknown_scenario", "form_incomplete", "form_choice"],
    429: ["too_many_messages", "too_many_newcomers"],
}
ANSWERING = {
    409: ["answer_running"],
    429: ["too_many_messages", "too_many_answers", "too_busy", "answers_spent", "answers_spent_by_all"],
}
STREAMING = {429: ["too_many_streams", "streams_full"]}

HOOK_REFUSED = ["hook_url", "hook_url_parts", "hook_url_http", "hook_url_private", "hook_events"]

FOR_ADMINS = ("/api/v1/system", "/api/v1/exports", "/api/v1/people", "/api/v1/audit", "/api/v1/webhooks")
REFUSALS: dict[str, dict[int, list[str]]] = {
    "POST /api/v1/people": {403: ["not_by_token"], 409: ["name_taken"], 422: ["account_name", "unknown_role"]},
    "POST /api/v1/people/{account_id}/link": {403: ["not_by_token"], 409: ["account_shut"]},
    "POST /api/v1/people/{account_id}/tokens": {
        403: ["not_by_token"],
        409: ["account_shut", "too_many_tokens"],
        422: ["token_label"],
    },
    "PATCH /api/v1/people/{account_id}": {409: ["last_admin"], 422: ["unknown_role"]},
    "POST /api/v1/webhooks": {409: ["too_many_hooks"], 422: HOOK_REFUSED},
    "PATCH /api/v1/webhooks/{webhook_id}": {422: HOOK_REFUSED},
    "POST /api/v1/webhooks/{webhook_id}/ping": {409: ["hook_disabled"]},
    "POST /api/v1/webhooks/{webhook_id}/again": {409: ["hook_disabled"]},
    "POST /api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/again": {409: ["hook_disabled", "hook_sending"]},
    "GET /api/v1/exports/{kind}": {422: ["export_format"], 429: ["exports_running"]},
    "POST /api/v1/conversations": BEGINNING,
    "POST /api/v1/import/conversations": {
        422: [*BEGINNING[422], "message_too_long"],
        429: BEGINNING[429],
    },
    "POST /api/v1/import/talks": {
        413: ["body_too_large"],
        422: ["not_our_file", "newer_file", "broken_file", "file_scenario_missing", "form_incomplete", "form_choice"],
        429: BEGINNING[429],
    },
    "POST /api/v1/search": {422: ["nothing_to_search", "search_too_long"]},
    "DELETE /api/v1/conversations": {404: ["nothing_to_delete"]},
    "POST /api/v1/deletions/{deletion_id}/undo": {404: ["too_late_to_undo"]},
    "PATCH /api/v1/conversations/{conversation_id}": {422: ["empty_title"]},
    "POST /api/v1/conversations/{conversation_id}/messages": {422: ["empty_message", "message_too_long"], **ANSWERING},
    "POST /api/v1/messages/{message_id}/retry": ANSWERING,
    "POST /api/v1/messages/{message_id}/continue": ANSWERING,
    "POST /api/v1/messages/{message_id}/edit": {422: ["empty_message", "message_too_long"], **ANSWERING},
    "POST /api/v1/messages/{message_id}/choose": {409: ["answer_running"]},
    "POST /api/v1/messages/{message_id}/rate": {409: ["answer_running"], 422: ["message_too_long"]},
    "GET /api/v1/live": {404: ["not_found"], **STREAMING},
    "GET /api/v1/conversations/{conversation_id}/live": STREAMING,
    "POST /api/v1/conversations/{conversation_id}/feedback": {
        422: ["nothing_to_review"],
        429: ["feedbacks_waiting", "feedbacks_waiting_of_all", "feedbacks_spent", "feedbacks_spent_by_all"],
    },
    "POST /api/v1/me/tokens": {
        403: ["not_by_token"],
        409: ["too_many_tokens"],
        422: ["token_label"],
        429: ["too_many_messages", "too_many_newcomers"],
    },
    "POST /api/v1/me/link": {403: ["not_by_token"], 429: ["too_many_messages", "too_many_newcomers"]},
    "POST /api/v1/me/link/use": {
        403: ["not_by_token"],
        404: ["link_not_valid"],
        409: ["link_is_own", "two_accounts"],
        429: ["too_many_messages"],
    },
    "POST /api/v1/me/account": {
        403: ["not_by_token"],
        409: ["name_taken_here", "signed_in_already"],
        422: ["visitor_name", "password_length"],
        429: ["too_many_sign_ins", "too_many_messages", "too_many_newcomers"],
    },
    "POST /api/v1/me/account/sign-in": {
        403: ["wrong_password", "not_by_token"],
        409: ["signed_in_already"],
        429: ["too_many_sign_ins"],
    },
    "POST /api/v1/me/account/provider": {
        403: ["not_by_token"],
        404: ["no_provider"],
        429: ["too_many_messages", "too_many_newcomers"],
        502: ["login_down"],
    },
    "POST /api/v1/me/account/sign-out": {403: ["not_by_token"], 404: ["no_account_here"]},
    "PUT /api/v1/me/account/password": {
        403: ["wrong_password", "not_by_token"],
        404: ["no_account_here"],
        422: ["password_length"],
        429: ["too_many_sign_ins"],
    },
    "PUT /api/v1/feedback/{feedback_id}/reaction": {409: ["nothing_shown"]},
    "POST /api/v1/feedback/{feedback_id}/disputes": {
        409: ["nothing_shown"],
        422: ["no_such_sentence", "message_too_long"],
    },
    "POST /api/v1/feedback/{feedback_id}/again": {429: ["too_many_messages"]},
    "POST /api/v1/second-opinions/{feedback_id}": {422: ["opinion_incomplete"]},
    "POST /api/v1/review/{feedback_id}/beat": {409: ["claim_first"]},
    "POST /api/v1/review/{feedback_id}/again": {409: ["not_repeatable"]},
    "POST /api/v1/review/{feedback_id}/edit": {
        403: ["not_allowed"],
        409: ["conflict", "claim_first", "claimed_by_other", "illegal_move", "nothing_changed"],
        422: [
            "message_too_long",
            "edit_field_too_long",
            "edit_level_missing",
            "edit_level_needs_line",
            "edit_unknown_line",
            "edit_empty_item",
        ],
    },
    "POST /api/v1/review/{feedback_id}/regenerate": {
        403: ["not_allowed"],
        409: ["conflict", "claim_first", "claimed_by_other", "illegal_move"],
        422: ["message_too_long"],
    },
    "POST /api/v1/review/{feedback_id}/{action}": {
        403: ["not_allowed"],
        409: ["conflict", "claim_first", "claimed_by_other", "illegal_move"],
        422: ["reason_needed", "message_too_long"],
    },
}
"""The codes that a route has beside those of its kind."""

_EDIT: dict[str, Any] = {
    "criteria": [
        {"key": "examples", "level": 4, "reason": "You named the team and what became of it.", "evidence": ["m1.1"]}
    ],
    "summary": "You were concrete.",
}

EXAMPLES: dict[str, dict[str, Any]] = {
    "NewConversation": {"scenario": "job_interview", "language": "en"},
    "ConversationChange": {"title": "Interview for the warehouse"},
    "SearchRequest": {"text": "warehouse", "limit": 20},
    "NewMessage": {"text": "I led a team of three.", "request_id": "first"},
    "Retry": {"request_id": "once more"},
    "RatingRequest": {"value": "down", "comment": "It forgot what I had said."},
    "FeedbackRequest": {},
    "ReactionRequest": {"helpful": True},
    "DisputeRequest": {"path": "criteria.0.reason", "comment": "I told two."},
    "TryAgain": {"message_id": "m_0123456789"},
    "ImportedTalk": {
        "scenario": "job_interview",
        "title": "Trial interview",
        "messages": [
            {"role": "user", "text": "I led the move of four services to one queue."},
            {"role": "assistant", "text": "What was hard about it?"},
        ],
    },
    "NewToken": {"label": "My nightly script"},
    "LinkUse": {"token": "q8Jx0V1k-3bYwz5nT7uRmA2cL9dEfGhIjKpOsWtXvZ4"},
    "Credentials": {"name": "olga", "password": "three blue herons"},
    "NewPassword": {"password": "three blue herons", "new_password": "one grey heron"},
    "SignOut": {"everywhere": True},
    "Decision": {"row_version": 3, "reason": "wrong_level", "note": "Too kind."},
    "RepeatWish": {"version_n": 1},
    "NewPerson": {"name": "rita", "role": "reviewer"},
    "PersonChange": {"disabled": True},
    "NewWebhook": {"url": "https://hooks.example.org/debrief", "events": ["feedback.ready", "review.overdue"]},
    "WebhookChange": {"disabled": True},
    "Rotation": {"overlap_hours": 24},
    "NextWish": {"skipped": []},
    "BulkQuestion": {"action": "approve", "view": "state=pending&language=ko"},
    "BulkWish": {"action": "assign", "view": "language=ko&level=1", "assignee": "rita"},
    "Edit": _EDIT,
    "EditIn": {"row_version": 3, "edit": _EDIT, "note": "Named the team."},
    "Opinion": {"decision": "approve", "levels": {"examples": 3, "own_part": None}},
    "Wish": {"row_version": 3, "guidance": "Look at what was said about the delay."},
}
"""Of request bodies, by the name of their shape."""

_EVENTS: dict[str, Any] = {"text/event-stream": {"schema": {"type": "string", "description": "See docs/api.md."}}}


def describe(app: FastAPI) -> dict[str, Any]:
    """OpenAPI's description of our own routes."""
    description: dict[str, Any] = copy.deepcopy(app.openapi())
    description["info"]["description"] = ABOUT
    schemas: dict[str, Any] = description["components"]["schemas"]
    schemas["Problem"] = Problem.model_json_schema()
    for name in ("HTTPValidationError", "ValidationError"):  # FastAPI's own words for 422, which we do not use
        schemas.pop(name, None)
    for name, example in EXAMPLES.items():
        if name in schemas:
            schemas[name]["examples"] = [example]
    for method, path, operation in operations(description):
        operation["tags"] = [path.removeprefix("/api/v1/").partition("/")[0].lstrip("/")]
        _add_streams(path, operation)
        for status, codes in sorted(refusals(method, path, has_body="requestBody" in operation).items()):
            operation["responses"][str(status)] = _problem(status, codes)
    return description


def operations(description: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and description of each route."""
    for path, methods in sorted(description["paths"].items()):
        for method, operation in methods.items():
            yield method.upper(), path, operation


def refusals(method: str, path: str, *, has_body: bool) -> dict[int, list[str]]:
    """The codes that a route may answer, by status."""
    found: dict[int, list[str]] = {422: ["malformed"], 429: ["crowded_address"], 503: ["crowded", "not_readable"]}
    if path == "/healthz":
        return {}
    if "_id}" in path:
        found[404] = ["not_found"]
    if path.startswith(("/api/v1/review", "/api/v1/second-opinions", "/api/v1/agreement", *FOR_ADMINS)):
        found[401] = ["sign_in_needed"]
    if path.startswith("/api/v1/"):
        found.setdefault(401, []).append("wrong_token")
    if path.startswith(FOR_ADMINS):
        found[403] = ["not_allowed"]
    if method in CHANGING:
        found.setdefault(403, []).append("wrong_origin")
        found[429].append("too_many_requests")
        found[503].append("not_saved")
    if has_body:
        found |= {408: ["body_too_slow"], 413: ["body_too_large"], 415: ["encoded_body"]}
        found[422].append("too_deep")
    for status, codes in REFUSALS.get(f"{method} {path}", {}).items():
        found.setdefault(status, []).extend(codes)
    return found


def _add_streams(path: str, operation: dict[str, Any]) -> None:
    if path.endswith("/live"):
        operation["responses"]["200"] = {"description": "The events.", "content": _EVENTS}
    elif path.endswith(("/messages", "/retry", "/continue", "/edit")):
        asked = "The live stream of this answer, where Accept names text/event-stream."
        operation["responses"]["200"] = {"description": asked, "content": _EVENTS}


def _problem(status: int, codes: list[str]) -> dict[str, Any]:
    listed = ", ".join(f"`{code}`" for code in codes)
    return {
        "description": f"{CODES[status]} {listed}",
        "content": {
            "application/json": {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "examples": {code: {"value": {"code": code, "message": "…"}} for code in codes},
            }
        },
    }
