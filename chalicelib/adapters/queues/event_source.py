"""Lambda's event source mapping of a queue of SQS: its `MaximumConcurrency` is the line's valve."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.adapters.queues.session import open_session
from chalicelib.adapters.queues.sqs import ERRORS, UNUSABLE, config
from chalicelib.domain.concurrency import Flow
from chalicelib.domain.errors import Misconfigured, QueueUnavailable, TidegateError

if TYPE_CHECKING:
    from botocore.session import Session

Said = TypeVar("Said")

_ERRORS: Final[dict[str, type[TidegateError]]] = {
    **ERRORS,
    "InvalidParameterValueException": Misconfigured,
    "ResourceNotFoundException": QueueUnavailable,  # the mapping was made anew since it was listed
    "ResourceConflictException": QueueUnavailable,
    "ResourceInUseException": QueueUnavailable,  # it is being changed, as by a deployment
    "ServiceException": QueueUnavailable,
    "TooManyRequestsException": QueueUnavailable,
}
_ATTRIBUTES: Final = ["QueueArn", "ApproximateNumberOfMessages"]


class EventSourceValve:
    """`Valve` over the first event source mapping of the queue with a name."""

    def __init__(self, queue: str, *, region: str | None = None, endpoint: str | None = None) -> None:
        """Where `region` and `endpoint` are None, the environment says."""
        self._queue = queue
        self._region = region
        self._endpoint = endpoint
        self._clients: dict[str, Any] = {}
        self._mapping = ""

    def flow(self) -> Flow | None:
        """GetQueueUrl, GetQueueAttributes and ListEventSourceMappings, one request each."""
        url = self._asked("sqs", lambda sqs: sqs.get_queue_url(QueueName=self._queue))["QueueUrl"]
        about = self._asked("sqs", lambda sqs: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=_ATTRIBUTES))
        arn, waiting = (about["Attributes"][name] for name in _ATTRIBUTES)
        found = self._asked("lambda", lambda functions: functions.list_event_source_mappings(EventSourceArn=arn))
        mapping = next(iter(found["EventSourceMappings"]), None)
        if mapping is None:
            return None
        self._mapping = mapping["UUID"]
        bound = mapping.get("ScalingConfig") or {}
        return Flow(bound.get("MaximumConcurrency"), _epoch(mapping["LastModified"]), int(waiting))

    def turn(self, workers: int) -> None:
        """One UpdateEventSourceMapping; the first looks for the mapping before."""
        if not self._mapping and self.flow() is None:
            raise Misconfigured(f"no function takes from the queue '{self._queue}'")
        bound = {"MaximumConcurrency": workers}
        self._asked(
            "lambda",
            lambda functions: functions.update_event_source_mapping(UUID=self._mapping, ScalingConfig=bound),
        )

    def _asked(self, service: str, call: Callable[[Any], Said]) -> Said:
        try:
            return call(self._client(service))
        except ClientError as fault:
            raise _translated(fault) from fault
        except UNUSABLE as fault:
            raise Misconfigured(f"AWS cannot be called: {type(fault).__name__}") from fault
        except BotoCoreError as fault:
            raise QueueUnavailable(f"{service} gave no answer: {type(fault).__name__}") from fault

    @cached_property
    def _session(self) -> Session:
        """One for both clients: what it reads of the SDK's own files is most of what making one takes."""
        return open_session()

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self._session.create_client(
                service, region_name=self._region, endpoint_url=self._endpoint, config=config()
            )
        return self._clients[service]


def _epoch(moment: datetime | float) -> float:
    return moment.timestamp() if isinstance(moment, datetime) else float(moment)


def _translated(fault: ClientError) -> Exception:
    code = fault.response["Error"]["Code"]
    return _ERRORS[code](f"the event source refused: {code}") if code in _ERRORS else fault
