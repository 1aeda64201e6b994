"""What the local API makes of HTTP is what API Gateway and Lambda make of it."""

import asyncio
import base64
import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import uvicorn
from chalice import Chalice

from chalicelib.edge.door import open_to_pages
from chalicelib.edge.gateway import Gateway
from chalicelib.edge.problems import SECURITY_HEADERS
from infra.local.bridge import BODY_LIMIT_BYTES, Bridge
from infra.local.routes import Routes
from infra.local.serve import Server
from infra.local.streams import Stream
from tests.infra.runs import eventually

GATEWAY_EVENT = json.loads((Path(__file__).parents[1] / "events" / "apigateway_rest_proxy.json").read_text())


class App(Chalice):
    """Keeps what it was called with, and answers what the test wants."""

    def __init__(self, answer):
        super().__init__(app_name="recorder")
        self.answer = answer
        self.calls = []
        for path, methods in {"/v1/models/{id}": ["GET"], "/v1/files": ["POST"]}.items():
            self.route(path, methods=methods)(lambda **_: None)

    def stream(self, event, context):
        self.calls.append((event, context))
        return self.answer(event)


def ok(_event):
    return 200, {"Content-Type": "text/plain", "Set-Cookie": ["a=1", "b=2"]}, b"fine"


def ask(app, method="GET", path="/v1/models/small", *, query="", headers=(), pieces=(b"",)):
    """One request through the ASGI app: its status, headers as pairs, and body."""
    sent = []
    waiting = [
        {"type": "http.request", "body": piece, "more_body": number < len(pieces)}
        for number, piece in enumerate(pieces, 1)
    ]
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(b"host", b"127.0.0.1:8000"), *headers],
        "client": ("203.0.113.7", 50000),
    }

    async def receive():
        return waiting.pop(0)

    async def send(message):
        sent.append(message)

    asyncio.run(Bridge(app)(scope, receive, send))
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], [(name.decode(), value.decode()) for name, value in sent[0]["headers"]], body


def shape(value):
    return {name: shape(part) for name, part in value.items()} if isinstance(value, dict) else None


def lower(headers):
    return {name.lower(): value for name, value in headers.items()}


def test_an_event_has_the_shape_of_one_of_api_gateway():
    app = App(ok)
    headers = [
        (b"accept", b"application/json"),
        (b"authorization", b"Bearer tg_test_key"),
        (b"user-agent", b"OpenAI/Python 1.99.0"),
    ]

    ask(app, query="after=a&after=b", headers=headers)

    event = app.calls[0][0]
    wanted = {
        **GATEWAY_EVENT,
        "headers": lower(GATEWAY_EVENT["headers"]),
        "multiValueHeaders": lower(GATEWAY_EVENT["multiValueHeaders"]),
    }
    assert shape(event) == shape(wanted)
    for name in ("resource", "path", "httpMethod", "queryStringParameters", "multiValueQueryStringParameters"):
        assert event[name] == wanted[name]
    assert event["pathParameters"] == wanted["pathParameters"]
    assert event["requestContext"]["identity"] == wanted["requestContext"]["identity"]
    json.dumps(event)


def test_what_a_browser_asks_first_is_let_in():
    app = App(ok)
    open_to_pages(app)

    status, _, _ = ask(app, "OPTIONS", headers=[(b"origin", b"https://chat.example.com")])

    assert status == 200
    assert app.calls[0][0]["httpMethod"] == "OPTIONS"


def test_what_a_request_lacks_is_null():
    app = App(ok)

    ask(app)

    event = app.calls[0][0]
    assert event["queryStringParameters"] is event["multiValueQueryStringParameters"] is event["body"] is None


def test_a_context_tells_who_runs_and_how_long_it_may():
    app = App(ok)

    ask(app)

    context = app.calls[0][1]
    assert context.aws_request_id != ""
    assert 0 < context.get_remaining_time_in_millis() <= 300_000


def test_an_encoded_slash_is_part_of_a_parameter():
    app = App(ok)

    ask(app, path="/v1/models/a%2Fb%20c")

    assert app.calls[0][0]["pathParameters"] == {"id": "a/b c"}


def test_text_arrives_as_text_and_a_binary_type_as_base64():
    app = App(ok)

    ask(app, "POST", "/v1/files", headers=[(b"content-type", b"application/json")], pieces=['{"ä'.encode(), b'":1}'])
    ask(app, "POST", "/v1/files", headers=[(b"content-type", b"application/octet-stream")], pieces=[b"\xff\x00"])

    text, binary = (event for event, _ in app.calls)
    assert (text["body"], text["isBase64Encoded"]) == ('{"ä":1}', False)
    assert (base64.b64decode(binary["body"]), binary["isBase64Encoded"]) == (b"\xff\x00", True)


def test_a_text_that_is_none_arrives_as_it_was_sent():
    app = App(ok)

    ask(app, "POST", "/v1/files", headers=[(b"content-type", b"application/json")], pieces=[b'{"a":"\xff"}'])

    event = app.calls[0][0]
    assert (base64.b64decode(event["body"]), event["isBase64Encoded"]) == (b'{"a":"\xff"}', True)


