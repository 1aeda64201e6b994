"""A catalogue in AWS Systems Manager's Parameter Store: all parameters under one path, in the order of their names."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.adapters.catalogues.toml import parsed
from chalicelib.domain.catalogue import Catalogue
from chalicelib.domain.errors import Misconfigured, StoreUnavailable

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

_CONFIG: Final = Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 2, "mode": "standard"})


def read_catalogue(path: str) -> Catalogue:
    """The models of every parameter under `path`; one takes 4 KB, or 8 KB in the advanced tier, hence several."""
    try:
        pages = (
            _client().get_paginator("get_parameters_by_path").paginate(Path=path, Recursive=True, WithDecryption=True)
        )
        pieces = {each["Name"]: each["Value"] for page in pages for each in page["Parameters"]}
    except (BotoCoreError, ClientError) as fault:
        raise StoreUnavailable(f"the catalogue under '{path}' cannot be read: {type(fault).__name__}") from fault
    if not pieces:
        raise Misconfigured(f"there is no parameter under '{path}'")
    return parsed([pieces[name] for name in sorted(pieces)])


@cache
def _client() -> SSMClient:
    return boto3.session.Session().client("ssm", config=_CONFIG)
