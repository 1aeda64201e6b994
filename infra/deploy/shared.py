"""What a stage shares with the same stage in other Regions of the account: the roles of its functions.

Chalice names a role without its Region: whoever takes one away takes it from every Region.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from infra.deploy.account import Account, code_of

_NOT_ENABLED: Final = frozenset({"UnrecognizedClientException", "InvalidClientTokenId", "OptInRequired"})
_BARRED: Final = "service control policy"  # nobody of the account has functions there


def used_elsewhere(account: Account, roles: Mapping[str, str]) -> dict[str, str]:
    """The Region that needs a role, of those of `roles` (ARNs by name) that another does, or may.

    A Region that cannot be looked into counts: a role too many costs nothing.
    """
    found: dict[str, str] = {}
    for region in account.elsewhere if roles else ():
        used = _used(account, region)
        found |= {name: region for name, arn in roles.items() if used is None or arn in used}
    return found


def _used(account: Account, region: str) -> set[str] | None:
    """The roles of all functions of a Region; None where that cannot be known."""
    try:
        return {each["Role"] for each in _functions(account.in_region(region))}
    except ClientError as fault:
        return set() if code_of(fault) in _NOT_ENABLED or _BARRED in str(fault) else None
    except BotoCoreError:
        return None


def _functions(client: Any) -> Iterator[Mapping[str, Any]]:
    for page in client.get_paginator("list_functions").paginate():
        yield from page["Functions"]
