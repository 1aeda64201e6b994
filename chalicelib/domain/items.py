"""Between what a model reads (messages) and what a conversation shows (items), and the ids of items."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from chalicelib.domain.chat import (
    Assistant,
    CalledFunction,
    Completion,
    Developer,
    Image,
    ImageUrl,
    Message,
    System,
    Text,
    ToolCall,
    ToolResult,
    Usage,
    User,
    text_of,
)
from chalicelib.domain.conversation import (
    CallItem,
    CallOutputItem,
    InputImage,
    InputText,
    Item,
    ItemPart,
    ItemStatus,
    MessageItem,
    Origin,
    OutputText,
    Refusal,
    Removed,
    Turn,
)

_ID: Final = re.compile(r"(?:msg|fc|fco)_(?P<turn>[0-9a-f]{8})(?P<place>[0-9a-f]{3})[0-9a-f]{16}")


def items_of(messages: tuple[Message, ...]) -> tuple[Item, ...]:
    """The items that `messages` are shown as."""
    return tuple(item for message in messages for item in _items_of_message(message))


def items_of_completion(completion: Completion, status: ItemStatus) -> tuple[Item, ...]:
    """The items that an answer is shown as; a cut answer is one incomplete message even where it is empty."""
    parts: list[ItemPart] = []
    if completion.text or (status == "incomplete" and not completion.tool_calls):
        parts.append(OutputText(completion.text or ""))
    if completion.refusal:
        parts.append(Refusal(completion.refusal))
    message = (MessageItem(role="assistant", content=tuple(parts), status=status),) if parts else ()
    return (*message, *(_call_item(call, status) for call in completion.tool_calls))


def completion_of(turn: Turn, said: int) -> Completion:
    """The answer of a turn that begins with `said` items of the caller's. Why it ended is not remembered."""
    answers = [each for each in messages_of(turn.items[said:]) if isinstance(each, Assistant)]
    answer = answers[0] if answers else Assistant()
    calls = tuple(answer.tool_calls or ())
    return Completion(
        text=text_of(answer.content) or None,
        tool_calls=calls,
        refusal=answer.refusal,
        finish_reason="tool_calls" if calls else "stop",
        usage=turn.usage or Usage(),
    )


def messages_of(items: tuple[Item | Removed, ...]) -> tuple[Message, ...]:
    """The messages that a model is sent for `items`; calls join the assistant message they followed."""
    messages: list[Message] = []
    for item in items:
        match item:
            case CallItem():
                _append_call(messages, item)
            case CallOutputItem(call_id=call_id, output=output):
                text = output if isinstance(output, str) else "".join(part.text for part in output)
                messages.append(ToolResult(content=text, tool_call_id=call_id))
            case MessageItem():
                messages.append(_message_of(item))
            case Removed():
                pass
    return tuple(messages)


def shown(turn: Turn, now: float) -> tuple[Item, ...]:
    """The turn's items with their ids and states, as a reader sees them at `now`.

    A turn that ended with its process, before it could be settled, shows an empty and incomplete answer. Every other
    answer says where it is from.
    """
    items = turn.items
    ended = turn.state == "cut" or (turn.state == "open" and now >= turn.lease_until)
    if ended and turn.usage is None:
        items = (*items, *items_of_completion(Completion(), "incomplete"))
    visible = [_identified(item, turn, place) for place, item in enumerate(items) if not isinstance(item, Removed)]
    return tuple(_signed(visible, turn) if turn.model and turn.usage and turn.state != "open" else visible)


def item_id(item: Item, turn: Turn, place: int) -> str:
    """The id of the item at `place` of `turn`: 8 hexadecimal digits of turn, 3 of place, the end of the turn's id."""
    prefix = {MessageItem: "msg", CallItem: "fc", CallOutputItem: "fco"}[type(item)]
    return f"{prefix}_{turn.number:08x}{place:03x}{turn.id[-16:]}"


def locate(item_id: str) -> tuple[int, int] | None:
    """The turn number and the place that an item id names, or None if it is none of ours."""
    form = _ID.fullmatch(item_id)
    return (int(form["turn"], 16), int(form["place"], 16)) if form else None


