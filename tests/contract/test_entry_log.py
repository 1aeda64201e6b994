"""The log in DynamoDB: what it costs, what it guards, and the write that a turn ends with."""

import msgspec
import pytest

from chalicelib.adapters.dynamodb import entries as log_module
from chalicelib.adapters.dynamodb.entries import OVERLAP_MS, DynamoEntries, mark_of
from chalicelib.adapters.dynamodb.entry_items import (
    MOST_BYTES,
    entries_key,
    entry_item,
    scope_head_key,
    scope_of_head,
)
from chalicelib.adapters.memory.vectors import MemoryVectors
from chalicelib.domain.entries import Purge, Sought
from chalicelib.domain.errors import StoreUnavailable
from tests.contract import samples
from tests.contract.meanings import NOW, SCOPE, SECONDS, FlatIndexes, entry, noise, scope, sought
from tests.contract.samples import cached, cue

WRITES = ("TransactWriteItems", "BatchWriteItem", "UpdateItem")


@pytest.fixture(params=["moto", pytest.param("emulator", marks=pytest.mark.xdist_group("emulator"))])
def indexes(request):
    return FlatIndexes(request.getfixturevalue(f"on_{request.param}"))


@pytest.fixture
def log(indexes):
    return indexes.log


def items(indexes):
    pages = indexes.stores.client.get_paginator("scan").paginate(TableName=indexes.stores.database.tables.entries)
    return [item for page in pages for item in page["Items"]]


def keep(log, key, answer, made, now):
    item = log.item(made, now)
    return item is not None and log.store(key, answer, made, item)


def ids(index, **changes):
    return [each.id for each in index.search(sought(1.0, **changes), SECONDS)]


def test_an_answer_and_its_entry_are_one_write(indexes, log):
    with indexes.stores.counted() as calls:
        assert keep(log, "k1", cached(), entry(), NOW)

    assert calls == {"TransactWriteItems": 1}
    assert indexes.stores.turns.recall(cue(answers=("k1",))).answers == {"k1": cached()}
    assert ids(indexes.index) == ["e1"]


def test_a_lookup_that_knows_the_mark_sends_nothing(indexes, log):
    keep(log, "k1", cached(), entry(), NOW)
    mark = log.mark(SCOPE)
    ids(indexes.index, mark=mark)

    with indexes.stores.counted() as calls:
        assert ids(indexes.index, mark=mark) == ["e1"]
        assert ids(indexes.index, of=scope(user="nobody"), mark="") == []

    assert calls == {}


def test_a_process_that_stores_by_turns_with_another_asks_once_for_each_of_the_others(indexes, log):
    other = indexes.again()
    for number in range(3):
        for index in (indexes.index, other):
            name = f"e{number}-{index is other}"
            made = entry(name, 1.0, number / 10)
            with indexes.stores.counted() as calls:
                index.search(sought(1.0, mark=log.mark(SCOPE)), SECONDS)
            assert calls["Query"] <= 1
            keep(log, name, cached(), made, NOW)
            index.note(made, NOW)

    assert set(ids(indexes.index, most=9)) == set(ids(other, most=9)) == set(ids(indexes.again(), most=9))
    assert len(ids(other, most=9)) == 6


def test_a_mark_grows_with_every_change_and_is_empty_before(log):
    assert log.mark(SCOPE) == ""

    log.append([entry("a"), entry("b"), entry("c", of=scope(user="bob"))], NOW)
    assert (log.mark(SCOPE), log.mark(scope(user="bob"))) == ("2", "1")

    keep(log, "k", cached(), entry("d"), NOW)
    log.remove(SCOPE, ["a"], NOW)
    log.purge(Purge("acme"), NOW)
    assert (log.mark(SCOPE), log.mark(scope(user="bob"))) == ("5", "2")


def test_a_head_says_which_scope_it_is_of(indexes, log):
    odd = scope(model='a"#:b', prefix="ä\n")
    log.append([entry(of=odd)], NOW)

    (head,) = [item for item in items(indexes) if "label" in item]

    assert scope_of_head(head) == odd
    assert mark_of(odd, head) == "1"
    assert mark_of(SCOPE, head) == ""
    assert mark_of(SCOPE, None) == ""


def test_an_item_in_the_wrong_partition_is_not_found(indexes, log):
    foreign = scope(tenant="evil")
    log.append([entry("mine")], NOW)
    misplaced = entry_item(entry("theirs", of=foreign), NOW) | {"pk": entries_key(SCOPE)}
    indexes.stores.client.put_item(TableName=indexes.stores.database.tables.entries, Item=misplaced)

    assert ids(indexes.index) == ["mine"]


def test_an_entry_that_another_process_wrote_a_little_earlier_is_not_missed(indexes, log):
    log.append([entry("first")], NOW)
    index = indexes.index
    assert ids(index) == ["first"]

    log.append([entry("late", 0.9, 0.1)], NOW - OVERLAP_MS / 1000 + 0.5)

    assert ids(index) == ["first", "late"]


