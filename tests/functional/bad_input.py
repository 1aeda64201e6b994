"""Bad input, one row for each: what is sent, and what the answer names. Rows are whole bodies as text or bytes."""

import json
from typing import NamedTuple

CHAT = "/v1/chat/completions"
EMBED = "/v1/embeddings"
CONVERSATIONS = "/v1/conversations"
ITEMS = "/v1/conversations/{own}/items"
USER = {"role": "user", "content": "Hi"}
GOOD = {
    CHAT: {"model": "nova-lite", "messages": [USER]},
    EMBED: {"model": "wordllama-256", "input": "tide"},
    CONVERSATIONS: {},
    ITEMS: {"items": [USER]},
}
LONG_NAME = "x" * 100_000
HUGE = 10**30
MEGABYTES = 10 * 1024 * 1024


class Row(NamedTuple):
    name: str
    path: str
    body: str | bytes
    status: int = 400
    param: str | None = None
    code: str = "invalid_value"


def changed(path, **fields):
    return json.dumps({**GOOD[path], **fields})


def without(path, name):
    return json.dumps({key: value for key, value in GOOD[path].items() if key != name})


def a_tool(parameters):
    return {"type": "function", "function": {"name": "f", "parameters": parameters}}


def a_choice(name):
    return {"type": "function", "function": {"name": name}}


def raw(path, extra):
    """A good body with one more field, which is text that need not be JSON."""
    return json.dumps(GOOD[path])[:-1] + (", " if GOOD[path] else "") + extra + "}"


def nested(depth, opening, closing):
    return opening * depth + "1" + closing * depth


BAD_IMAGES = [
    "",
    "x",
    "https://",
    "https:///etc/passwd",
    "http://169.254.169.254/latest/meta-data/",
    "file:///etc/passwd",
    "gopher://x.test/",
    "ftp://x.test/a.png",
    "javascript:alert(1)",
    "data:text/plain;base64,QQ==",
    " https://x.test/",
    "x\nhttps://x.test/",
]

WHOLE = [
    ("empty", "", "invalid_json"),
    ("spaces", "  \n ", "invalid_json"),
    ("not JSON", "model=nova-lite", "invalid_json"),
    ("cut", '{"model": "nova-lite", "messages": [', None),
    ("two values", "{} {}", None),
    ("comment", "{/* */}", "invalid_json"),
    ("single quotes", "{'model': 'nova-lite'}", "invalid_json"),
    ("BOM", "\ufeff{}", "invalid_json"),
    ("UTF-16", json.dumps(GOOD[CHAT]).encode("utf-16"), "invalid_json"),
    ("UTF-32", json.dumps(GOOD[CHAT]).encode("utf-32"), "invalid_json"),
    ("not UTF-8", b'{"model": "\xff\xfe"}', None),
    ("overlong UTF-8", b'{"model": "\xc0\xaf"}', None),
    ("NUL", "\x00", "invalid_json"),
    ("NUL behind", "{}\x00", None),
    ("lone surrogate", '{"model": "\\ud800", "items": "\\ud800", "input": "\\ud800"}', None),
    ("raw surrogate", b'{"model": "\xed\xa0\x80"}', None),
    ("list", "[]", "invalid_value"),
    ("list of good bodies", json.dumps([GOOD[CHAT]]), "invalid_value"),
    ("null", "null", "invalid_value"),
    ("number", "1", "invalid_value"),
    ("string", '"Hi"', "invalid_value"),
    ("NaN", '{"model": NaN}', None),
    ("deep array", nested(100_000, "[", "]"), None),
    ("deep object", nested(100_000, '{"a":', "}"), None),
    ("deep array, not closed", "[" * 100_000, None),
]

