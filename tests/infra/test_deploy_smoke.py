"""The one call to what was deployed."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from infra.deploy.faults import CannotDeploy
from infra.deploy.smoke import smoke


@contextmanager
def serving(*answers):
    """Give the address of a server that answers with one status after another, the last one for good."""
    left = list(answers)

    class Health(BaseHTTPRequestHandler):
        def do_GET(self):
            body = b'{"status":"ok"}' if self.path == "/api/health" else b"{}"
            self.send_response(left.pop(0) if len(left) > 1 else left[0])
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Health)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/api/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_api_that_is_not_there_yet_is_called_again():
    waited = []

    with serving(404, 503, 200) as url:
        assert smoke(url, "tidegate-solo", waited.append) == "ok"

    assert len(waited) == 2


def test_an_api_that_does_not_answer_well_is_told_with_the_place_to_look():
    with (
        serving(500) as url,
        pytest.raises(CannotDeploy, match=r"health: 500 .*aws logs tail /aws/lambda/tidegate-solo"),
    ):
        smoke(url, "tidegate-solo", lambda _: None)


def test_an_address_where_nobody_listens_is_told_too():
    with pytest.raises(CannotDeploy, match="does not answer well"):
        smoke("http://127.0.0.1:1/api/", "tidegate-solo", lambda _: None)
