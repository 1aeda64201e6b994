"""Every call to the emulated AWS and what it consumed there."""

import json

from tests.e2e.gateway import answer, whole, with_body
from tests.e2e.units import units

CALLS = "/_e2e/calls"
DYNAMODB = "DynamoDB_20120810."
ADMINISTRATION = ("Describe", "List", "CreateTable", "UpdateTable", "UpdateTimeToLive", "Tag", "Untag")
OF_THE_BODY = {b"content-length", b"x-amz-crc32"}


class Recorder:
    """An ASGI app before another; `GET /_e2e/calls` answers with the calls since they were last deleted there."""

    def __init__(self, app):
        self._app = app
        self._calls = []

    def note_function(self, name):
        """A function is called, whoever calls it."""
        self._calls.append({"call": f"Function.{name}"})

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["path"] == CALLS:
            calls = self._calls
            if scope["method"] == "DELETE":
                self._calls = []
            await answer(send, 200, [(b"content-type", b"application/json")], json.dumps(calls).encode())
        else:
            await self._relay(scope, receive, send)

    async def _relay(self, scope, receive, send):
        target = dict(scope["headers"]).get(b"x-amz-target", b"").decode()
        operation = target.removeprefix(DYNAMODB)
        call = {"call": name(scope, target), "request_bytes": 0, "response_bytes": 0, "units": []}
        if target.startswith(DYNAMODB) and not operation.startswith(ADMINISTRATION):
            await self._meter(call, operation, (scope, receive, send))
        else:
            await self._app(scope, *counted(call, receive, send))
        self._calls.append(call)

    async def _meter(self, call, operation, connection):
        """Ask for what the call consumes besides; whoever called sees nothing of it."""
        scope, receive, send = connection
        asked = await whole(receive)
        request = json.loads(asked) | {"ReturnConsumedCapacity": "INDEXES"}
        started, said = await self._answered(scope, json.dumps(request).encode(), receive)
        response = json.loads(said)
        call["units"] = units(operation, request, response, response.pop("ConsumedCapacity", []))
        said = json.dumps(response, ensure_ascii=False, separators=(",", ":")).encode()
        call |= {"status": started["status"], "request_bytes": len(asked), "response_bytes": len(said)}
        headers = [pair for pair in started["headers"] if pair[0].lower() not in OF_THE_BODY]
        await answer(send, started["status"], headers, said)

    async def _answered(self, scope, body, receive):
        """The answer to a request whose body is known: how it begins, and its whole body."""
        sent = []

        async def keep(message):
            sent.append(message)

        await self._app(*with_body(scope, receive, body), keep)
        return sent[0], b"".join(message.get("body", b"") for message in sent[1:])


def counted(call, receive, send):
    """The two ends of a connection, with what passes through them noted in `call`."""

    async def taken():
        message = await receive()
        call["request_bytes"] += len(message.get("body", b""))
        return message

    async def given(message):
        if message["type"] == "http.response.start":
            call["status"] = message["status"]
        call["response_bytes"] += len(message.get("body", b""))
        await send(message)

    return taken, given


def name(scope, target):
    """A call as the service's own documentation names it; what is not a service's, by its method and path."""
    path = scope["path"]
    if target:
        return target.replace(DYNAMODB, "DynamoDB.").replace("AmazonSQS.", "SQS.")
    if "/@connections/" in path:
        return f"Connections.{scope['method']}"
    return "HTTP" if path.startswith("/_aws/execute-api/") else f"{scope['method']} {path}"
