"""Users whose streams follow one another without a pause, over HTTP and over a WebSocket, until they are stopped."""

import threading
from contextlib import contextmanager

from tests.clients.product import ask, text_of
from tests.clients.sockets import Socket, chunks_of, numbers
from tests.clients.sockets import text_of as text_of_frames

SLOWLY = "[[tokens=60 chunk_ms=50]]"  # an answer of three seconds


class Asker(threading.Thread):
    """One of them; `ended` has the text of each answer, and `fault` what broke one."""

    def __init__(self, name, answer):
        super().__init__(name=name, daemon=True)
        self.ended, self.fault = [], None
        self._answer, self._over = answer, threading.Event()

    def run(self):
        try:
            while not self._over.is_set():
                self.ended.append(self._answer(f"{self.name} asks for the {len(self.ended)}. time {SLOWLY}"))
        except Exception as fault:  # noqa: BLE001 - the test raises it
            self.fault = fault

    def stop(self):
        """Let the last answer end; all of them."""
        self._over.set()
        self.join()
        if self.fault:
            raise self.fault
        return self.ended


@contextmanager
def asking(deployed, client, key):
    """Two who ask over HTTP and one over a WebSocket that stays open: each always waits for the rest of an answer."""
    with Socket(deployed, key=key) as socket:
        patient = client.with_options(max_retries=0)
        askers = [Asker(name, lambda text: over_http(patient, text)) for name in ("Ada", "Grace")]
        askers.append(Asker("Joan", lambda text: over_socket(socket, text)))
        for each in askers:
            each.start()
        try:
            yield askers
        finally:
            for each in askers:
                each.stop()


def over_http(client, text):
    """The whole text, if the stream was whole."""
    chunks = list(ask(client, text, stream=True))
    assert [each.choices[0].finish_reason for each in chunks if each.choices][-1] == "stop"
    return text_of(chunks)


def over_socket(socket, text):
    """The whole text, if every piece came and once."""
    socket.frames.clear()
    socket.ask("c1", text)
    done = socket.until("done", "error")
    assert numbers(chunks_of(socket.frames)) == list(range(1, done["seq"] + 1)), done
    return text_of_frames(chunks_of(socket.frames))
