"""Everything that can go wrong with a request, as one tree.

TidegateError
├── BadRequest                  the request itself is wrong; nothing was charged or stored
│   ├── UnknownModel            no such model, or not in the plan
│   ├── ContextTooLong          the input leaves no room in the model's context window
│   ├── UnsupportedMedia        a content type that is not JSON
│   ├── PayloadTooLarge         more bytes, elements or depth than is accepted
│   └── KeyReused               an idempotency key that came with another request before
├── Unauthorized                no key, or not one of ours
│   ├── KeyEnded                one of ours that is expired or revoked
│   └── PepperGone              one whose pepper was taken away
├── Forbidden                   a good key that lacks the scope
├── NotFound                    unknown, or somebody else's: the same to the caller
├── Conflict                    the object changed, or exists already
│   ├── StillRunning            the request is being answered for the same idempotency key
│   └── AnswerWithheld          it was answered, with a secret that is not kept
├── LimitExceeded               a limit of the plan would be passed
├── TooManyFailures             attempts without a good key, of which no more are looked at for a while
├── ModelError                  a model target failed; the router may try another
│   ├── ModelRejected           the target calls the request invalid: trying elsewhere will not help
│   ├── ModelThrottled          the target asks to be left alone for a while
│   ├── ModelUnavailable        refused, unreachable, or an error of its own
│   │   └── ModelNotReady       no instance of it is up yet; it asks to be left alone until then
│   ├── ModelTimeout            nothing came within the time given
│   └── ModelGarbled            an answer that is not one
├── NoCapacity                  no model target can take the turn now
├── JobExpired                  the turn waited in line for longer than anybody waits
├── JobFailed                   the turn waited in line, and came to nothing: told as the fault that ended it
├── HomeElsewhere               another Region is home to the caller's tenant
│   └── HomeAway                that Region does not answer, or the home is being moved
├── StoreUnavailable            the database did not answer in time
│   ├── StoreBusy               it did, but others wrote the same items each time
│   └── IndexUnavailable        the semantic index did not; a turn goes on without it
├── QueueUnavailable            the queue did not take a message
└── Misconfigured               settings or catalogue that cannot work
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from chalicelib.domain.budget import Gauge, Standing, Written


class TidegateError(Exception):
    """Any fault that Tidegate names."""

    burned: ClassVar[bool] = False
    """Whether tokens may have been burned all the same, so that the reservation keeps its charge."""

    def __init__(self, message: str) -> None:
        """Keep `message`, which the caller will read: no secret, no prompt."""
        super().__init__(message)
        self.message = message


class BadRequest(TidegateError):
    """The request is wrong in the field that `param` names (dotted, `messages.0.content`)."""

    def __init__(self, message: str, *, param: str | None = None, code: str = "invalid_value") -> None:
        """Name the field and OpenAI's code for the fault."""
        super().__init__(message)
        self.param = param
        self.code = code


class UnknownModel(BadRequest):
    """The model is not in the catalogue, or not in the caller's plan."""

    def __init__(self, model: str) -> None:
        """Say which model, cut to a length that fits an error."""
        super().__init__(
            f"The model `{model[:100]}` does not exist or you do not have access to it.",
            param="model",
            code="model_not_found",
        )


class ContextTooLong(BadRequest):
    """The newest messages alone leave no room for an answer."""

    def __init__(self, input_tokens: int, context_tokens: int) -> None:
        """State both figures, in tokens."""
        super().__init__(
            f"This model's context window is {context_tokens} tokens; the messages may take {input_tokens}.",
            param="messages",
            code="context_length_exceeded",
        )


class UnsupportedMedia(BadRequest):
    """The body claims to be something else than JSON."""

    def __init__(self, media: str) -> None:
        """Say what it claims to be."""
        super().__init__(f"Send 'Content-Type: application/json', not {media[:100]!a}.", code="unsupported_media_type")


class PayloadTooLarge(BadRequest):
    """More than the gateway accepts."""

    def __init__(self, message: str) -> None:
        """Say what is too large and what fits."""
        super().__init__(message, code="payload_too_large")


