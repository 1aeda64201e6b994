"""The application: safe for threads, and able to stream."""

import threading

import pytest
from chalice.app import Response

from chalicelib.domain.errors import Conflict
from chalicelib.edge.gateway import Gateway, StreamedResponse
from chalicelib.edge.problems import answered
from tests.builders import CONTEXT, a_credential, an_event


class Events:
    def __init__(self, *events):
        self.events = iter(events)
        self.closed = 0

    def __iter__(self):
        return self

    def __next__(self):
        event = next(self.events)
        if isinstance(event, Exception):
            raise event
        return event

    def close(self):
        self.closed += 1


@pytest.fixture
def gateway():
    return Gateway("test", configure_logs=False)


def serve(gateway, view):
    gateway.route("/v1/models", methods=["GET"], content_types=[])(answered(view))


def test_a_transport_that_streams_gets_the_events_one_by_one(gateway):
    events = Events(b"data: 1\n\n", b"data: 2\n\n")
    serve(gateway, lambda _: StreamedResponse(events, {"x-tidegate-cache": "miss"}))

    status, headers, body = gateway.stream(an_event("get_models"), CONTEXT)

    assert status == 200
    assert headers["Content-Type"] == "text/event-stream"
    assert headers["x-tidegate-cache"] == "miss"
    assert list(body) == [b"data: 1\n\n", b"data: 2\n\n"]


def test_a_transport_that_does_not_gets_them_in_one_piece(gateway):
    events = Events(b"data: 1\n\n", b"data: 2\n\n")
    serve(gateway, lambda _: StreamedResponse(events, {}))

    response = gateway(an_event("get_models"), CONTEXT)

    assert response["body"] == "data: 1\n\ndata: 2\n\n"
    assert events.closed == 1


def test_a_bug_in_the_middle_of_the_events_closes_them(gateway):
    events = Events(b"data: 1\n\n", ZeroDivisionError())
    serve(gateway, lambda _: StreamedResponse(events, {}))

    with pytest.raises(ZeroDivisionError):
        gateway(an_event("get_models"), CONTEXT)

    assert events.closed == 1


def test_an_answer_that_does_not_stream_is_bytes_either_way(gateway):
    serve(gateway, lambda _: Response("{}", {"Content-Type": "application/json"}))

    _, _, body = gateway.stream(an_event("get_models"), CONTEXT)

    assert body == b"{}"


def test_each_thread_has_a_request_of_its_own(gateway):
    met = threading.Barrier(2, timeout=10)
    seen = {}

    def view(call):
        met.wait()
        seen[call.credential.token] = gateway.current_request.headers["authorization"]
        return Response("{}")

    serve(gateway, view)
    tokens = [a_credential(number=number).token for number in (1, 2)]
    threads = [threading.Thread(target=gateway, args=(an_event("get_models", key=token), CONTEXT)) for token in tokens]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert seen == {token: f"Bearer {token}" for token in tokens}


def test_a_fault_is_an_error_body(gateway):
    def view(_):
        raise Conflict("Taken.")

    serve(gateway, view)

    status, _, body = gateway.stream(an_event("get_models"), CONTEXT)

    assert status == 409
    assert b'"code":"conflict"' in body


def test_a_bug_is_an_error_body_that_says_nothing(gateway):
    def view(_):
        raise KeyError("canary")

    serve(gateway, view)

    status, _, body = gateway.stream(an_event("get_models"), CONTEXT)

    assert status == 500
    assert b'"code":"internal_error"' in body
    assert b"canary" not in body


def test_a_name_in_the_path_is_cut_to_what_a_database_key_holds(gateway):
    seen = []

    def view(_, item_id, conversation_id):
        seen.append((item_id, conversation_id))
        return Response("{}")

    path = "/v1/conversations/{conversation_id}/items/{item_id}"
    gateway.route(path, methods=["GET"], content_types=[])(answered(view))

    gateway(an_event("get_item", pathParameters={"item_id": "x" * 9_000, "conversation_id": "conv_1"}), CONTEXT)

    assert seen == [("x" * 200, "conv_1")]
