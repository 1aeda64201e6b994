"""Deltas put together, so that fewer are sent, and taken apart, so that none is too long to be sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from chalicelib.domain.chat import Delta, ToolCallDelta

MOST_CHARACTERS: Final = 4_000  # each may take six bytes in JSON, and a frame has 32 KB


def size(delta: Delta) -> int:
    """How many characters a delta says."""
    called = sum(len(call.arguments) + len(call.name or "") for call in delta.tool_calls)
    return len(delta.text) + len(delta.refusal) + len(delta.reasoning) + called


def merged(deltas: Sequence[Delta]) -> Delta:
    """One delta that says what consecutive ones say; none tells the usage."""
    calls: dict[int, ToolCallDelta] = {}
    for call in (call for delta in deltas for call in delta.tool_calls):
        calls[call.index] = _joined(calls[call.index], call) if call.index in calls else call
    return Delta(
        text="".join(delta.text for delta in deltas),
        tool_calls=tuple(calls.values()),
        refusal="".join(delta.refusal for delta in deltas),
        finish_reason=next((delta.finish_reason for delta in reversed(deltas) if delta.finish_reason), None),
        reasoning="".join(delta.reasoning for delta in deltas),
    )


def split(delta: Delta, most: int = MOST_CHARACTERS) -> Iterator[Delta]:
    """Deltas that together say what a long one says, none of more than `most` characters."""
    if size(delta) <= most:
        yield delta
        return
    yield from (Delta(reasoning=part) for part in _cut(delta.reasoning, most))
    yield from (Delta(text=part) for part in _cut(delta.text, most))
    yield from (Delta(refusal=part) for part in _cut(delta.refusal, most))
    for call in delta.tool_calls:
        first, *rest = _cut(call.arguments, most) or [""]
        yield Delta(tool_calls=(msgspec.structs.replace(call, arguments=first),))
        yield from (Delta(tool_calls=(ToolCallDelta(call.index, arguments=part),)) for part in rest)
    if delta.finish_reason is not None:
        yield Delta(finish_reason=delta.finish_reason)


def _cut(text: str, most: int) -> list[str]:
    return [text[start : start + most] for start in range(0, len(text), most)]


def _joined(one: ToolCallDelta, other: ToolCallDelta) -> ToolCallDelta:
    return ToolCallDelta(one.index, one.id or other.id, one.name or other.name, one.arguments + other.arguments)
