"""The WebSocket of `make run`, by a client of another library: an answer that is cut goes on elsewhere."""

import contextlib
import json
import random
import shutil

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from infra.key import DEFAULT_PLAN
from tests.clients.product import MODEL, Product
from tests.clients.sockets import Socket, chunks_of, numbers, text_of

SLOW = "simulated://echo?directives=1&chunk_ms=15"
LONG = "Tell me of the tides, number {number}. [[tokens=120]]"


@pytest.fixture(scope="module")
def product(clone, state, tmp_path_factory):
    """A run whose model takes its time, so that there is a middle of an answer."""
    run = Product(clone, shutil.copytree(state, tmp_path_factory.mktemp("sockets") / "local"), UPSTREAM=SLOW)
    try:
        yield run.until_ready()
    finally:
        run.bury()


def the_whole(product, text):
    """What the model says to it, by another way."""
    with product.client() as client:
        answer = client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": text}])
    return answer.choices[0].message.content


def test_a_chat_is_answered_in_numbered_chunks(product):
    with Socket(product) as socket:
        socket.ask("c1", LONG.format(number=0))
        done = socket.until("done", "error")

    assert socket.frames[1]["type"] == "accepted"
    assert numbers(chunks_of(socket.frames)) == list(range(1, done["seq"] + 1))
    assert {each["data"]["object"] for each in chunks_of(socket.frames)} == {"chat.completion.chunk"}
    assert text_of(chunks_of(socket.frames)) == the_whole(product, LONG.format(number=0))
    assert done["usage"]["completion_tokens"] > 0


def test_an_answer_of_before_is_told_without_a_job(product):
    with Socket(product) as socket:
        socket.ask("c1", "What was it again?")
        socket.until("done")
        socket.ask("c2", "What was it again?")
        socket.until("done")

    first, again = (
        [each for each in socket.frames if each.get("id") == name and each["type"] != "done"] for name in ("c1", "c2")
    )
    assert again[0] == {"type": "accepted", "id": "c2", "job": None}
    assert text_of(first[1:]) == text_of(again[1:])


def heard_with_breaks(product, text, fate):
    """What all connections heard that one answer took, each cut after as many frames as fate says."""
    frames = []
    socket = Socket(product)
    socket.ask("c1", text)
    job = socket.until("accepted", "error")["job"]
    for _ in range(fate.randint(1, 3)):
        heard_some(socket, fate.randint(0, 12))
        fate.choice([socket.break_off, socket.wire.close])()
        frames += socket.frames
        socket = Socket(product)
        socket.say(type="resume", job=job, after=max(numbers(chunks_of(frames)), default=0))
    with socket:
        socket.until("done", "error")
    return frames + socket.frames


def heard_some(socket, count):
    for _ in range(count):
        if socket.frames[-1]["type"] != "done":
            socket.hear()


@pytest.mark.parametrize("seed", range(25))
def test_an_answer_goes_on_wherever_its_connection_breaks(product, seed):
    text = LONG.format(number=seed + 1)

    frames = heard_with_breaks(product, text, random.Random(seed))

    chunks = chunks_of(frames)
    assert frames[-1]["type"] == "done"
    assert numbers(chunks) == list(range(1, frames[-1]["seq"] + 1))
    assert text_of(chunks) == the_whole(product, text)


def test_an_answer_that_is_over_is_told_again_from_where_it_was_cut(product):
    with Socket(product) as socket:
        socket.ask("c1", "Say it twice. [[tokens=60]]")
        done = socket.until("done")
        job = next(each["job"] for each in socket.frames if each["type"] == "accepted")
    with Socket(product) as other:
        other.say(type="resume", job=job, after=3, id="again")
        again = other.until("done")

    assert again == {**done, "id": "again"}
    assert numbers(chunks_of(other.frames)) == list(range(4, done["seq"] + 1))
    assert [each["data"] for each in chunks_of(other.frames)] == [each["data"] for each in chunks_of(socket.frames)[3:]]


