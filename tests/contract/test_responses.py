"""`Responses`: one owner each, of any size, and gone for good once deleted."""

import msgspec
import pytest

from chalicelib.adapters.dynamodb.responses import DynamoResponses
from chalicelib.adapters.memory.responses import MemoryResponses
from chalicelib.domain.chat import FunctionSpec, JsonSchema, Options, SchemaFormat, Tool, Usage
from chalicelib.domain.conversation import CallItem, CallOutputItem, InputImage, InputText, MessageItem, OutputText
from chalicelib.domain.responses import MOST_BEFORE, Asked, Failure, ReasoningItem, StoredResponse
from tests.contract.samples import NOW, OWNER, noise

STRANGER = "somebody.else"
MEGABYTE = 1_000_000
FULL = StoredResponse(
    id="resp_full",
    owner=OWNER,
    created_at=NOW,
    expires_at=NOW + 9,
    model="nova-lite",
    asked=Asked(
        options=Options(
            temperature=0.5,
            tools=(Tool(FunctionSpec("look_up", parameters={"type": "object"}, strict=True)),),
            tool_choice="required",
            response_format=SchemaFormat(JsonSchema("s", {"type": "object"})),
        ),
        instructions="Be brief.",
        metadata={"a": "b"},
        previous="resp_before",
        truncation="auto",
        background=True,
    ),
    input=(
        MessageItem(role="user", content=(InputText("Hi"), InputImage("https://x.test/a.png"))),
        CallOutputItem(call_id="c", output=(InputText("1"),)),
    ),
    output=(
        ReasoningItem("Hm.", status="completed"),
        MessageItem(role="assistant", content=(OutputText("Hello"),), status="completed"),
        CallItem(call_id="d", name="look_up", arguments="{}", status="incomplete"),
    ),
    status="failed",
    usage=Usage(input_tokens=3, output_tokens=5, reasoning_tokens=1),
    reason="max_output_tokens",
    failure=Failure("server_error", "broke"),
    completed_at=NOW + 1,
    thread=("resp_first", "resp_before"),
)


@pytest.fixture
def responses(stores):
    database = getattr(stores, "database", None)
    return DynamoResponses(database) if database else MemoryResponses()


def response(name="resp_1", text="Hello", **changes):
    item = MessageItem(role="assistant", content=(OutputText(text),))
    return msgspec.structs.replace(FULL, id=name, output=(item,), **changes)


@pytest.mark.parametrize("kept", [FULL, response(), response(text=noise(MEGABYTE)), response(text="x" * MEGABYTE)])
def test_a_response_is_read_as_it_was_kept(responses, kept):
    responses.put(kept)

    assert responses.get(OWNER, kept.id) == kept


@pytest.mark.parametrize("size", [1, MEGABYTE])
def test_keeping_it_again_changes_nothing(stores, responses, size):
    kept = response(text=noise(size))

    stores.losing_reply(lambda: responses.put(kept))
    responses.put(kept)
    stores.sent_twice(lambda: responses.put(kept))

    assert responses.get(OWNER, kept.id) == kept


@pytest.mark.parametrize("size", [1, MEGABYTE])
def test_a_deleted_response_is_gone_with_all_its_parts(stores, responses, size):
    responses.put(response(text=noise(size)))

    assert responses.delete(OWNER, "resp_1") is True
    assert responses.delete(OWNER, "resp_1") is False
    assert responses.get(OWNER, "resp_1") is None
    assert stores.stored("resp_1") == 0


@pytest.mark.parametrize("before", [1, MEGABYTE])
@pytest.mark.parametrize("after", [1, MEGABYTE])
def test_a_response_is_replaced_where_it_is_still_there(stores, responses, before, after):
    responses.put(response(text=noise(before)))
    changed = response(text=noise(after, seed=1))

    assert responses.replace(changed) is True
    assert responses.replace(changed) is True
    assert responses.get(OWNER, "resp_1") == changed
    assert responses.delete(OWNER, "resp_1") is True
    assert responses.replace(changed) is False
    assert responses.get(OWNER, "resp_1") is None


@pytest.mark.parametrize("size", [1, MEGABYTE])
def test_a_foreign_response_is_not_there(responses, size):
    kept = response(text=noise(size))
    responses.put(kept)

    assert responses.get(STRANGER, "resp_1") is None
    assert responses.among(STRANGER, ["resp_1"]) == []
    assert responses.delete(STRANGER, "resp_1") is False
    assert responses.get(OWNER, "resp_1") == kept


def test_an_unknown_response_is_not_there(responses):
    assert responses.get(OWNER, "resp_1") is None
    assert responses.among(OWNER, []) == []
    assert responses.among(OWNER, ["resp_1"]) == []
    assert responses.delete(OWNER, "resp_1") is False


def test_many_come_in_the_order_asked_for_without_those_that_are_gone(responses):
    kept = [response(f"resp_{place:03}", noise(MEGABYTE if place == 7 else 9)) for place in range(MOST_BEFORE)]
    for each in kept:
        responses.put(each)
    responses.put(response("resp_theirs", owner=STRANGER))
    responses.delete(OWNER, "resp_050")

    found = responses.among(OWNER, [*reversed([each.id for each in kept]), "resp_never", "resp_theirs"][-MOST_BEFORE:])

    assert found == [each for each in reversed(kept[:98]) if each.id != "resp_050"]


def test_a_response_whose_parts_are_gone_is_going(stores, responses):
    if not hasattr(stores, "database"):
        pytest.skip("memory has no parts")
    responses.put(response(text=noise(MEGABYTE)))
    table = stores.database.tables.conversations
    items = stores.client.scan(TableName=table)["Items"]
    part = next(item for item in items if item["sk"]["S"].endswith("#00001"))
    stores.client.delete_item(TableName=table, Key={"pk": part["pk"], "sk": part["sk"]})

    assert responses.get(OWNER, "resp_1") is None


def test_no_part_outlives_its_response(stores, responses):
    if not hasattr(stores, "database"):
        pytest.skip("memory forgets nothing by itself")
    responses.put(response(text=noise(MEGABYTE)))

    items = stores.client.scan(TableName=stores.database.tables.conversations)["Items"]

    assert len(items) == 3
    assert {item["ttl"]["N"] for item in items} == {str(FULL.expires_at)}


def test_a_response_is_in_nobodys_list_of_conversations(stores, responses):
    if not hasattr(stores, "database"):
        pytest.skip("memory keeps them apart")
    responses.put(response())
    query = {
        "TableName": stores.database.tables.conversations,
        "IndexName": "by-owner",
        "KeyConditionExpression": "#owner = :owner",
        "ExpressionAttributeNames": {"#owner": "owner"},
    }

    found = [
        stores.client.query(**query, ExpressionAttributeValues={":owner": {"S": owner}})["Items"]
        for owner in (OWNER, f"responses#{OWNER}")
    ]

    assert [[item["pk"]["S"] for item in items] for items in found] == [[], ["resp_1"]]
