"""Receipts of calls that carry an idempotency key: one holder, one answer, for a day."""

import random
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from chalicelib.adapters.dynamodb.receipts import DynamoReceipts
from chalicelib.adapters.memory.receipts import MemoryReceipts
from chalicelib.domain.errors import StoreUnavailable
from chalicelib.domain.receipts import Receipt, Told
from tests.contract.samples import NOW
from tests.contract.stores import MemoryStores

CALLERS = 8
ANSWER = Told(200, {"Content-Type": "application/json"}, b'{"id":"1"}')
LARGE = random.Random(7).randbytes(1_000_000)  # nothing makes it smaller


@pytest.fixture
def receipts(stores):
    return MemoryReceipts() if isinstance(stores, MemoryStores) else DynamoReceipts(stores.database)


def a_receipt(number=1, **fields):
    receipt = Receipt(
        id="r" * 64,
        owner="t.u",
        fingerprint="f" * 64,
        holder=f"{number:032x}",
        turn_id=f"{number:032x}",
        lease_until=NOW + 90,
        until=NOW + 86_400,
    )
    return msgspec.structs.replace(receipt, **fields)


def test_the_first_claim_holds_and_the_next_is_told_of_it(receipts):
    assert receipts.claim(a_receipt(1), NOW) == a_receipt(1)

    assert receipts.claim(a_receipt(2), NOW) == a_receipt(1)
    assert receipts.get("r" * 64, NOW) == a_receipt(1)


def test_a_claim_that_is_repeated_still_holds(receipts, stores):
    stores.losing_reply(lambda: receipts.claim(a_receipt(1), NOW))

    assert receipts.claim(a_receipt(1), NOW) == a_receipt(1)


def test_an_unknown_receipt_is_none(receipts):
    assert receipts.get("r" * 64, NOW) is None


def test_a_receipt_is_gone_when_its_time_is_up(receipts):
    receipts.claim(a_receipt(1), NOW)
    receipts.keep(a_receipt(1), ANSWER)
    later = a_receipt(2, until=NOW + 200_000)

    assert receipts.get("r" * 64, NOW + 86_400) is None
    assert receipts.claim(later, NOW + 86_400) == later
    assert receipts.get("r" * 64, NOW + 86_400) == later


@pytest.mark.parametrize(
    "answer",
    [
        ANSWER,
        Told(404, {}, b""),
        Told(200, {"a": "é"}, b"x" * 100),
        Told(200, {}, b"data: {}\n\n" * 10_000),
        Told(200, {}, LARGE),
        Told(200, {}, LARGE[:350_000]),
        Told(200, {}, LARGE[:350_001]),
    ],
    ids=["small", "empty", "like-zlib", "long", "large", "one-item", "one-item-and-a-byte"],
)
def test_an_answer_is_kept_byte_for_byte(receipts, answer):
    receipts.claim(a_receipt(1), NOW)

    assert receipts.keep(a_receipt(1), answer)

    assert receipts.get("r" * 64, NOW).answer == answer
    assert receipts.claim(a_receipt(2), NOW).answer == answer


def test_an_answer_that_is_kept_twice_is_kept(receipts, stores):
    receipts.claim(a_receipt(1), NOW)
    stores.losing_reply(lambda: receipts.keep(a_receipt(1), ANSWER))

    assert receipts.keep(a_receipt(1), ANSWER)
    assert receipts.get("r" * 64, NOW).answer == ANSWER


def test_who_does_not_hold_it_keeps_nothing(receipts):
    receipts.claim(a_receipt(1), NOW)

    assert not receipts.keep(a_receipt(2), ANSWER)
    assert not receipts.hold(a_receipt(2), NOW + 200)
    assert receipts.get("r" * 64, NOW) == a_receipt(1)


def test_a_lease_is_moved_and_let_go_by_its_holder(receipts, stores):
    receipts.claim(a_receipt(1), NOW)

    assert receipts.hold(a_receipt(1), NOW + 200)
    assert receipts.get("r" * 64, NOW) == a_receipt(1, lease_until=NOW + 200)
    stores.losing_reply(lambda: receipts.hold(a_receipt(1), 0))
    assert receipts.hold(a_receipt(1), 0)
    assert receipts.get("r" * 64, NOW) == a_receipt(1, lease_until=0)


def test_what_is_answered_has_no_lease(receipts):
    receipts.claim(a_receipt(1), NOW)
    receipts.keep(a_receipt(1), ANSWER)

    assert not receipts.hold(a_receipt(1), 0)
    assert not receipts.take(a_receipt(1), a_receipt(2))
    assert receipts.get("r" * 64, NOW) == a_receipt(1, answer=ANSWER)


def test_a_receipt_is_taken_as_it_was_found(receipts, stores):
    receipts.claim(a_receipt(1), NOW)
    heir = a_receipt(2, turn_id=a_receipt(1).turn_id)

    assert not receipts.take(a_receipt(1, lease_until=NOW + 91), heir)
    assert not receipts.take(a_receipt(3), heir)
    stores.losing_reply(lambda: receipts.take(a_receipt(1), heir))

    assert receipts.take(a_receipt(1), heir)
    assert not receipts.take(a_receipt(1), a_receipt(3))
    assert not receipts.keep(a_receipt(1), ANSWER)
    assert receipts.get("r" * 64, NOW) == heir


def test_receipts_do_not_touch_each_other(receipts):
    other = a_receipt(2, id="s" * 64)
    receipts.claim(a_receipt(1), NOW)
    receipts.claim(other, NOW)

    receipts.keep(a_receipt(1), ANSWER)

    assert receipts.get("s" * 64, NOW) == other


def test_parts_that_are_gone_are_no_answer(receipts, stores):
    if isinstance(stores, MemoryStores):
        pytest.skip("memory keeps an answer whole")
    receipts.claim(a_receipt(1), NOW)
    receipts.keep(a_receipt(1), Told(200, {}, LARGE))
    rows = stores.client.scan(TableName=stores.database.tables.jobs)["Items"]
    for row in rows:
        if row["sk"]["S"].endswith("00002"):
            key = {"pk": row["pk"], "sk": row["sk"]}
            stores.client.delete_item(TableName=stores.database.tables.jobs, Key=key)

    with pytest.raises(StoreUnavailable):
        receipts.get("r" * 64, NOW)


def test_of_many_at_once_one_holds(receipts, stores):
    if not stores.concurrent:
        pytest.skip("not made for several threads")
    with ThreadPoolExecutor(CALLERS) as pool:
        found = list(pool.map(lambda number: receipts.claim(a_receipt(number), NOW), range(CALLERS)))
        holder = found[0]
        heirs = [a_receipt(100 + number, turn_id=holder.turn_id) for number in range(CALLERS)]
        taken = list(pool.map(lambda heir: receipts.take(holder, heir), heirs))

    assert {each.holder for each in found} == {holder.holder}
    assert sum(taken) == 1
    assert receipts.get("r" * 64, NOW) == heirs[taken.index(True)]