def test_a_cancelled_chat_stops_soon(product):
    with Socket(product) as socket:
        socket.ask("c1", "Go on for ever. [[tokens=4000]]")
        socket.until("chunk")
        socket.say(type="cancel", id="c1")
        ended = socket.until("done", "error")

    assert ended["error"]["code"] == "cancelled"
    assert len(text_of(chunks_of(socket.frames))) < 4000


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://127.0.0.1.evil.example"]
)
def test_a_foreign_page_may_not_connect(product, origin):
    with pytest.raises(InvalidStatus) as refused:
        Socket(product, origin=origin)

    assert refused.value.response.status_code == 403


def test_who_names_no_page_may_not_connect(product):
    with pytest.raises(InvalidStatus) as refused, connect(f"ws://127.0.0.1:{product.port}/ws", proxy=None):
        pass

    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("key", ["", "tg_test_x", "wrong"])
def test_a_wrong_key_ends_the_connection(product, key):
    with Socket(product, auth=False) as socket:
        socket.say(type="auth", key=key)
        refused = socket.hear()

        assert refused["error"]["code"] == "invalid_api_key"
        with pytest.raises(ConnectionClosed):
            socket.hear()


def test_nothing_is_done_without_a_key(product):
    with Socket(product, auth=False) as socket:
        socket.ask("c1", "Hello")

        assert socket.hear()["error"]["code"] == "invalid_api_key"


def test_a_revoked_key_loses_its_connections_and_opens_no_other(product):
    admin = (product.directory / "admin-key").read_text()
    with product.client(api_key=admin) as client:
        made = client.post(
            "/../admin/keys",
            body={"tenant": "acme", "user": "eve", "plan": DEFAULT_PLAN, "scopes": ["chat"]},
            cast_to=object,
        )
        with Socket(product, key=made["key"]) as socket:
            client.delete(f"/../admin/keys/{made['id']}", cast_to=object)

            with pytest.raises(ConnectionClosed):
                socket.hear(timeout=20)
        with Socket(product, auth=False) as replayed:
            replayed.say(type="auth", key=made["key"])
            assert replayed.hear()["error"]["code"] == "invalid_api_key"


@pytest.mark.parametrize("size", [33 * 1024, 129 * 1024])
def test_what_is_larger_than_the_gateway_takes_ends_the_connection(product, size):
    with Socket(product) as socket, contextlib.suppress(ConnectionClosed):
        half = "x" * (size // 5)
        socket.wire.send([half] * 5 if size > 128 * 1024 else "x" * size)
        socket.hear()

    assert socket.wire.protocol.close_rcvd.code == 1009


def test_the_largest_message_that_fits_is_read(product):
    with Socket(product) as socket:
        text = json.dumps({"type": "ping"}) + " " * 100_000
        socket.wire.send([text[:30_000], *(text[at : at + 30_000] for at in range(30_000, len(text), 30_000))])

        assert socket.hear() == {"type": "pong"}


def test_another_tenant_cannot_go_on_with_an_answer(product):
    stranger = product.make_key("mallory", "eve")
    with Socket(product) as socket, Socket(product, key=stranger) as other:
        socket.ask("c1", "Whose is it? [[tokens=100]]")
        job = socket.until("accepted")["job"]
        other.say(type="resume", job=job, after=0)
        theirs = other.hear()
        other.say(type="resume", job="job_none", after=0)
        unknown = other.hear()
        done = socket.until("done", "error")

    assert theirs["error"]["code"] == "not_found"
    assert json.dumps(theirs).replace(job, "job_none") == json.dumps(unknown)
    assert done["type"] == "done"
    assert numbers(chunks_of(socket.frames)) == list(range(1, done["seq"] + 1))


def test_an_answer_outlives_the_run_that_began_it(start):
    first = start(UPSTREAM=SLOW)
    socket = Socket(first)
    socket.ask("c1", LONG.format(number=0))
    job = socket.until("accepted")["job"]
    heard_some(socket, 3)
    first.stop()
    with contextlib.suppress(ConnectionClosed):
        socket.until("done", "error")
    before = chunks_of(socket.frames)

    with Socket(start(UPSTREAM=SLOW)) as other:
        other.say(type="resume", job=job, after=numbers(before)[-1])
        done = other.until("done", "error")

    assert done["type"] == "done"
    assert numbers(before + chunks_of(other.frames)) == list(range(1, done["seq"] + 1))
