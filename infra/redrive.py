"""Moves dead messages back into the line: `make redrive [STAGE=…] [DRY_RUN=1] [FORCE=1] [RATE=…]`.

Each is sent before it is deleted, so that whatever interrupts this loses nothing; a message that is sent twice is done
once. What was buried with a reason can never be done, and stays where it is unless FORCE says otherwise.
"""

import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Literal

import botocore.session
import msgspec
from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from chalicelib import bootstrap
from chalicelib.adapters.queues.sqs import DEAD
from chalicelib.domain.jobs import Message
from infra.key import Refused, stage_environment
from infra.reach import reason
from infra.switches import switch_faults, switched

BATCH: Final = 10  # what SQS takes at once
SLOWEST: Final = 0.001
RATE: Final = 50  # messages a second: a line that was down need not be flooded when it is up
HIDDEN_SECONDS: Final = 300  # how long what was looked at is hidden; what is put aside is shown again at the end
MOST_SHOWN: Final = 80

Fate = Literal["moved", "kept", "failed"]

_decoder: Final = msgspec.json.Decoder(Message)


class Wish(Struct, frozen=True):
    """What is asked for: `dry` moves nothing, `force` moves what is said to be of no use, at most `rate` a second."""

    dry: bool = False
    force: bool = False
    rate: float = RATE


def _stays(fate: Fate, wish: Wish) -> bool:
    return wish.dry or fate != "moved"


class Redrive:
    """One run over a queue and its dead. `say` is told a line for each message."""

    def __init__(self, client: Any, queue: str, *, say: Callable[[str], None], pause: Callable[[float], None]) -> None:
        self._client = client
        self._queue = client.get_queue_url(QueueName=queue)["QueueUrl"]
        self._dead = client.get_queue_url(QueueName=f"{queue}{DEAD}")["QueueUrl"]
        self._say = say
        self._pause = pause

    def run(self, wish: Wish) -> Mapping[Fate, int]:
        """How many messages met which fate; `moved` are those that would be, of a dry run."""
        fates: Counter[Fate] = Counter()
        aside: list[str] = []
        try:
            for found in self._batches():
                met = self._met(found, wish)
                for each, fate in zip(found, met, strict=True):
                    self._say(f"{'would be ' if wish.dry and fate == 'moved' else ''}{fate}: {shown(each)}")
                fates.update(met)
                aside += [each["ReceiptHandle"] for each, fate in zip(found, met, strict=True) if _stays(fate, wish)]
                if "moved" in met and not wish.dry:
                    self._pause(met.count("moved") / wish.rate)
        finally:
            self._show_again(aside)
        return fates

    def _met(self, found: list[dict[str, Any]], wish: Wish) -> list[Fate]:
        """What became of each message of a batch."""
        good = [each for each in found if wish.force or why_not(each) is None]
        moved = {each["MessageId"] for each in good} if wish.dry else self._moved(good)
        return ["moved" if each["MessageId"] in moved else "failed" if each in good else "kept" for each in found]

    def _batches(self) -> Iterator[list[dict[str, Any]]]:
        """What is there, each message once: it stays hidden while this runs."""
        seen: set[str] = set()
        while True:
            found = self._client.receive_message(
                QueueUrl=self._dead,
                MaxNumberOfMessages=BATCH,
                VisibilityTimeout=HIDDEN_SECONDS,
                WaitTimeSeconds=1,
                AttributeNames=["All"],
                MessageAttributeNames=["All"],
            ).get("Messages", [])
            fresh = [each for each in found if each["MessageId"] not in seen]
            if not fresh:
                return
            seen.update(each["MessageId"] for each in fresh)
            yield fresh

    def _moved(self, messages: list[dict[str, Any]]) -> set[str]:
        """The ids of those that the queue took, which are dead no more."""
        if not messages:
            return set()
        entries = [
            {"Id": str(place), "MessageBody": each["Body"], "MessageGroupId": line_of(each)}
            for place, each in enumerate(messages)
        ]
        sent = self._client.send_message_batch(QueueUrl=self._queue, Entries=entries).get("Successful", [])
        taken = [messages[int(each["Id"])] for each in sent]
        if taken:
            handles = [{"Id": str(place), "ReceiptHandle": each["ReceiptHandle"]} for place, each in enumerate(taken)]
            self._client.delete_message_batch(QueueUrl=self._dead, Entries=handles)
        return {each["MessageId"] for each in taken}

    def _show_again(self, handles: list[str]) -> None:
        for start in range(0, len(handles), BATCH):
            entries = [
                {"Id": str(place), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                for place, handle in enumerate(handles[start:][:BATCH])
            ]
            self._client.change_message_visibility_batch(QueueUrl=self._dead, Entries=entries)


def why_not(message: dict[str, Any]) -> str | None:
    """Why a dead message can never be done; None where it only came too often, as when a store was down."""
    reason = message.get("MessageAttributes", {}).get("reason", {}).get("StringValue")
    if reason is not None:
        return str(reason)
    return None if _read(message) else "not a message of a version that is known"


def line_of(message: dict[str, Any]) -> str:
    """The group that a message belongs to."""
    read = _read(message)
    return read.line if read else "unknown"


def shown(message: dict[str, Any]) -> str:
    """A message in a line: its job, and why it is here."""
    read = _read(message)
    name = f"{read.errand} of {read.job}" if read else f"message {message['MessageId']}"
    times = message.get("Attributes", {}).get("ApproximateReceiveCount", "?")
    return f"{name[:MOST_SHOWN]} ({why_not(message) or f'came too often; looked at {times} times'})"


def _read(message: dict[str, Any]) -> Message | None:
    try:
        return _decoder.decode(message["Body"])
    except msgspec.DecodeError:
        return None


def wish_of(environ: Mapping[str, str]) -> Wish:
    """What the variables of `make redrive` ask for."""
    try:
        rate = float(environ.get("RATE") or RATE)
    except ValueError:
        rate = 0.0
    if not rate >= SLOWEST:
        raise Refused(f"RATE is how many messages a second, {SLOWEST} or more")
    if faults := [*switch_faults(environ, ("DRY_RUN", "FORCE"))]:
        raise Refused("; ".join(faults))
    return Wish(dry=switched(environ, "DRY_RUN"), force=switched(environ, "FORCE"), rate=rate)


def main() -> int:
    """Say what was done with each, and how many there were."""
    try:
        wish = wish_of(os.environ)
        os.environ.update(stage_environment(os.environ))
        redrive = Redrive(
            botocore.session.Session().create_client("sqs"), bootstrap.queue(), say=print, pause=time.sleep
        )
        fates = redrive.run(wish)
    except KeyboardInterrupt:
        print("interrupted: run it again for the rest", file=sys.stderr)
        return 130
    except (Refused, ClientError, BotoCoreError) as fault:
        print(f"not redriven: {reason(fault, os.environ)}", file=sys.stderr)
        return 1
    print(", ".join(f"{count} {fate}" for fate, count in sorted(fates.items())) or "nobody is dead")
    return 1 if fates["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
