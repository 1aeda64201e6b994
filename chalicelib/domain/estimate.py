"""How many tokens a request can burn at the most, known before it is sent.

A byte-level tokeniser never makes more than one token of a byte, so the bytes of a text bound its tokens in any
script; some tokenisers see a normalised form of it, which may be longer. What a chat template writes as JSON may be
indented and escaped. Each message, tool and image adds what templates and providers put around it. A target whose
template says more of its own accord than `REQUEST_TOKENS` holds needs instructions in the request instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from unicodedata import normalize

import msgspec

from chalicelib.domain.chat import (
    Assistant,
    ChatRequest,
    Completion,
    Image,
    Message,
    ToolCall,
    ToolResult,
    Usage,
    User,
    text_of,
)

MESSAGE_TOKENS: Final = 16  # role markers and separators of the widest chat template among the targets
REQUEST_TOKENS: Final = 160  # begin and end of the prompt, with what templates and adapters say of their own accord
TOOL_PROMPT_TOKENS: Final = 600  # what a provider adds once to a request with tools
TOOL_TOKENS: Final = 128  # and for each tool, around its name, description and parameters
FORMAT_TOKENS: Final = 256  # how a target is told of the format: in words, or as a tool
CALL_ID_TOKENS: Final = 40  # an id that an adapter makes where the target would refuse the caller's
IMAGE_TOKENS: Final = 6_400  # the dearest image of a target in the catalogue; few targets heed `detail`

_FORMS: Final = ("NFC", "NFKC")  # what tokenisers normalise to: at the most 3 and 11 times the bytes
_LINE_TOKENS: Final = 3  # a new line and its indentation
_LINES: Final = b"{}[],"  # where indented JSON has new lines
_ESCAPED: Final = b"<>&'"  # what JSON that is safe in HTML writes in six characters


def input_bound(request: ChatRequest) -> int:
    """The most input tokens that `request` can be counted as."""
    options = request.options
    called = {call.function.name for message in request.messages for call in _calls(message)}
    extras = sum(json_bound(tool) + TOOL_TOKENS for tool in options.tools)
    extras += sum(json_bound(name) + TOOL_TOKENS for name in called)  # some targets must be shown tools that were used
    if options.tools or called or options.response_format is not None:  # some targets answer in JSON by a tool
        extras += TOOL_PROMPT_TOKENS
    if options.response_format is not None:
        extras += json_bound(options.response_format) + FORMAT_TOKENS
    return REQUEST_TOKENS + extras + sum(message_bound(message) for message in request.messages)


def texts_bound(texts: Sequence[str]) -> int:
    """The most input tokens that `texts` can be counted as where each is embedded."""
    return sum(MESSAGE_TOKENS + text_bound(text) for text in texts)


def message_bound(message: Message) -> int:
    """The most tokens that one message can be counted as."""
    tokens = MESSAGE_TOKENS + text_bound(getattr(message, "name", None) or "")
    text = text_of(message.content)
    match message:
        case ToolResult(tool_call_id=call_id):
            return tokens + json_bound(text) + max(text_bound(call_id), CALL_ID_TOKENS)
        case User():
            tokens += IMAGE_TOKENS * _images(message)
        case Assistant(refusal=refusal):
            tokens += text_bound(refusal or "") + sum(_call_bound(call) for call in _calls(message))
        case _:
            pass
    return tokens + text_bound(text)


def text_bound(text: str) -> int:
    """The most tokens of a text that is written as it is."""
    if text.isascii():
        return len(text)
    return max(len(text.encode()), *(len(normalize(form, text).encode()) for form in _FORMS))


def json_bound(value: object) -> int:
    """The most tokens of a value that is written as JSON."""
    raw = msgspec.json.encode(value)
    text = raw.decode()
    in_ascii = len(text.encode("ascii", "ignore"))
    tokens = text_bound(text) + 2 * (len(raw) - in_ascii) + 5 * sum(map(raw.count, _each(_ESCAPED)))
    if isinstance(value, str):
        return tokens
    return tokens + raw.count(b":") + _LINE_TOKENS * sum(map(raw.count, _each(_LINES)))


def _each(characters: bytes) -> list[bytes]:
    return [bytes((each,)) for each in characters]


def _calls(message: Message) -> tuple[ToolCall, ...]:
    return message.tool_calls or () if isinstance(message, Assistant) else ()


def _call_bound(call: ToolCall) -> int:
    """A call, whose name a template may repeat with its result."""
    return MESSAGE_TOKENS + CALL_ID_TOKENS + json_bound(call) + json_bound(call.function.name)


def counted(request: ChatRequest, completion: Completion) -> Completion:
    """The answer with a usage that its reservation covers: never above the bound, whatever the target states.

    What it does not state is the bound of the input, and of the words that came; where there was reasoning too, whose
    length nobody tells, the cap. Input that is not stated may all have been written to the provider's cache.
    """
    stated = completion.usage
    inputs = covered(stated.input_tokens, input_bound(request))
    answer = Assistant(content=completion.text, refusal=completion.refusal, tool_calls=completion.tool_calls or None)
    said = request.max_output_tokens if completion.reasoning else message_bound(answer)
    outputs = min(stated.output_tokens or said, request.max_output_tokens)
    read = min(stated.cached_input_tokens, inputs)
    usage = Usage(
        input_tokens=inputs,
        output_tokens=outputs,
        cached_input_tokens=read,
        reasoning_tokens=min(stated.reasoning_tokens, outputs),
        cache_write_input_tokens=min(stated.cache_write_input_tokens if stated.input_tokens else inputs, inputs - read),
    )
    return msgspec.structs.replace(completion, usage=usage)


def covered(stated: int, bound: int) -> int:
    """What a target states of a request, within its bound; the bound where it states nothing."""
    return min(stated or bound, bound)


def likely_tokens(message: Message) -> int:
    """About how many tokens a message takes, a little high: what history is trimmed by, never what is charged.

    Common tokenisers make one token of 3.5 to 4.5 ASCII characters of prose, and of one to two characters of CJK.
    """
    named = (getattr(message, name, None) or "" for name in ("name", "refusal", "tool_call_id"))
    called = (msgspec.json.encode(call).decode() for call in _calls(message))
    text = "".join((text_of(message.content), *named, *called))
    in_ascii = len(text.encode("ascii", "ignore"))
    in_bytes = len(text.encode())
    return MESSAGE_TOKENS + IMAGE_TOKENS * _images(message) - (-in_ascii // 3) - ((in_ascii - in_bytes) // 2)


def _images(message: Message) -> int:
    if not isinstance(message, User) or isinstance(message.content, str):
        return 0
    return sum(isinstance(part, Image) for part in message.content)
