"""The way to connections, against a server that answers as API Gateway's management interface does."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from chalicelib.adapters.sockets.apigateway import ApiGatewayTransport
from chalicelib.domain.errors import Misconfigured


class Gateway(ThreadingHTTPServer):
    """Answers every call with one status, and remembers what it was asked."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.status = 200
        self.asked = []

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.server_address[1]}/{{api}}/{{stage}}"


class Handler(BaseHTTPRequestHandler):
    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.server.asked.append((self.command, self.path, body, self.headers["authorization"]))
        self.send_response(self.server.status)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_POST = do_DELETE = answer  # noqa: N815 - the standard library's names

    def log_message(self, *_):
        pass


@pytest.fixture
def gateway(credentials):
    server = Gateway()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def transport(gateway):
    return ApiGatewayTransport(gateway.endpoint, "us-east-1")


def test_a_frame_is_posted_to_the_connection_of_its_api(gateway, transport):
    assert transport.send("a1b2/api/L0SM=", b'{"type":"ready"}') == "sent"

    ((method, path, body, signed),) = gateway.asked
    assert (method, path.replace("%40", "@"), body) == ("POST", "/a1b2/api/@connections/L0SM%3D", b'{"type":"ready"}')
    assert signed.startswith("AWS4-HMAC-SHA256")


def test_a_connection_is_ended(gateway, transport):
    transport.close("a1b2/api/L0SM=")

    assert [method for method, *_ in gateway.asked] == ["DELETE"]


@pytest.mark.parametrize(
    ("status", "delivery"),
    [(410, "gone"), (400, "gone"), (404, "gone"), (429, "late"), (413, "late"), (500, "late"), (503, "late")],
)
def test_a_refusal_is_told_and_nothing_is_tried_again(gateway, transport, status, delivery):
    gateway.status = status

    assert transport.send("a1b2/api/one", b"{}") == delivery
    assert len(gateway.asked) == 1


def test_a_connection_that_is_gone_is_as_good_as_ended(gateway, transport):
    gateway.status = 410

    transport.close("a1b2/api/one")


def test_a_function_that_may_not_post_is_the_operators_fault(gateway, transport):
    gateway.status = 403

    with pytest.raises(Misconfigured):
        transport.send("a1b2/api/one", b"{}")


def test_a_gateway_that_does_not_answer_may_do_so_later(credentials):
    assert ApiGatewayTransport("http://127.0.0.1:9/{api}/{stage}", "us-east-1").send("a1b2/api/one", b"{}") == "late"


@pytest.mark.parametrize(
    ("region", "place"),
    [
        ("eu-west-1", "https://a1b2.execute-api.eu-west-1.amazonaws.com/api"),
        ("cn-north-1", "https://a1b2.execute-api.cn-north-1.amazonaws.com.cn/api"),
    ],
)
def test_on_aws_the_name_of_a_connection_says_where_it_is(credentials, region, place):
    client = ApiGatewayTransport("", region)._client("a1b2", "api")

    assert client.meta.endpoint_url == place
