"""What came of a turn that waited in line, as it is kept with its job."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Struct

from chalicelib.domain.chat import Completion
from chalicelib.domain.errors import BadRequest, JobFailed, TidegateError
from chalicelib.domain.jobs import Job
from chalicelib.domain.turn import Head, Reply


class Done(Struct, frozen=True, tag="done"):
    """It was answered, perhaps only in part: `cut` says that somebody stopped it."""

    head: Head
    completion: Completion
    cut: bool = False

    @property
    def reply(self) -> Reply:
        """What the caller would have been given at once."""
        return Reply(self.head, self.completion)


class Failed(Struct, frozen=True, tag="failed"):
    """A fault ended it: its class by name, and what its caller is told; tokens may have been `burned` all the same.

    What had been `said` by then, by `target`, is charged.
    """

    kind: str
    message: str
    param: str | None = None
    code: str | None = None
    burned: bool = False
    said: Completion | None = None
    target: str = ""

    @property
    def fault(self) -> JobFailed:
        """The fault as it is raised to whoever still waits."""
        return JobFailed(self.kind, self.message, param=self.param, code=self.code)


Outcome = Done | Failed

_decoder: Final = msgspec.json.Decoder(Outcome)


def failed(fault: TidegateError, said: Completion | None = None, target: str = "") -> Failed:
    """How a fault is remembered."""
    param, code = getattr(fault, "param", None), fault.code if isinstance(fault, BadRequest) else None
    return Failed(type(fault).__name__, fault.message, param, code, fault.burned, said, target)


def packed(outcome: Outcome) -> bytes:
    """An outcome as its job keeps it."""
    return msgspec.json.encode(outcome)


def outcome_of(job: Job) -> Outcome | None:
    """What came of a job; None where nothing did, or not yet."""
    return _decoder.decode(job.outcome) if job.outcome else None
