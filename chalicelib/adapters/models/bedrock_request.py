"""Our request as Converse takes it."""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct

from chalicelib.adapters.models.bedrock_json import (
    TOOL,
    Form,
    form_of,
    instruction,
    is_closed,
    text_format,
    tool_spec,
)
from chalicelib.adapters.models.bedrock_messages import (
    Block,
    Turn,
    called_names,
    in_a_tool_loop,
    system_texts,
    turns_of,
)
from chalicelib.adapters.models.bedrock_traits import Traits
from chalicelib.domain.chat import ChatRequest, FunctionSpec, Options, SchemaFormat, ToolChoice
from chalicelib.domain.errors import ModelRejected

_NO_ARGUMENTS: Final[dict[str, Any]] = {"type": "object", "properties": {}}
_CACHE_POINT: Final[Block] = {"cachePoint": {"type": "default"}}
_CACHED_TURNS: Final = 2  # the newest prefix, and the one before it, which the last request wrote
_EFFORTS: Final = {"low": "low", "medium": "medium", "high": "high", "xhigh": "high"}
_NOVA_EFFORTS: Final = {"low": "low", "medium": "medium", "high": "medium"}  # high takes no cap
_BUDGETS: Final = {"low": 1_024, "medium": 4_096, "high": 16_384}
_LEAST_BUDGET: Final = 1_024


class Guardrail(Struct, frozen=True):
    """A guardrail on what goes in and comes out; `stream_mode` says whether text may come before it was checked."""

    id: str
    version: str
    stream_mode: str = "sync"


class Manner(Struct, frozen=True):
    """How one model on Bedrock is spoken to. `model` replaces the request's name for it."""

    model: str = ""
    traits: Traits = Traits()
    cache: bool = False
    guardrail: Guardrail | None = None

    def form(self, request: ChatRequest) -> Form:
        """The form in which the answer to `request` comes."""
        return form_of(request.options, self.traits.json)


class _Thinking(Struct, frozen=True):
    """What asks for reasoning. `alone`: no sampling is set beside it."""

    fields: dict[str, Any] = {}
    effort: dict[str, str] = {}
    alone: bool = False


def converse_request(request: ChatRequest, manner: Manner, *, stream: bool = False) -> dict[str, Any]:
    """The arguments of Converse, or of ConverseStream.

    What Converse has no word for is left out: `seed`, penalties, `logit_bias`, `user`, `parallel_tool_calls`.
    """
    form = manner.form(request)
    turns = turns_of(request.messages)
    tools = _tool_config(request.options, turns, form, manner.traits)
    thinking = _thinking(request, manner.traits, turns, tools)
    parts: dict[str, Any] = {
        "system": _system(request, form),
        "inferenceConfig": _inference(request, manner.traits, thinking),
        "toolConfig": tools,
        "outputConfig": _text_format(request.options, form) | thinking.effort,
        "additionalModelRequestFields": thinking.fields,
        "guardrailConfig": _guardrail(manner.guardrail, stream=stream),
    }
    if manner.cache:
        _add_cache_points(parts, turns, manner.traits)
    named = {"modelId": manner.model or request.model, "messages": turns}
    return named | {name: part for name, part in parts.items() if part}


def _system(request: ChatRequest, form: Form) -> list[Block]:
    said = system_texts(request.messages)
    if form == "words":
        said.append(instruction(request.options))
    return [{"text": text} for text in said]


def _inference(request: ChatRequest, traits: Traits, thinking: _Thinking) -> dict[str, Any]:
    options = request.options
    config: dict[str, Any] = {"maxTokens": request.max_output_tokens}  # unset, the whole window is reserved
    sampled = traits.sampling != "none" and not thinking.alone
    if options.temperature is not None and sampled:
        config["temperature"] = min(options.temperature, 1.0)  # OpenAI's scale ends at 2, this one at 1
    both = traits.sampling == "both" or "temperature" not in config
    if options.top_p is not None and options.top_p < 1 and sampled and both:
        config["topP"] = options.top_p  # 1 changes nothing
    if stops := [stop for stop in options.stop if stop]:
        config["stopSequences"] = stops
    return config


