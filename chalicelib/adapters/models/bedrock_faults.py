"""What each error of Bedrock means, and each failure of the way there."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from botocore.eventstream import ParserError
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    IncompleteReadError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError
from urllib3.exceptions import ReadTimeoutError as BodyTimeoutError

from chalicelib.domain.errors import (
    ModelError,
    ModelGarbled,
    ModelNotReady,
    ModelRejected,
    ModelThrottled,
    ModelTimeout,
    ModelUnavailable,
)

_MESSAGE_LENGTH: Final = 400
_LONGEST_WAIT_SECONDS: Final = 86_400

_Row = tuple[type[ModelError], str]

CODES: Final[dict[str, _Row]] = {
    "AccessDeniedException": (ModelUnavailable, "Bedrock does not let the gateway use this model."),
    "InternalServerException": (ModelUnavailable, "Bedrock failed."),
    "ModelErrorException": (ModelUnavailable, "The model failed."),
    "ModelNotReadyException": (ModelNotReady, "The model is not ready yet."),
    "ModelStreamErrorException": (ModelUnavailable, "The model broke off."),
    "ModelTimeoutException": (ModelTimeout, "The model took too long."),
    "ResourceNotFoundException": (ModelUnavailable, "Bedrock does not have this model."),
    "ServiceQuotaExceededException": (ModelThrottled, "The account's quota on Bedrock is used up."),
    "ServiceUnavailableException": (ModelUnavailable, "Bedrock is not available."),
    "ThrottlingException": (ModelThrottled, "Bedrock asks for fewer calls."),
    "ValidationException": (ModelRejected, ""),
}
"""By the codes of Bedrock's own service model; every other is a refusal."""

_STATUSES: Final[dict[int, _Row]] = {  # of an answer whose code says nothing
    408: (ModelTimeout, "Bedrock took too long."),
    413: (ModelRejected, "The request is too large for Bedrock."),
    429: (ModelThrottled, "Bedrock asks for fewer calls."),
    504: (ModelTimeout, "Bedrock took too long."),
}
_REFUSED: Final[_Row] = (ModelUnavailable, "Bedrock refused the call.")
_OF_THE_OPERATOR: Final = (  # these requests are good elsewhere
    "model identifier",
    "on-demand throughput",
    "guardrail identifier",
    "guardrail version",
    "Operation not allowed",
)

_SILENT: Final = "Bedrock was silent for too long."
_NO_CREDENTIALS: Final[_Row] = (ModelUnavailable, "The gateway has no AWS credentials.")
_UNKNOWN_FORM: Final[_Row] = (ModelGarbled, "Bedrock's answer is of no known form.")
_FAULTS: Final[dict[type[Exception], _Row]] = {  # the first that fits
    ReadTimeoutError: (ModelTimeout, _SILENT),
    ParamValidationError: (ModelRejected, "The request has a value that Bedrock does not take."),
    NoCredentialsError: _NO_CREDENTIALS,
    PartialCredentialsError: _NO_CREDENTIALS,
    CredentialRetrievalError: _NO_CREDENTIALS,
    ParserError: (ModelGarbled, "Bedrock sent a broken event."),
    ResponseParserError: _UNKNOWN_FORM,
    IncompleteReadError: _UNKNOWN_FORM,
    ResponseStreamingError: _UNKNOWN_FORM,
    BotoCoreError: (ModelUnavailable, "Bedrock cannot be reached."),
    struct.error: _UNKNOWN_FORM,  # these are what botocore's parsers trip over
    AttributeError: _UNKNOWN_FORM,
    LookupError: _UNKNOWN_FORM,
    RecursionError: _UNKNOWN_FORM,
    TypeError: _UNKNOWN_FORM,
    ValueError: _UNKNOWN_FORM,
}


@contextmanager
def translated(broken: type[ModelError] = ModelGarbled) -> Iterator[None]:
    """Turns what botocore raises into ours; `broken` is an answer whose rest does not come.

    Botocore's own errors are dropped: some quote the request, or the answer.
    """
    try:
        yield
    except ClientError as fault:
        raise meaning(fault) from None
    except BodyTimeoutError:
        raise ModelTimeout(_SILENT) from None
    except HTTPError:
        raise broken("Bedrock broke off in the middle of its answer.") from None
    except tuple(_FAULTS) as fault:
        kind, message = next(row for known, row in _FAULTS.items() if isinstance(fault, known))
        raise kind(message) from None


def meaning(fault: ClientError) -> ModelError:
    """By the error's code, which begins in lower case where it arrived as an event of a stream; else by its status."""
    error, metadata = fault.response.get("Error", {}), fault.response.get("ResponseMetadata", {})
    code, said = error.get("Code", ""), " ".join(error.get("Message", "").split())
    row = CODES.get(code[:1].upper() + code[1:]) or _STATUSES.get(metadata.get("HTTPStatusCode", 0), _REFUSED)
    kind, message = row
    if kind is ModelRejected and any(words in said for words in _OF_THE_OPERATOR):
        kind, message = _REFUSED
    wait = str(metadata.get("HTTPHeaders", {}).get("retry-after", ""))
    seconds = min(int(wait), _LONGEST_WAIT_SECONDS) if wait.isdecimal() else None
    return kind(message or said[:_MESSAGE_LENGTH] or "Bedrock rejects it.", retry_after_seconds=seconds)
