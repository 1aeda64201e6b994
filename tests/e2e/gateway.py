"""What the emulator's API Gateway cannot take from Chalice: a whole API as Swagger.

As in AWS, what was set on the API itself is gone then.
"""

import json
import re
from urllib.parse import parse_qs

CREDENTIAL = re.compile(rb"Credential=([^/]+)/[^/]+/([^/]+)/")  # an account, and a Region
STREAMED = re.compile(r"/2021-11-15/functions/(.+?)/response-streaming-invocations")


class Gateway:
    """An ASGI app before ministack's: an API that is imported, or put in another's place, becomes its resources."""

    def __init__(self, app):
        self._app = app

    async def __call__(self, scope, receive, send):
        found = _api_of(scope) if scope["type"] == "http" else None
        if found:
            document = json.loads(await whole(receive))
            made = imported(document, found, dict(scope["headers"])[b"authorization"])
            await answer(send, 201, [(b"content-type", b"application/json")], json.dumps(made).encode())
        else:
            await self._app(scope, receive, send)


def _api_of(scope):
    """`new`, or the id of the API that is to be replaced, of a call that imports one."""
    parts = scope["path"].strip("/").split("/")
    if parts[0] != "restapis":
        return None
    if scope["method"] == "POST" and len(parts) == 1 and parse_qs(scope["query_string"]).get(b"mode") == [b"import"]:
        return "new"
    return parts[1] if scope["method"] == "PUT" and len(parts) == 2 else None


def imported(document, wanted, authorization):
    """What the API is afterwards; the id of one that is replaced stays."""
    from ministack.core.responses import set_request_account_id, set_request_region
    from ministack.services import apigateway_v1

    account, region = CREDENTIAL.search(authorization).groups()
    set_request_account_id(account.decode())
    set_request_region(region.decode())
    made = apigateway_v1._import_rest_api(document, {"endpointConfiguration": {"types": ["REGIONAL"]}})
    if wanted != "new":
        apigateway_v1._resources[wanted] = apigateway_v1._resources[made]
        apigateway_v1._gateway_responses.pop(wanted, None)
        apigateway_v1._delete_rest_api(made)
    return apigateway_v1._rest_api_view(apigateway_v1._rest_apis[made if wanted == "new" else wanted])


def keep_transfer_mode(gateway):
    """Keep what this emulator does not know of an integration."""
    put = gateway._put_integration

    def put_and_keep(api, resource, method, data):
        answer = put(api, resource, method, data)
        if "responseTransferMode" in data:
            integration = gateway._resources[api][resource]["resourceMethods"][method]["methodIntegration"]
            integration["responseTransferMode"] = data["responseTransferMode"]
        return answer

    gateway._put_integration = put_and_keep


def buffered(uri):
    """The same integration, answered whole where it would stream."""
    return STREAMED.sub(r"/2015-03-31/functions/\1/invocations", uri or "")


async def whole(receive):
    """The body of a request."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def with_body(scope, receive, body):
    """The two ends of a request that was read already."""
    unread = [{"type": "http.request", "body": body, "more_body": False}]
    headers = [pair for pair in scope["headers"] if pair[0] != b"content-length"]

    async def replay():
        return unread.pop() if unread else await receive()

    return dict(scope) | {"headers": [*headers, (b"content-length", str(len(body)).encode())]}, replay


async def answer(send, status, headers, body):
    """Send a whole answer."""
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})
