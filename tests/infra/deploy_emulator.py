"""An emulated AWS for deployments that nobody calls: `python -m tests.infra.deploy_emulator SOCKET LIFELINE`.

It takes from Chalice a whole API as Swagger, as API Gateway does: what was set on the API itself is gone with it.
"""

import os
import socket
import sys

import uvicorn

from infra.local.lifeline import Lifeline
from tests.e2e.gateway import Gateway, keep_transfer_mode

OFF = {
    "SFTP_ENABLED": "0",
    "IOT_MTLS_ENABLED": "0",
    "DOCKER_HOST": "unix:///nonexistent",
    "PERSIST_STATE": "0",
    "LOG_LEVEL": "ERROR",
}
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
