"""`simulated://`: a model without a model, for running on one machine, tests and benchmarks."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator

from chalicelib.adapters.models.simulated_answer import BYTES_PER_TOKEN, Answer, answer_to
from chalicelib.adapters.models.simulated_script import Fault, Script, directed, fault_for, raised, uptime
from chalicelib.adapters.models.uri import parameters, split
from chalicelib.domain.chat import ChatRequest, Completion, Delta, ToolCallDelta
from chalicelib.domain.errors import Misconfigured, ModelTimeout
from chalicelib.domain.transcript import Transcript
from chalicelib.ports import Clock


class SimulatedModel:
    """Answers from the request alone, as slowly and as badly as its script says."""

    def __init__(self, script: Script, *, sleep: Callable[[float], None] = time.sleep, clock: Clock = uptime) -> None:
        """`sleep` takes seconds; it is the only way in which time passes here. `clock` says when faults are due."""
        self._script = script
        self._sleep = sleep
        self._clock = clock
        self._calls = itertools.count(1)

    def complete(self, request: ChatRequest, patience: float | None = None) -> Completion:
        """What `stream` says, put together."""
        transcript = Transcript()
        for delta in self._said(request, _Pauses(self._sleep, patience)):
            transcript.add(delta)
        return transcript.completion()

    def stream(self, request: ChatRequest, patience: float | None = None) -> Iterator[Delta]:
        """The answer in pieces as the script cuts it."""
        pauses = _Pauses(self._sleep, patience)
        for delta in self._said(request, pauses):
            yield delta
            pauses.answered()

    def _said(self, request: ChatRequest, pauses: _Pauses) -> Iterator[Delta]:
        script, messages = directed(self._script, request.messages)
        received = ChatRequest(request.model, messages, request.max_output_tokens, request.options)
        fault = fault_for(script, received, next(self._calls), self._clock())
        deltas = _deltas(answer_to(received, script), script)
        pauses.pause(script.latency_ms)
        struck = min(max(script.fault_after, fault == "cut"), len(deltas) - 1)
        for place, delta in enumerate(deltas):
            if fault and place == struck:
                _strike(fault, script, pauses)
            pauses.pause(script.chunk_ms if place else script.first_token_ms)
            yield delta


class _Pauses:
    """Sleeps as the script says, but no longer in all than the caller is patient."""

    def __init__(self, sleep: Callable[[float], None], patience: float | None) -> None:
        self._sleep = sleep
        self._left = math.inf if patience is None else max(patience, 0.0)

    def pause(self, milliseconds: int) -> None:
        """Let time pass, or the caller's patience end."""
        seconds = milliseconds / 1000
        late = seconds > self._left
        seconds = min(seconds, self._left)
        self._left -= seconds
        if seconds:
            self._sleep(seconds)
        if late:
            raise ModelTimeout("The simulated target was silent for too long.")

    def answered(self) -> None:
        """Patience was for the first piece."""
        self._left = math.inf


def open_simulated(uri: str, *, sleep: Callable[[float], None] = time.sleep, clock: Clock = uptime) -> SimulatedModel:
    """The model that `simulated://echo?latency_ms=300` names; `script?text=…` says the text instead."""
    host, script = split(uri).netloc, parameters(uri, Script)
    if host not in {"", "echo", "script"} or (host == "script") != bool(script.text):
        raise Misconfigured("A simulated target is simulated://echo, or simulated://script?text=…")
    return SimulatedModel(script, sleep=sleep, clock=clock)


def _strike(fault: Fault, script: Script, pauses: _Pauses) -> None:
    if fault == "slow":
        pauses.pause(script.slow_ms)
        return
    if fault == "hang":
        pauses.pause(script.timeout_ms)
    raise raised(fault, script)


def _deltas(answer: Answer, script: Script) -> list[Delta]:
    deltas = [Delta(text=piece) for piece in _pieces(answer.text, script)]
    for index, call in enumerate(answer.calls):
        deltas.append(Delta(tool_calls=(ToolCallDelta(index, call.id, call.function.name),)))
        deltas += (
            Delta(tool_calls=(ToolCallDelta(index, arguments=piece),))
            for piece in _pieces(call.function.arguments, script)
        )
    return [*deltas, Delta(finish_reason=answer.finish_reason, usage=answer.usage if script.usage else None)]


def _pieces(text: str, script: Script) -> list[str]:
    size = -(-len(text) // script.chunks) if script.chunks else script.chunk_tokens * BYTES_PER_TOKEN
    return [text[start : start + size] for start in range(0, len(text), size or 1)]
