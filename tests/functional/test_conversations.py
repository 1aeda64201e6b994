"""The Conversations API, as its owner uses it."""

import pytest

PATH = "/v1/conversations"


@pytest.fixture
def key(world):
    return world.key()


def said(text, role="user"):
    return {"role": role, "content": text}


def create(world, key, *items, **fields):
    body = {"items": list(items), **fields} if items else fields
    answer = world.call("POST", PATH, body, key=key)
    assert answer.status == 200
    return answer.json


def test_a_new_conversation_has_openais_shape(world, key):
    conversation = create(world, key, metadata={"topic": "tides"})

    assert conversation.keys() == {"id", "object", "created_at", "metadata"}
    assert conversation["id"].startswith("conv_")
    assert conversation["object"] == "conversation"
    assert conversation["metadata"] == {"topic": "tides"}


@pytest.mark.parametrize("body", [{}, {"items": None, "metadata": None}, {"items": [], "metadata": {}}])
def test_a_conversation_may_begin_with_nothing(world, key, body):
    conversation = world.call("POST", PATH, body, key=key).json

    assert conversation["metadata"] == {}
    assert world.call("GET", f"{PATH}/{conversation['id']}/items", key=key).json == {
        "object": "list",
        "data": [],
        "first_id": None,
        "last_id": None,
        "has_more": False,
    }


def test_a_conversation_is_retrieved_as_it_was_created(world, key):
    conversation = create(world, key, metadata={"topic": "tides"})

    assert world.call("GET", f"{PATH}/{conversation['id']}", key=key).json == conversation


def test_another_key_of_the_same_user_reads_it_too(world, key):
    conversation = create(world, key)

    assert world.call("GET", f"{PATH}/{conversation['id']}", key=world.key()).json == conversation


@pytest.mark.parametrize(("metadata", "kept"), [({"b": "2"}, {"b": "2"}), ({}, {}), (None, {})])
def test_metadata_is_replaced(world, key, metadata, kept):
    conversation = create(world, key, metadata={"a": "1"})
    path = f"{PATH}/{conversation['id']}"

    updated = world.call("POST", path, {"metadata": metadata}, key=key).json

    assert updated == {**conversation, "metadata": kept}
    assert world.call("GET", path, key=key).json == updated


def test_a_deleted_conversation_is_gone_with_all_that_was_said(world, key):
    conversation = create(world, key, said("Hi"))["id"]
    path = f"{PATH}/{conversation}"
    world.chat("Hello", key=key, conversation=conversation)

    deleted = world.call("DELETE", path, key=key)

    assert deleted.json == {"id": conversation, "object": "conversation.deleted", "deleted": True}
    assert world.rows("conversations") == []
    assert [world.call("GET", each, key=key).status for each in (path, f"{path}/items")] == [404, 404]
    assert world.call("DELETE", path, key=key).status == 404
    assert world.chat("Hello", key=key, conversation=conversation).status == 404


def test_a_conversation_deleted_in_the_middle_of_a_turn_takes_the_turn_with_it(world, key):
    conversation = create(world, key)["id"]
    stream = world.stream("Hello", key=key, conversation=conversation)
    next(stream.body)
    world.call("DELETE", f"{PATH}/{conversation}", key=key)

    *_, done = list(stream.body)

    assert done == b"data: [DONE]\n\n"
    assert world.leases() == {"settled": 1}
    assert world.rows("conversations") == []


ITEMS = [
    ({"role": "user", "content": "Hi"}, {"type": "message", "content": [{"type": "input_text", "text": "Hi"}]}),
    ({"type": "message", "role": "system", "content": "Hi"}, {"role": "system"}),
    ({"role": "developer", "content": "Hi"}, {"role": "developer"}),
    (
        {"role": "assistant", "content": "Hi"},
        {"content": [{"type": "output_text", "text": "Hi", "annotations": [], "logprobs": None}]},
    ),
    (
        {"role": "user", "content": [{"type": "input_image", "image_url": "https://x.test/"}]},
        {"content": [{"type": "input_image", "image_url": "https://x.test/"}]},
    ),
    (
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
        {"content": [{"type": "refusal", "refusal": "No."}]},
    ),
    (
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
    ),
    (
        {"type": "function_call_output", "call_id": "c", "output": "1"},
        {"type": "function_call_output", "call_id": "c", "output": "1"},
    ),
]


@pytest.mark.parametrize(("item", "shown"), ITEMS)
def test_an_item_is_shown_with_an_id_and_a_status(world, key, item, shown):
    path = f"{PATH}/{create(world, key)['id']}/items"

    added = world.call("POST", path, {"items": [item]}, key=key)

    (first,) = added.json["data"]
    assert added.json["object"] == "list"
    assert first["id"] == added.json["first_id"] == added.json["last_id"]
    assert first["status"] == "completed"
    assert {name: first[name] for name in shown} == shown
    assert world.call("GET", f"{path}/{first['id']}", key=key).json == first
    assert world.call("GET", path, key=key).json["data"] == [first]


