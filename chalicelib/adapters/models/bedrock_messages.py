"""A conversation as Converse takes it: turns of two roles in alternation, each a list of blocks."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from chalicelib.domain.chat import (
    Assistant,
    Developer,
    Image,
    Message,
    System,
    Text,
    ToolCall,
    ToolResult,
    User,
    text_of,
)
from chalicelib.domain.errors import ModelRejected

Block = dict[str, Any]
Turn = dict[str, Any]

_IMAGE: Final = re.compile(r"data:image/(png|jpeg|jpg|gif|webp);base64,", re.IGNORECASE)
_BEGINNING: Final = "(The conversation begins.)"
_NOTHING: Final = "(nothing)"
_CALL_ID: Final = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")
_NOT_IN_A_NAME: Final = re.compile(r"[^a-zA-Z0-9_-]")
_LONGEST_NAME: Final = 64


def system_texts(messages: tuple[Message, ...]) -> list[str]:
    """What the application instructs, which Converse takes apart from the turns."""
    said = (text_of(message.content) for message in messages if isinstance(message, (System, Developer)))
    return [text for text in said if text.strip()]


def turns_of(messages: tuple[Message, ...]) -> list[Turn]:
    """Turns that begin with the user's, as Converse insists; results of tools come first in theirs."""
    turns: list[Turn] = []
    for message in messages:
        role = "assistant" if isinstance(message, Assistant) else "user"
        blocks = list(_blocks(message))
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        elif blocks:
            turns.append({"role": role, "content": blocks})
    if not turns:
        raise ModelRejected("The target needs at least one message that is not blank.")
    for turn in turns:
        turn["content"].sort(key=lambda block: "toolResult" not in block)
    return turns if turns[0]["role"] == "user" else [{"role": "user", "content": _text(_BEGINNING)}, *turns]


def called_names(turns: list[Turn]) -> list[str]:
    """Every tool that the history calls."""
    return sorted({block["toolUse"]["name"] for turn in turns for block in turn["content"] if "toolUse" in block})


def in_a_tool_loop(turns: list[Turn]) -> bool:
    """Whether the newest answer called tools, so that the next one goes on with it."""
    answers = [turn for turn in turns if turn["role"] == "assistant"]
    return bool(answers) and any("toolUse" in block for block in answers[-1]["content"])


def _blocks(message: Message) -> Iterator[Block]:
    match message:
        case User(content=content):
            for part in content if isinstance(content, tuple) else (Text(content),):
                yield from [_image(part)] if isinstance(part, Image) else _text(part.text)
        case Assistant(content=content, refusal=refusal, tool_calls=calls):
            yield from _text(text_of(content) or refusal or "")
            yield from (_tool_use(call) for call in calls or ())
        case ToolResult(content=content, tool_call_id=call_id):
            blocks = _text(text_of(content)) or _text(_NOTHING)
            yield {"toolResult": {"toolUseId": _call_id(call_id), "content": blocks}}
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
    except (msgspec.DecodeError, RecursionError):
        raise ModelRejected("A tool call's arguments are not a JSON object.") from None
    name = _NOT_IN_A_NAME.sub("_", call.function.name)[:_LONGEST_NAME] or "_"
    return {"toolUse": {"toolUseId": _call_id(call.id), "name": name, "input": arguments}}


def _call_id(known: str) -> str:
    """The id, or one made from it where another provider made it longer or of other characters than Bedrock takes."""
    if _CALL_ID.fullmatch(known):
        return known
    return f"call_{hashlib.sha256(known.encode()).hexdigest()[:32]}"