WRONG_TYPES = {
    "model": [None, 1, [], {}, "", "x" * 257],
    "messages": [None, 1, "Hi", {}, [], [None], ["Hi"], [[]], [{}], [1]],
    "stream": [1, "true", []],
    "stream_options": [True, [], {"include_usage": 1}],
    "max_tokens": [0, -1, 1.5, "7", True, [], HUGE, -HUGE],
    "max_completion_tokens": [0, -1, 1.5, "7", True],
    "temperature": [-0.1, 2.1, "hot", True, []],
    "top_p": [-0.1, 1.1, "x"],
    "n": [0, 2, "1", 1.5],
    "stop": [1, [1], "", [""], ["a"] * 5, {}],
    "seed": [1.5, "7", [], True],
    "presence_penalty": [-2.1, 2.1, "x"],
    "frequency_penalty": [-2.1, 2.1, "x"],
    "logit_bias": [1, [], {"1": "x"}, {"1": 101}],
    "logprobs": [True, 1],
    "response_format": ["json", {}, {"type": "xml"}, {"type": "json_schema"}],
    "tools": [1, {}, [1], [{}], [{"type": "code"}], [{"type": "function"}], [a_tool([])] * 1, [a_tool({})] * 129],
    "tool_choice": ["maybe", 1, {}, {"type": "function"}],
    "parallel_tool_calls": ["yes", 1],
    "reasoning_effort": ["extreme", 1],
    "modalities": ["text", ["audio"], [1]],
    "store": [True, "no"],
    "metadata": [1, [], {"a": 1}],
    "service_tier": ["priority", 1],
    "user": [1, [], {}],
    "safety_identifier": [1],
    "prompt_cache_key": [1],
    "conversation": [1, "", {}, "x" * 65],
    "cache": [True, "no", [], {"ttl": "x"}, {"no-cache": 1}, {"no-store": "yes"}],
}

