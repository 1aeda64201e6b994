"""What the role of a function may only once the stage's own WebSocket API has a name."""

import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from infra.deploy.account import Account, found
from infra.deploy.inventory import Inventory
from infra.deploy.settings import Setting
from infra.grants import CONNECTIONS, connections


def of_roles(account: Account, inventory: Inventory) -> Iterator[Setting]:
    """Who posts on connections, and ends them."""
    api = f"arn:{account.partition}:execute-api:{account.region}:{account.number}:{inventory.websocket_api}"
    for function in CONNECTIONS:
        role = inventory.roles.get(function, "").rpartition("/")[2]
        yield _connecting(account, function, role, connections(function, api))


def forget_connections(account: Account, role: str) -> None:
    """Take this Region's part from a role that stays for another."""
    client = account.client("iam")
    found(lambda: client.delete_role_policy(**_at(account, role)))


def _connecting(account: Account, function: str, role: str, policy: Mapping[str, Any]) -> Setting:
    client, at = account.client("iam"), _at(account, role)
    return Setting(
        what=f"connections of {function}",
        wanted={"policy": policy},
        read=partial(_policy, client, at),
        write=lambda: client.put_role_policy(**at, PolicyDocument=json.dumps(policy)),
    )


def _policy(client: Any, at: Mapping[str, str]) -> Mapping[str, Any]:
    seen = found(lambda: client.get_role_policy(**at)) if at["RoleName"] else None
    return {"policy": seen.get("PolicyDocument")} if seen else {}


def _at(account: Account, role: str) -> dict[str, str]:
    """A role is the same in every Region: each has a policy of its own in it."""
    return {"RoleName": role, "PolicyName": f"connections-{account.region}"}
