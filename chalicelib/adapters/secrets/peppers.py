"""The peppers of key digests, from AWS Secrets Manager."""

from __future__ import annotations

import boto3
import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.errors import Misconfigured, StoreUnavailable
from chalicelib.domain.identity import Peppers


class PepperSecret(msgspec.Struct, forbid_unknown_fields=True):
    """The secret's JSON: every pepper by its version, and the version that new keys use."""

    current: int
    peppers: dict[int, str]


def read_peppers(name: str) -> Peppers:
    """The peppers in the secret `name`; `Misconfigured` where it holds something else."""
    try:
        text = boto3.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"]
    except (ClientError, BotoCoreError) as fault:
        raise StoreUnavailable(f"The secret '{name}' cannot be read.") from fault
    try:
        secret = msgspec.json.decode(text, type=PepperSecret, strict=False)
    except msgspec.MsgspecError:
        raise Misconfigured(f"the secret '{name}' is not of the form current, peppers") from None
    return Peppers(secret.current, {version: pepper.encode() for version, pepper in secret.peppers.items()})
