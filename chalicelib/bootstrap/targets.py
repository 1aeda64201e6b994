"""Which adapter opens which URI."""

from __future__ import annotations

from functools import cache

from chalicelib.domain.catalogue import Catalogue
from chalicelib.domain.catalogue_check import faults
from chalicelib.domain.errors import Misconfigured
from chalicelib.ports import ChatModel, Embedder
from chalicelib.settings import Settings


class Targets:
    """Opens each target once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.chat = cache(self._chat)
        self.embedder = cache(self._embedder)

    def faults(self, offered: Catalogue) -> list[str]:
        """What is wrong with a catalogue, the targets that cannot be opened included."""
        found = faults(offered)
        for model in offered.models if not found else ():
            for target in model.targets:
                try:
                    (self.embedder if model.dimensions else self.chat)(target.uri)
                except Misconfigured as fault:
                    found.append(f"model '{model.id}': target '{target.name}': {fault.message}")
        return found

    def _chat(self, uri: str) -> ChatModel:
        match uri.partition("://")[0]:
            case "simulated":
                from chalicelib.adapters.models.simulated import open_simulated

                return open_simulated(uri)
            case "openai+http" | "openai+https":
                from chalicelib.adapters.models.openai import open_openai
                from chalicelib.adapters.secrets.stored import open_secret

                return open_openai(uri, self._own_key(uri), secrets=open_secret)
            case "bedrock":
                from chalicelib.adapters.models.bedrock import open_bedrock

                return open_bedrock(uri)
            case "sagemaker":
                from chalicelib.adapters.models.sagemaker import open_sagemaker

                return open_sagemaker(uri)
            case scheme:
                raise Misconfigured(f"no model adapter for '{scheme}://'")

    def _own_key(self, uri: str) -> str:
        """The operator's key, for the operator's upstream alone: no host of the catalogue is sent it."""
        own = self._settings.upstream.partition("?")[0]
        return self._settings.upstream_key if own and uri.partition("?")[0] == own else ""

    def _embedder(self, uri: str) -> Embedder:
        match uri.partition("://")[0]:
            case "wordllama":
                from chalicelib.adapters.embedders.wordllama import open_wordllama

                return open_wordllama(uri)
            case "openai+http" | "openai+https":
                from chalicelib.adapters.embedders.openai import open_openai
                from chalicelib.adapters.models.openai_upstream import connect as connect_upstream
                from chalicelib.adapters.secrets.stored import open_secret

                return open_openai(uri, connect_upstream(uri, self._own_key(uri), secrets=open_secret))
            case "bedrock":
                from chalicelib.adapters.embedders.bedrock import open_bedrock
                from chalicelib.adapters.models.bedrock_runtime import connect as connect_region

                return open_bedrock(uri, connect_region(uri))
            case "sagemaker":
                from chalicelib.adapters.embedders.openai import open_openai
                from chalicelib.adapters.models.sagemaker_runtime import connect as connect_endpoint

                return open_openai(uri, connect_endpoint(uri))
            case scheme:
                raise Misconfigured(f"no embedder for '{scheme}://'")
