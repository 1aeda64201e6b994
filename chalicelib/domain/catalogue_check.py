"""What is wrong with a catalogue, told before anybody is served from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from chalicelib.domain.catalogue import Catalogue, Model, Target

CHAT_SCHEMES: Final = frozenset({"bedrock", "openai+http", "openai+https", "sagemaker", "simulated"})
EMBEDDING_SCHEMES: Final = frozenset({"bedrock", "openai+http", "openai+https", "sagemaker", "wordllama"})
FREE_SCHEMES: Final = frozenset({"simulated", "wordllama"})
"""What runs here and costs nothing; every other target has a price."""


def faults(catalogue: Catalogue) -> list[str]:
    """Every fault in one line each, none for a catalogue that can serve."""
    found = [] if catalogue.models else ["there is no model"]
    names = Counter(name for model in catalogue.models for name in (model.id, *model.aliases))
    found += [f"'{name}' names {count} models" for name, count in names.items() if count > 1]
    for model in catalogue.models:
        found += [f"model '{model.id}': {fault}" for fault in _of_model(model)]
    return found


def _of_model(model: Model) -> Iterator[str]:
    if not model.id or not all(model.aliases):
        yield "a name is empty"
    if bool(model.max_output_tokens) == bool(model.dimensions):
        yield "it needs either max_output_tokens, to chat, or dimensions, to embed"
    if model.max_output_tokens > model.context_tokens:
        yield "max_output_tokens is more than context_tokens"
    if not model.targets:
        yield "it has no target"
    doubled = [uri for uri, count in Counter(target.uri for target in model.targets).items() if count > 1]
    yield from (f"target '{Target(uri).name}' is there twice" for uri in doubled)
    if model.hedge_after_ms is not None and not model.targets[1:]:
        yield "hedge_after_ms needs a second target"
    yield from _of_targets(model)


def _of_targets(model: Model) -> Iterator[str]:
    known = EMBEDDING_SCHEMES if model.dimensions else CHAT_SCHEMES
    for target in model.targets:
        scheme, separator, _ = target.uri.partition("://")
        if not separator or scheme not in known:
            yield f"target '{target.name}' has an unknown scheme: it is one of {', '.join(sorted(known))}"
        elif scheme not in FREE_SCHEMES and not _priced(model):
            yield f"it lacks prices, though '{target.name}' costs money that limits in micro-USD are to count"
        if target.context_tokens is not None and target.context_tokens > model.context_tokens:
            yield f"target '{target.name}' has more context_tokens than the model"


def _priced(model: Model) -> bool:
    return model.prices.input > 0 and (model.prices.output > 0 or not model.max_output_tokens)
