"""What it costs the runtime on Lambda to send: `python -m benchmarks.streaming` prints one JSON object for each length.

CPU of the runtime's own thread, system calls included; what makes the pieces does nothing, Lambda's side only reads.
"""

import json
import socket
import threading
import time
from collections.abc import Iterator
from http.client import parse_headers
from itertools import repeat
from typing import Any, BinaryIO, Final

from chalicelib.runtime.api import RuntimeApi
from chalicelib.runtime.loop import handle

LENGTHS: Final = {1: 2_000, 50: 500, 2_000: 20}  # pieces of an answer, and how many such answers
PIECE: Final = (
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[{"delta":{"content":"word "}}]}\n\n'
)
EVENT: Final = (
    b"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 1\r\nLambda-Runtime-Deadline-Ms: %d\r\n"
    b"Content-Length: 2\r\n\r\n{}"
)
TAKEN: Final = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"


def main() -> None:
    base = 0.0
    for length, times in LENGTHS.items():
        microseconds = measured(length, times)
        base = base or microseconds
        per_piece = round((microseconds - base) / (length - 1), 1) if length > 1 else None
        print(json.dumps({"pieces": length, "invocation_cpu_us": round(microseconds), "piece_cpu_us": per_piece}))


def measured(length: int, times: int) -> float:
    """Microseconds of CPU for one invocation whose answer has `length` pieces."""

    def handler(_event: dict[str, Any], _context: Any) -> dict[str, Any]:
        return {"statusCode": 200, "headers": {}, "multiValueHeaders": {}, "body": repeat(PIECE, length)}

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=play_lambda, args=(listener,), daemon=True).start()
        api = RuntimeApi("127.0.0.1:{1}".format(*listener.getsockname()))
        handle(api.next(), handler, api)
        before = time.thread_time()
        for _ in range(times):
            handle(api.next(), handler, api)
        return (time.thread_time() - before) / times * 1e6


def play_lambda(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection, connection.makefile("rb") as reader:
        while reader.readline():
            parse_headers(reader)
            connection.sendall(EVENT % ((time.time() + 900) * 1000))
            reader.readline()
            parse_headers(reader)
            assert sum(chunks(reader)) > 0
            connection.sendall(TAKEN)


def chunks(reader: BinaryIO) -> Iterator[int]:
    """The sizes of a body's chunks, which are read."""
    while size := int(reader.readline(), 16):
        reader.read(size + 2)
        yield size
    reader.readline()


if __name__ == "__main__":
    main()
