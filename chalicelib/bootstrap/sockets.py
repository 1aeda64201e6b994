"""Open connections: where they are kept, and the way to them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from chalicelib.pipeline.courier import Courier
from chalicelib.pipeline.lane import Lane
from chalicelib.pipeline.reception import Reception
from chalicelib.ports.sockets import Transport
from chalicelib.settings import Settings, origins_of

if TYPE_CHECKING:
    from chalicelib.adapters.dynamodb.client import Database


def open_courier(settings: Settings, lane: Lane) -> Courier:
    """What sends answers; no call is made yet."""
    from chalicelib.edge.sockets_wire import JsonWire

    return Courier(lane.jobs, _transport(settings), JsonWire(), lane.hold, time.time, time.sleep)


def open_reception(settings: Settings, database: Database, lane: Lane) -> Reception:
    """What knows the connections; no call is made yet."""
    from chalicelib.adapters.dynamodb.connections import DynamoConnections

    connections, origins = DynamoConnections(database), origins_of(settings.origins)
    return Reception(connections, _transport(settings), lane.jobs, origins, time.time, time.sleep)


def _transport(settings: Settings) -> Transport:
    from chalicelib.adapters.sockets.apigateway import ApiGatewayTransport

    return ApiGatewayTransport(settings.sockets)
