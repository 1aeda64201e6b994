"""What is said on a connection: the client's messages as closed types, and the server's frames."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from chalicelib.domain.chat import Completion, Delta, ToolCallDelta, Usage
from chalicelib.domain.errors import BadRequest, PayloadTooLarge, TidegateError
from chalicelib.domain.jobs import Job
from chalicelib.domain.outcomes import Failed, outcome_of
from chalicelib.domain.pieces import split
from chalicelib.domain.transcript import Transcript
from chalicelib.domain.turn import Head
from chalicelib.edge.call import decode
from chalicelib.edge.chat_answer import UsageBody, usage_body, whole_source_of
from chalicelib.edge.chat_chunks import CallDelta, Chunk, Chunks
from chalicelib.edge.chat_request import ChatBody
from chalicelib.edge.problems import ErrorDetail, detail_of

MOST_CHARACTERS: Final = 131_072  # API Gateway brings no message of more bytes
ChatId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.:-]{1,64}(?![\s\S])")]
"""What a client calls a chat, on one connection."""


class Heard(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type"):
    """A message of the client: what it does not name, it refuses."""


class Auth(Heard, frozen=True, tag="auth"):
    """Whose connection it is."""

    key: Annotated[str, Meta(max_length=256)]


class Chat(Heard, frozen=True, tag="chat"):
    """A chat completion to be answered."""

    id: ChatId
    request: ChatBody


class Resume(Heard, frozen=True, tag="resume"):
    """An answer to go on with, after the chunk that was heard last; `id` is what it is called here."""

    job: Annotated[str, Meta(max_length=200)]
    after: Annotated[int, Meta(ge=0, le=2**31)]
    id: ChatId | None = None


class Cancel(Heard, frozen=True, tag="cancel"):
    """A chat to be stopped."""

    id: ChatId


class Ping(Heard, frozen=True, tag="ping"):
    """A sign of life: API Gateway ends a connection that is silent for ten minutes."""


Said = Auth | Chat | Resume | Cancel | Ping


class Gist(Struct, frozen=True):
    """As much of a message as says which chat it is about, and whose connection it is to be."""

    id: ChatId | None = None
    key: Annotated[str, Meta(max_length=256)] = ""


class Accepted(Struct, frozen=True, tag="accepted", tag_field="type"):
    """The work was taken; with a `job` it can be resumed."""

    id: str
    job: str | None


class ChunkFrame(Struct, frozen=True, tag="chunk", tag_field="type"):
    """One chunk of an answer, numbered from 1 on."""

    id: str
    seq: int
    data: Raw


class DoneFrame(Struct, frozen=True, tag="done", tag_field="type"):
    """The answer is whole; `seq` is the number of its last chunk."""

    id: str
    seq: int
    usage: UsageBody


class ErrorFrame(Struct, frozen=True, tag="error", tag_field="type"):
    """What went wrong: with a chat, or with the connection."""

    id: str | None
    error: ErrorDetail


CANCELLED: Final = ErrorDetail("The chat was cancelled.", "cancelled", None, "cancelled")
READY: Final = b'{"type":"ready"}'
PONG: Final = b'{"type":"pong"}'


def heard(body: str) -> Said:
    """A message by its type; `BadRequest` says what is wrong with it."""
    if len(body) > MOST_CHARACTERS:
        raise PayloadTooLarge(f"The message is longer than {MOST_CHARACTERS} characters.")
    return decode(body.encode(errors="surrogatepass"), Said)  # type: ignore[arg-type]


def gist(body: str) -> Gist:
    """What a message is about, as far as that can be read."""
    try:
        return decode(body.encode(errors="surrogatepass"), Gist) if len(body) <= MOST_CHARACTERS else Gist()
    except BadRequest:
        return Gist()


def refused(chat: str | None, fault: TidegateError) -> bytes:
    """The frame of a fault."""
    return failed(chat, detail_of(fault))


def failed(chat: str | None, error: ErrorDetail) -> bytes:
    """The frame of what a fault is told as."""
    return msgspec.json.encode(ErrorFrame(chat, error))


class JsonWire:
    """`Wire` in JSON: a piece is a chat completion's chunk, without usage, which the last frame has."""

    def opening(self, head: Head) -> bytes:
        """The chunk with the role, and with where the answer is from."""
        return msgspec.json.encode(msgspec.structs.replace(Chunks(head).opening(), tidegate=whole_source_of(head)))

    def pieces(self, head: Head, delta: Delta) -> Sequence[bytes]:
        """Its chunks."""
        return [msgspec.json.encode(chunk) for part in split(delta) for chunk in Chunks(head).of(part)]

    def said(self, pieces: Iterable[bytes]) -> Completion:
        """What the chunks add up to."""
        transcript = Transcript()
        for piece in pieces:
            transcript.add(_delta(msgspec.json.decode(piece, type=Chunk)))
        return transcript.completion()

    def accepted(self, chat: str, job: str | None) -> bytes:
        """With the job."""
        return msgspec.json.encode(Accepted(chat, job))

    def chunk(self, chat: str, number: int, piece: bytes) -> bytes:
        """The chunk as it was kept."""
        return msgspec.json.encode(ChunkFrame(chat, number, Raw(piece)))

    def done(self, chat: str, last: int, usage: Usage) -> bytes:
        """With the usage by OpenAI's names."""
        return msgspec.json.encode(DoneFrame(chat, last, usage_body(usage)))

    def broken(self, chat: str, job: Job) -> bytes:
        """The fault that ended it, or that somebody did."""
        outcome = outcome_of(job)
        is_fault = job.state == "failed" and isinstance(outcome, Failed)
        return failed(chat, detail_of(outcome.fault) if is_fault and isinstance(outcome, Failed) else CANCELLED)


def _delta(chunk: Chunk) -> Delta:
    choice = chunk.choices[0]
    message = choice.delta
    calls = () if message.tool_calls is UNSET else message.tool_calls
    return Delta(
        text=_text(message.content),
        tool_calls=tuple(_call(call) for call in calls),
        refusal=_text(message.refusal),
        finish_reason=choice.finish_reason,
        reasoning=_text(message.reasoning_content),
    )


def _call(call: CallDelta) -> ToolCallDelta:
    call_id = None if call.id is UNSET else call.id
    return ToolCallDelta(call.index, call_id, call.function.name, _text(call.function.arguments))


def _text(said: str | UnsetType) -> str:
    return "" if said is UNSET else said
