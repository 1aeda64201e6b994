"""What the adapters say when DynamoDB does not do as it was asked."""

import itertools
from contextlib import contextmanager

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from chalicelib.adapters.dynamodb import batch, transact
from chalicelib.adapters.dynamodb.answers import DynamoAnswers
from chalicelib.adapters.dynamodb.client import jittered
from chalicelib.adapters.dynamodb.conversations import DynamoConversations
from chalicelib.adapters.dynamodb.keys import DynamoKeys
from chalicelib.adapters.dynamodb.table import key_key, primary
from chalicelib.adapters.dynamodb.turns import DynamoTurns
from chalicelib.domain.errors import Misconfigured, NotFound, StoreBusy, StoreUnavailable
from chalicelib.domain.lead import Lead
from chalicelib.ports import Page, TurnPage
from tests.contract.samples import (
    OWNER,
    answered,
    cached,
    conversation,
    cue,
    in_conversation,
    noise,
    reservation,
    said,
    turn,
)

URL = "http://database"
ACTIONS = [{"Put": {"TableName": "a"}}, {"Put": {"TableName": "b"}}]


def error(code, **response):
    return ClientError({"Error": {"Code": code, "Message": "no"}, **response}, "Any")


def cancelled(*codes):
    return error("TransactionCanceledException", CancellationReasons=[{"Code": code} for code in codes])


@pytest.mark.parametrize(
    ("fault", "ours"),
    [
        (error("ThrottlingException"), StoreUnavailable),
        (error("ProvisionedThroughputExceededException"), StoreUnavailable),
        (error("InternalServerError"), StoreUnavailable),
        (error("ResourceNotFoundException"), Misconfigured),
        (error("AccessDeniedException"), Misconfigured),
        (ReadTimeoutError(endpoint_url=URL), StoreUnavailable),
        (ConnectTimeoutError(endpoint_url=URL), StoreUnavailable),
        (EndpointConnectionError(endpoint_url=URL), StoreUnavailable),
        (NoCredentialsError(), Misconfigured),
    ],
)
def test_a_fault_is_told_in_our_words_and_chained(scripted, fault, ours):
    keys = DynamoKeys(scripted(fault))

    with pytest.raises(ours) as told:
        keys.get("k")

    assert told.value.__cause__ is fault
    assert URL not in told.value.message


def test_a_fault_of_the_request_itself_is_not_hidden(scripted):
    keys = DynamoKeys(scripted(error("ValidationException")))

    with pytest.raises(ClientError):
        keys.get("k")


def test_keys_that_were_left_over_are_asked_for_again(scripted):
    left_over = {"tidegate-test-access": {"Keys": [key_key("b")], "ConsistentRead": True}}
    first = {"Responses": {"tidegate-test-access": [key_key("a")]}, "UnprocessedKeys": left_over}
    second = {"Responses": {"tidegate-test-access": [key_key("b")]}}
    database = scripted(first, second)

    found = batch.read(database, {"tidegate-test-access": [key_key("a"), key_key("b")]})

    assert [item["pk"]["S"] for item in found.values()] == ["key#a", "key#b"]
    assert database._client.requests[1][1] == {"RequestItems": left_over}
    assert database.pauses == [1]


def test_a_recall_gives_up_where_keys_are_left_over_each_time(scripted):
    left_over = {"tidegate-test-access": {"Keys": [key_key("b")]}}
    database = scripted({"Responses": {}, "UnprocessedKeys": left_over})

    with pytest.raises(StoreUnavailable):
        DynamoTurns(database).recall(cue())

    assert len(database._client.requests) == batch.ROUNDS


def test_items_that_were_left_over_are_written_again(scripted):
    put = {"PutRequest": {"Item": key_key("b")}}
    database = scripted({"UnprocessedItems": {"t": [put]}}, {})

    batch.put(database, "t", [key_key("a"), key_key("b")])

    assert [request["RequestItems"]["t"] for _, request in database._client.requests][1] == [put]


