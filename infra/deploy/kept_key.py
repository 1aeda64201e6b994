"""The customer's own key, which outlives its stack: it is what the tables that are kept are under."""

from typing import Final

from infra.deploy.account import Account, found
from infra.deploy.faults import CannotDeploy

_OURS: Final = "CUSTOMER"
_GOOD: Final = "Enabled"


def kept_key(account: Account, table: str) -> str:
    """The ARN of the key of a table of before; nothing where there is none, or it is AWS's."""
    tables, keys = account.client("dynamodb"), account.client("kms")
    seen = found(lambda: tables.describe_table(TableName=table)) or {"Table": {}}
    arn = str((seen["Table"].get("SSEDescription") or {}).get("KMSMasterKeyArn", ""))
    key = (found(lambda: keys.describe_key(KeyId=arn)) or {}).get("KeyMetadata", {}) if arn else {}
    if not arn or key.get("KeyManager", _OURS) != _OURS:
        return ""
    if key.get("KeyState") != _GOOD:
        raise CannotDeploy(
            f"the key {arn}, which {table} is under, is {key.get('KeyState', 'gone')}: without it nobody reads that; "
            f"{account.command(f'kms cancel-key-deletion --key-id {arn}')} if it is to be deleted, then "
            f"{account.command(f'kms enable-key --key-id {arn}')}, then run this again"
        )
    return arn
