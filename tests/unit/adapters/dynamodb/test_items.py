"""What items look like, which is what they cost."""

import pytest
from botocore.config import Config
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.dynamodb.bodies import PART_BYTES, Torn, pack, packed_bytes, unpack, unpacked_bytes
from chalicelib.adapters.dynamodb.client import Database
from chalicelib.adapters.dynamodb.table import subject_key, tables
from chalicelib.domain.budget import Charge
from chalicelib.domain.conversation import Removed
from chalicelib.domain.ledger import subjects_of
from tests.contract.samples import (
    ADA,
    NOW,
    answer,
    answered,
    cue,
    noise,
    reservation,
    said,
    turn,
)
from tests.contract.stores import template_tables

WRITE_UNIT = 1_024


def size_of(item):
    """An item's size by DynamoDB's rules for strings and numbers."""
    return sum(len(name) + _size_of(value) for name, value in item.items())


def _size_of(value):
    ((kind, content),) = value.items()
    return len(content.encode()) if kind == "S" else len(content.lstrip("-")) // 2 + 2


def subject_item(stores, subject):
    table = stores.database.tables.ledger
    return stores.client.get_item(TableName=table, Key=subject_key(subject))["Item"]


def test_a_busy_subject_stays_within_one_write_unit(stores):
    charge = Charge(requests=1, tokens=123_456, usd_micros=1_234_567)
    day = 86_400
    moments = [NOW + month * 30 * day for month in range(15)]
    moments += [moments[-1] + step * day for step in range(1, 5)]
    moments += [moments[-1] + step * 60 for step in range(1, 12)]
    open_claims = []
    for number, now in enumerate(moments):
        stores.turns.recall(cue(now=now))
        claim = reservation(f"t-{number}", charge=charge, now=now)
        hit = reservation(f"h-{number}", charge=Charge(requests=1), saved=charge, now=now, final=True)
        stores.turns.reserve(claim)
        stores.turns.reserve(hit)
        open_claims.append(claim)
        if len(open_claims) > 4:  # a turn may settle minutes after it began
            late = open_claims.pop(0)
            stores.turns.settle(late, answered(late, charge=Charge(1, 99_999, 1_000_001)))

    for subject in subjects_of(ADA):
        assert size_of(subject_item(stores, subject)) <= WRITE_UNIT


def test_what_a_subject_used_long_ago_goes_at_its_next_charge(stores):
    stores.turns.reserve(reservation("t-1"))
    stores.turns.recall(cue(now=NOW + 400 * 86_400))

    stores.turns.reserve(reservation("t-2", now=NOW + 400 * 86_400))

    names = {name for name in subject_item(stores, subjects_of(ADA)[0]) if name[0] in "mdn"}
    assert len(names) == 9


def test_what_still_counts_is_kept(stores):
    for number, seconds in enumerate((0, 60, 120, 86_400, 30 * 86_400)):
        stores.turns.recall(cue(now=NOW + seconds))
        stores.turns.reserve(reservation(f"t-{number}", now=NOW + seconds))

    assert stores.keys.balances(subjects_of(ADA), NOW)["key", "month"].requests == 4
    assert stores.keys.balances(subjects_of(ADA), NOW + 30 * 86_400)["key", "month"].requests == 1


@given(st.text(max_size=5_000))
def test_bytes_come_back(text):
    body = ('{"a":"' + text + '"}').encode()

    assert unpacked_bytes(packed_bytes(body)) == body


@given(st.text(max_size=3_000), st.text(max_size=3_000))
def test_a_small_turn_comes_back(question, reply):
    kept = turn("t-1", 3, said(question), answer(reply))

    packed = pack("conv_1", kept)

    assert packed.parts == ()
    assert list(unpack([packed.item])) == [kept]


@pytest.mark.parametrize("size", [PART_BYTES, 600_000, 2_000_000])
@pytest.mark.parametrize("backwards", [False, True])
def test_a_large_turn_comes_back_from_items_that_fit(size, backwards):
    kept = turn("t-1", 3, said(noise(size)))
    packed = pack("conv_1", kept)
    other = pack("conv_1", turn("t-0", 3, said(noise(size, seed=9))))

    items = [packed.item, *sorted((*packed.parts, *other.parts), key=lambda item: item["sk"]["S"])]

    assert list(unpack(items[::-1] if backwards else items)) == [kept]
    assert all(len(item["body"]["B"]) <= PART_BYTES for item in items)


def test_a_turn_that_misses_a_part_is_torn():
    packed = pack("conv_1", turn("t-1", 3, said(noise(900_000))))

    assert list(unpack([packed.item, *packed.parts[:-1]])) == [Torn(3)]


def test_parts_without_a_turn_are_nothing():
    packed = pack("conv_1", turn("t-1", 3, said(noise(900_000))))

    assert list(unpack(packed.parts)) == []


def test_an_item_that_is_left_out_is_nowhere_in_the_body():
    packed = pack("conv_1", turn("t-1", 3, said("secret"), answer("Hi!")), frozenset({0}))

    assert b"secret" not in packed.item["body"]["B"]
    assert next(unpack([packed.item])).items == (Removed(), answer("Hi!"))


def test_the_tables_are_those_of_the_template():
    named = [table["TableName"] for table in template_tables("solo")]

    assert sorted(named) == sorted(getattr(tables("solo"), each) for each in tables("solo").__struct_fields__)


def test_the_client_is_one_and_waits_briefly(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")

    database = Database(tables("solo"), pause=lambda _: None, region="eu-west-1")
    config: Config = database._connect().meta.config

    assert database._connect() is database._connect()
    assert (config.connect_timeout, config.read_timeout) == (1, 2)
    assert config.retries["total_max_attempts"] == 3
