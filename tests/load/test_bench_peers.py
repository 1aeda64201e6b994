import json
import socket
import subprocess
import sys

import pytest

from benchmarks.load import HIT, Caller, Kind, offer
from benchmarks.peers.cells import cells
from benchmarks.peers.gateways import FLOOR, Gateway, model
from benchmarks.peers.upstream import CHUNKS, PIECE

BODY = json.dumps({"model": "bench", "messages": []}).encode()
STREAMED = json.dumps({"model": "bench", "messages": [], "stream": True}).encode()
WHOLE = Kind("whole", lambda: BODY)
STREAM = Kind("stream", lambda: STREAMED, holds=PIECE.encode(), times=CHUNKS)


@pytest.fixture(scope="module")
def direct():
    with model() as gateway:
        yield gateway


def test_the_model_answers_whole_and_in_pieces_and_counts_both(direct):
    before, caller = direct.answered(), Caller(direct.port, {})
    for kind in (WHOLE, STREAM, WHOLE):
        caller.ask(kind)
    caller.close()

    assert direct.answered() - before == 3


def test_requests_that_come_in_pieces_or_together_are_each_answered(direct):
    before = direct.answered()
    request = b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
    with socket.create_connection(("127.0.0.1", direct.port)) as connection:
        for part in (request[:30], request[30:-5], request[-5:] + request):
            connection.sendall(part)
        got = b""
        while got.count(b'"usage"') < 2:
            got += connection.recv(65_536)

    assert direct.answered() - before == 2


def test_a_stream_of_fewer_pieces_than_were_sent_is_no_answer(direct):
    caller = Caller(direct.port, {})

    with pytest.raises(AssertionError):
        caller.ask(Kind("stream", lambda: STREAMED, holds=PIECE.encode(), times=CHUNKS + 1))

    caller.close()


def test_at_a_rate_as_many_are_asked_as_it_says(direct):
    callers = [Caller(direct.port, {}) for _ in range(3)]

    outcome = offer(WHOLE, callers, seconds=0.2, rate=100.0)

    assert len(outcome.seconds) == 20
    for caller in callers:
        caller.close()


def test_only_tidegate_has_hits_and_conversations():
    gateways = [Gateway(name, 1, {}, ()) for name in ("tidegate", "tidegate, plain", "litellm", "portkey")]
    everyone = [*gateways, Gateway(FLOOR, 1, {}, ())]

    kinds = {(cell.gateway.name, cell.kind.name) for cell in cells(Gateway("no gateway", 1, {}, ()), everyone)}

    assert {name for name, kind in kinds if kind == "exact hit"} == {"tidegate"}
    assert {name for name, kind in kinds if kind == "stream"} == {each.name for each in gateways} | {"no gateway"}
    assert {cell.kind.says for cell in cells(gateways[0], []) if cell.kind.name == "exact hit"} == {HIT}


def test_a_family_is_a_process_and_whom_it_started():
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as parent:
        gateway = Gateway("parent", 1, {}, (parent.pid,))
        while len(pids := gateway.pids) < 2:
            assert parent.poll() is None

        assert parent.pid in pids
        parent.communicate(b"\n")
