"""Between the functions and their emulated AWS: what each event asks of each service, counted on the way."""

import json
import re
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import md5
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import urlsplit

from benchmarks.read_units import READS, read_units

_SERVICE: Final = re.compile(r"Credential=[^/]+/\d+/[^/]*/([^/]+)/")
_WORD: Final = re.compile(r"(?<!^)(?=[A-Z])")
_NAMES: Final = {"dynamodb": "DynamoDB", "sqs": "SQS", "execute-api": "API Gateway", "lambda": "Lambda"}
_HOP: Final = {"connection", "content-length", "transfer-encoding", "keep-alive", "host", "x-amz-crc32"}
_OURS, _THEIRS = b"tidegate-solo-", b"tidegate-local-"  # functions run as deployed, on what `make run` has
_UNITS: Final = "ConsumedCapacity"
_WRITES: Final = ("put_item", "update_item", "delete_item", "batch_write_item", "transact_write_items")


class Tally:
    """What was asked since the last `clear`, by service and operation, and in DynamoDB's units."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.calls: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.sent: Counter[str] = Counter()
        self.received: Counter[str] = Counter()
        self.read_units = 0.0
        self.write_units = 0.0

    def add(self, service: str, operation: str, sent: int, received: int) -> None:
        self.calls[service][operation] += 1
        self.sent[service] += sent
        self.received[service] += received


class Wire:
    """The address that functions are given for all of AWS. Messages to a queue are kept, frames to a socket taken."""

    def __init__(self, upstream: str) -> None:
        self.upstream = urlsplit(upstream)
        self.tally = Tally()
        self.messages: list[str] = []
        self.sent = self.frames = 0
        self.lock = threading.Lock()
        self.url = ""

    def taken(self) -> list[str]:
        """The messages that were sent since it was last asked."""
        messages, self.messages = self.messages, []
        return messages


@contextmanager
def watched(upstream: str) -> Iterator[Wire]:
    """A wire to `upstream`, in threads of this process, until the block ends."""
    wire = Wire(upstream)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_Handler,), {"wire": wire}))
    server.daemon_threads = True
    wire.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield wire
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    """One connection of a function: each request is counted, and answered here or passed on."""

    wire: Wire
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        found = _SERVICE.search(self.headers.get("Authorization", ""))
        service = _NAMES.get(found[1], found[1]) if found else "another"
        operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2] or urlsplit(self.path).path
        match service, operation:
            case "SQS", "SendMessage":
                status, headers, reply = self._kept(json.loads(body))
            case "API Gateway", _:
                self.wire.frames += 1
                operation, status, headers, reply = "PostToConnection", 200, {}, b""
            case _:
                status, headers, reply = self._passed(operation, body)
        with self.wire.lock:
            self.wire.tally.add(service, operation, len(body), len(reply) - added(reply))
        self._answer(status, headers, reply)

    do_GET = do_PUT = do_DELETE = do_POST  # noqa: N815 - the names that http.server looks for

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""

    def _kept(self, message: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        text = message["MessageBody"]
        self.wire.messages.append(text)
        self.wire.sent += 1
        reply = {"MessageId": str(len(self.wire.messages)), "MD5OfMessageBody": md5(text.encode()).hexdigest()}  # noqa: S324
        return 200, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(reply).encode()

    def _passed(self, operation: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        name = _WORD.sub("_", operation).lower()
        dynamodb = "DynamoDB" in self.headers.get("X-Amz-Target", "")
        request = json.loads(body) if dynamodb else {}
        counted = request | {"ReturnConsumedCapacity": "INDEXES"}
        sent = json.dumps(counted).encode() if dynamodb and name in _WRITES else body
        status, headers, reply = self._forward(sent)
        if dynamodb and status < 300:  # noqa: PLR2004
            self._charge(name, request, json.loads(reply))
        return status, headers, reply

    def _forward(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        kept = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
        behind = HTTPConnection(str(self.wire.upstream.hostname), self.wire.upstream.port)
        behind.request(self.command, self.path, body.replace(_OURS, _THEIRS), kept)
        answer = behind.getresponse()
        headers = {name: value for name, value in answer.getheaders() if name.lower() not in _HOP | {"date", "server"}}
        reply = answer.read().replace(_THEIRS, _OURS)
        behind.close()
        return answer.status, headers, reply

    def _charge(self, name: str, request: dict[str, Any], reply: dict[str, Any]) -> None:
        """Units as DynamoDB counts them: of reads by its rules, of writes as the emulator says."""
        consumed = reply.get(_UNITS, [])
        writes = sum(each["CapacityUnits"] for each in (consumed if isinstance(consumed, list) else [consumed]))
        with self.wire.lock:
            self.wire.tally.write_units += writes
            self.wire.tally.read_units += read_units(name, request, reply) if name in READS else 0

    def _answer(self, status: int, headers: dict[str, str], reply: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)


def added(reply: bytes) -> int:
    """The bytes of a reply that were asked for only to count units."""
    if _UNITS.encode() not in reply:
        return 0
    whole = json.loads(reply)
    without = {name: value for name, value in whole.items() if name != _UNITS}
    return len(json.dumps(whole)) - len(json.dumps(without))
