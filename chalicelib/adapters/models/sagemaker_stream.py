"""What a container says, out of AWS's event stream that arrives cut anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from botocore.eventstream import EventStreamBuffer, EventStreamMessage, ParserError

from chalicelib.adapters.models.sagemaker_faults import fault
from chalicelib.domain.errors import ModelGarbled

_NO_DATA: Final = (b":", b"event:", b"id:", b"retry:")


class PartDecoder:
    """Yields the data of each line that the container sent, as server-sent events or as bare JSON.

    SageMaker cuts what the container sends into payload parts wherever it likes, so a line is decoded once it is
    whole: a character cut in two is whole again. No server spreads one event over several `data:` lines.
    """

    def __init__(self, limit: int) -> None:
        """`limit` is the most bytes that one line may have."""
        self._limit = limit
        self._frames = EventStreamBuffer()
        self._line = bytearray()
        self._begun = False

    def feed(self, piece: bytes) -> Iterator[str]:
        """The data that `piece` ends; an exception among the frames is raised as what it means."""
        self._frames.add_data(piece)
        try:
            for frame in self._frames:
                yield from self._lines(_payload(frame))
        except ParserError as broken:
            raise ModelGarbled("SageMaker sent a broken event.") from broken

    def end(self) -> Iterator[str]:
        """The data of a last line that nothing ended."""
        yield from self._lines(b"\n")
        if not self._begun:
            raise ModelGarbled("The endpoint sent nothing.")

    def _lines(self, payload: bytes) -> Iterator[str]:
        *ended, rest = payload.split(b"\n")
        for end in ended:
            line = bytes(self._line) + end
            self._line.clear()
            if data := _data(line.strip()):
                self._begun = True
                yield data
        self._line += rest
        if len(self._line) > self._limit:
            raise ModelGarbled("The endpoint sent an event that does not end.")


def _payload(frame: EventStreamMessage) -> bytes:
    headers: Any = frame.headers
    if headers.get(":message-type") == "event":
        return frame.payload if headers.get(":event-type") == "PayloadPart" else b""
    code = headers.get(":exception-type") or headers.get(":error-code") or ""
    raise fault(str(code), frame.payload or msgspec.json.encode({"Message": headers.get(":error-message")}))


def _data(line: bytes) -> str:
    if not line or line.startswith(_NO_DATA):
        return ""
    if not line.startswith((b"data:", b"{")):
        raise ModelGarbled("The endpoint sent something that is neither an event nor JSON.")
    try:
        return line.removeprefix(b"data:").strip().decode()
    except UnicodeDecodeError as broken:
        raise ModelGarbled("The endpoint sent something that is not UTF-8.") from broken
