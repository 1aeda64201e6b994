"""Notices to tenants: what sends them, and how far they may reach."""

from __future__ import annotations

import time

from chalicelib.domain.destinations import Reach
from chalicelib.pipeline.lane import Lane
from chalicelib.pipeline.notices import Notices
from chalicelib.ports import Keys
from chalicelib.ports.notices import Record
from chalicelib.settings import Settings


def reach(settings: Settings) -> Reach:
    """What the operator lets webhooks reach."""
    ports = frozenset(int(port) for port in settings.webhook_ports.split(","))
    return Reach(ports, loopback=settings.webhook_loopback and settings.local)


def open_notices(settings: Settings, lane: Lane, keys: Keys, record: Record) -> Notices:
    """What tells the tenants of the lane's jobs."""
    from chalicelib.adapters.webhooks.post import WebhookPost

    return Notices(lane.jobs, keys, lane.queue, WebhookPost(reach(settings), time.time), record, time.time)