def test_a_question_from_before_a_purge_is_not_kept_after_it(indexes, log):
    log.append([entry("old")], NOW)
    log.purge(Purge("acme", user="ada"), NOW + 5)

    assert not keep(log, "k1", cached(), entry("under way", created_at=NOW + 5), NOW + 30)
    assert keep(log, "k2", cached(), entry("later", created_at=NOW + 6), NOW + 30)

    answers = indexes.stores.turns.recall(cue(answers=("k1", "k2"))).answers
    assert set(answers) == {"k2"}
    assert ids(indexes.index) == ["later"]


def test_a_purge_leaves_no_text(indexes, log):
    log.append([entry(f"e{n}", question="canary", of=scope(prefix=f"p{n % 3}")) for n in range(60)], NOW)
    log.append([entry("theirs", question="bird", of=scope(tenant="evil"))], NOW)

    assert log.purge(Purge("acme", user="ada"), NOW) == 60

    left = b" ".join(item["entry"]["B"] for item in items(indexes) if "entry" in item)
    assert b"canary" not in left
    assert b"bird" in left


def test_a_removal_leaves_no_text(indexes, log):
    log.append([entry("a", question="canary"), entry("b", question="bird")], NOW)

    log.remove(SCOPE, ["a"], NOW)

    left = b" ".join(item["entry"]["B"] for item in items(indexes) if "entry" in item)
    assert b"canary" not in left
    assert b"bird" in left


def test_every_item_ends_by_itself(indexes, log):
    log.append([entry(expires_at=NOW + 60)], NOW)
    log.remove(SCOPE, ["x"], NOW)

    ends = sorted(int(item["ttl"]["N"]) for item in items(indexes))

    assert ends[0] == NOW + 60
    assert len(ends) == 3


def test_an_entry_of_a_short_question_is_one_write_unit():
    made = entry_item(entry("f" * 64, question="q" * 250, vector=noise(1, 256), answer="f" * 64), NOW)

    size = len(msgspec.msgpack.encode([value for pair in made.items() for value in pair]))
    assert size < 900


@pytest.mark.parametrize(
    "made",
    [
        entry(question=samples.noise(MOST_BYTES)),
        entry(vector=b""),
        entry("zero", 0.0),
        entry("nan", float("nan")),
        entry("inf", float("inf")),
    ],
    ids=["large", "empty", "zeros", "nan", "inf"],
)
def test_what_cannot_be_found_again_is_not_kept(indexes, log, made):
    assert not keep(log, "k1", cached(), made, NOW)
    assert list(log.append([made], NOW)) == []

    assert log.mark(SCOPE) == ""
    assert indexes.stores.turns.recall(cue(answers=("k1",))).answers == {}


def test_an_answer_that_is_too_large_takes_its_entry_with_it(indexes, log):
    assert not keep(log, "k1", cached(samples.noise(700_000)), entry(), NOW)

    assert log.mark(SCOPE) == ""


def test_a_write_whose_reply_was_lost_shows_or_does_not_but_never_by_half(indexes, log):
    with indexes.stores.fault("after-call", WRITES), pytest.raises(StoreUnavailable):
        keep(log, "k1", cached(), entry(), NOW)

    assert set(indexes.stores.turns.recall(cue(answers=("k1",))).answers) == {"k1"}
    assert ids(indexes.index) == ["e1"]


def test_a_write_that_the_sdk_sent_twice_is_there_once(indexes, log):
    indexes.stores.sent_twice(lambda: keep(log, "k1", cached(), entry(), NOW))

    assert ids(indexes.index) == ["e1"]
    assert ids(indexes.again()) == ["e1"]


def test_a_scope_is_read_in_pages(indexes, log, monkeypatch):
    monkeypatch.setattr(log_module, "PAGE_ITEMS", 10)
    log.append([entry(f"e{n}", vector=noise(n)) for n in range(35)], NOW)

    with indexes.stores.counted() as calls:
        indexes.index.search(sought(1.0, mark="35"), SECONDS)

    assert calls == {"Query": 4}
    assert indexes.index.health().entries == 35


def test_what_a_float_loses_as_a_byte_hardly_moves_a_cosine(indexes, log):
    size = 256
    made = [entry(f"e{n}", vector=noise(n, size)) for n in range(60)]
    exact = MemoryVectors()
    exact.add(made, NOW)
    log.append(made, NOW)

    for each in made[::6]:
        near = {
            found.id: found.similarity for found in indexes.index.search(Sought(SCOPE, each.vector, NOW, 60), SECONDS)
        }
        true = {found.id: found.similarity for found in exact.search(Sought(SCOPE, each.vector, NOW, 60), SECONDS)}
        assert near == pytest.approx(true, abs=0.003)


def test_a_head_stays_where_it_is_looked_for(indexes, log):
    log.append([entry()], NOW)

    found = indexes.stores.client.get_item(
        TableName=indexes.stores.database.tables.entries, Key=scope_head_key(SCOPE), ConsistentRead=True
    )

    assert mark_of(SCOPE, found["Item"]) == "1"


def test_entry_log_is_shared_by_processes(indexes):
    again = DynamoEntries(indexes.stores.again().database)
    again.append([entry()], NOW)

    assert ids(indexes.index) == ["e1"]
