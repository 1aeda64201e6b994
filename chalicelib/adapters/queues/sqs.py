"""A standard queue of SQS; the message group makes it fair between lines, and orders nothing."""

from __future__ import annotations

import threading
from typing import Any, Final

import botocore.session
import msgspec
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
)

from chalicelib.domain.errors import Misconfigured, QueueUnavailable, TidegateError
from chalicelib.domain.jobs import Message

_ERRORS: Final[dict[str, type[TidegateError]]] = {
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
_UNUSABLE: Final = (NoCredentialsError, NoRegionError, PartialCredentialsError)


class SqsJobQueue:
    """`JobQueue` over the queue with a name. Safe to share between threads."""

    def __init__(self, name: str, *, region: str | None = None, endpoint: str | None = None) -> None:
        """Where `region` and `endpoint` are None, the environment says."""
        self._name = name
        self._region = region
        self._endpoint = endpoint
        self._lock = threading.Lock()
        self._way: tuple[Any, str] | None = None

    def send(self, message: Message, delay_seconds: int = 0) -> None:
        """One SendMessage; the first asks for the queue's address before."""
        try:
            client, url = self._way or self._find()
            client.send_message(
                QueueUrl=url,
                MessageBody=msgspec.json.encode(message).decode(),
                MessageGroupId=message.line,
                DelaySeconds=delay_seconds,
            )
        except ClientError as fault:
            raise _translated(fault) from fault
        except _UNUSABLE as fault:
            raise Misconfigured(f"SQS cannot be called: {type(fault).__name__}") from fault
        except BotoCoreError as fault:
            raise QueueUnavailable(f"the queue gave no answer: {type(fault).__name__}") from fault

    def _find(self) -> tuple[Any, str]:
        """Make the client and find the queue, once."""
        with self._lock:
            if self._way is None:
                client: Any = botocore.session.Session().create_client(
                    "sqs", region_name=self._region, endpoint_url=self._endpoint, config=_config()
                )
                self._way = client, client.get_queue_url(QueueName=self._name)["QueueUrl"]
            return self._way


def _config() -> Config:
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
    return _ERRORS[code](f"the queue refused: {code}") if code in _ERRORS else fault
