"""What each failure of a SageMaker endpoint means: by SageMaker's code, by its words, by the container's own status."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from chalicelib.adapters.models.openai_faults import refused
from chalicelib.domain.errors import (
    ModelError,
    ModelNotReady,
    ModelRejected,
    ModelThrottled,
    ModelTimeout,
    ModelUnavailable,
)

CODES: Final[dict[str, tuple[type[ModelError], str]]] = {
    "AccessDeniedException": (ModelUnavailable, "SageMaker does not let the gateway use this endpoint."),
    "InternalDependencyException": (ModelUnavailable, "SageMaker failed."),
    "InternalFailure": (ModelUnavailable, "SageMaker failed."),
    "InternalStreamFailure": (ModelUnavailable, "SageMaker broke off."),
    "ModelError": (ModelUnavailable, "The endpoint's container failed."),
    "ModelNotReadyException": (ModelNotReady, "The model is not ready yet."),
    "ModelStreamError": (ModelUnavailable, "The endpoint's container broke off."),
    "ServiceUnavailable": (ModelUnavailable, "SageMaker is not available."),
    "ThrottlingException": (ModelThrottled, "SageMaker asks for fewer calls."),
    "ValidationError": (ModelUnavailable, "SageMaker has no such endpoint, component or variant."),
}
WORDS: Final[dict[tuple[str, str], tuple[type[ModelError], str]]] = {
    ("ValidationError", "has no capacity"): (ModelNotReady, "No copy of the model is up; one may be starting."),
    ("ValidationError", "less than or equal to"): (ModelRejected, "The request is larger than SageMaker takes."),
    ("ModelError", "invocation timed out"): (ModelTimeout, "The endpoint's container took too long."),
    ("ModelStreamError", "allotted time"): (ModelTimeout, "The endpoint's container took too long."),
    ("ModelStreamError", "ModelInvocationTimeExceeded"): (ModelTimeout, "The endpoint's container took too long."),
}
_STATUSES: Final[dict[int, tuple[type[ModelError], str]]] = {
    413: (ModelRejected, "The request is larger than SageMaker takes."),
    429: (ModelThrottled, "SageMaker asks for fewer calls."),
}  # of answers without a code


def fault(code: str, body: bytes, *, status: int = 0, wait: int | None = None) -> ModelError:
    """What an answer means that is not 200, or an event that is no part of the answer.

    While an inference component has no copy, SageMaker answers 400 at once, `ValidationError: Inference Component has
    no capacity to process this request. ApplicationAutoScaling may be in-progress (if configured) …`, for the minutes
    that starting one takes: "Unlock cost savings with the new scale down to zero feature in SageMaker Inference", AWS
    Machine Learning Blog, December 2024. A serverless or multi-model endpoint says `ModelNotReadyException`.
    A container that is silent for 60 s is a `ModelError` with the status 0 and `Your invocation timed out while
    waiting for a response from container primary`. SageMaker's own messages name the account, so none is repeated.
    """
    said = _fields(body)
    code = code or str(said.get("__type", said.get("code", ""))).rpartition("#")[2]
    words = f"{said.get('ErrorCode')} {said.get('Message', said.get('message'))}"
    for (known, part), (kind, message) in WORDS.items():
        if known == code and part in words:
            return kind(message, retry_after_seconds=wait)
    original = said.get("OriginalStatusCode")
    if code == "ModelError" and isinstance(original, int) and original:
        return refused(original, str(said.get("OriginalMessage") or "").encode(), wait)
    kind, message = CODES.get(code) or _STATUSES.get(status, (ModelUnavailable, "SageMaker refused the call."))
    return kind(message, retry_after_seconds=wait)


def _fields(body: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
