"""A client of the WebSocket, as somebody writes it who has read the page about it."""

import json
from contextlib import ExitStack

from websockets.sync.client import connect

from tests.clients.product import MODEL


class Socket:
    """One connection, authenticated unless told otherwise; it forgets nothing that it hears."""

    def __init__(self, product, *, key=None, origin=None, auth=True):
        self.frames = []
        self.origin = product.origin
        self._stack = ExitStack()
        opened = connect(
            product.socket_url,
            origin=origin or self.origin,
            compression=None,
            open_timeout=60,  # the first to connect waits for a process that begins
            close_timeout=1,
            ping_interval=None,  # a gateway that is busy is not gone
            proxy=None,
        )
        self.wire = self._stack.enter_context(opened)
        if auth:
            self.say(type="auth", key=key or product.key)
            assert self.hear() == {"type": "ready"}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stack.close()

    def say(self, **message):
        self.wire.send(json.dumps(message))

    def ask(self, name, text, **fields):
        request = {"model": MODEL, "messages": [{"role": "user", "content": text}], **fields}
        self.say(type="chat", id=name, request=request)

    def hear(self, timeout=20):
        frame = json.loads(self.wire.recv(timeout))
        self.frames.append(frame)
        return frame

    def until(self, *kinds):
        """The first frame of one of some kinds, and all before it are kept."""
        while True:
            frame = self.hear()
            if frame["type"] in kinds:
                return frame

    def break_off(self):
        """As a network does that goes away: without a word."""
        self.wire.socket.close()


def chunks_of(frames):
    return [each for each in frames if each["type"] == "chunk"]


def numbers(chunks):
    return [each["seq"] for each in chunks]


def text_of(chunks):
    return "".join(each["data"]["choices"][0]["delta"].get("content") or "" for each in chunks)