class KeyReused(BadRequest):
    """The idempotency key stands for another request."""


class Unauthorized(TidegateError):
    """No usable key."""

    def __init__(self, message: str = "Incorrect API key provided.") -> None:
        """One message for every cause, so that a guess learns nothing."""
        super().__init__(message)


class Forbidden(TidegateError):
    """The key is good and lacks the scope."""


class NotFound(TidegateError):
    """No such object for this caller."""

    def __init__(self, kind: str, name: str, *, param: str | None = None) -> None:
        """`kind` is the field's word for the object, `name` what the caller asked for in `param`, if it was a field."""
        super().__init__(f"No {kind} found with id '{name[:100]}'.")
        self.param = param


class Conflict(TidegateError):
    """The object is not in the state that the request needs."""


class StillRunning(Conflict):
    """The first request with the same idempotency key is not answered yet."""


class AnswerWithheld(Conflict):
    """The request was carried out; its answer had a secret, which is told once and kept nowhere."""


class LimitExceeded(TidegateError):
    """A limit would be passed: which, what is left of it, and when it resets."""

    def __init__(
        self, *, limit: str, remaining: int | None, asked: int, retry_after_seconds: int | None, written: Written = str
    ) -> None:
        """`retry_after_seconds` None: it never fits, and `remaining` was not read. `written` writes an amount."""
        left = None if remaining is None else max(remaining, 0)
        needs = f"{limit}. This request needs {written(asked)}"
        if retry_after_seconds is None:
            words = f"Limit exceeded: {needs}, more than the whole limit; it can never be admitted."
        else:
            words = f"Limit reached: {needs}, {written(left or 0)} left. Try again in {retry_after_seconds} s."
        super().__init__(words)
        self.limit = limit
        self.remaining = left
        self.asked = asked
        self.retry_after_seconds = retry_after_seconds
        self.standing: Standing | None = None
        self.gauge: tuple[str, Gauge] | None = None


class ModelError(TidegateError):
    """A target failed before the answer was whole: `target`, at which of the turn's `attempts`, once it is known."""

    def __init__(self, message: str, *, retry_after_seconds: int | None = None) -> None:
        """Carry the target's own wish to be left alone, in seconds, where it stated one."""
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds
        self.target = ""
        self.attempts = 0


class ModelRejected(ModelError):
    """The target calls the request invalid."""


class ModelThrottled(ModelError):
    """The target is over its quota."""


class ModelUnavailable(ModelError):
    """The target refused or broke."""


class ModelNotReady(ModelUnavailable):
    """The target has no instance up, and may be starting one."""


class ModelTimeout(ModelError):
    """The target was silent for too long."""

    burned = True


class ModelGarbled(ModelError):
    """The target sent something that is not an answer."""

    burned = True


class NoCapacity(TidegateError):
    """Every target of the model asks to be left alone, or is."""

    def __init__(self, model: str, retry_after_seconds: int) -> None:
        """Say which model, and when to come back."""
        super().__init__(f"The model `{model}` has no capacity now. Try again in {retry_after_seconds} s.")
        self.retry_after_seconds = retry_after_seconds


class JobExpired(TidegateError):
    """A job was not begun, or not ended, while somebody waited for it."""


class JobFailed(TidegateError):
    """A job's own fault, remembered: `kind` is the name of its class."""

    def __init__(self, kind: str, message: str, *, param: str | None = None, code: str | None = None) -> None:
        """Keep all that its caller is told."""
        super().__init__(message)
        self.kind = kind
        self.param = param
        self.code = code


class StoreUnavailable(TidegateError):
    """The database did not answer; nothing is known to have changed."""


class StoreBusy(StoreUnavailable):
    """The database is there; others wrote the same items, attempt after attempt."""


class IndexUnavailable(StoreUnavailable):
    """The index of the semantic cache did not answer in time, or is left alone for a while because it did not."""


class QueueUnavailable(TidegateError):
    """The queue did not say that it took a message: it may have."""


class Misconfigured(TidegateError):
    """The operator's settings or catalogue cannot work."""
