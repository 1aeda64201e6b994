"""`simulated://`: a model without a model, for running on one machine, tests and benchmarks."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator

from chalicelib.adapters.models.simulated_answer import BYTES_PER_TOKEN, Answer, answer_to
from chalicelib.adapters.models.simulated_script import Fault, Script, directed, fault_for, raised
from chalicelib.adapters.models.uri import parameters, split
from chalicelib.domain.chat import ChatRequest, Completion, Delta, ToolCallDelta
from chalicelib.domain.errors import Misconfigured
from chalicelib.domain.transcript import Transcript


class SimulatedModel:
    """Answers from the request alone, as slowly and as badly as its script says."""

    def __init__(self, script: Script, *, sleep: Callable[[float], None] = time.sleep) -> None:
        """`sleep` takes seconds; it is the only way in which time passes here."""
        self._script = script
        self._sleep = sleep
        self._calls = itertools.count(1)

    def complete(self, request: ChatRequest, patience: float | None = None) -> Completion:
        """What `stream` says, put together."""
        transcript = Transcript()
        for delta in self.stream(request, patience):
            transcript.add(delta)
        return transcript.completion()

    def stream(self, request: ChatRequest, patience: float | None = None) -> Iterator[Delta]:  # noqa: ARG002
        """The answer in pieces as the script cuts it."""
        script, messages = directed(self._script, request.messages)
        received = ChatRequest(request.model, messages, request.max_output_tokens, request.options)
        fault = fault_for(script, received, next(self._calls))
        deltas = _deltas(answer_to(received, script), script)
        self._pause(script.latency_ms)
        struck = min(max(script.fault_after, fault == "cut"), len(deltas) - 1)
        for place, delta in enumerate(deltas):
            if fault and place == struck:
                self._strike(fault, script)
            self._pause(script.chunk_ms if place else script.first_token_ms)
            yield delta

    def _strike(self, fault: Fault, script: Script) -> None:
        if fault == "slow":
            self._pause(script.slow_ms)
            return
        if fault == "hang":
            self._pause(script.timeout_ms)
        raise raised(fault, script)

    def _pause(self, milliseconds: int) -> None:
        if milliseconds:
            self._sleep(milliseconds / 1000)


def open_simulated(uri: str, *, sleep: Callable[[float], None] = time.sleep) -> SimulatedModel:
    """The model that `simulated://echo?latency_ms=300` names; `script?text=…` says the text instead."""
    host, script = split(uri).netloc, parameters(uri, Script)
    if host not in {"", "echo", "script"} or (host == "script") != bool(script.text):
        raise Misconfigured("A simulated target is simulated://echo, or simulated://script?text=…")
    return SimulatedModel(script, sleep=sleep)


def _deltas(answer: Answer, script: Script) -> list[Delta]:
    deltas = [Delta(text=piece) for piece in _pieces(answer.text, script)]
    for index, call in enumerate(answer.calls):
        deltas.append(Delta(tool_calls=(ToolCallDelta(index, call.id, call.function.name),)))
        deltas += (
            Delta(tool_calls=(ToolCallDelta(index, arguments=piece),))
            for piece in _pieces(call.function.arguments, script)
        )
    return [*deltas, Delta(finish_reason=answer.finish_reason, usage=answer.usage)]


def _pieces(text: str, script: Script) -> list[str]:
    size = -(-len(text) // script.chunks) if script.chunks else script.chunk_tokens * BYTES_PER_TOKEN
    return [text[start : start + size] for start in range(0, len(text), size or 1)]