def _identified(item: Item, turn: Turn, place: int) -> Item:
    known = item_id(item, turn, place)
    status = item.status or "completed"
    match item:
        case MessageItem(role=role, content=content):
            return MessageItem(role=role, content=_parts(role, content), id=known, status=status)
        case CallItem(call_id=call_id, name=name, arguments=arguments):
            return CallItem(call_id=call_id, name=name, arguments=arguments, id=known, status=status)
        case CallOutputItem(call_id=call_id, output=output):
            return CallOutputItem(call_id=call_id, output=output, id=known, status=status)


def unsigned(item: Item) -> Item:
    """The item as a caller may store it, who may have been shown it with an origin."""
    return msgspec.structs.replace(item, tidegate=None) if isinstance(item, MessageItem) else item


def _signed(items: list[Item], turn: Turn) -> list[Item]:
    """The items with the turn's answer marked as one: what it calls may come after it, and nothing else."""
    place = len(items) - 1
    while place >= 0 and isinstance(items[place], CallItem):
        place -= 1
    last = items[place] if place >= 0 else None
    if isinstance(last, MessageItem) and last.role == "assistant":
        items[place] = msgspec.structs.replace(last, tidegate=_origin(turn))
    return items


def _origin(turn: Turn) -> Origin:
    return Origin(
        id=f"chatcmpl-{turn.id}",
        model=turn.model,
        cache=turn.cache,
        target=turn.target,
        similarity=turn.similarity,
        usage=None if turn.usage == Usage() else turn.usage,
    )


def _parts(role: str, content: str | tuple[ItemPart, ...]) -> tuple[ItemPart, ...]:
    if not isinstance(content, str):
        return content
    return (OutputText(content),) if role == "assistant" else (InputText(content),)


def _items_of_message(message: Message) -> tuple[Item, ...]:
    match message:
        case ToolResult(content=content, tool_call_id=call_id):
            return (CallOutputItem(call_id=call_id, output=text_of(content)),)
        case Assistant():
            completion = Completion(
                text=text_of(message.content) or None,
                tool_calls=message.tool_calls or (),
                refusal=message.refusal,
            )
            return items_of_completion(completion, "completed")
        case User(content=content):
            return (MessageItem(role="user", content=_input_parts(content)),)
        case Developer(content=content):
            return (MessageItem(role="developer", content=_input_parts(content)),)
        case System(content=content):
            return (MessageItem(role="system", content=_input_parts(content)),)


def _input_parts(content: str | tuple[Text | Image, ...] | tuple[Text, ...]) -> tuple[ItemPart, ...]:
    if isinstance(content, str):
        return (InputText(content),)
    return tuple(
        InputText(part.text)
        if isinstance(part, Text)
        else InputImage(image_url=part.image_url.url, detail=part.image_url.detail)
        for part in content
    )


def _call_item(call: ToolCall, status: ItemStatus) -> CallItem:
    return CallItem(call_id=call.id, name=call.function.name, arguments=call.function.arguments, status=status)


def _append_call(messages: list[Message], item: CallItem) -> None:
    call = ToolCall(id=item.call_id, function=CalledFunction(name=item.name, arguments=item.arguments))
    newest = messages[-1] if messages else None
    if isinstance(newest, Assistant):
        calls = (*(newest.tool_calls or ()), call)
        messages[-1] = Assistant(content=newest.content, refusal=newest.refusal, tool_calls=calls)
    else:
        messages.append(Assistant(tool_calls=(call,)))


def _message_of(item: MessageItem) -> Message:
    parts = _parts(item.role, item.content)
    text = "".join(part.text for part in parts if isinstance(part, (InputText, OutputText)))
    match item.role:
        case "system":
            return System(content=text)
        case "developer":
            return Developer(content=text)
        case "assistant":
            refusal = "".join(part.refusal for part in parts if isinstance(part, Refusal))
            return Assistant(content=text or None, refusal=refusal or None)
        case "user":
            return User(content=_user_content(parts, text))


def _user_content(parts: tuple[ItemPart, ...], text: str) -> str | tuple[Text | Image, ...]:
    if not any(isinstance(part, InputImage) for part in parts):
        return text
    return tuple(
        Image(ImageUrl(part.image_url, part.detail)) if isinstance(part, InputImage) else Text(part.text)
        for part in parts
        if isinstance(part, (InputImage, InputText))
    )
