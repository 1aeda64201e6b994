"""Users who ask one question after another: over HTTP, over a WebSocket and in line."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

from websockets.exceptions import ConnectionClosed

from tests.clients.product import ask, text_of
from tests.clients.sockets import Socket
from tests.clients.sockets import text_of as text_of_frames
from tests.e2e.line import Line
from tests.infra.runs import PATIENCE_S, eventually

SLOWLY = "[[tokens=80 chunk_ms=100]]"  # twenty pieces in two seconds
RESUMPTIONS = 5


class Askers:
    """Several at a time, each by a way to ask that gives a question's whole answer, until they are stopped."""

    def __init__(self, threads, ways):
        self.answers = {name: {} for name in ways}
        self._over = threading.Event()
        self._asking = [threads.submit(self._ask, name, way) for name, way in ways.items()]

    def _ask(self, name, way):
        answers = self.answers[name]
        while not self._over.is_set():
            question = f"{name} asks for the {len(answers) + 1}. time"
            answers[question] = way(f"{question} {SLOWLY}")

    def until_answered(self, more):
        """Return when each has had so many answers more, or one fails."""
        wanted = {name: len(answers) + more for name, answers in self.answers.items()}
        eventually(
            lambda: (
                any(each.done() for each in self._asking)
                or all(len(self.answers[name]) >= count for name, count in wanted.items())
            )
        )

    def stop(self):
        """Let the last answers end; whatever broke one is raised."""
        self._over.set()
        for each in self._asking:
            each.result()


@contextmanager
def asking(deployed, key):
    """One who asks for streams, one on a WebSocket that stays open, and one whose turns stand in line."""
    with (
        ThreadPoolExecutor() as threads,
        deployed.client(api_key=key) as ada,
        deployed.client(api_key=key) as joan,
        Listener(deployed, key) as grace,
    ):
        line = Line(deployed, joan)
        askers = Askers(
            threads,
            {
                "Ada": lambda text: streamed(ada, text),
                "Grace": grace.ask,
                "Joan": lambda text: line.answer(line.put(text)),
            },
        )
        try:
            yield askers
        finally:
            askers.stop()


def streamed(client, text):
    """The text of a stream that came to its end."""
    chunks = list(ask(client, text, stream=True))
    assert [each.choices[0].finish_reason for each in chunks if each.choices][-1] == "stop"
    return text_of(chunks)


class Listener:
    """One who does as the page about WebSockets says: who misses a piece resumes on another connection."""

    def __init__(self, product, key):
        self._product, self._key = product, key
        self._socket = Socket(product, key=key)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.__exit__()

    def ask(self, text):
        """The text of the answer, each of its pieces told once and in its place."""
        name, chunks = f"c{len(self._socket.frames)}", []
        self._socket.ask(name, text)
        while (accepted := self._hear(name, PATIENCE_S))["type"] != "accepted":
            assert accepted["type"] != "error", accepted
        for _ in range(RESUMPTIONS):
            if self._hears_the_rest(name, chunks):
                return text_of_frames(chunks)
            self._socket.__exit__()
            self._socket = Socket(self._product, key=self._key)
            self._socket.say(type="resume", id=name, job=accepted["job"], after=len(chunks))
        raise AssertionError(f"resumed {RESUMPTIONS} times and still not whole: {chunks}")

    def _hears_the_rest(self, name, chunks):
        """Whether it came to its end; what came until then is among `chunks`."""
        with suppress(TimeoutError, ConnectionClosed):
            while (frame := self._hear(name))["type"] != "done":
                assert frame["type"] != "error", frame
                if frame["type"] == "chunk" and frame["seq"] > len(chunks):
                    if frame["seq"] > len(chunks) + 1:
                        return False
                    chunks.append(frame)
            return frame["seq"] == len(chunks)
        return False

    def _hear(self, name, *timeout):
        """The next frame of one chat: one of another that is over may come once more, and late."""
        while (frame := self._socket.hear(*timeout)).get("id") != name:
            pass
        return frame
