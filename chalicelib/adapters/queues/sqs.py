"""A standard queue of SQS; the message group makes it fair between lines, and orders nothing."""

from __future__ import annotations

import threading
from typing import Any, Final

import msgspec
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
)

from chalicelib.adapters.queues.session import open_session
from chalicelib.domain.errors import Misconfigured, QueueUnavailable, TidegateError
from chalicelib.domain.jobs import Message

ERRORS: Final[dict[str, type[TidegateError]]] = {
    "AWS.SimpleQueueService.NonExistentQueue": Misconfigured,
    "AccessDenied": Misconfigured,
    "AccessDeniedException": Misconfigured,
    "InvalidClientTokenId": Misconfigured,
    "QueueDoesNotExist": Misconfigured,
    "SignatureDoesNotMatch": Misconfigured,
    "UnrecognizedClientException": Misconfigured,
    "ExpiredToken": QueueUnavailable,
    "ExpiredTokenException": QueueUnavailable,
    "InternalError": QueueUnavailable,
    "InternalFailure": QueueUnavailable,
    "KmsThrottled": QueueUnavailable,
    "RequestThrottled": QueueUnavailable,
    "ServiceUnavailable": QueueUnavailable,
    "Throttling": QueueUnavailable,
    "ThrottlingException": QueueUnavailable,
}
UNUSABLE: Final = (NoCredentialsError, NoRegionError, PartialCredentialsError)


DEAD: Final = "-dlq"
"""What the name of a queue's dead-letter queue ends with."""


class SqsJobQueue:
    """`JobQueue` over the queue with a name; its dead are in the one called so with `-dlq`. Safe to share."""

    def __init__(self, name: str, *, region: str | None = None, endpoint: str | None = None) -> None:
        """Where `region` and `endpoint` are None, the environment says."""
        self._name = name
        self._region = region
        self._endpoint = endpoint
        self._lock = threading.Lock()
        self._client: Any = None
        self._urls: dict[str, str] = {}

    def send(self, message: Message, delay_seconds: int = 0) -> None:
        """One SendMessage; the first asks for the queue's address before."""
        body = msgspec.json.encode(message).decode()
        self._send(self._name, MessageBody=body, MessageGroupId=message.line, DelaySeconds=delay_seconds)

    def bury(self, body: str, reason: str) -> None:
        """One SendMessage, with the reason as an attribute."""
        told = {"reason": {"DataType": "String", "StringValue": reason}}
        self._send(f"{self._name}{DEAD}", MessageBody=body or " ", MessageAttributes=told)

    def _send(self, name: str, **message: object) -> None:
        try:
            client, url = self._find(name)
            client.send_message(QueueUrl=url, **message)
        except ClientError as fault:
            raise _translated(fault) from fault
        except UNUSABLE as fault:
            raise Misconfigured(f"SQS cannot be called: {type(fault).__name__}") from fault
        except BotoCoreError as fault:
            raise QueueUnavailable(f"the queue gave no answer: {type(fault).__name__}") from fault

    def _find(self, name: str) -> tuple[Any, str]:
        """Make the client and find the queue, once."""
        with self._lock:
            if self._client is None:
                self._client = open_session().create_client(
                    "sqs", region_name=self._region, endpoint_url=self._endpoint, config=config()
                )
            if name not in self._urls:
                self._urls[name] = self._client.get_queue_url(QueueName=name)["QueueUrl"]
            return self._client, self._urls[name]


def config() -> Config:
    """How long a call of AWS may take, and how often the SDK sends it."""
    return Config(
        connect_timeout=1,
        read_timeout=2,
        retries={"mode": "standard", "total_max_attempts": 3},
        parameter_validation=False,
        tcp_keepalive=True,
        user_agent="tidegate",
    )


def _translated(fault: ClientError) -> Exception:
    code = fault.response["Error"]["Code"]
    return ERRORS[code](f"the queue refused: {code}") if code in ERRORS else fault
