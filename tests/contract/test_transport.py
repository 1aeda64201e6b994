"""The way to connections, against a server that answers as API Gateway's management interface does."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from botocore.auth import SigV4Auth
from botocore.session import Session

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
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.server.asked.append((self.command, self.path, body, self.headers["authorization"], self.client_address))
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

    ((method, path, body, signed, _),) = gateway.asked
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
    assert ApiGatewayTransport("", region)._place("a1b2", "api") == place


def test_a_connection_to_the_gateway_is_kept(gateway, transport):
    for _ in range(3):
        transport.send("a1b2/api/one", b"{}")

    assert len({sender for *_, sender in gateway.asked}) == 1


@pytest.mark.parametrize("missing", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"])
def test_who_has_no_credentials_or_region_is_misconfigured(gateway, monkeypatch, missing):
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.delenv(missing)

    with pytest.raises(Misconfigured):
        ApiGatewayTransport(gateway.endpoint).send("a1b2/api/one", b"{}")
    assert gateway.asked == []


def test_a_frame_is_signed_as_the_sdks_client_signs_it(gateway, transport, monkeypatch):
    """Both sign one canonical request; the client's has headers of its own beside."""
    signed = []
    sign = SigV4Auth.canonical_request
    monkeypatch.setattr(SigV4Auth, "canonical_request", lambda *args: signed.append(sign(*args)) or signed[-1])
    endpoint = gateway.endpoint.format(api="a1b2", stage="api")
    client = Session().create_client("apigatewaymanagementapi", region_name="us-east-1", endpoint_url=endpoint)

    transport.send("a1b2/api/L0SM=", b"{}")
    client.post_to_connection(ConnectionId="L0SM=", Data=b"{}")

    ours, theirs = (each.split("\n") for each in signed)
    assert ours[:3] == theirs[:3] == ["POST", "/a1b2/api/%40connections/L0SM%253D", ""]
    assert ours[-1] == theirs[-1]
    assert [each[1].replace("%40", "@") for each in gateway.asked] == ["/a1b2/api/@connections/L0SM%3D"] * 2
