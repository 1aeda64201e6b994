"""How many tokens a request can burn at the most, known before it is sent.

A byte-level tokeniser never makes more than one token of a byte, so the bytes of the text bound its tokens in any
script. Each message, tool and image adds what a chat template may put around it.
"""

from __future__ import annotations

from typing import Final

import msgspec

from chalicelib.domain.chat import Assistant, ChatRequest, Completion, Image, Message, ToolResult, Usage, User, text_of

MESSAGE_TOKENS: Final = 8  # role markers and separators of the widest chat template among the targets
REQUEST_TOKENS: Final = 16  # begin and end of the whole prompt
TOOL_PROMPT_TOKENS: Final = 600  # what a provider adds once to a request that offers tools
IMAGE_TOKENS: Final = {"low": 300, "auto": 6_400, "high": 6_400}  # the dearest tiling that a target documents


def input_bound(request: ChatRequest) -> int:
    """The most input tokens that `request` can be counted as."""
    options = request.options
    extras = sum(len(msgspec.json.encode(tool)) for tool in options.tools)
    if options.tools:
        extras += TOOL_PROMPT_TOKENS
    if options.response_format is not None:
        extras += len(msgspec.json.encode(options.response_format)) + MESSAGE_TOKENS
    return REQUEST_TOKENS + extras + sum(message_bound(message) for message in request.messages)


def message_bound(message: Message) -> int:
    """The most tokens that one message can be counted as."""
    tokens = MESSAGE_TOKENS + len(text_of(message.content).encode())
    match message:
        case User(content=tuple() as parts):
            tokens += sum(IMAGE_TOKENS[part.image_url.detail] for part in parts if isinstance(part, Image))
        case Assistant(tool_calls=calls, refusal=refusal):
            tokens += sum(len(msgspec.json.encode(call)) + MESSAGE_TOKENS for call in calls or ())
            tokens += len((refusal or "").encode())
        case ToolResult(tool_call_id=call_id):
            tokens += len(call_id.encode())
        case _:
            pass
    return tokens + (len(name.encode()) if (name := getattr(message, "name", None)) else 0)


def counted(request: ChatRequest, completion: Completion) -> Completion:
    """The answer with a usage that its reservation covers: never above the bound, whatever the target states.

    Where it states none, the words that came are counted as the input is.
    """
    stated = completion.usage
    inputs, outputs = input_bound(request), request.max_output_tokens
    if not stated.input_tokens and not stated.output_tokens:
        answer = Assistant(
            content=completion.text, refusal=completion.refusal, tool_calls=completion.tool_calls or None
        )
        usage = Usage(input_tokens=inputs, output_tokens=min(message_bound(answer), outputs))
    else:
        usage = Usage(
            input_tokens=min(stated.input_tokens, inputs),
            output_tokens=min(stated.output_tokens, outputs),
            cached_input_tokens=min(stated.cached_input_tokens, stated.input_tokens, inputs),
            reasoning_tokens=min(stated.reasoning_tokens, stated.output_tokens, outputs),
        )
    return msgspec.structs.replace(completion, usage=usage)


def likely_tokens(message: Message) -> int:
    """About how many tokens a message takes, a little high: what history is trimmed by, never what is charged.

    Common tokenisers make one token of 3.5 to 4.5 ASCII characters of prose, and of one to two characters of CJK.
    """
    bound = message_bound(message)
    text = text_of(message.content)
    in_ascii = len(text.encode("ascii", "ignore"))
    in_bytes = len(text.encode())
    return bound - in_bytes + -(-in_ascii // 3) + -(-(in_bytes - in_ascii) // 2)