def _text_format(options: Options, form: Form) -> dict[str, Any]:
    match options.response_format:
        case SchemaFormat(json_schema=wanted) if form == "native":
            return {"textFormat": text_format(wanted)}
        case _:
            return {}


def _thinking(request: ChatRequest, traits: Traits, turns: list[Turn], tools: dict[str, Any]) -> _Thinking:
    """How much to reason, within the cap; a forced call leaves Claude no room for it."""
    effort = _EFFORTS.get(request.options.reasoning_effort or "")
    if effort is None or traits.thinking == "none":
        return _Thinking()
    if traits.thinking == "effort":
        return _Thinking({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": _NOVA_EFFORTS[effort]}})
    if tools.get("toolChoice", {}).keys() & {"any", "tool"}:
        return _Thinking()
    if traits.thinking == "adaptive":
        return _Thinking({"thinking": {"type": "adaptive"}}, {"effort": effort}, alone=True)
    budget = min(_BUDGETS[effort], request.max_output_tokens // 2)
    if budget < _LEAST_BUDGET or in_a_tool_loop(turns):  # the loop's thoughts, which it must repeat, were not kept
        return _Thinking()
    return _Thinking({"thinking": {"type": "enabled", "budget_tokens": budget}}, alone=True)


def _tool_config(options: Options, turns: list[Turn], form: Form, traits: Traits) -> dict[str, Any]:
    """The tools on offer, or those the history speaks of: Converse refuses calls where it sees no tool."""
    offered = [] if options.tool_choice == "none" else [_tool(each.function, traits) for each in options.tools]
    known = offered or [_specified(name, {}) for name in called_names(turns)]
    if form in {"tool", "wrapped"}:
        if any(tool.function.name == TOOL for tool in options.tools):
            raise ModelRejected(f"Where JSON is asked for, no tool may have the name {TOOL}.")
        choice: dict[str, Any] = {"any": {}} if offered else {"tool": {"name": TOOL}}
        return {"tools": [*known, tool_spec(options)], "toolChoice": choice}
    return {"tools": known, **(_tool_choice(options) if offered else {})} if known else {}


def _tool(function: FunctionSpec, traits: Traits) -> Block:
    tool = _specified(function.name, function.parameters or {}, function.description)
    if function.strict and traits.json == "native" and is_closed(function.parameters or _NO_ARGUMENTS):
        tool["toolSpec"]["strict"] = True
    return tool


def _specified(name: str, parameters: dict[str, Any], description: str | None = None) -> Block:
    described = {"description": description} if description else {}
    schema = {"type": "object", **(parameters or _NO_ARGUMENTS)}
    return {"toolSpec": {"name": name, **described, "inputSchema": {"json": schema}}}


def _tool_choice(options: Options) -> dict[str, Any]:
    match options.tool_choice:
        case ToolChoice(function=wanted):
            return {"toolChoice": {"tool": {"name": wanted.name}}}
        case "required":
            return {"toolChoice": {"any": {}}}
        case "auto":
            return {"toolChoice": {"auto": {}}}
        case _:
            return {}


def _guardrail(guardrail: Guardrail | None, *, stream: bool) -> dict[str, Any]:
    if guardrail is None:
        return {}
    mode = {"streamProcessingMode": guardrail.stream_mode} if stream else {}
    return {"guardrailIdentifier": guardrail.id, "guardrailVersion": guardrail.version, **mode}


def _add_cache_points(parts: dict[str, Any], turns: list[Turn], traits: Traits) -> None:
    """After the tools, the system prompt, and the user's newest turns of a conversation that goes on."""
    asked = [turn["content"] for turn in turns if turn["role"] == "user"]
    prefixes = {
        "tools": [parts["toolConfig"].get("tools", [])],
        "system": [parts["system"]],
        "messages": asked[-_CACHED_TURNS:] if len(asked) > 1 else [],
    }
    for place in traits.cached:
        for blocks in filter(None, prefixes[place]):
            blocks.append(_CACHE_POINT)