def test_writing_gives_up_where_items_are_left_over_each_time(scripted):
    put = {"PutRequest": {"Item": key_key("b")}}
    database = scripted({"UnprocessedItems": {"t": [put]}})

    with pytest.raises(StoreUnavailable):
        batch.put(database, "t", [key_key("b")])

    assert len(database._client.requests) == batch.ROUNDS


def test_more_items_than_one_request_takes_are_all_written(scripted):
    database = scripted({})

    batch.put(database, "t", [key_key(str(number)) for number in range(60)])

    assert [len(request["RequestItems"]["t"]) for _, request in database._client.requests] == [25, 25, 10]


@pytest.mark.parametrize("code", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"])
def test_a_transaction_in_the_way_is_waited_for(scripted, code):
    database = scripted(cancelled("None", code), cancelled(code, "None"), {})

    assert transact.write(database, ACTIONS) == {}

    requests = [request for _, request in database._client.requests]
    assert database.pauses == [1, 2]
    assert requests[0] == requests[1] == requests[2]  # the same token: overlapping repetitions are one


def test_a_plain_write_waits_for_a_transaction_too(scripted):
    database = scripted(error("TransactionConflictException"), {})

    assert transact.write(database, ACTIONS[:1]) == {}


@pytest.mark.parametrize(
    "call", [lambda answers: answers.store("a", cached()), lambda answers: answers.cede(Lead("a", "t-1", 0, 9))]
)
def test_an_answer_waits_for_turns_that_try_to_lead_in_its_place(scripted, call):
    database = scripted(error("TransactionConflictException"), error("TransactionConflictException"), {})

    call(DynamoAnswers(database))

    assert database.pauses == [1, 2]


@pytest.mark.parametrize(("code", "fault"), [("TransactionConflict", StoreBusy), ("ThrottlingError", StoreUnavailable)])
def test_waiting_ends_and_tells_a_crowd_from_a_store_without_capacity(scripted, code, fault):
    database = scripted(cancelled(code, "None"))

    with pytest.raises(fault) as ended:
        transact.write(database, ACTIONS)

    assert type(ended.value) is fault

    assert len(database._client.requests) == transact.ATTEMPTS


def test_a_condition_that_failed_counts_though_another_item_was_busy(scripted):
    database = scripted(cancelled("None", "ConditionalCheckFailed", "TransactionConflict"))

    assert list(transact.write(database, ACTIONS)) == [1]


def test_a_busy_record_is_waited_for_since_it_may_tell_of_a_repetition(scripted):
    busy = cancelled("TransactionConflict", "ConditionalCheckFailed")
    database = scripted(busy, cancelled("ConditionalCheckFailed", "ConditionalCheckFailed"))

    assert list(transact.write(database, ACTIONS)) == [0, 1]


@pytest.mark.parametrize(("attempt", "most"), [(1, 0.02), (3, 0.08), (7, 1.0), (50, 1.0)])
def test_pauses_grow_to_a_second_and_are_spread_over_all_of_it(attempt, most):
    slept = []

    for draw in (0.0, 0.5, 1.0):
        jittered(slept.append, lambda draw=draw: draw)(attempt)

    assert slept == pytest.approx([0, most / 2, most])


@pytest.mark.parametrize("skip", [0, 1, 2])
def test_a_deletion_that_was_interrupted_leaves_nothing_readable_and_can_be_finished(stores, skip):
    stores.conversations.create(conversation(), turn("t-1", 1, said(noise(900_000))))
    for number in range(2, 40):
        stores.conversations.append(OWNER, "conv_1", turn(f"t-{number}", 0, said("Hello")))

    with stores.fault("before-call", ["BatchWriteItem"], skip=skip), pytest.raises(StoreUnavailable):
        stores.conversations.delete(OWNER, "conv_1")

    for unreadable in (stores.conversations.get, stores.conversations.delete):
        with pytest.raises(NotFound):
            unreadable("somebody.else", "conv_1")
    with pytest.raises(NotFound):
        stores.conversations.get(OWNER, "conv_1")
    with pytest.raises(NotFound):
        stores.turns.reserve(in_conversation("t-40", 40))
    assert stores.conversations.list(OWNER, Page()) == ([], False)
    assert stores.turns.recall(cue(conversation="conv_1")).conversation is None
    stores.conversations.delete(OWNER, "conv_1")
    assert stores.stored("conv_1") == 0


def test_a_turn_without_its_last_write_is_not_there(stores):
    stores.conversations.create(conversation(), None)

    with stores.fault("before-call", ["TransactWriteItems"]), pytest.raises(StoreUnavailable):
        stores.turns.reserve(in_conversation(text=noise(900_000)))

    assert list(stores.conversations.turns("conv_1", TurnPage())) == []
    stores.turns.reserve(in_conversation("t-2", text="Hello"))
    assert [each.id for each in stores.conversations.turns("conv_1", TurnPage())] == ["t-2"]


def test_the_parts_that_a_crash_left_go_with_the_lease_where_the_conversation_is_gone(stores):
    stores.conversations.create(conversation(), None)
    claim = in_conversation()
    stores.turns.reserve(claim)
    stores.conversations.delete(OWNER, "conv_1")
    ended = in_conversation(text=noise(900_000))
    with stores.fault("before-call", ["TransactWriteItems"]), pytest.raises(StoreUnavailable):
        stores.turns.settle(claim, answered(ended))

    stores.turns.expire(claim.lease_until + 1, 10)

    assert stores.stored("conv_1") == 0


def test_a_turn_whose_parts_are_gone_does_not_hide_the_others(stores):
    stores.conversations.create(conversation(), None)
    stores.turns.reserve(in_conversation("t-1", text=noise(900_000)))
    table = stores.database.tables.conversations
    for item in stores.client.scan(TableName=table)["Items"]:
        if item["sk"]["S"].count("#") > 1:
            stores.client.delete_item(TableName=table, Key=primary(item))
    stores.turns.reserve(in_conversation("t-2", 2))

    found = list(stores.conversations.turns("conv_1", TurnPage(order="asc")))

    assert [(each.id, each.state) for each in found] == [("t-1", "cut"), ("t-2", "open")]


def test_a_release_of_what_never_arrived_leaves_the_parts_of_others(stores):
    stores.conversations.create(conversation(), None)
    claim = in_conversation()
    stores.turns.reserve(claim)
    ended = in_conversation(text=noise(900_000))
    with stores.fault("before-call", ["TransactWriteItems"]), pytest.raises(StoreUnavailable):
        stores.turns.settle(claim, answered(ended))
    before = stores.stored("conv_1")

    stores.turns.release(in_conversation("t-2", text=noise(900_000, seed=1)))

    assert stores.stored("conv_1") == before


def test_making_an_adapter_reaches_nothing(scripted):
    database = scripted({})

    DynamoTurns(database)
    DynamoConversations(database)

    assert database._client.requests == []


def test_an_unknown_reservation_is_let_go(scripted):
    database = scripted(cancelled("ConditionalCheckFailed", "None", "None", "None"), {})

    DynamoTurns(database).release(reservation())

    assert [operation for operation, _ in database._client.requests] == ["transact_write_items", "put_item"]


@contextmanager
def once(stores, event, operation, interrupt):
    """Something that happens in the middle of the first such request."""
    calls = itertools.count()

    def happen(**_):
        if next(calls) == 0:
            interrupt()

    with stores.hook(event, [operation], happen):
        yield


def test_a_large_turn_that_ends_in_the_middle_of_the_deletion_goes_too(stores):
    stores.conversations.create(conversation(), None)
    claim = in_conversation()
    stores.turns.reserve(claim)

    with once(
        stores,
        "before-call",
        "BatchWriteItem",
        lambda: stores.turns.settle(claim, answered(claim, noise(900_000))),
    ):
        stores.conversations.delete(OWNER, "conv_1")

    assert stores.stored("conv_1") == 0


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_a_large_turn_that_is_replaced_while_it_is_read_is_read_whole(stores, order):
    stores.conversations.create(conversation(), None)
    claim = in_conversation(text=noise(3_000_000))
    ended = answered(claim)
    stores.turns.reserve(claim)

    with once(stores, "after-call", "Query", lambda: stores.turns.settle(claim, ended)):
        found = list(stores.conversations.turns("conv_1", TurnPage(order=order)))

    assert found == [ended.turn]
