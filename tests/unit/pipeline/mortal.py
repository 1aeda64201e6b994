"""A process that dies at a step: from there on nothing that it asks of the world happens."""

from functools import wraps

from chalicelib.adapters.memory.answers import MemoryAnswers
from chalicelib.adapters.memory.conversations import MemoryConversations
from chalicelib.adapters.memory.keys import MemoryKeys
from chalicelib.adapters.memory.receipts import MemoryReceipts
from chalicelib.adapters.memory.turns import MemoryTurns
from tests.unit.pipeline.stage import Scripted

MORTAL = {
    MemoryTurns: ("recall", "reserve", "settle", "release", "left"),
    MemoryReceipts: ("claim", "get", "take", "hold", "keep"),
    MemoryAnswers: ("look", "cede", "store"),
    MemoryConversations: ("get", "turn", "append", "create"),
    MemoryKeys: ("get",),
    Scripted: ("complete",),
}


class Death(BaseException):
    """What no code can answer to."""


class Life:
    """Counts steps, and ends at one of them: before it has its effect, or after."""

    def __init__(self, monkeypatch):
        self.begin(None)
        for kind, names in MORTAL.items():
            for name in names:
                monkeypatch.setattr(kind, name, self._mortal(getattr(kind, name)))

    def begin(self, last, *, after=False):
        self._last, self._after, self._steps, self._depth = last, after, 0, 0

    def _mortal(self, method):
        @wraps(method)
        def step(*args, **named):
            if self._depth:
                return method(*args, **named)
            self._steps += 1
            self._die(self._last is not None and self._steps + (not self._after) > self._last)
            self._depth += 1
            try:
                result = method(*args, **named)
            finally:
                self._depth -= 1
            self._die(self._steps == self._last)
            return result

        return step

    def _die(self, now):
        if now:
            raise Death
