"""A server that misbehaves: calls come to the same ends, after as many attempts, as those of botocore's client."""

import http.client
import json
import socket
import struct
import threading
from types import SimpleNamespace
from zlib import crc32

import botocore.endpoint
import pytest
from botocore.exceptions import ClientError

from chalicelib.adapters.dynamodb import reach
from chalicelib.adapters.dynamodb.client import Database
from chalicelib.adapters.dynamodb.table import tables
from chalicelib.domain.errors import StoreUnavailable, TidegateError
from tests.contract.stores import REGION

GET = {"TableName": "t", "Key": {"pk": {"S": "a"}}}
ITEM = {"Item": {"pk": {"S": "a"}, "body": {"B": "AAAA"}}}
FOUND = {"pk": {"S": "a"}, "body": {"B": b"\0\0\0"}}
ATTEMPTS = 3
RESET = struct.pack("ii", 1, 0)  # closing sends what says so


def answer(content, status="200 OK", headers="", checksum=None, length=None):
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    head = f"HTTP/1.1 {status}\r\nx-amzn-RequestId: r-1\r\nx-amz-crc32: {checksum or crc32(body)}\r\n{headers}"
    return f"{head}Content-Length: {length or len(body)}\r\n\r\n".encode() + body


def error(code):
    return {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "no"}


def unmeasured():
    head, _, body = GOOD.partition(b"\r\n\r\n")
    return head.partition(b"\r\nContent-Length")[0] + b"\r\n\r\n" + body


def chunked():
    head, _, body = unmeasured().partition(b"\r\n\r\n")
    return head + b"\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


GOOD = answer(ITEM)
FAULTS = {
    "resets": "reset",
    "hangs up": "close",
    "says nothing": "hang",
    "fails, and stops in the head": (b"HTTP/1.1 500 Internal Server Error\r\nContent-Le", "close"),
    "stops in the body": (answer(ITEM, length=400), "close"),
    "is slow in the body": (answer(ITEM, length=400), "hang"),
    "is no HTTP": b"SSH-2.0-OpenSSH_9.0\r\n\r\n",
    "has a wrong checksum": answer(ITEM, checksum=1),
    "fails": answer(error("InternalServerError"), "500 Internal Server Error"),
    "is not there": answer(b"<html>", "503 Service Unavailable"),
    "throttles": answer(error("ThrottlingException"), "400 Bad Request"),
    "has no capacity": answer(error("ProvisionedThroughputExceededException"), "400 Bad Request"),
    "knows of a token that expired": answer(error("ExpiredTokenException"), "400 Bad Request"),
    "has another time": answer(error("InvalidSignatureException"), "400 Bad Request"),
    "sends elsewhere": answer(b"", "301 Moved Permanently", "Location: http://127.0.0.1:1/\r\n"),
    "hangs up afterwards": (GOOD, "close"),
    "announces to hang up": (answer(ITEM, headers="Connection: close\r\n"), "close"),
    "says more than it announced": GOOD + b"more",
    "speaks HTTP/1.0": (GOOD.replace(b"HTTP/1.1", b"HTTP/1.0"), "close"),
    "says first that it goes on": b"HTTP/1.1 100 Continue\r\n\r\n" + GOOD,
    "does not say how much it says": (unmeasured(), "close"),
    "stops in a chunk": (chunked()[:-20], "close"),
    "answers in chunks": chunked(),
}

LASTING = [name for name, fault in FAULTS.items() if "hang" not in (fault, fault[-1])]


class Server:
    """Answers requests in the order of its script, the last answer ever after; `requests` is what came in."""

    def __init__(self, *script):
        self.script = list(script)
        self.requests = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                line, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(line,), daemon=True).start()

    def serve(self, line):
        with line, line.makefile("rb") as stream:
            while stream.readline():
                fields = http.client.parse_headers(stream)
                self.requests.append(stream.read(int(fields["content-length"])))
                said = self.script.pop(0) if len(self.script) > 1 else self.script[0]
                if not self.say(line, stream, said):
                    return

    def say(self, line, stream, said):
        data, ending = said if isinstance(said, tuple) else (b"", said) if isinstance(said, str) else (said, "")
        line.sendall(data)
        if ending == "hang":
            stream.read(1)  # until the client leaves
        if ending == "reset":
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        return not ending


