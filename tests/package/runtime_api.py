"""Lambda's side of the Runtime API on 127.0.0.1: it hands out events, and takes answers down as their pieces come.

A process that is started with `Function` finds it as it would find Lambda's own.
"""

import base64
import itertools
import json
import os
import queue
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress

PATIENCE_SECONDS = 60  # for what must come; a test that passes waits for none of it
DELIMITER = bytes(8)
RESET = struct.pack("ii", 1, 0)  # closing tells the other side at once
ARN = "arn:aws:lambda:us-east-1:000000000000:function:tidegate-solo-stream"
_END = object()


class Asked:
    """One event that the function was handed, and what it answered so far."""

    def __init__(self, number, event, *, seconds=900, leaves_after=None, stops_after=None, status=202, **told):
        self.id = f"00000000-0000-0000-0000-{number:012d}"
        self.event = event if isinstance(event, bytes) else json.dumps(event).encode()
        self.headers = {}  # of the function's request
        self.trailers = {}
        self.error = None
        self.over = threading.Event()
        self.status = status
        self.stops_after, self._leaves_after, self.taken = stops_after, leaves_after, 0
        self._seconds, self._told = seconds, told
        self._head, self._pieces, self._begun = None, queue.Queue(), b""

    @property
    def told(self):
        """The headers that come with the event."""
        known = {"aws-request-id": self.id, "invoked-function-arn": ARN, "trace-id": "Root=1-5f0b;Sampled=1"}
        known["deadline-ms"] = str(int((time.time() + self._seconds) * 1000))
        known |= {name.replace("_", "-"): text for name, text in self._told.items()}
        return {name: text for name, text in known.items() if text is not None}

    def take(self, chunk):
        """Take a chunk down; whether the caller is still there."""
        if self._head is None:
            head, found, rest = (self._begun + chunk).partition(DELIMITER)
            self._begun, chunk = (b"", rest) if found else (head, b"")
            self._head = json.loads(head) if found else None
        if chunk:
            self.taken += 1
            self._pieces.put(chunk)
        return self.taken != self._leaves_after

    def end(self):
        self._pieces.put(_END)
        self.over.set()

    def piece(self):
        """The next piece of the body, which the function has sent by now or is about to."""
        found = self._pieces.get(timeout=PATIENCE_SECONDS)
        assert found is not _END, "the answer is over"
        return found

    def rest(self):
        """All pieces that are left, when the answer is over."""
        assert self.over.wait(PATIENCE_SECONDS), "the answer does not end"
        return list(iter(self._pieces.get_nowait, _END))

    @property
    def body(self):
        return b"".join(self.rest())

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def answer(self):
        """What API Gateway reads: status and headers."""
        assert self.over.wait(PATIENCE_SECONDS), "the answer does not end"
        return self._head

    @property
    def fault(self):
        """What the trailers say."""
        trailers = {name.lower(): text for name, text in self.trailers.items()}
        body = json.loads(base64.b64decode(trailers["lambda-runtime-function-error-body"]))
        return trailers["lambda-runtime-function-error-type"], body


class RuntimeApi:
    """Serves one function until the block ends."""

    def __init__(self):
        self.connections = 0
        self.failed_to_start = queue.Queue()
        self._numbers = itertools.count(1)
        self._waiting, self._asked = queue.Queue(), {}
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def address(self):
        return "{}:{}".format(*self._listener.getsockname())

    def ask(self, event, **how):
        """Have the function answer `event` when it asks for the next one."""
        asked = Asked(next(self._numbers), event, **how)
        self._asked[asked.id] = asked
        self._waiting.put(asked)
        return asked

    def break_off(self):
        """Hang up on whoever asks for the next event."""
        self._waiting.put(None)

    def close(self):
        self._listener.close()

    def _listen(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with suppress(OSError), connection, connection.makefile("rb") as reader:
            while line := reader.readline():
                method, path, _ = line.decode().split()
                headers = _headers(reader)
                if not self._answer(connection, reader, (method, *path.split("/")[3:]), headers):
                    return

    def _answer(self, connection, reader, asked_for, headers):
        """Answer one request; whether the connection goes on."""
        match asked_for:
            case "GET", "invocation", "next":
                return self._hand_out(connection)
            case "POST", "invocation", request_id, "response":
                return _take_down(connection, reader, self._asked[request_id], headers)
            case "POST", "invocation", request_id, "error":
                asked = self._asked[request_id]
                asked.error = headers["lambda-runtime-function-error-type"], json.loads(_body(reader, headers))
                asked.end()
            case "POST", "init", "error":
                self.failed_to_start.put((headers["lambda-runtime-function-error-type"], _body(reader, headers)))
        return _confirm(connection, 202)

    def _hand_out(self, connection):
        asked = self._waiting.get()
        if asked is None:
            return False
        told = "".join(f"Lambda-Runtime-{name.title()}: {text}\r\n" for name, text in asked.told.items())
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(asked.event)}\r\n{told}\r\n"
        connection.sendall(head.encode() + asked.event)
        return True


class Function:
    """A packaged function as a process, started as Lambda does: by the wrapper, with AWS's runtime as arguments."""

    def __init__(self, task, api, *, handler="app.stream", **environ):
        environment = {
            "AWS_LAMBDA_RUNTIME_API": api.address,
            "AWS_LAMBDA_FUNCTION_NAME": "tidegate-solo-stream",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
            "LAMBDA_TASK_ROOT": str(task),
            "_HANDLER": handler,
            **{name: os.environ[name] for name in os.environ if name.startswith(("AWS_", "TIDEGATE_"))},
            **environ,
        }
        self.api = api
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed when it stops
        interpreter = getattr(sys, "_base_executable", sys.executable)  # it has no packages of its own
        self.process = subprocess.Popen(
            [task / "chalicelib/runtime/start", interpreter, "/var/runtime/bootstrap.py"],
            env=environment,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    @property
    def log(self):
        """What it wrote so far."""
        self._log.seek(0)
        return self._log.read().decode()

    @property
    def resident_kb(self):
        """How much memory it has."""
        said = subprocess.run(["ps", "-o", "rss=", "-p", str(self.process.pid)], capture_output=True, check=True)
        return int(said.stdout)

    def end(self):
        """Wait for its end by itself: the exit code."""
        return self.process.wait(PATIENCE_SECONDS)

    def stop(self):
        """End it, as Lambda ends what nobody needs any more."""
        self.process.kill()
        self.process.wait(PATIENCE_SECONDS)
        self._log.close()


def _take_down(connection, reader, asked, headers):
    asked.headers = headers
    assert headers["transfer-encoding"] == "chunked"
    while size := int(reader.readline(), 16):
        if asked.taken == asked.stops_after:
            return asked.over.wait()  # and read no more
        chunk = reader.read(size)
        assert reader.readline() == b"\r\n"
        if not asked.take(chunk):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            reader.close()
            connection.close()
            asked.end()
            return False
    asked.trailers = _headers(reader)
    asked.end()
    return _confirm(connection, asked.status)


def _confirm(connection, status):
    connection.sendall(f"HTTP/1.1 {status} Accepted\r\nContent-Length: 0\r\n\r\n".encode())
    return True


def _headers(reader):
    lines = iter(lambda: reader.readline().decode().rstrip("\r\n"), "")
    return {name.lower(): text.strip() for name, _, text in (line.partition(":") for line in lines)}


def _body(reader, headers):
    return reader.read(int(headers["content-length"])).decode()
