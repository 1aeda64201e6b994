"""A server that answers as it is told to, and remembers what it was asked."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class OpenSearchServer:
    """`answer` takes a method, a path and a body, and gives a status and a body; None closes the connection."""

    def __init__(self, answer):
        self.answer = answer
        self.requests = []
        self.headers = []

    def paths(self):
        return [(method, path) for method, path, _ in self.requests]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _serve(self):
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

    def log_message(self, *_):
        """Tests are quiet."""


@contextmanager
def serving(answer):
    """Serves until the block ends; gives the URL and what was asked."""
    told = OpenSearchServer(answer)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.told = told
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", told
    finally:
        server.shutdown()
        server.server_close()
