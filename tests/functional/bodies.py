"""Any request that the API takes: Hypothesis over each field that a model is told of, and each cap on its answer."""

from hypothesis import strategies as st

MOST_TOKENS = 1_000
AWKWARD = (
    "ﷺ",
    "𝅘𝅥𝅮",
    "क़",
    "शुभ प्रभात",
    "潮の月",
    "한국어",
    "👩‍👩‍👧",
    "e\u0301",
    "Ω≈ç",
    "\u202e<b>'&",
    '\\"\n\t\x01',
    "{[,:]}",
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=24) | st.lists(
    st.sampled_from(AWKWARD), max_size=8
).map("".join)
words = texts.filter(bool)
names = st.text("abcXYZ_-019", min_size=1, max_size=64)
identifiers = st.text("call_019", max_size=12)


def some(**fields):
    """An object with some of the fields: each is there, or null, or not there."""
    return st.fixed_dictionaries({}, optional={name: st.none() | each for name, each in fields.items()})


def of(**fields):
    return st.fixed_dictionaries(
        {name: each if hasattr(each, "map") else st.just(each) for name, each in fields.items()}
    )


def joined(*parts):
    return st.tuples(*parts).map(lambda found: {name: each for part in found for name, each in part.items()})


scalars = st.none() | st.booleans() | st.integers(-9, 99) | texts
schemas = st.dictionaries(
    texts,
    st.recursive(
        scalars, lambda deep: st.lists(deep, max_size=4) | st.dictionaries(texts, deep, max_size=3), max_leaves=6
    ),
    max_size=3,
)
text_parts = st.lists(of(type="text", text=texts), min_size=1, max_size=2)
pictures = of(
    type="image_url",
    image_url=joined(
        of(url=st.sampled_from(("data:image/png;base64,AAAA", "https://example.com/tide.png"))),
        st.fixed_dictionaries({}, optional={"detail": st.sampled_from(("auto", "low", "high"))}),
    ),
)
calls = of(
    type="function",
    id=identifiers,
    function=of(name=names | words, arguments=st.just("{}") | schemas.map(str) | words),
)
said = texts | text_parts
messages = st.one_of(
    joined(of(role=st.sampled_from(("system", "developer")), content=said), some(name=words)),
    joined(of(role="user", content=said | st.lists(pictures, min_size=1, max_size=2)), some(name=words)),
    joined(
        of(role="assistant"),
        some(content=said, name=words, refusal=words, tool_calls=st.lists(calls, max_size=2)),
    ),
    of(role="tool", content=said, tool_call_id=identifiers),
)
functions = joined(of(name=names), some(description=texts, parameters=schemas, strict=st.booleans()))
formats = st.one_of(
    st.sampled_from(({"type": "text"}, {"type": "json_object"})),
    of(type="json_schema", json_schema=joined(of(name=names), some(schema=schemas, description=texts))),
)
caps = st.one_of(
    st.just({}),
    st.sampled_from(({"max_tokens": None}, {"max_completion_tokens": None, "max_tokens": None})),
    st.builds(
        lambda name, other, cap: {name: cap, **other},
        st.sampled_from(("max_tokens", "max_completion_tokens")),
        st.sampled_from(({}, {"n": 1}, {"user": None})),
        st.integers(1, MOST_TOKENS) | st.sampled_from((1, MOST_TOKENS)),
    ),
)
streaming = st.sampled_from(
    ({}, {"stream": False}, {"stream": True}, {"stream": True, "stream_options": {"include_usage": True}})
)


@st.composite
def tools(draw):
    offered = draw(st.lists(functions, max_size=3, unique_by=lambda each: each["name"]))
    if not offered:
        return {}
    chosen = {"type": "function", "function": {"name": offered[0]["name"]}}
    choice = draw(st.sampled_from((None, "none", "auto", "required", chosen)))
    wrapped = [{"type": "function", "function": each} for each in offered]
    return {"tools": wrapped} if choice is None else {"tools": wrapped, "tool_choice": choice}


others = some(
    temperature=st.sampled_from((0, 0.7, 2)),
    stop=words | st.lists(words, max_size=4),
    seed=st.integers(-9, 9),
    user=words,
    reasoning_effort=st.sampled_from(("none", "low", "high")),
    logit_bias=st.dictionaries(st.text("0123", min_size=1), st.integers(-100, 100), max_size=2),
    response_format=formats,
)
chats = joined(
    of(model=st.sampled_from(("small", "eager", "cached")), messages=st.lists(messages, min_size=1, max_size=4)),
    others,
    tools(),
    streaming,
    caps,
)
embeddings = joined(
    of(model="vector", input=words | st.lists(words, min_size=1, max_size=4)),
    some(encoding_format=st.sampled_from(("float", "base64")), dimensions=st.integers(1, 8), user=texts),
)
