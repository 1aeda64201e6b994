"""What a request for a response asks of the pipeline."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from chalicelib.domain.chat import (
    ChatRequest,
    ChosenFunction,
    FunctionSpec,
    JsonSchema,
    Options,
    ResponseFormat,
    SchemaFormat,
    System,
    TextFormat,
    Tool,
    ToolChoice,
)
from chalicelib.domain.conversation import CallItem, CallOutputItem, InputText, MessageItem
from chalicelib.domain.errors import BadRequest, PayloadTooLarge
from chalicelib.domain.items import messages_of
from chalicelib.domain.responses import Asked, ReasoningItem, ResponseItem
from chalicelib.domain.turn import Ask, Prefer
from chalicelib.edge.call import Call, convert
from chalicelib.edge.chat_request import cache_control
from chalicelib.edge.prefer import prefer_of
from chalicelib.edge.responses_body import (
    CallInput,
    CancelBody,
    ConversationRef,
    FunctionChoice,
    FunctionTool,
    InputItem,
    Inputs,
    MessageInput,
    NamedFormat,
    ResponseBody,
    ResultInput,
    TextConfig,
    ThoughtInput,
)
from chalicelib.pipeline.responses import Wish

BEFORE_ALL: Final = -1
MOST_ECHOED: Final = 1_000_000  # bytes of what an answer tells again, which a stream does three times
_NUMBER: Final = re.compile("[0-9]{1,9}")


def read(call: Call) -> tuple[ResponseBody, Wish]:
    """The body, and what it asks of the pipeline."""
    body = call.body(ResponseBody)
    return body, wish_of(call, body)


def wish_of(call: Call, body: ResponseBody) -> Wish:
    """What the pipeline is asked; `BadRequest` where fields contradict each other."""
    _check(body)
    items = _items(body.input)
    said = messages_of(tuple(item for item in items if not isinstance(item, ReasoningItem)))
    if not said:
        raise BadRequest("'input' holds nothing that a model could answer.", param="input")
    asked = _asked(body)
    instructions = (System(content=body.instructions),) if body.instructions else ()
    request = ChatRequest(body.model, (*instructions, *said), body.max_output_tokens or 0, asked.options)
    ask = Ask(
        call.credential,
        request,
        call.turn_id,
        call.now,
        conversation=asked.conversation,
        cache=body.cache or cache_control(call.header("cache-control")),
        request_id=call.request_id,
        prefer=Prefer(respond_async=True) if asked.background else prefer_of(call.header("prefer")),
        left=call.left,
        until=call.until,
    )
    return Wish(ask, asked, items)


def streams(call: Call) -> bool:
    """Whether a response is to be told from its beginning on; `BadRequest` for what is neither yes nor no."""
    wanted = call.query_or("stream", "false")
    if wanted not in {"true", "false"}:
        raise BadRequest("'stream' is 'true' or 'false'.", param="stream")
    return wanted == "true"


def starting_after(call: Call) -> int:
    """The number of the last event that the caller has; below all numbers where it has none."""
    given = call.query("starting_after")
    if given is None:
        return BEFORE_ALL
    if _NUMBER.fullmatch(given) is None:
        raise BadRequest("'starting_after' is the number of an event.", param="starting_after")
    return int(given)


def nothing(call: Call) -> None:
    """Read a body that has nothing to say, where there is one."""
    if call.has_body:
        call.body(CancelBody)


def _check(body: ResponseBody) -> None:
    """`BadRequest` where fields contradict each other."""
    if body.stream_options is not None and not body.streamed:
        raise BadRequest("'stream_options' is only allowed with 'stream': true.", param="stream_options")
    if body.conversation is not None and body.previous_response_id is not None:
        raise BadRequest("Set 'conversation' or 'previous_response_id', not both.", param="previous_response_id")
    if body.background and body.store is False:
        raise BadRequest("A response in the background must be stored.", param="background")
    _check_tools(body, [tool.name for tool in body.tools or ()])


def _check_tools(body: ResponseBody, names: Sequence[str]) -> None:
    """`BadRequest` where a name stands for two tools, or for none."""
    twice = next((place for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        raise BadRequest(f"Two tools have the name '{names[twice]}'.", param=f"tools[{twice}].name")
    if isinstance(body.tool_choice, FunctionChoice) and body.tool_choice.name not in names:
        raise BadRequest(f"No tool on offer has the name '{body.tool_choice.name}'.", param="tool_choice.name")
    if body.tool_choice == "required" and not names:
        raise BadRequest("'tool_choice' is 'required', and there are no 'tools'.", param="tool_choice")


def _asked(body: ResponseBody) -> Asked:
    conversation = body.conversation
    asked = Asked(
        options=_options(body),
        instructions=body.instructions,
        max_output_tokens=body.max_output_tokens,
        metadata=body.metadata or {},
        previous=body.previous_response_id,
        conversation=conversation.id if isinstance(conversation, ConversationRef) else conversation,
        truncation=body.truncation or "disabled",
        store=body.store is not False,
        background=body.background is True,
        safety_identifier=body.safety_identifier,
        prompt_cache_key=body.prompt_cache_key,
    )
    if len(msgspec.json.encode(asked)) > MOST_ECHOED:
        raise PayloadTooLarge(f"Instructions, tools and the other settings are larger than {MOST_ECHOED} bytes.")
    return asked


def _options(body: ResponseBody) -> Options:
    choice = body.tool_choice if body.tools else None
    return Options(
        temperature=body.temperature,
        top_p=body.top_p,
        response_format=_format(body.text),
        tools=tuple(_tool(tool) for tool in body.tools or ()),
        tool_choice=ToolChoice(ChosenFunction(choice.name)) if isinstance(choice, FunctionChoice) else choice,
        parallel_tool_calls=body.parallel_tool_calls if body.tools else None,
        reasoning_effort=body.reasoning.effort if body.reasoning else None,
        user=body.user,
    )


def _tool(tool: FunctionTool) -> Tool:
    return Tool(FunctionSpec(tool.name, tool.description, tool.parameters, tool.strict))


def _format(text: TextConfig | None) -> ResponseFormat | None:
    wanted = text.format if text else None
    if isinstance(wanted, NamedFormat):
        return SchemaFormat(JsonSchema(wanted.name, wanted.schema, wanted.description, wanted.strict))
    return None if isinstance(wanted, TextFormat) else wanted


def _items(given: str | Sequence[dict[str, Any]]) -> tuple[ResponseItem, ...]:
    """Items in their closed types; a message may leave its `type` out."""
    if isinstance(given, str):
        return (MessageItem(role="user", content=(InputText(given),)),)
    typed = [{"type": "message", **item} if "role" in item else item for item in given]
    return tuple(_item(item) for item in convert({"input": typed}, Inputs).input)


def _item(item: InputItem) -> ResponseItem:
    match item:
        case MessageInput():
            return MessageItem(role=item.role, content=item.content)
        case CallInput():
            return CallItem(call_id=item.call_id, name=item.name, arguments=item.arguments)
        case ResultInput():
            return CallOutputItem(call_id=item.call_id, output=item.output)
        case ThoughtInput():
            return ReasoningItem("".join(part.text for part in item.content or item.summary))
