"""Lambda's event source mapping for one machine: brings messages of the emulator's queues to the app's functions."""

import argparse
import logging
import signal
import threading
from collections.abc import Callable
from typing import Any, Final

import botocore.session
from botocore.exceptions import BotoCoreError, ClientError
from chalice.app import SQSEventConfig

from infra.local.environment import REGION
from infra.local.events import ACCOUNT, Context
from infra.local.lifeline import Lifeline
from infra.local.serve import load
from infra.local.types import PACKAGES, learn

CONCURRENCY: Final = 4  # batches at once, as `MaximumConcurrency` bounds them in a deployment
_WAIT_S: Final = 2
_TIMEOUT_S: Final = 120.0
_GRACE_S: Final = 8.0
_APART_S: Final = 1.0  # between attempts to reach a queue that does not answer

_log = logging.getLogger(__name__)


class Source:
    """One queue and the function that is called with its messages."""

    def __init__(self, client: Any, queue: str, batch: int, handler: Callable[[Any, Any], Any]) -> None:
        self._client = client
        self._queue = queue
        self._batch = batch
        self._handler = handler

    def follow(self, stop: threading.Event) -> None:
        """Bring batch after batch until `stop` is set."""
        while not stop.is_set():
            try:
                self.bring()
            except (BotoCoreError, ClientError) as fault:
                _log.warning("the queue '%s' does not answer: %s", self._queue, type(fault).__name__)
                stop.wait(_APART_S)

    def bring(self) -> int:
        """Bring one batch and delete what was done; how many messages there were."""
        url = self._client.get_queue_url(QueueName=self._queue)["QueueUrl"]
        found = self._client.receive_message(
            QueueUrl=url, MaxNumberOfMessages=self._batch, WaitTimeSeconds=_WAIT_S, AttributeNames=["All"]
        ).get("Messages", [])
        if found:
            failed = self._failed([_record(message, self._queue) for message in found])
            for message in found:
                if message["MessageId"] not in failed:
                    self._client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return len(found)

    def _failed(self, records: list[dict[str, Any]]) -> set[str]:
        """Which messages come again: all of them, where the function itself failed."""
        try:
            answer = self._handler({"Records": records}, Context(_TIMEOUT_S))
        except Exception:  # noqa: BLE001 - what Lambda does with an exception; it is logged there
            _log.exception("the function of the queue '%s' failed", self._queue)
            return {record["messageId"] for record in records}
        return {each["itemIdentifier"] for each in (answer or {}).get("batchItemFailures", [])}


def sources(app: Any, client: Any) -> list[Source]:
    """Every queue that `app` has a function for."""
    return [
        Source(client, str(each.queue), each.batch_size, app.handler_map[each.name])
        for each in app.event_sources
        if isinstance(each, SQSEventConfig)
    ]


def _record(message: dict[str, Any], queue: str) -> dict[str, Any]:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {},
        "md5OfBody": message.get("MD5OfBody", ""),
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}",
        "awsRegion": REGION,
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m infra.local.worker")
    parser.add_argument("--app", required=True, help="module:attribute")
    parser.add_argument("--lifeline", type=int, required=True, help="descriptor of the supervisor's pipe")
    given = parser.parse_args()
    app = load(given.app)
    learn(*PACKAGES)
    lifeline = Lifeline(given.lifeline, grace_s=_GRACE_S)
    lifeline.wait()
    lifeline.watch()
    client = botocore.session.Session().create_client("sqs", region_name=REGION)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    followers = [
        threading.Thread(target=source.follow, args=(stop,), name=f"batch-{place}", daemon=True)
        for source in sources(app, client)
        for place in range(CONCURRENCY)
    ]
    for follower in followers:
        follower.start()
    stop.wait()
    for follower in followers:
        follower.join()  # what it does now is done; the supervisor's patience is the bound


if __name__ == "__main__":
    main()