def test_an_answer_keeps_its_status_and_every_header():
    status, headers, body = ask(App(ok))

    assert (status, body) == (200, b"fine")
    assert ("set-cookie", "a=1") in headers
    assert ("set-cookie", "b=2") in headers
    assert ("content-length", "4") in headers


@pytest.mark.parametrize(
    ("method", "path", "status", "code", "allowed"),
    [
        ("GET", "/v1/model", 404, "not_found", None),
        ("GET", "/v1/models/", 404, "not_found", None),
        ("GET", "/v1/models/a/b", 404, "not_found", None),
        ("DELETE", "/v1/models/small", 405, "method_not_allowed", "GET"),
        ("GET", "/v1/files", 405, "method_not_allowed", "POST"),
    ],
)
def test_what_no_view_answers_is_refused_in_the_words_of_the_api(method, path, status, code, allowed):
    app = App(ok)

    answered, headers, body = ask(app, method, path)

    error = json.loads(body)["error"]
    assert (answered, app.calls) == (status, [])
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", None, code)
    assert "x-request-id" in dict(headers)
    assert {name.lower(): text for name, text in SECURITY_HEADERS.items()}.items() <= dict(headers).items()
    assert dict(headers).get("allow") == allowed


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_above_the_limit_of_api_gateway_is_refused(declared):
    app = App(ok)
    headers = [(b"content-length", str(BODY_LIMIT_BYTES + 1).encode())] if declared else []

    status, _, body = ask(app, "POST", "/v1/files", headers=headers, pieces=[b"x" * BODY_LIMIT_BYTES, b"x"])

    assert (status, json.loads(body)["error"]["code"], app.calls) == (413, "payload_too_large", [])


def test_a_body_at_the_limit_is_passed_on():
    app = App(ok)

    status, _, _ = ask(app, "POST", "/v1/files", pieces=[b"x" * BODY_LIMIT_BYTES])

    assert (status, len(app.calls[0][0]["body"])) == (200, BODY_LIMIT_BYTES)


def test_an_app_that_raises_is_a_500_without_its_secrets():
    def fail(_event):
        raise RuntimeError("the password is swordfish")

    status, _, body = ask(App(fail))

    assert (status, json.loads(body)["error"]["type"]) == (500, "server_error")
    assert b"swordfish" not in body


def test_a_literal_path_comes_before_one_with_a_parameter():
    routes = Routes({"/v1/{kind}/x": {"GET": None}, "/v1/models/{id}": {"GET": None}, "/v1/models/x": {"GET": None}})

    found = [routes.find(path)[0].template for path in ("/v1/models/x", "/v1/models/y", "/v1/files/x")]

    assert found == ["/v1/models/x", "/v1/models/{id}", "/v1/{kind}/x"]


def test_a_request_sees_its_own_request_and_not_that_of_its_neighbour():
    both = threading.Barrier(2)
    app = Gateway("neighbours")

    @app.route("/v1/models/{name}")
    def view(name):
        both.wait(10)
        return app.current_request.uri_params["name"] + name

    with serving(Bridge(app)) as port:
        answers = [connect(port, f"/v1/models/{name}") for name in ("one", "two")]
        bodies = [read_all(answer)[-6:] for answer in answers]

    assert bodies == [b"oneone", b"twotwo"]


class Body:
    """A stream that tells which threads drew from it and closed it."""

    def __init__(self, *, stop_after=None):
        self.drawn_by = set()
        self.closed_by = []
        self.go_on = threading.Event()
        self._left = stop_after

    def __iter__(self):
        return self

    def __next__(self):
        self.drawn_by.add(threading.get_ident())
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                raise StopIteration
            return b"piece "
        self.go_on.wait(0.01)
        return b"piece "

    def close(self):
        self.closed_by.append(threading.get_ident())


class serving:  # noqa: N801 - reads as the statement it is used in
    """Serve `bridge` on a port of its own, and end as `make run` does."""

    def __init__(self, bridge):
        config = uvicorn.Config(bridge, lifespan="off", ws="none", log_level="error", timeout_graceful_shutdown=5)
        self.server = Server(config, bridge)
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.socket]})

    def __enter__(self):
        self.thread.start()
        eventually(lambda: self.server.started)
        return self.socket.getsockname()[1]

    def __exit__(self, *_):
        self.server.should_exit = True
        self.thread.join()


def connect(port, path):
    caller = socket.create_connection(("127.0.0.1", port), timeout=30)
    caller.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    return caller


def read_all(caller):
    with caller:
        return b"".join(iter(lambda: caller.recv(65536), b""))


