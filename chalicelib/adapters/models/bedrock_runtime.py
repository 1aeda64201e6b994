"""The way to Bedrock's runtime: one client a Region, used by every target there, and its time limits."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import closing
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal
from urllib.parse import unquote

import boto3
from botocore.config import Config
from msgspec import Meta, Struct

from chalicelib.adapters.models.bedrock_faults import translated
from chalicelib.adapters.models.bedrock_pace import Pace, paced, sender
from chalicelib.adapters.models.uri import parameters, split
from chalicelib.domain.errors import Misconfigured, ModelUnavailable
from chalicelib.ports import Clock

if TYPE_CHECKING:
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient

_CONNECTIONS: Final = 128

Milliseconds = Annotated[int, Meta(ge=1, le=900_000)]
GuardrailId = Annotated[
    str, Meta(pattern=r"^([a-z0-9]+|arn:aws[^:]*:bedrock:[a-z0-9-]+:[0-9]{12}:guardrail/[a-z0-9]+)?$")
]
GuardrailVersion = Annotated[str, Meta(pattern=r"^([1-9][0-9]{0,7}|DRAFT)?$")]


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """The query of every `bedrock://region/model`.

    `read_ms` is the longest silence, a whole answer's wait included; `longest_ms` is the longest that a call takes.
    """

    connect_ms: Milliseconds = 3_000
    read_ms: Milliseconds = 60_000
    longest_ms: Milliseconds = 600_000


class Parameters(Limits, frozen=True, forbid_unknown_fields=True):
    """The query of a chat model's URI.

    `like` is the id of the model that an ARN hides. `json` replaces how that model is asked for JSON.
    """

    like: str = ""
    json: Literal["auto", "native", "tool", "words"] = "auto"
    cache: bool = False
    guardrail: GuardrailId = ""
    guardrail_version: GuardrailVersion = ""
    guardrail_stream: Literal["sync", "async"] = "sync"


class BedrockRuntime:
    """Calls Bedrock once, without a retry, and raises what its errors mean."""

    def __init__(self, client: BedrockRuntimeClient, limits: Limits, *, clock: Clock = time.monotonic) -> None:
        """`client` must be one that does not retry: the router owns that. `clock` never goes back."""
        self._client = client
        self._limits = limits
        self._clock = clock

    def converse(self, arguments: dict[str, Any], patience: float | None = None) -> dict[str, Any]:
        """The reply of Converse."""
        with translated(), paced(self.pace(patience)):
            return dict(self._client.converse(**arguments))

    def converse_stream(self, arguments: dict[str, Any], pace: Pace) -> Generator[dict[str, Any]]:
        """The events of ConverseStream; closing it closes the connection."""
        with translated(broken=ModelUnavailable):
            with paced(pace):
                stream = self._client.converse_stream(**arguments)["stream"]
            with closing(stream) as events:
                for event in events:
                    yield dict(event)

    def invoke(self, model: str, body: bytes, patience: float | None = None) -> bytes:
        """The JSON that `model` answers to `body`."""
        with translated(), paced(self.pace(patience)):
            reply = self._client.invoke_model(
                modelId=model, body=body, contentType="application/json", accept="application/json"
            )
            return reply["body"].read()

    def pace(self, patience: float | None) -> Pace:
        """How long a call that begins now may take."""
        silence, longest = self._limits.read_ms / 1000, self._limits.longest_ms / 1000
        return Pace(silence=silence, longest=longest, patience=patience, clock=self._clock)


def connect(uri: str, limits: Limits | None = None) -> BedrockRuntime:
    """The Region that `bedrock://us-west-2` names; without `limits`, the query has them and nothing else."""
    parts = split(uri)
    if parts.scheme != "bedrock" or not parts.hostname:
        raise Misconfigured("A Bedrock target is bedrock://region/model-id, and the model may be left out.")
    limits = limits or parameters(uri, Limits)
    return BedrockRuntime(_client(parts.hostname, limits.connect_ms / 1000), limits)


def model_id(uri: str) -> str:
    """The model id, inference profile or ARN that the URI names; empty where it names none."""
    return unquote(split(uri).path.strip("/"))


@cache
def _client(region: str, connect_seconds: float) -> BedrockRuntimeClient:
    session = boto3.session.Session()  # a session of its own: the default one is not safe to share between threads
    client = session.client(
        "bedrock-runtime",
        region_name=region,
        config=Config(
            retries={"total_max_attempts": 1, "mode": "standard"},
            connect_timeout=connect_seconds,
            max_pool_connections=_CONNECTIONS,
        ),
    )
    transport: Any = vars(client)["_endpoint"].http_session  # with the proxies and certificates of the environment
    client.meta.events.register("before-send.bedrock-runtime", sender(transport.send))
    return client
