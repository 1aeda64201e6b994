"""Settings of the routes that stream: which function they call, how, and that it lets itself be called."""

import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

from infra import streaming
from infra.deploy.account import Account, found
from infra.deploy.settings import Setting

_WHOSE: Final = ("FunctionName", "Qualifier")
_SAID: Final = ("uri", "responseTransferMode", "timeoutInMillis")  # what Chalice's own would be else


def of_streams(account: Account, api: str, function_arn: str) -> Iterator[Setting]:
    """What API Gateway may call, then each route that calls it; `function_arn` may end in an alias."""
    yield _grant(account, api, function_arn)
    for route in streaming.ROUTES:
        yield _route(account, api, route, streaming.integration(function_arn))


def _grant(account: Account, api: str, function_arn: str) -> Setting:
    client, wanted = account.client("lambda"), streaming.grant(api, function_arn)
    at = {name: str(value) for name, value in wanted.items() if name in _WHOSE}

    def write() -> None:
        if _allowed(client, at):
            client.remove_permission(**at, StatementId=wanted["StatementId"])
        client.add_permission(**wanted)

    return Setting(
        what=f"who may call {wanted['FunctionName']}",
        wanted={"from": wanted["SourceArn"]},
        read=partial(_allowed, client, at),
        write=write,
    )


def _allowed(client: Any, at: Mapping[str, str]) -> Mapping[str, Any]:
    """The API that the function's policy names."""
    policy = found(lambda: client.get_policy(**at))
    statements = json.loads(policy["Policy"])["Statement"] if policy else []
    ours = [each for each in statements if each["Sid"] == streaming.STATEMENT]
    return {"from": ours[0]["Condition"]["ArnLike"]["AWS:SourceArn"]} if ours else {}


def _route(account: Account, api: str, route: streaming.Route, wanted: Mapping[str, Any]) -> Setting:
    client = account.client("apigateway")

    def at() -> dict[str, str]:
        pages = client.get_paginator("get_resources").paginate(restApiId=api)
        ids = {each["path"]: each["id"] for page in pages for each in page["items"]}
        return {"restApiId": api, "resourceId": ids[route.path], "httpMethod": route.method}

    def read() -> Mapping[str, Any]:
        seen = found(lambda: client.get_integration(**at())) if api else None
        return {name: seen.get(name) for name in _SAID} if seen else {}

    return Setting(
        what=f"{route.method} {route.path}",
        wanted={name: wanted[name] for name in _SAID},
        read=read,
        write=lambda: client.put_integration(**at(), **wanted),
    )
