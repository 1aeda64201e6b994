"""A server that answers as it is told to, and remembers what it was asked."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[[str, str, bytes], tuple[int, Any] | None]
"""From a method, a path and a body to a status and a body; None closes the connection."""


class OpenSearchServer:
    """What is told to a server, and what it remembers."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.requests: list[tuple[str, str, bytes]] = []
        self.headers: list[dict[str, str]] = []


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # a body waited 40 ms for the client to acknowledge its headers

    def _serve(self) -> None:
        assert isinstance(self.server, _Server)
        told = self.server.told
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        told.requests.append((self.command, self.path, body))
        told.headers.append({name.lower(): value for name, value in self.headers.items()})
        answer = told.answer(self.command, self.path, body)
        if answer is None:
            self.close_connection = True
            return
        status, content = answer
        encoded = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(encoded)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(encoded)

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = _serve  # noqa: N815 # the names that the library looks for

    def log_message(self, *_: object) -> None:
        """Tests are quiet."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    told: OpenSearchServer


@contextmanager
def serving(answer: Answer) -> Iterator[tuple[str, OpenSearchServer]]:
    """Serves until the block ends; gives the URL and what was asked."""
    told = OpenSearchServer(answer)
    server = _Server(("127.0.0.1", 0), _Handler)
    server.told = told
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", told
    finally:
        server.shutdown()
        server.server_close()
