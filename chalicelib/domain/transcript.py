"""Putting a stream together again."""

from __future__ import annotations

from chalicelib.domain.chat import CalledFunction, Completion, Delta, FinishReason, ToolCall, Usage


class Transcript:
    """What a stream has said so far; `completion` is right at any moment, also after a cut."""

    __slots__ = ("_calls", "_reasoning", "_refusal", "_text", "finish_reason", "usage")

    def __init__(self) -> None:
        """Start with nothing said."""
        self._text: list[str] = []
        self._refusal: list[str] = []
        self._reasoning: list[str] = []
        self._calls: dict[int, tuple[str, str, list[str]]] = {}
        self.finish_reason: FinishReason | None = None
        self.usage: Usage | None = None

    def add(self, delta: Delta) -> None:
        """Take in the next piece."""
        if delta.text:
            self._text.append(delta.text)
        if delta.refusal:
            self._refusal.append(delta.refusal)
        if delta.reasoning:
            self._reasoning.append(delta.reasoning)
        for call in delta.tool_calls:
            known_id, known_name, arguments = self._calls.get(call.index, ("", "", []))
            arguments.append(call.arguments)
            self._calls[call.index] = (call.id or known_id, call.name or known_name, arguments)
        self.finish_reason = delta.finish_reason or self.finish_reason
        self.usage = delta.usage or self.usage

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self._text)

    def completion(self) -> Completion:
        """The answer so far; an unfinished one ends for `length`, and its usage is nothing yet."""
        calls = tuple(
            ToolCall(id=call_id, function=CalledFunction(name=name, arguments="".join(arguments)))
            for _, (call_id, name, arguments) in sorted(self._calls.items())
        )
        return Completion(
            text=self.text if self._text or not calls else None,
            tool_calls=calls,
            finish_reason=self.finish_reason or "length",
            usage=self.usage or Usage(),
            refusal="".join(self._refusal) or None,
            reasoning="".join(self._reasoning) or None,
        )
