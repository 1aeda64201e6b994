"""From a response that was kept to what its caller reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from chalice.app import Response

from chalicelib.domain.chat import JsonFormat, ResponseFormat, SchemaFormat, TextFormat, Tool, ToolChoice, Usage
from chalicelib.domain.conversation import (
    CallItem,
    CallOutputItem,
    InputImage,
    InputText,
    ItemPart,
    MessageItem,
    OutputText,
    Refusal,
)
from chalicelib.domain.responses import ResponseItem, StoredResponse, shown_output
from chalicelib.edge.conversation_wire import Listing
from chalicelib.edge.gateway import JSON, Headers
from chalicelib.edge.headers import head_headers, limit_headers
from chalicelib.edge.responses_wire import (
    CallBody,
    ChoiceBody,
    ConversationName,
    DeletedResponse,
    Details,
    FunctionBody,
    ImageIn,
    InputDetails,
    ItemBody,
    MessageBody,
    PartBody,
    ReasoningBody,
    ReasoningDetails,
    RefusalOut,
    ResponseOut,
    ResponseUsage,
    ResultBody,
    SchemaBody,
    TextBody,
    TextIn,
    TextOut,
    Thought,
    ThoughtBody,
)
from chalicelib.pipeline.responses import Answered, Queued


def response_body(response: StoredResponse) -> ResponseOut:
    """A response as it is told."""
    asked, options = response.asked, response.asked.options
    return ResponseOut(
        id=response.id,
        created_at=response.created_at,
        status=response.status,
        background=asked.background,
        completed_at=response.completed_at,
        conversation=ConversationName(asked.conversation) if asked.conversation else None,
        error=response.failure,
        incomplete_details=Details(response.reason) if response.status == "incomplete" else None,
        instructions=asked.instructions,
        max_output_tokens=asked.max_output_tokens,
        metadata=asked.metadata,
        model=response.model,
        output=tuple(item_body(item) for item in shown_output(response)),
        parallel_tool_calls=options.parallel_tool_calls is not False,
        previous_response_id=asked.previous,
        prompt_cache_key=asked.prompt_cache_key,
        reasoning=ReasoningBody(options.reasoning_effort),
        safety_identifier=asked.safety_identifier,
        store=asked.store,
        temperature=options.temperature,
        text=TextBody(_format(options.response_format)),
        tool_choice=_choice(options.tool_choice),
        tools=tuple(_tool(tool) for tool in options.tools),
        top_p=options.top_p,
        truncation=asked.truncation,
        usage=_usage(response.usage) if response.usage else None,
        user=options.user,
    )


def item_body(item: ResponseItem) -> ItemBody:
    """An item, which has its id and status by now."""
    known, status = item.id or "", item.status or "completed"
    match item:
        case MessageItem(role=role, content=content):
            return MessageBody(known, status, role, _parts(role, content))
        case CallItem():
            return CallBody(known, status, item.call_id, item.name, item.arguments)
        case CallOutputItem(output=output):
            told = output if isinstance(output, str) else tuple(TextIn(part.text) for part in output)
            return ResultBody(known, status, item.call_id, told)
        case _:
            return ThoughtBody(known, status, (Thought(item.text),) if item.text else ())


def whole(made: Answered | Queued) -> Response:
    """The response in one piece, with what its turn tells in headers, or how to ask for it."""
    if isinstance(made, Queued):
        answer = _json(response_body(made.response), queued_headers(made))
        answer.status_code = 200 if made.wanted else 202
        return answer
    return _json(response_body(made.response), head_headers(made.head))


def queued_headers(queued: Queued) -> Headers:
    """Where to ask for a response that waits, and when."""
    return {
        "Location": f"/v1/responses/{queued.response.id}",
        "Retry-After": str(max(1, queued.waiting.eta_seconds)),
        "x-tidegate-job": queued.waiting.job.id,
        "x-tidegate-cache": "miss",
        **limit_headers(queued.waiting.limits),
    }


def retrieved(response: StoredResponse) -> Response:
    """A response that was kept."""
    return _json(response_body(response), {})


def deleted(response_id: str) -> Response:
    """The word that a response is gone."""
    return _json(DeletedResponse(id=response_id), {})


def items_response(found: tuple[Sequence[ResponseItem], bool]) -> Response:
    """A page of what came in."""
    page, more = found
    ids = [item.id for item in page]
    first, last = (ids[0], ids[-1]) if ids else (None, None)
    data = [item_body(item) for item in page]
    return _json(Listing(data=data, first_id=first, last_id=last, has_more=more), {})


def _json(value: object, headers: Mapping[str, str | list[str]]) -> Response:
    return Response(msgspec.json.encode(value).decode(), {"Content-Type": JSON, **headers})


def _parts(role: str, content: str | tuple[ItemPart, ...]) -> tuple[PartBody, ...]:
    if isinstance(content, str):
        return (TextOut(content) if role == "assistant" else TextIn(content),)
    return tuple(_part(part) for part in content)


def _part(part: ItemPart) -> PartBody:
    match part:
        case OutputText(text=text):
            return TextOut(text)
        case Refusal(refusal=words):
            return RefusalOut(words)
        case InputText(text=text):
            return TextIn(text)
        case InputImage(image_url=url, detail=detail):
            return ImageIn(url, detail)


def _tool(tool: Tool) -> FunctionBody:
    spec = tool.function
    return FunctionBody(spec.name, spec.description, spec.parameters, spec.strict)


def _choice(choice: str | ToolChoice | None) -> str | ChoiceBody:
    return ChoiceBody(choice.function.name) if isinstance(choice, ToolChoice) else choice or "auto"


def _format(wanted: ResponseFormat | None) -> TextFormat | JsonFormat | SchemaBody:
    if isinstance(wanted, SchemaFormat):
        form = wanted.json_schema
        return SchemaBody(form.name, form.schema or {}, form.description, form.strict)
    return wanted or TextFormat()


def _usage(usage: Usage) -> ResponseUsage:
    return ResponseUsage(
        input_tokens=usage.input_tokens,
        input_tokens_details=InputDetails(usage.cached_input_tokens, usage.cache_write_input_tokens),
        output_tokens=usage.output_tokens,
        output_tokens_details=ReasoningDetails(usage.reasoning_tokens),
        total_tokens=usage.input_tokens + usage.output_tokens,
    )
