"""The calls to what was deployed."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from chalicelib.domain.identity import RANDOM_BYTES, parse_token
from infra import streaming
from infra.deploy.faults import CannotDeploy
from infra.deploy.smoke import PROBES, smoke

RANDOM = bytes(RANDOM_BYTES)


@contextmanager
def serving(health=(200,), models=(401,), responses=(401,)):
    """Give the address of a server and what it is asked; each path has one status after another, the last for good."""
    left = {"/api/health": [*health], "/api/v1/models": [*models], "/api/v1/responses/resp_0": [*responses]}
    heard = []

    class Product(BaseHTTPRequestHandler):
        def do_GET(self):
            heard.append((self.path, self.headers.get("Authorization", "")))
            statuses = left[self.path]
            body = b'{"status":"ok"}' if self.path == "/api/health" else b"{}"
            self.send_response(statuses.pop(0) if len(statuses) > 1 else statuses[0])
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Product)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/api/", heard
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def asked(url, waited=None):
    return smoke(url, "`logs of {}`".format, RANDOM, (waited if waited is not None else []).append)


def test_both_functions_of_the_api_turn_away_a_key_that_is_whole_and_that_nobody_has():
    with serving() as (url, heard):
        assert asked(url) == "ok"

    (health, models, stream) = heard
    assert health == ("/api/health", "")
    assert models[1] == stream[1]
    assert parse_token(models[1].removeprefix("Bearer ")).key_id  # a form that costs a look-up
    assert [each.function for each in PROBES] == ["api_handler", "api_handler", streaming.FUNCTION]
    assert any(PROBES[-1].path.startswith(each.path[1:].partition("{")[0]) for each in streaming.ROUTES)


def test_an_api_that_is_not_there_yet_is_called_again():
    waited = []

    with serving(health=(404, 503, 200), models=(503, 401)) as (url, _):
        assert asked(url, waited) == "ok"

    assert len(waited) == 3


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"health": [500]}, r"health: 500 '.*'\): .*function, `logs of api_handler`, then"),
        ({"models": [500]}, r"v1/models: 500 '\{\}', where a key that nobody has is told 401\)"),
        ({"models": [200]}, r"v1/models: 200 "),
        ({"responses": [502]}, r"resp_0: 502 .*function, `logs of stream`, then"),
    ],
)
def test_an_api_that_does_not_answer_well_is_told_with_the_place_to_look(given, said):
    with serving(**given) as (url, _), pytest.raises(CannotDeploy, match=said):
        asked(url)


def test_an_address_where_nobody_listens_is_told_too():
    with pytest.raises(CannotDeploy, match="does not answer well"):
        asked("http://127.0.0.1:1/api/")