@pytest.fixture(autouse=True)
def impatient(credentials, monkeypatch):
    """Nothing is waited for: not between attempts, and for a silent server half a second."""
    monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda _: None))
    monkeypatch.setattr(reach, "_READ_SECONDS", 0.5)


def came_of(script, *, direct, calls=1):
    """What each call came to, and how many requests there were."""
    server = Server(*script)
    database = Database(tables("t"), pause=lambda _: None, region=REGION, endpoint=server.url, direct=direct)
    ends = []
    try:
        for _ in range(calls):
            try:
                ends.append(database.call("get_item", GET).get("Item"))
            except (TidegateError, ClientError) as fault:
                ends.append((type(fault), str(fault), type(fault.__cause__).__name__))
    finally:
        server.socket.close()
    return ends, len(server.requests)


@pytest.mark.parametrize(("fault", "times"), [(each, 1) for each in FAULTS] + [(each, ATTEMPTS) for each in LASTING])
def test_a_server_that_misbehaves_is_borne_as_botocore_bears_it(fault, times):
    script = [FAULTS[fault]] * times + [GOOD]

    assert came_of(script, direct=True, calls=2) == came_of(script, direct=False, calls=2)


@pytest.mark.parametrize(("fault", "times"), [(each, 1) for each in FAULTS] + [(each, ATTEMPTS) for each in LASTING])
def test_one_that_misbehaves_later_is_borne_as_botocore_bears_it(fault, times):
    script = [GOOD, *[FAULTS[fault]] * times, GOOD]

    assert came_of(script, direct=True, calls=3) == came_of(script, direct=False, calls=3)


@pytest.mark.parametrize("before", [[], [GOOD]])
@pytest.mark.parametrize("size", [15, 17, 30, 60, GOOD.index(b"\r\n\r\n") + 3])
def test_an_answer_that_is_cut_in_its_head_is_none(before, size):
    cut = GOOD[:size], "close"

    assert came_of([*before, cut, GOOD], direct=True, calls=1 + len(before))[0][-1] == FOUND
    ends, requests = came_of([*before, cut], direct=True, calls=1 + len(before))
    assert (ends[-1][0], requests) == (StoreUnavailable, ATTEMPTS + len(before))


@pytest.mark.parametrize("fault", ["resets", "stops in the body", "fails", "throttles"])
def test_what_passes_is_tried_again_and_what_lasts_is_told(fault):
    assert came_of([FAULTS[fault]] * (ATTEMPTS - 1) + [GOOD], direct=True) == ([FOUND], ATTEMPTS)

    ((kind, *_),), requests = came_of([FAULTS[fault]], direct=True)
    assert (kind, requests) == (StoreUnavailable, ATTEMPTS)


def test_one_connection_serves_many_calls():
    server = Server(GOOD)
    accepted, accept = [], server.serve
    server.serve = lambda line: accepted.append(line) or accept(line)
    database = Database(tables("t"), pause=lambda _: None, region=REGION, endpoint=server.url, direct=True)

    for _ in range(5):
        assert database.call("get_item", GET)["Item"] == FOUND

    server.socket.close()
    assert (len(accepted), len(server.requests)) == (1, 5)


def test_nobody_is_there():
    ends = []
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen; nor can anybody else there
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        for direct in (True, False):
            database = Database(tables("t"), pause=lambda _: None, region=REGION, endpoint=url, direct=direct)
            with pytest.raises(StoreUnavailable) as told:
                database.call("get_item", GET)
            ends.append((str(told.value), type(told.value.__cause__)))

    assert ends[0] == ends[1]
