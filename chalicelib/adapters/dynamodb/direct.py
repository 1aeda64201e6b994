"""Sends to DynamoDB what botocore would send, with a third of its work. Where no plain answer comes, botocore goes on.

Its client then makes the same call and finds the outcome in place of its first attempt: so what an error is called,
whether it is tried again, how often and how soon, is decided there and nowhere else.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from typing import Any, Final

import msgspec
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
from botocore.session import Session

from chalicelib.adapters.dynamodb.reach import AGENT, SERVICE, Place, connections
from chalicelib.adapters.dynamodb.replies import read
from chalicelib.adapters.dynamodb.signing import Signer

OPERATIONS: Final = {
    "batch_get_item": "BatchGetItem",
    "batch_write_item": "BatchWriteItem",
    "delete_item": "DeleteItem",
    "get_item": "GetItem",
    "put_item": "PutItem",
    "query": "Query",
    "transact_write_items": "TransactWriteItems",
    "update_item": "UpdateItem",
}
_TYPE: Final = "application/x-amz-json-1.0"


class Direct:
    """The way of one process to one place. Safe to share between threads."""

    def __init__(self, session: Session, place: Place, connect: Callable[[], Any], clock: Callable[[], float]) -> None:
        """`connect` makes botocore's client for the same place."""
        self.http: Any = connections(session, place.url)
        self._session = session
        self._url = place.url
        self._signer = Signer(place.url, place.region, SERVICE)
        self._connect = connect
        self._clock = clock
        self._lock = threading.Lock()
        self._client: Any = None
        self._known = threading.local()

    def send(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """What botocore's client would return or raise."""
        name = OPERATIONS[operation]
        if name == "TransactWriteItems" and "ClientRequestToken" not in request:
            request = {**request, "ClientRequestToken": str(uuid.uuid4())}  # every attempt has the same
        signed = self._signed(name, request)
        try:
            answer: AWSResponse = self.http.send(signed)
        except BotoCoreError as fault:
            return self._resume(operation, request, fault)
        reply = read(answer, name)
        if reply is None:
            return self._resume(operation, request, answer)
        if isinstance(reply, ClientError):
            raise reply
        if self._client is not None:
            self._tell(name, answer, reply)
        return {**reply}

    def _signed(self, name: str, request: dict[str, Any]) -> Any:
        body = msgspec.json.encode(request)
        plain = {"content-type": _TYPE, "x-amz-target": f"DynamoDB_20120810.{name}"}
        headers = self._signer.headers(plain, body, self._credentials(), self._clock())
        headers["user-agent"] = AGENT
        made: Any = AWSPreparedRequest  # its stubs want headers of its own kind
        return made("POST", self._url, headers, body, stream_output=False)

    def _credentials(self) -> Any:
        """Those of now: temporary ones are renewed in time."""
        credentials = self._session.get_credentials()
        if credentials is None:
            raise NoCredentialsError
        return credentials.get_frozen_credentials()

    def _resume(self, operation: str, request: dict[str, Any], outcome: AWSResponse | BotoCoreError) -> dict[str, Any]:
        client = self._client or self._open()
        self._known.outcome = outcome
        try:
            reply: dict[str, Any] = getattr(client, operation)(**request)
        finally:
            self._known.outcome = None
        return reply

    def _open(self) -> Any:
        with self._lock:
            if self._client is None:
                client = self._connect()
                client._endpoint.http_session = self.http  # noqa: SLF001 - further attempts take the same way
                client.meta.events.register(f"before-send.{SERVICE}", self._first_attempt)
                self._client = client
            return self._client

    def _first_attempt(self, **_: Any) -> AWSResponse | None:
        """Botocore asks before it sends: here is what came already."""
        outcome, self._known.outcome = getattr(self._known, "outcome", None), None
        if isinstance(outcome, BotoCoreError):
            raise outcome
        return outcome

    def _tell(self, name: str, answer: AWSResponse, reply: Any) -> None:
        """Botocore stops trying again when too much fails; what succeeds gives it leave."""
        events, model = self._client.meta.events, self._client.meta.service_model.operation_model(name)
        events.emit(f"after-call.{SERVICE}.{name}", http_response=answer, parsed=reply, model=model, context={})
