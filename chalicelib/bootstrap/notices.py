"""Notices to tenants: how far they may reach."""

from __future__ import annotations

from chalicelib.domain.destinations import Reach
from chalicelib.settings import Settings


def reach(settings: Settings) -> Reach:
    """What the operator lets webhooks reach."""
    ports = frozenset(int(port) for port in settings.webhook_ports.split(","))
    return Reach(ports, loopback=settings.webhook_loopback and settings.local)
