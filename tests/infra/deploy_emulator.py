"""An emulated AWS for deployments that nobody calls: `python -m tests.infra.deploy_emulator SOCKET LIFELINE`.

It takes from Chalice a whole API as Swagger, as API Gateway does: what was set on the API itself is gone with it.
"""

import json
import os
import re
import socket
import sys
from urllib.parse import parse_qs

import uvicorn

from infra.local.lifeline import Lifeline

OFF = {
    "SFTP_ENABLED": "0",
    "IOT_MTLS_ENABLED": "0",
    "DOCKER_HOST": "unix:///nonexistent",
    "PERSIST_STATE": "0",
    "LOG_LEVEL": "ERROR",
}
CREDENTIAL = re.compile(rb"Credential=([^/]+)/[^/]+/([^/]+)/")  # an account, and a Region


class Gateway:
    """An ASGI app before ministack's."""

    def __init__(self, app):
        self._app = app

    async def __call__(self, scope, receive, send):
        wanted = api_of(scope) if scope["type"] == "http" else None
        if wanted is None:
            await self._app(scope, receive, send)
            return
        document = json.loads(await whole(receive))
        made = json.dumps(imported(document, wanted, dict(scope["headers"])[b"authorization"])).encode()
        await send({"type": "http.response.start", "status": 201, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": made})


def api_of(scope):
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


async def whole(receive):
    """The body of a request."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


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


UNKNOWN = (
    "AWS::Budgets::Budget",
    "AWS::OpenSearchServerless::AccessPolicy",
    "AWS::OpenSearchServerless::Collection",
    "AWS::OpenSearchServerless::CollectionGroup",
    "AWS::OpenSearchServerless::SecurityPolicy",
    "AWS::WAFv2::WebACLAssociation",
)
SAID = {"Arn": "arn", "Id": "id", "CollectionEndpoint": "https://collection"}


def take_unknown_types(provisioners):
    """Have CloudFormation make and forget what this emulator has no service for."""
    handler = {
        "create": lambda name, _properties, _stack: (name, SAID),
        "update": lambda known, _before, _after, _stack: (known, SAID),
        "delete": lambda _known, _properties: None,
    }
    for kind in UNKNOWN:
        provisioners._RESOURCE_HANDLERS.setdefault(kind, handler)
    alarm = provisioners._RESOURCE_HANDLERS["AWS::CloudWatch::Alarm"]
    make = alarm["create"]
    alarm["create"] = lambda *made: handler["create"](*made) if "Metrics" in made[1] else make(*made)


def take_in_global_tables(provisioners, changesets):
    """Import a table of one Region as AWS does: this emulator would make it anew, without what is in it."""
    table, wide = "AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable"
    changesets._IMPORT_LOOKUPS[wide] = changesets._IMPORT_LOOKUPS[table]
    provisioners._RESOURCE_HANDLERS[wide]["import"] = provisioners._RESOURCE_HANDLERS[table]["import"]


def main():
    listening = socket.socket(fileno=int(sys.argv[1]))
    Lifeline(int(sys.argv[2]), grace_s=5).watch()
    os.environ.update(OFF, GATEWAY_PORT=str(listening.getsockname()[1]))
    import ministack.app
    from ministack.services import apigateway_v1, lambda_svc
    from ministack.services.cloudformation import changesets, provisioners

    lambda_svc._LAMBDA_STATE_TRANSITION_DELAY = 0
    keep_transfer_mode(apigateway_v1)
    take_unknown_types(provisioners)
    take_in_global_tables(provisioners, changesets)
    config = uvicorn.Config(Gateway(ministack.app.app), lifespan="off", log_level="warning", access_log=False)
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
