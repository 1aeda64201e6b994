"""A stage in several Regions: what knows who is home where, and what keeps that knowledge fresh."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from chalicelib.domain.errors import Misconfigured
from chalicelib.pipeline.homes import Homes
from chalicelib.ports import Keys
from chalicelib.settings import Settings, regions_of

if TYPE_CHECKING:
    from chalicelib.adapters.dynamodb.client import Database
    from chalicelib.pipeline.tenure import Tenure


def here(settings: Settings) -> str:
    """The Region of this process where the stage has several, else nothing."""
    regions = regions_of(settings.regions)
    name = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or ""
    if regions and name not in regions:
        raise Misconfigured(f"TIDEGATE_REGIONS names {', '.join(regions)}, and this is {name or 'nowhere'}")
    return name if regions else ""


def open_homes(settings: Settings, database: Database, keys: Keys) -> Homes | None:
    """What keeps tenants apart by Regions, if there are several; no call is made yet."""
    if not settings.regions:
        return None
    from chalicelib.adapters.dynamodb.regions import DynamoRegisters
    from chalicelib.adapters.peers.https import HttpsPeer

    registers = DynamoRegisters(database, settings.stage)
    peer = HttpsPeer(settings.deadline_seconds + settings.wait_seconds)
    return Homes(here(settings), regions_of(settings.regions), keys, registers, peer, time.time)


def open_tenure(settings: Settings, database: Database) -> Tenure:
    """What a Region renews every minute."""
    from chalicelib.adapters.dynamodb.regions import DynamoRegisters, DynamoSeats
    from chalicelib.pipeline.tenure import Tenure

    mine, registers = here(settings), DynamoRegisters(database, settings.stage)
    others = [name for name in regions_of(settings.regions) if name != mine]
    return Tenure(mine, others, DynamoSeats(database, settings.stage), registers, time.time)