def test_an_answer_remembers_where_it_is_from(world, key):
    conversation = create(world, key)["id"]
    world.chat("What is a tide?", key=key)
    hit, fresh = (world.chat(text, key=key, conversation=conversation) for text in ("What is a tide?", "And a wave?"))

    listed = world.call("GET", f"{PATH}/{conversation}/items?order=asc", key=key).json["data"]

    first, second = (item["tidegate"] for item in listed if item["role"] == "assistant")
    usage, where = fresh.json["usage"], {"model": "nova-lite", "target": fresh.headers["x-tidegate-target"]}
    spent = {"input_tokens": usage["prompt_tokens"], "output_tokens": usage["completion_tokens"]}
    assert first == {"id": hit.json["id"], **where, "cache": "hit"}
    assert second == {"id": fresh.json["id"], **where, "usage": spent}
    assert not [item for item in listed if item["role"] == "user" and "tidegate" in item]


def test_what_somebody_sends_is_from_nowhere(world, key):
    there = create(world, key)["id"]
    world.chat("Hi", key=key, conversation=there)
    items = world.call("GET", f"{PATH}/{there}/items?order=asc", key=key).json["data"]

    here = create(world, key, *items)["id"]

    copied = world.call("GET", f"{PATH}/{here}/items?order=asc", key=key).json["data"]
    assert [item["content"] for item in copied] == [item["content"] for item in items]
    assert not [item for item in copied if "tidegate" in item]


def test_items_of_a_new_conversation_are_its_first(world, key):
    conversation = create(world, key, said("Hi"), said("Hello", "assistant"))["id"]

    items = world.call("GET", f"{PATH}/{conversation}/items?order=asc", key=key).json["data"]

    assert [item["role"] for item in items] == ["user", "assistant"]


def test_a_deleted_item_is_gone_and_its_neighbours_keep_their_ids(world, key):
    path = f"{PATH}/{create(world, key, *map(said, 'abc'))['id']}"
    first, second, third = world.call("GET", f"{path}/items?order=asc", key=key).json["data"]

    deleted = world.call("DELETE", f"{path}/items/{second['id']}", key=key)

    assert deleted.json["object"] == "conversation"
    assert world.call("GET", f"{path}/items?order=asc", key=key).json["data"] == [first, third]
    assert world.call("GET", f"{path}/items/{second['id']}", key=key).status == 404
    assert world.call("DELETE", f"{path}/items/{second['id']}", key=key).status == 404


def test_an_item_of_another_conversation_is_not_found(world, key):
    here, there = (create(world, key, said("Hi"))["id"] for _ in range(2))
    (item,) = world.call("GET", f"{PATH}/{there}/items", key=key).json["data"]

    assert world.call("GET", f"{PATH}/{here}/items/{item['id']}", key=key).status == 404


def pages(world, key, path, *, order, limit):
    """Every page until there is no more, as a client follows them."""
    after = ""
    while True:
        page = world.call("GET", f"{path}?order={order}&limit={limit}{after}", key=key).json
        yield page["data"]
        if not page["has_more"]:
            return
        assert page["last_id"] == page["data"][-1]["id"]
        after = f"&after={page['last_id']}"


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_pages_of_items_make_the_whole_list(world, key, order, limit):
    conversation = create(world, key, *map(said, "ab"))["id"]
    path = f"{PATH}/{conversation}/items"
    for texts in ("c", "def", "g"):
        world.call("POST", path, {"items": [*map(said, texts)]}, key=key)

    found = list(pages(world, key, path, order=order, limit=limit))

    texts = [item["content"][0]["text"] for page in found for item in page]
    assert texts == sorted("abcdefg", reverse=order == "desc")
    assert all(len(page) == limit for page in found[:-1])


def test_the_newest_items_come_first_where_nothing_is_said(world, key):
    conversation = create(world, key, *map(said, "ab"))["id"]

    items = world.call("GET", f"{PATH}/{conversation}/items", key=key).json["data"]

    assert [item["content"][0]["text"] for item in items] == ["b", "a"]


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_a_page_after_an_item_that_was_deleted_goes_on_where_it_was(world, key, order):
    conversation = create(world, key, *map(said, "abcde"))["id"]
    path = f"{PATH}/{conversation}/items"
    page = world.call("GET", f"{path}?limit=2&order={order}", key=key).json
    world.call("DELETE", f"{path}/{page['last_id']}", key=key)

    rest = world.call("GET", f"{path}?order={order}&after={page['last_id']}", key=key).json["data"]

    texts = [item["content"][0]["text"] for item in rest]
    assert texts == (list("cde") if order == "asc" else list("cba"))


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 2, 5])
def test_pages_of_conversations_make_the_whole_list(world, key, order, limit):
    created = [create(world, key, metadata={"n": str(n)}) for n in range(5)]
    create(world, world.key("acme", "bob"))

    found = [each for page in pages(world, key, PATH, order=order, limit=limit) for each in page]

    assert sorted(found, key=lambda each: each["id"]) == sorted(created, key=lambda each: each["id"])
    ages = [(each["created_at"], each["id"]) for each in found]
    assert ages == sorted(ages, reverse=order == "desc")


def test_a_list_is_empty_for_who_has_none(world, key):
    create(world, world.key("other", "ada"))

    assert world.call("GET", PATH, key=key).json["data"] == []
