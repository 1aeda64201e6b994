"""The way to Bedrock's runtime: one client a Region, its time limits, and what each of its errors means."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import unquote

import boto3
from botocore.config import Config
from botocore.eventstream import ParserError
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError
from msgspec import Meta, Struct
from urllib3.exceptions import HTTPError
from urllib3.exceptions import ReadTimeoutError as StreamTimeoutError

from chalicelib.adapters.models.uri import parameters, split
from chalicelib.domain.errors import (
    Misconfigured,
    ModelError,
    ModelGarbled,
    ModelRejected,
    ModelThrottled,
    ModelTimeout,
    ModelUnavailable,
)

if TYPE_CHECKING:
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient

_MESSAGE_LENGTH: Final = 400
_LONGEST_WAIT_SECONDS: Final = 86_400
_CONNECTIONS: Final = 32

Milliseconds = Annotated[int, Meta(ge=1, le=900_000)]


class Parameters(Struct, frozen=True, forbid_unknown_fields=True):
    """The query of `bedrock://region/model`; `read_ms` is the longest silence, a whole answer's wait included."""

    connect_ms: Milliseconds = 3_000
    read_ms: Milliseconds = 60_000


class BedrockRuntime:
    """Calls Bedrock once, without a retry, and raises what its errors mean."""

    def __init__(self, client: BedrockRuntimeClient) -> None:
        """`client` must be one that does not retry: the router owns that."""
        self._client = client

    def converse(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """The reply of Converse."""
        with _translated():
            return dict(self._client.converse(**arguments))

    def converse_stream(self, arguments: dict[str, Any]) -> Generator[dict[str, Any]]:
        """The events of ConverseStream; closing it closes the connection."""
        with _translated(), closing(self._client.converse_stream(**arguments)["stream"]) as events:
            for event in events:
                yield dict(event)

    def invoke(self, model: str, body: bytes) -> bytes:
        """The JSON that `model` answers to `body`."""
        with _translated():
            reply = self._client.invoke_model(
                modelId=model, body=body, contentType="application/json", accept="application/json"
            )
            return reply["body"].read()


def connect(uri: str) -> BedrockRuntime:
    """The Region that `bedrock://us-west-2` names."""
    parts, asked = split(uri), parameters(uri, Parameters)
    if parts.scheme != "bedrock" or not parts.hostname:
        raise Misconfigured("A Bedrock target is bedrock://region/model-id, and the model may be left out.")
    return BedrockRuntime(_client(parts.hostname, asked.connect_ms / 1000, asked.read_ms / 1000))


def model_id(uri: str) -> str:
    """The model id, inference profile or ARN that the URI names; empty where it names none."""
    return unquote(split(uri).path.strip("/"))


@cache
def _client(region: str, connect_seconds: float, read_seconds: float) -> BedrockRuntimeClient:
    session = boto3.session.Session()  # a session of its own: the default one is not safe to share between threads
    return session.client(
        "bedrock-runtime",
        region_name=region,
        config=Config(
            retries={"total_max_attempts": 1, "mode": "standard"},
            connect_timeout=connect_seconds,
            read_timeout=read_seconds,
            max_pool_connections=_CONNECTIONS,
        ),
    )


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except ClientError as fault:
        raise _meaning(fault) from fault
    except _BELOW as fault:
        kind, message = next(row for known, row in _FAULTS.items() if isinstance(fault, known))
        raise kind(message) from fault


def _meaning(fault: ClientError) -> ModelError:
    """By the error's code, which begins in lower case where it arrived as an event of a stream."""
    error = fault.response.get("Error", {})
    code, said = error.get("Code", ""), " ".join(error.get("Message", "").split())
    kind, message = CODES.get(code[:1].upper() + code[1:], (ModelUnavailable, "Bedrock refused the call."))
    if kind is ModelRejected and any(words in said for words in _OF_THE_OPERATOR):
        kind = ModelUnavailable
    headers = fault.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    wait = str(headers.get("retry-after", ""))
    seconds = min(int(wait), _LONGEST_WAIT_SECONDS) if wait.isdecimal() else None
    return kind(message or said[:_MESSAGE_LENGTH] or "Bedrock rejects it.", retry_after_seconds=seconds)


CODES: Final[dict[str, tuple[type[ModelError], str]]] = {
    "AccessDeniedException": (ModelUnavailable, "Bedrock does not let the gateway use this model."),
    "InternalServerException": (ModelUnavailable, "Bedrock failed."),
    "ModelErrorException": (ModelUnavailable, "The model failed."),
    "ModelNotReadyException": (ModelUnavailable, "The model is not ready yet."),
    "ModelStreamErrorException": (ModelUnavailable, "The model broke off."),
    "ModelTimeoutException": (ModelTimeout, "The model took too long."),
    "ResourceNotFoundException": (ModelUnavailable, "Bedrock does not have this model."),
    "ServiceQuotaExceededException": (ModelThrottled, "The account's quota on Bedrock is used up."),
    "ServiceUnavailableException": (ModelUnavailable, "Bedrock is not available."),
    "ThrottlingException": (ModelThrottled, "Bedrock asks for fewer calls."),
    "ValidationException": (ModelRejected, ""),
}
_OF_THE_OPERATOR: Final = ("model identifier", "on-demand throughput")  # these requests are good elsewhere
_BELOW: Final = (BotoCoreError, HTTPError, ParserError, ResponseParserError)  # streams raise what lies below botocore
_FAULTS: Final[dict[type[Exception], tuple[type[ModelError], str]]] = {
    ReadTimeoutError: (ModelTimeout, "Bedrock was silent for too long."),
    StreamTimeoutError: (ModelTimeout, "Bedrock was silent for too long."),
    ParamValidationError: (ModelRejected, "The request has a value that Bedrock does not take."),
    NoCredentialsError: (ModelUnavailable, "The gateway has no AWS credentials."),
    PartialCredentialsError: (ModelUnavailable, "The gateway has no AWS credentials."),
    CredentialRetrievalError: (ModelUnavailable, "The gateway has no AWS credentials."),
    ParserError: (ModelGarbled, "Bedrock sent a broken event."),
    ResponseParserError: (ModelGarbled, "Bedrock's answer is of no known form."),
    BotoCoreError: (ModelUnavailable, "Bedrock cannot be reached."),
    HTTPError: (ModelUnavailable, "The connection to Bedrock broke."),
}
