"""Our request as Converse takes it."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from chalicelib.domain.chat import (
    Assistant,
    ChatRequest,
    Developer,
    FunctionSpec,
    Image,
    JsonFormat,
    Message,
    Options,
    ResponseFormat,
    SchemaFormat,
    System,
    Text,
    ToolCall,
    ToolChoice,
    ToolResult,
    User,
    text_of,
)
from chalicelib.domain.errors import ModelRejected

Block = dict[str, Any]

_IMAGE: Final = re.compile(r"data:image/(png|jpeg|jpg|gif|webp);base64,", re.IGNORECASE)
_NO_ARGUMENTS: Final[dict[str, Any]] = {"type": "object", "properties": {}}
_FIRST_TURN: Final = {"role": "user", "content": [{"text": "(The conversation begins.)"}]}
_JSON: Final = "Answer with one JSON object and nothing else: no explanation, no code fence."


def converse_request(request: ChatRequest, model: str) -> dict[str, Any]:
    """The arguments of Converse and of ConverseStream, which are the same.

    What Converse has no word for is left out: `seed`, penalties, `logit_bias`, `user`, `reasoning_effort`.
    """
    options = request.options
    turns = _turns(request.messages)
    parts = {
        "system": _system(request.messages, options.response_format),
        "toolConfig": _tool_config(options, turns),
    }
    return {
        "modelId": model or request.model,
        "messages": turns,
        "inferenceConfig": _inference(request),
        **{name: part for name, part in parts.items() if part},
    }


def _inference(request: ChatRequest) -> dict[str, Any]:
    options = request.options
    config: dict[str, Any] = {"maxTokens": request.max_output_tokens}  # unset, the whole window is reserved
    if options.temperature is not None:
        config["temperature"] = min(options.temperature, 1.0)  # OpenAI's scale ends at 2, this one at 1
    if options.top_p is not None and options.top_p < 1:
        config["topP"] = options.top_p  # 1 changes nothing, and newer models refuse it beside a temperature
    if stops := [stop for stop in options.stop if stop]:
        config["stopSequences"] = stops
    return config


def _system(messages: tuple[Message, ...], wanted: ResponseFormat | None) -> list[Block]:
    said = [text_of(message.content) for message in messages if isinstance(message, (System, Developer))]
    match wanted:
        case JsonFormat():
            said.append(_JSON)
        case SchemaFormat(json_schema=schema):
            said.append(f"{_JSON} It fits this JSON Schema: {msgspec.json.encode(schema.schema or {}).decode()}")
        case _:
            pass
    return [{"text": text} for text in said if text.strip()]


def _turns(messages: tuple[Message, ...]) -> list[dict[str, Any]]:
    """Turns of the two roles in alternation, beginning with the user's, as Converse insists."""
    turns: list[dict[str, Any]] = []
    for message in messages:
        role = "assistant" if isinstance(message, Assistant) else "user"
        blocks = list(_blocks(message))
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        elif blocks:
            turns.append({"role": role, "content": blocks})
    if not turns:
        raise ModelRejected("The target needs at least one message that is not blank.")
    return turns if turns[0]["role"] == "user" else [_FIRST_TURN, *turns]


def _blocks(message: Message) -> Iterator[Block]:
    match message:
        case User(content=content):
            for part in content if isinstance(content, tuple) else (Text(content),):
                yield from [_image(part)] if isinstance(part, Image) else _text(part.text)
        case Assistant(content=content, tool_calls=calls):
            yield from _text(text_of(content))
            yield from (_tool_use(call) for call in calls or ())
        case ToolResult(content=content, tool_call_id=call_id):
            yield {"toolResult": {"toolUseId": call_id, "content": [{"text": text_of(content)}]}}
        case System() | Developer():
            pass


def _text(text: str) -> list[Block]:
    return [{"text": text}] if text.strip() else []  # a blank block is refused


def _image(part: Image) -> Block:
    url = part.image_url.url
    found = _IMAGE.match(url)
    if found is None:
        raise ModelRejected("The target takes images as data: URLs in base64, of type png, jpeg, gif or webp.")
    try:
        data = base64.b64decode(url[found.end() :], validate=True)
    except binascii.Error as fault:
        raise ModelRejected("An image's base64 is malformed.") from fault
    if not data:
        raise ModelRejected("An image is empty.")
    kind = found[1].lower()
    return {"image": {"format": "jpeg" if kind == "jpg" else kind, "source": {"bytes": data}}}


def _tool_use(call: ToolCall) -> Block:
    try:
        arguments = msgspec.json.decode(call.function.arguments or "{}", type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as fault:
        raise ModelRejected("A tool call's arguments are not a JSON object.") from fault
    return {"toolUse": {"toolUseId": call.id, "name": call.function.name, "input": arguments}}


def _tool_config(options: Options, turns: list[dict[str, Any]]) -> dict[str, Any]:
    """The tools on offer, or those the history speaks of: Converse refuses calls of tools that it does not see."""
    offered = [] if options.tool_choice == "none" else [_tool_spec(tool.function) for tool in options.tools]
    if offered:
        return {"tools": offered, **_tool_choice(options)}
    used = sorted({block["toolUse"]["name"] for turn in turns for block in turn["content"] if "toolUse" in block})
    return {"tools": [_specified(name, {}) for name in used]} if used else {}


def _tool_spec(function: FunctionSpec) -> Block:
    return _specified(function.name, function.parameters or {}, function.description)


def _specified(name: str, parameters: dict[str, Any], description: str | None = None) -> Block:
    described = {"description": description} if description else {}
    return {"toolSpec": {"name": name, **described, "inputSchema": {"json": parameters or _NO_ARGUMENTS}}}


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
