"""Webhooks, for admins: endpoints with their events and secrets, and the log of what was delivered to them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from debrief.addresses import Networks, read_networks
from debrief.webhooks import EVENTS
from storage import webhook_log, webhooks
from storage.webhook_log import Delivery
from storage.webhooks import OVERLAP_HOURS, OVERLAP_MOST_HOURS, Webhook
from webapp.api.asking import TheAdmin, TheParts
from webapp.api.shapes import StrictRequest
from webapp.parts import Parts

PAGE_MAX = 200
router = APIRouter(prefix="/api/v1/webhooks", tags=["webhooks"])


class WebhookOut(BaseModel):
    """`waiting` are on their way, `given_up` are still in the log. `disabled_why`: admin, gone or failing."""

    id: str
    url: str
    events: list[str]
    created_at: datetime
    disabled_at: datetime | None
    disabled_why: str | None
    failing_since: datetime | None
    old_secret_until: datetime | None
    waiting: int
    given_up: int
    delivered_at: datetime | None

    @classmethod
    def of(cls, webhook: Webhook) -> WebhookOut:
        return cls(**vars(webhook))


class WebhookList(BaseModel):
    """`events` are all that there are."""

    items: list[WebhookOut]
    events: list[str]


class NewWebhook(StrictRequest):
    url: str
    events: list[str]


class WebhookChange(StrictRequest):
    """What is left out stays as it is."""

    url: str | None = None
    events: list[str] | None = None
    disabled: bool | None = None


class Rotation(StrictRequest):
    overlap_hours: Annotated[int, Field(ge=0, le=OVERLAP_MOST_HOURS)] = OVERLAP_HOURS
    """For so long the old secret signs too."""


class WithSecret(BaseModel):
    """The secret is in this answer only."""

    webhook: WebhookOut
    secret: str


class AttemptOut(BaseModel):
    """`failure` is a code, null where it was delivered; `status` is null where nothing was answered."""

    n: int
    at: datetime
    duration_s: float | None
    status: int | None
    failure: str | None


class DeliveryOut(BaseModel):
    """`id` is the webhook-id; `state`: waiting, sending, delivered or given_up; `due_at`: the next attempt."""

    id: str
    event: str
    feedback_id: str | None
    state: str
    body: str
    created_at: datetime
    due_at: datetime | None
    ended_at: datetime | None
    attempts: list[AttemptOut]

    @classmethod
    def of(cls, delivery: Delivery) -> DeliveryOut:
        attempts = [AttemptOut(**vars(attempt)) for attempt in delivery.attempts]
        own = {name: value for name, value in vars(delivery).items() if name != "attempts"}
        return cls(attempts=attempts, **own)


class DeliveryPage(BaseModel):
    items: list[DeliveryOut]
    next: str | None


class Queued(BaseModel):
    """What is on its way now."""

    delivery_id: str


class QueuedMany(BaseModel):
    deliveries: int


@router.get("", summary="All endpoints, and the events that there are")
async def list_webhooks(parts: TheParts, admin: TheAdmin) -> WebhookList:
    found = await parts.store(webhooks.list_webhooks)
    return WebhookList(items=[WebhookOut.of(webhook) for webhook in found], events=list(EVENTS))


@router.post("", status_code=201, summary="Add an endpoint; the answer has its secret, once")
async def make_webhook(parts: TheParts, admin: TheAdmin, wish: NewWebhook) -> WithSecret:
    webhook, secret = await parts.store(webhooks.make_webhook, admin, wish.url, wish.events, _networks(parts))
    return WithSecret(webhook=WebhookOut.of(webhook), secret=secret)


@router.patch("/{webhook_id}", summary="Change the address or the events, disable an endpoint or open it again")
async def change_webhook(parts: TheParts, admin: TheAdmin, webhook_id: str, change: WebhookChange) -> WebhookOut:
    """Disabling gives up what waits."""
    changed = await parts.store(
        webhooks.change_webhook,
        admin,
        webhook_id,
        _networks(parts),
        url=change.url,
        events=change.events,
        disabled=change.disabled,
    )
    return WebhookOut.of(changed)


@router.delete("/{webhook_id}", status_code=204, summary="Delete an endpoint, what waits for it, and its log")
async def delete_webhook(parts: TheParts, admin: TheAdmin, webhook_id: str) -> None:
    await parts.store(webhooks.delete_webhook, admin, webhook_id)


@router.post("/{webhook_id}/secret", summary="A new secret, shown once; the old one signs too for a while")
async def rotate_secret(parts: TheParts, admin: TheAdmin, webhook_id: str, wish: Rotation | None = None) -> WithSecret:
    hours = (wish or Rotation()).overlap_hours
    webhook, secret = await parts.store(webhooks.rotate_secret, admin, webhook_id, overlap_hours=hours)
    return WithSecret(webhook=WebhookOut.of(webhook), secret=secret)


@router.post("/{webhook_id}/ping", status_code=202, summary="Send an event that means nothing, to try the endpoint")
async def ping(parts: TheParts, admin: TheAdmin, webhook_id: str) -> Queued:
    return Queued(delivery_id=await parts.store(webhooks.ping, admin, webhook_id))


@router.get("/{webhook_id}/deliveries", summary="What was sent or is to be, newest first, with each attempt")
async def list_deliveries(
    parts: TheParts,
    admin: TheAdmin,
    webhook_id: str,
    state: Literal["waiting", "delivered", "given_up"] | None = None,
    event: Annotated[str | None, Query(max_length=40)] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 50,
    cursor: Annotated[str | None, Query(max_length=40)] = None,
) -> DeliveryPage:
    """Waiting is also what is being sent at this moment."""
    page = await parts.store(
        webhook_log.list_deliveries, webhook_id, state=state, event=event, limit=limit, after=cursor
    )
    return DeliveryPage(items=[DeliveryOut.of(delivery) for delivery in page.items], next=page.next)


@router.get("/{webhook_id}/deliveries/{delivery_id}", summary="One delivery with each attempt")
async def get_delivery(parts: TheParts, admin: TheAdmin, webhook_id: str, delivery_id: str) -> DeliveryOut:
    return DeliveryOut.of(await parts.store(webhook_log.get_delivery, webhook_id, delivery_id))


@router.post("/{webhook_id}/deliveries/{delivery_id}/again", status_code=202, summary="Send one again, with its id")
async def redeliver(parts: TheParts, admin: TheAdmin, webhook_id: str, delivery_id: str) -> Queued:
    await parts.store(webhook_log.redeliver, admin, webhook_id, delivery_id)
    return Queued(delivery_id=delivery_id)


@router.post("/{webhook_id}/again", status_code=202, summary="Send everything again that was given up")
async def redeliver_given_up(parts: TheParts, admin: TheAdmin, webhook_id: str) -> QueuedMany:
    return QueuedMany(deliveries=await parts.store(webhook_log.redeliver_given_up, admin, webhook_id))


def _networks(parts: Parts) -> Networks:
    return read_networks(parts.settings.webhook_networks)
