"""A target that burns all that it may: each byte that it is sent is a token, and it talks until it is cut."""

import json
import re
from contextlib import suppress
from unicodedata import normalize

from chalicelib.adapters.models.bedrock_request import Manner, converse_request
from chalicelib.adapters.models.bedrock_traits import Traits
from chalicelib.adapters.models.openai_wire import encode
from chalicelib.domain.chat import Delta, Usage
from chalicelib.domain.errors import ModelRejected
from chalicelib.domain.transcript import Transcript
from chalicelib.ports import Embedded

AROUND_A_PROMPT = 100  # gpt-oss: a system message of its own
AROUND_A_MESSAGE = 14  # Qwen 2.5: a tool's result
AROUND_A_CALL = 14  # gpt-oss: a tool's call
TOOL_PROMPT = 530  # Claude 3 Opus: its instructions for tools
IMAGE = 4_784  # Claude Opus 4.7: the largest image
MANNERS = tuple(Manner(traits=Traits("adaptive", each)) for each in ("words", "tool", "native"))
FORMS = ("NFC", "NFKC")  # Qwen's normaliser, and that of SentencePiece


def as_text(text):
    """A text, in the longest form that a tokeniser sees."""
    return max(len(form.encode()) for form in (text, *(normalize(form, text) for form in FORMS)))


def as_json(value):
    """A value as templates write it: spaced, indented (an indentation is one token), or escaped as Jinja does."""
    indented = re.sub(r"\n *", "\n" * 2, json.dumps(value, indent=4, ensure_ascii=False))
    spaced, escaped = json.dumps(value, ensure_ascii=False), json.dumps(value)
    for each in "<>&'":
        escaped = escaped.replace(each, f"\\u{ord(each):04x}")
    return max(as_text(indented), as_text(spaced), len(escaped))


class Burner:
    def __init__(self):
        self.burned = []
        self.requests = []

    def complete(self, request, patience=None):
        transcript = Transcript()
        for delta in self.stream(request, patience):
            transcript.add(delta)
        return transcript.completion()

    def stream(self, request, patience=None):
        self.requests.append(request)
        prompts = [_of_openai(request)]
        for manner in MANNERS:
            with suppress(ModelRejected):  # what no model is sent burns nothing
                prompts.append(_of_bedrock(request, manner))
        inputs, caps = zip(*prompts, strict=True)
        self.burned.append(Usage(max(inputs), max(caps), cache_write_input_tokens=max(inputs) // 2))
        yield Delta(text="tide")
        yield Delta(finish_reason="length", usage=self.burned[-1])

    def embed(self, texts, dimensions, patience=None):
        self.burned.append(Usage(sum(AROUND_A_MESSAGE + as_text(text) for text in texts)))
        return Embedded((b"\0\0\0\0",) * len(texts), self.burned[-1].input_tokens)


def _of_openai(request):
    """What the template of an open model makes of the body."""
    body = json.loads(encode(request, model="", cap="max_tokens", stream=True))
    tokens = AROUND_A_PROMPT + sum(map(_message, body["messages"]))
    tokens += sum(map(as_json, body.get("tools", ())))
    if "tools" in body:
        tokens += TOOL_PROMPT + as_json(_chosen(body.get("tool_choice")))
    if "response_format" in body:
        tokens += as_json(body["response_format"])
    return tokens, body["max_tokens"]


def _message(message):
    content = message.get("content") or ""
    parts = [{"text": content}] if isinstance(content, str) else content
    tokens = AROUND_A_MESSAGE + sum(IMAGE for part in parts if "image_url" in part)
    text = "".join(part.get("text", "") for part in parts)
    tokens += as_json(text) if message["role"] == "tool" else as_text(text)
    tokens += sum(as_text(message.get(name) or "") for name in ("name", "refusal", "tool_call_id"))
    return tokens + sum(AROUND_A_CALL + as_json(call) for call in message.get("tool_calls") or ())


def _chosen(choice):
    return choice["function"]["name"] if isinstance(choice, dict) else choice or ""


def _of_bedrock(request, manner):
    """What a provider makes of Converse."""
    sent = converse_request(request, manner)
    tokens = AROUND_A_PROMPT + sum(AROUND_A_MESSAGE + as_text(block["text"]) for block in sent.get("system", ()))
    tokens += sum(_block(block) for turn in sent["messages"] for block in turn["content"])
    if "toolConfig" in sent:
        tokens += TOOL_PROMPT + sum(map(as_json, sent["toolConfig"]["tools"]))
    if "textFormat" in sent.get("outputConfig", {}):
        tokens += TOOL_PROMPT + as_json(sent["outputConfig"])
    return tokens, sent["inferenceConfig"]["maxTokens"]


def _block(block):
    match block:
        case {"text": text}:
            return AROUND_A_MESSAGE + as_text(text)
        case {"image": _}:
            return AROUND_A_MESSAGE + IMAGE
        case {"toolResult": {"toolUseId": call_id, "content": [{"text": text}]}}:
            return AROUND_A_MESSAGE + as_text(call_id) + as_json(text)
        case {"toolUse": used}:
            return AROUND_A_CALL + as_json(used)
    raise AssertionError(block)
