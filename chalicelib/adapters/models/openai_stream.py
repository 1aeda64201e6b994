"""A stream of Chat Completions, event by event: what came before decides what a piece means."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from chalicelib.adapters.models.openai_faults import fault_in_stream
from chalicelib.adapters.models.openai_wire import (
    Answer,
    Call,
    Choice,
    Function,
    Said,
    arguments,
    broken,
    decoded,
    finish,
    made_id,
    reasoning_in,
    text_in,
    usage,
)
from chalicelib.domain.chat import Delta, ToolCallDelta
from chalicelib.domain.errors import ModelGarbled

NOTHING: Final = Delta()


class DeltaReader:
    """Reads a stream's events in order.

    `begun` is whether the model has shown that it is at work. What says nothing leaves an empty piece, and so does
    what a server counts before anything is said.
    """

    def __init__(self) -> None:
        """Begin before the first event."""
        self.begun = False
        self._said = False
        self._calls = _Calls()

    def read(self, event: str) -> Delta:
        """The piece that `event` is; its error where it is one."""
        answer = decoded(event.encode())
        choice = answer.choices[0] if answer.choices else Choice()
        if choice.delta is None and choice.message is not None:
            raise ModelGarbled("The upstream answered in one piece where a stream was asked for.")
        self.begun = self.begun or choice.delta is not None
        if choice.error is not None or broken(choice):
            raise fault_in_stream(choice.error)
        said = choice.delta or Said()
        delta = Delta(
            text=text_in(said.content) or "",
            tool_calls=tuple(self._calls.read(answer, call) for call in said.tool_calls or ()),
            refusal=said.refusal or "",
            reasoning=reasoning_in(said),
        )
        if choice.finish_reason:
            delta = replace(delta, finish_reason=finish(choice.finish_reason, called=self._calls.any))
        self._said = self._said or delta != NOTHING
        return replace(delta, usage=usage(answer)) if self._said else delta

    def end(self) -> Delta:
        """The piece that `[DONE]` is where no reason was given: what ends in good order has stopped."""
        return Delta(finish_reason=finish("stop", called=self._calls.any)) if self.begun else NOTHING


class _Calls:
    """The tool calls of one answer, numbered by us: servers leave the index out, or say 0 for each of several."""

    def __init__(self) -> None:
        self._ids: list[str | None] = []
        self._named: set[int] = set()
        self._numbers: dict[int | None, int] = {}

    @property
    def any(self) -> bool:
        return bool(self._ids)

    def read(self, answer: Answer, call: Call) -> ToolCallDelta:
        """The piece of a call; id and name come once."""
        function = call.function or Function()
        number = self._numbers.get(call.index)
        new = number is None or self._is_another(number, call)
        if number is None or new:
            number = len(self._ids)
            self._ids.append(call.id)
            self._numbers[call.index] = self._numbers[None] = number
        name = function.name if number not in self._named else None
        if name:
            self._named.add(number)
        call_id = (call.id or made_id(answer, number)) if new else None
        return ToolCallDelta(number, call_id, name, arguments(function.arguments))

    def _is_another(self, known: int, call: Call) -> bool:
        named = bool(call.function and call.function.name)
        other = bool(call.id) and call.id != self._ids[known]
        return (other or (named and not call.id)) if call.index is None else (other and named)