BAD_MESSAGES = [
    ({"content": "Hi"}, "messages[0].role"),
    ({"role": "wizard", "content": "Hi"}, "messages[0].role"),
    ({"role": None, "content": "Hi"}, "messages[0].role"),
    ({"role": "user"}, "messages[0].content"),
    ({"role": "user", "content": None}, "messages[0].content"),
    ({"role": "user", "content": 1}, "messages[0].content"),
    ({"role": "user", "content": [{"type": "video"}]}, "messages[0].content[0].type"),
    ({"role": "user", "content": [{"type": "text"}]}, "messages[0].content[0].text"),
    ({"role": "user", "content": [{"type": "text", "text": 1}]}, "messages[0].content[0].text"),
    ({"role": "user", "content": [{"type": "image_url"}]}, "messages[0].content[0].image_url"),
    ({"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}, "messages[0].content[0].image_url"),
    ({"role": "system", "content": [{"type": "image_url"}]}, "messages[0].content[0].type"),
    ({"role": "tool", "content": "1"}, "messages[0].tool_call_id"),
    ({"role": "assistant", "content": 1}, "messages[0].content"),
    ({"role": "assistant", "tool_calls": [{}]}, "messages[0].tool_calls[0].id"),
    ({"role": "assistant", "tool_calls": 1}, "messages[0].tool_calls"),
]

UNKNOWN_FIELDS = [
    (CHAT, {"colour": "red"}, "colour"),
    (CHAT, {"Model": "x"}, "Model"),
    (CHAT, {"messages": [{**USER, "colour": 1}]}, "messages[0].colour"),
    (CHAT, {"messages": [USER, {**USER, "colour": 1}]}, "messages[1].colour"),
    (
        CHAT,
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi", "colour": 1}]}]},
        "messages[0].content[0].colour",
    ),
    (
        CHAT,
        {
            "messages": [
                {
                    "role": "user",
                    "content": [{"type": "image_url", "image_url": {"url": "https://x.test/", "colour": 1}}],
                }
            ]
        },
        "messages[0].content[0].image_url.colour",
    ),
    (CHAT, {"tools": [{**a_tool({}), "colour": 1}]}, "tools[0].colour"),
    (CHAT, {"tools": [{"type": "function", "function": {"name": "f", "colour": 1}}]}, "tools[0].function.colour"),
    (CHAT, {"tool_choice": {"type": "function", "colour": 1}, "tools": [a_tool({})]}, "tool_choice.colour"),
    (CHAT, {"stream": True, "stream_options": {"colour": 1}}, "stream_options.colour"),
    (CHAT, {"response_format": {"type": "text", "colour": 1}}, "response_format.colour"),
    (CHAT, {"cache": {"colour": 1}}, "cache.colour"),
    (CHAT, {"cache": {"no_cache": True}}, "cache.no_cache"),
    (EMBED, {"colour": "red"}, "colour"),
    (CONVERSATIONS, {"colour": "red"}, "colour"),
    (CONVERSATIONS, {"items": [{**USER, "colour": 1}]}, "items[0].colour"),
    (ITEMS, {"colour": "red"}, "colour"),
    (ITEMS, {"items": [{**USER, "colour": 1}]}, "items[0].colour"),
    (
        ITEMS,
        {"items": [{"role": "user", "content": [{"type": "input_text", "text": "Hi", "colour": 1}]}]},
        "items[0].content[0].colour",
    ),
]

NAMES = ["", "a b", "x" * 65, "naïve", "f\n", "a.b", "f\x00"]

CONTRADICTIONS = [
    ({"tools": [a_tool({}), a_tool({})]}, "tools[1].function.name"),
    ({"tools": [a_tool({})], "tool_choice": a_choice("g")}, "tool_choice.function.name"),
    ({"messages": [{"role": "user", "content": []}]}, "messages[0].content"),
    ({"seed": 2**63}, "seed"),
    ({"seed": -(2**63) - 1}, "seed"),
    *(({"tools": [{"type": "function", "function": {"name": name}}]}, "tools[0].function.name") for name in NAMES),
    *(({"tools": [a_tool({})], "tool_choice": a_choice(name)}, "tool_choice.function.name") for name in NAMES),
    *(
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": name}}},
            "response_format.json_schema.name",
        )
        for name in NAMES
    ),
    ({"max_tokens": 5, "max_completion_tokens": 5}, "max_tokens"),
    ({"stream_options": {"include_usage": True}}, "stream_options"),
    ({"tool_choice": "auto"}, "tool_choice"),
    ({"max_tokens": 10**6}, "max_tokens"),
    ({"max_completion_tokens": 10**6}, "max_tokens"),
]

NUMBERS = [
    ("temperature NaN", CHAT, '"temperature": NaN', "invalid_json"),
    ("temperature Infinity", CHAT, '"temperature": Infinity', "invalid_json"),
    ("temperature -Infinity", CHAT, '"temperature": -Infinity', "invalid_json"),
    ("temperature 1e999", CHAT, '"temperature": 1e999', "invalid_value"),
    ("seed 5,000 digits", CHAT, '"seed": ' + "9" * 5_000, "invalid_value"),
    ("max_tokens 5,000 digits", CHAT, '"max_tokens": ' + "9" * 5_000, "invalid_value"),
    ("1e999 in a tool", CHAT, '"tools": [' + json.dumps(a_tool({"maximum": 7})).replace("7", "1e999") + "]", None),
    ("NaN in a tool", CHAT, '"tools": [' + json.dumps(a_tool({"maximum": 7})).replace("7", "NaN") + "]", None),
    ("dimensions 1e999", EMBED, '"dimensions": 1e999', None),
    ("leading zero", CHAT, '"seed": 07', "invalid_json"),
    ("hexadecimal", CHAT, '"seed": 0x7', "invalid_json"),
]

DEEP = [
    (f"{kind} in {where}, {depth} deep", path, frame.replace("@", nested(depth, *brackets)))
    for kind, brackets in {"array": ("[", "]"), "object": ('{"a":', "}")}.items()
    for depth in (120, 960, 100_000)
    for where, path, frame in [
        ("a tool", CHAT, raw(CHAT, '"tools": [' + json.dumps(a_tool({"a": 7})).replace("7", "@") + "]")),
        (
            "a schema",
            CHAT,
            raw(
                CHAT,
                '"response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": {"a": @}}}',
            ),
        ),
        ("an annotation", CHAT, changed(CHAT, messages=[{"role": "assistant", "annotations": [7]}]).replace("7", "@")),
        ("an item", ITEMS, '{"items": [{"role": "user", "content": "Hi", "x": @}]}'),
        (
            "an item's annotation",
            ITEMS,
            '{"items": [{"role": "assistant", "content": [{"type": "output_text", "text": "", "annotations": [@]}]}]}',
        ),
    ]
]

OTHERS = [
    Row("no model", CHAT, without(CHAT, "model"), param="model", code="missing_required_parameter"),
    Row("no messages", CHAT, without(CHAT, "messages"), param="messages", code="missing_required_parameter"),
    Row("no input", EMBED, without(EMBED, "input"), param="input", code="missing_required_parameter"),
    Row("no items", ITEMS, "{}", param="items", code="missing_required_parameter"),
    Row("unknown model", CHAT, changed(CHAT, model="gpt-7"), 404, "model", "model_not_found"),
    Row("model with NUL", CHAT, changed(CHAT, model="nova\x00lite"), 404, "model", "model_not_found"),
    Row("unknown embedder", EMBED, changed(EMBED, model="gpt-7"), 404, "model", "model_not_found"),
    Row("unknown conversation", CHAT, changed(CHAT, conversation="conv_0"), 404, "conversation", "not_found"),
    Row("conversation with NUL", CHAT, changed(CHAT, conversation="\x00"), 404, "conversation", "not_found"),
    Row("items of an unknown conversation", "/v1/conversations/conv_0/items", changed(ITEMS), 404, None, "not_found"),
    Row("a context that is too long", CHAT, changed(CHAT, messages=[{**USER, "content": "word " * 400_000}]), 400,
        "messages", "context_length_exceeded"),
    Row("10 MB", CHAT, changed(CHAT, user="x" * MEGABYTES), 413, None, "payload_too_large"),
    Row("10 MB of nothing", CHAT, " " * MEGABYTES, 413, None, "payload_too_large"),
    Row("too many messages", CHAT, changed(CHAT, messages=[USER] * 2049), param="messages"),
    Row("a very long unknown field", CHAT, changed(CHAT, **{LONG_NAME: 1}), param="x" * 200, code="unknown_parameter"),
    Row("a very long role", CHAT, changed(CHAT, messages=[{"role": LONG_NAME}]), param="messages[0].role"),
    Row("embed nothing", EMBED, changed(EMBED, input=[]), param="input"),
    Row("embed an empty text", EMBED, changed(EMBED, input=""), param="input"),
    Row("embed tokens", EMBED, changed(EMBED, input=[1, 2, 3]), param="input[0]"),
    Row("embed null", EMBED, changed(EMBED, input=None), param="input"),
    Row("embed in bits", EMBED, changed(EMBED, encoding_format="bits"), param="encoding_format"),
    Row("no dimension", EMBED, changed(EMBED, dimensions=0), param="dimensions"),
    Row("too many dimensions", EMBED, changed(EMBED, dimensions=HUGE), param="dimensions"),
    Row("metadata of numbers", CONVERSATIONS, '{"metadata": {"a": 1}}', param="metadata[...]"),
    Row("metadata with a long value", CONVERSATIONS, json.dumps({"metadata": {"a": "x" * 513}}), param="metadata[...]"),
    Row("metadata with a long key", CONVERSATIONS, json.dumps({"metadata": {"a" * 65: "x"}}), param="metadata"),
    Row("too much metadata", CONVERSATIONS, json.dumps({"metadata": {str(n): "x" for n in range(17)}}),
        param="metadata"),
    Row("too many items", ITEMS, json.dumps({"items": [USER] * 21}), param="items"),
    Row("no item", ITEMS, '{"items": []}', param="items"),
    Row("an item of nothing", ITEMS, '{"items": [{}]}', param="items[0].type", code="missing_required_parameter"),
    Row("an item of another kind", ITEMS, '{"items": [{"type": "reasoning"}]}', param="items[0].type"),
    Row("an item that is text", ITEMS, '{"items": ["Hi"]}', param="items[0]"),
]  # fmt: skip


def _shown(url):
    part = {"type": "image_url", "image_url": {"url": url}}
    item = {"role": "user", "content": [{"type": "input_image", "image_url": url}]}
    yield CHAT, changed(CHAT, messages=[{"role": "user", "content": [part]}]), "messages[0].content[0].image_url.url"
    yield ITEMS, changed(ITEMS, items=[item]), "items[0].content[0].image_url"
    yield CONVERSATIONS, changed(CONVERSATIONS, items=[item]), "items[0].content[0].image_url"


def _typed():
    for name, values in WRONG_TYPES.items():
        for value in values:
            yield Row(f"{name} {value!r:.30}", CHAT, changed(CHAT, **{name: value}), param=name, code=None)


ROWS = [
    *OTHERS,
    *(Row(f"{name} to {path}", path, body, 0, code=code) for path in GOOD for name, body, code in WHOLE),
    *_typed(),
    *(
        Row(f"message {param} {message}"[:80], CHAT, changed(CHAT, messages=[message]), param=param, code=None)
        for message, param in BAD_MESSAGES
    ),
    *(
        Row(f"unknown {param} to {path}", path, changed(path, **fields), param=param, code="unknown_parameter")
        for path, fields, param in UNKNOWN_FIELDS
    ),
    *(Row(f"contradiction {fields}", CHAT, changed(CHAT, **fields), param=param) for fields, param in CONTRADICTIONS),
    *(
        Row(f"image at {url!r} to {path}", path, body, param=param)
        for url in BAD_IMAGES
        for path, body, param in _shown(url)
    ),
    *(Row(name, path, raw(path, extra), code=code) for name, path, extra, code in NUMBERS),
    *(Row(name, path, body, 0, code=None) for name, path, body in DEEP),
]
