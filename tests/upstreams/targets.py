"""The chat models that pass the contract, each with a way to order its faults."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace

import msgspec
import pytest

from chalicelib.adapters.models import bedrock_runtime, sagemaker_runtime
from chalicelib.adapters.models.bedrock import open_bedrock
from chalicelib.adapters.models.openai import open_openai
from chalicelib.adapters.models.sagemaker import open_sagemaker
from chalicelib.adapters.models.simulated import SimulatedModel
from chalicelib.adapters.models.simulated_script import Script
from chalicelib.domain.chat import ChatRequest, Options
from chalicelib.domain.errors import (
    ModelError,
    ModelGarbled,
    ModelRejected,
    ModelThrottled,
    ModelTimeout,
    ModelUnavailable,
)
from chalicelib.domain.transcript import Transcript
from chalicelib.ports import ChatModel
from tests.upstreams import bedrock_server, openai_server, sagemaker_server
from tests.upstreams.bedrock_server import BedrockServer
from tests.upstreams.openai_server import OpenAiServer
from tests.upstreams.sagemaker_server import SageMakerServer

KEY = "sk-not-to-be-seen"
SOON_MS = 3_000  # how long a hanging target is waited for; a busy machine is slower than one would think
FAULTS = (ModelRejected, ModelThrottled, ModelUnavailable, ModelTimeout, ModelGarbled)


@dataclass
class Target:
    """A model, and what stands behind it. `states_length`: it says when the cap ended the answer."""

    model: ChatModel
    server: OpenAiServer | BedrockServer | SageMakerServer | None = None
    states_length: bool = True
    sleeps: list[float] = field(default_factory=list)

    def fail(self, fault: type[ModelError], *, after: int = 0) -> None:
        """Let the next call fail, before its first piece or after that many events."""
        raise NotImplementedError

    def stall(self, *, after: int) -> None:
        """Let the next stream stop saying anything after some events, and wait for its client to leave."""
        raise NotImplementedError

    @property
    def calls(self) -> int:
        return len(self.server.requests) if self.server else 0


class Simulated(Target):
    """In this process; sleeping is only noted."""

    def __init__(self) -> None:
        super().__init__(SimulatedModel(Script()))
        self._play(Script())

    def fail(self, fault: type[ModelError], *, after: int = 0) -> None:
        names = {
            ModelRejected: "400",
            ModelThrottled: "429",
            ModelUnavailable: "cut" if after else "500",
            ModelTimeout: "hang",
            ModelGarbled: "garbage",
        }
        self._play(Script(fault=names[fault], fault_after=after))

    def stall(self, *, after: int) -> None:
        self._play(Script(slow_ms=60_000, fault="slow", fault_after=after))

    def _play(self, script: Script) -> None:
        small = msgspec.structs.replace(script, chunk_tokens=1)  # so that short answers have several pieces
        self.model = SimulatedModel(small, sleep=self.sleeps.append)


class OpenAi(Target):
    """Over HTTP to a real server."""

    def fail(self, fault: type[ModelError], *, after: int = 0) -> None:
        reply = openai_server.Reply()
        broken = {
            ModelRejected: replace(reply, status=400, body=b'{"error": {"message": "no such field"}}'),
            ModelThrottled: replace(reply, status=429, body=b"{}"),
            ModelUnavailable: replace(reply, cut_after=after),
            ModelTimeout: replace(reply, hang_after=after),
            ModelGarbled: replace(reply, body=b"<html>"),
        }
        self.server.replies.append(broken[fault])

    def stall(self, *, after: int) -> None:
        self.server.replies.append(openai_server.Reply(hang_after=after))


class Bedrock(Target):
    """Over HTTP and botocore to a real server."""

    def fail(self, fault: type[ModelError], *, after: int = 0) -> None:
        reply = bedrock_server.Reply()
        broken = {
            ModelRejected: replace(reply, status=400, error="ValidationException"),
            ModelThrottled: replace(reply, status=429, error="ThrottlingException"),
            ModelUnavailable: replace(reply, cut_after=after),
            ModelTimeout: replace(reply, hang_after=after),
            ModelGarbled: replace(
                reply, body=b'{"output": {}}', events=(("messageStop", {"stopReason": "malformed_tool_use"}),)
            ),
        }
        self.server.replies.append(broken[fault])

    def stall(self, *, after: int) -> None:
        self.server.replies.append(bedrock_server.Reply(hang_after=after))


class SageMaker(Target):
    """Over HTTP and AWS's event stream to a real server."""

    def fail(self, fault: type[ModelError], *, after: int = 0) -> None:
        reply = sagemaker_server.Reply()
        rejected = {"OriginalStatusCode": 400, "OriginalMessage": '{"error": {"message": "no such field"}}'}
        broken = {
            ModelRejected: replace(reply, status=424, error="ModelError", fields=rejected),
            ModelThrottled: replace(reply, status=400, error="ThrottlingException"),
            ModelUnavailable: replace(reply, cut_after=after),
            ModelTimeout: replace(reply, hang_after=after),
            ModelGarbled: replace(reply, body=b"<html>"),
        }
        self.server.replies.append(broken[fault])

    def stall(self, *, after: int) -> None:
        self.server.replies.append(sagemaker_server.Reply(hang_after=after))


@contextmanager
def opened(name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Target]:
    """The target of that name, with its servers for as long as the block lasts."""
    with ExitStack() as stack:
        match name:
            case "simulated":
                yield Simulated()
            case "openai":
                server = stack.enter_context(OpenAiServer())
                limits = f"first_byte_ms={SOON_MS}&idle_ms={SOON_MS}"
                yield OpenAi(open_openai(f"openai+{server.url}?{limits}", KEY), server)
            case "bedrock":
                server = stack.enter_context(BedrockServer())
                yield Bedrock(bedrock_at(server, monkeypatch), server)
            case "sagemaker":
                server = stack.enter_context(SageMakerServer())
                yield SageMaker(open_sagemaker(sagemaker_at(server, monkeypatch)), server)
            case "ministack":
                from ministack.services import bedrock_runtime as emulated

                behind = stack.enter_context(OpenAiServer())
                monkeypatch.setattr(emulated, "_PROXY_URL", behind.url.removesuffix("/v1"))
                server = stack.enter_context(BedrockServer(ministack=True))
                yield Bedrock(bedrock_at(server, monkeypatch), server, states_length=False)


def bedrock_at(server: BedrockServer, monkeypatch: pytest.MonkeyPatch) -> ChatModel:
    """A Bedrock model whose client finds `server` the way any AWS client finds an endpoint."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", server.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    bedrock_runtime._client.cache_clear()
    return open_bedrock(f"bedrock://us-west-2/anthropic.claude-test-v1:0?read_ms={SOON_MS}")


def sagemaker_at(server: SageMakerServer, monkeypatch: pytest.MonkeyPatch, more: str = "") -> str:
    """The URI of a component whose client finds `server` the way any AWS client finds an endpoint."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", server.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEY)
    sagemaker_runtime._session.cache_clear()
    sagemaker_runtime._region.cache_clear()
    return f"sagemaker://Llama-4/copy-1?region=us-west-2&read_ms={SOON_MS}{more}"


def ask(*messages, cap=500, **options):
    return ChatRequest("some-model", messages, cap, Options(**options))


def put_together(deltas):
    transcript = Transcript()
    for delta in deltas:
        transcript.add(delta)
    return transcript
