"""What is read of DynamoDB's answers: values as they are on the wire, but bytes for their base64."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final, TypedDict
from zlib import crc32

import msgspec
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError
from msgspec import Struct, field


class Value(TypedDict, total=False):
    """One attribute."""

    S: str
    N: str
    B: bytes
    BOOL: bool
    NULL: bool
    L: list[Value]
    M: dict[str, Value]
    SS: list[str]
    NS: list[str]
    BS: list[bytes]


Item = dict[str, Value]


class Keys(TypedDict, total=False):
    """Keys of one table that were left over, as they were asked for."""

    Keys: list[Item]
    ConsistentRead: bool
    ProjectionExpression: str
    ExpressionAttributeNames: dict[str, str]


class Write(TypedDict, total=False):
    """A write of a batch that was left over."""

    PutRequest: dict[str, Item]
    DeleteRequest: dict[str, Item]


class Reply(TypedDict, total=False):
    """The members of all operations' answers."""

    Item: Item
    Items: list[Item]
    Attributes: Item
    Count: int
    ScannedCount: int
    LastEvaluatedKey: Item
    Responses: dict[str, list[Item]]
    UnprocessedKeys: dict[str, Keys]
    UnprocessedItems: dict[str, list[Write]]
    ConsumedCapacity: Any


class Reason(TypedDict, total=False):
    """Why one action of a transaction was refused."""

    Code: str
    Message: str
    Item: Item


class _Refusal(Struct):
    type: str = field(name="__type")
    message: str | None = None
    capital: str | None = field(name="Message", default=None)
    item: Item | None = field(name="Item", default=None)
    reasons: list[Reason] | None = field(name="CancellationReasons", default=None)


_UNMET: Final = {"ConditionalCheckFailedException", "TransactionCanceledException"}
_reply = msgspec.json.Decoder(Reply)
_refusal = msgspec.json.Decoder(_Refusal)


def read(answer: AWSResponse, operation: str) -> Reply | ClientError | None:
    """The reply, or that a condition did not hold; None where botocore is to say what the answer means."""
    body = answer.content
    checksum = answer.headers.get("x-amz-crc32")
    if checksum is not None and checksum != str(crc32(body)):
        return None
    try:
        if answer.status_code == HTTPStatus.OK:
            return _reply.decode(body)
        return _unmet(answer, body, operation) if answer.status_code == HTTPStatus.BAD_REQUEST else None
    except msgspec.DecodeError:
        return None


def _unmet(answer: AWSResponse, body: bytes, operation: str) -> ClientError | None:
    """The error that botocore's client would raise; refusals are of daily life, and it would take a millisecond."""
    refusal = _refusal.decode(body)
    code = refusal.type.rpartition("#")[2]
    if code not in _UNMET:
        return None
    members = {
        "message": refusal.message,
        "Message": refusal.capital,
        "Item": refusal.item,
        "CancellationReasons": refusal.reasons,
    }
    metadata = {
        "RequestId": answer.headers.get("x-amzn-requestid", ""),
        "HTTPStatusCode": answer.status_code,
        "HTTPHeaders": {name.lower(): text for name, text in answer.headers.items()},
        "RetryAttempts": 0,
    }
    message = refusal.message or refusal.capital or ""
    error: Any = {"Error": {"Message": message, "Code": code}, "ResponseMetadata": metadata}
    return ClientError(error | {name: each for name, each in members.items() if each is not None}, operation)