def test_a_stream_arrives_whole_and_is_closed_by_the_thread_that_drew_it():
    body = Body(stop_after=3)

    with serving(Bridge(App(lambda _: (200, {"Content-Type": "text/event-stream"}, body)))) as port:
        answer = read_all(connect(port, "/v1/models/x"))

    assert answer.count(b"piece ") == 3
    assert answer.endswith(b"0\r\n\r\n")
    assert set(body.closed_by) == body.drawn_by


def read_a_piece(caller):
    received = b""
    while b"piece " not in received:
        received += caller.recv(1_000)


def test_a_stream_is_closed_in_its_thread_when_its_reader_leaves():
    body = Body()

    with serving(Bridge(App(lambda _: (200, {}, body)))) as port:
        with connect(port, "/v1/models/x") as caller:
            read_a_piece(caller)

        assert eventually(lambda: body.closed_by)

    assert set(body.closed_by) == body.drawn_by


def test_a_stream_waits_for_a_reader_who_is_slow():
    body = Body(stop_after=10**9)
    pieces = []
    body_next = body.__next__

    def counted():
        pieces.append(1)
        return body_next() * 2000

    stream = iter(counted, None)
    with serving(Bridge(App(lambda _: (200, {}, stream)))) as port, connect(port, "/v1/models/x") as caller:
        caller.recv(10)
        settled = [-1]
        while settled[-1] != len(pieces):
            settled.append(len(pieces))
            threading.Event().wait(0.3)

    assert len(pieces) < 10_000


def test_pieces_that_come_before_the_loop_looks_are_sent_together_and_the_end_behind_them():
    async def read():
        stream = Stream(asyncio.get_running_loop())
        worker = threading.Thread(target=stream.produce, args=(200, {}, iter([b"a", b"b", b"c"])))
        worker.start()
        worker.join()  # nothing else runs in the loop meanwhile
        return await stream.begin(), await stream.next(), await stream.next()

    assert asyncio.run(read()) == ((200, {}, None), b"abc", None)


def test_open_streams_are_cut_when_the_server_ends():
    body = Body()

    with serving(Bridge(App(lambda _: (200, {}, body)))) as port:
        caller = connect(port, "/v1/models/x")
        read_a_piece(caller)

    assert not read_all(caller).endswith(b"0\r\n\r\n")
    assert set(body.closed_by) == body.drawn_by


def test_a_stream_that_breaks_has_no_proper_end():
    def broken():
        yield b"piece "
        raise RuntimeError("the model went away")

    with serving(Bridge(App(lambda _: (200, {}, broken())))) as port:
        answer = read_all(connect(port, "/v1/models/x"))

    assert b"piece " in answer
    assert not answer.endswith(b"0\r\n\r\n")


class Held:
    """An app's answer that waits until it is let go."""

    def __init__(self):
        self.go_on = threading.Event()

    def __call__(self, event):
        assert self.go_on.wait(30)
        return ok(event)


def test_whoever_finds_no_place_is_sent_away_at_once_and_told_when_to_come_back():
    held = Held()

    with serving(Bridge(App(held), threads=1, waiting=1)) as port, ThreadPoolExecutor(5) as readers:
        reading = [readers.submit(read_all, connect(port, "/v1/models/x")) for _ in range(5)]
        eventually(lambda: sum(each.done() for each in reading) == 3)
        held.go_on.set()
        answers = [each.result() for each in reading]
        later = [read_all(connect(port, "/v1/models/x")) for _ in range(3)]

    refused = [answer for answer in answers if answer.startswith(b"HTTP/1.1 429 ")]
    assert (len(refused), len(answers)) == (3, 5)
    assert all(b"\r\nretry-after: 1\r\n" in answer and b'"code": "rate_limit_exceeded"' in answer for answer in refused)
    assert all(answer.startswith(b"HTTP/1.1 200 ") for answer in later)


def test_a_system_that_has_no_thread_more_costs_no_place():
    bridge = Bridge(App(ok), threads=2, waiting=1)
    submit = bridge._workers.submit

    def begin(*work):
        submit(*work)  # the executor keeps it for a thread that is there, and says
        raise RuntimeError("can't start new thread")

    bridge._workers.submit = begin

    with serving(bridge) as port:
        answers = [read_all(connect(port, "/v1/models/x")) for _ in range(5)]

    assert all(answer.startswith(b"HTTP/1.1 200 ") for answer in answers)


def test_a_request_whose_caller_left_before_its_turn_is_not_worked_on():
    held = Held()
    app = App(held)
    bridge = Bridge(app, threads=1, waiting=2)

    with serving(bridge) as port:
        first = connect(port, "/v1/models/first")
        eventually(lambda: app.calls)
        with connect(port, "/v1/models/second"):
            eventually(lambda: len(bridge._streams) == 2)
        eventually(lambda: len(bridge._streams) == 1)
        held.go_on.set()
        answers = [read_all(first), read_all(connect(port, "/v1/models/third"))]

    assert [event["pathParameters"]["id"] for event, _ in app.calls] == ["first", "third"]
    assert all(answer.startswith(b"HTTP/1.1 200 ") for answer in answers)
