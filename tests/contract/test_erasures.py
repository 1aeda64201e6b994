"""The record of a user's erasure: one for each, gone on with by whoever knows it as it is, until it is done."""

from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from chalicelib.adapters.dynamodb.erasures import DynamoErasures
from chalicelib.adapters.memory.erasures import MemoryErasures
from chalicelib.domain.erasure import Erasure
from tests.contract.samples import NOW
from tests.contract.stores import MemoryStores

WORKERS = 8
BEGUN = Erasure(tenant="acme", user="ada", started_at=NOW)
LOOKED = msgspec.structs.replace(BEGUN, counts={"jobs": 2})
CLEAN = msgspec.structs.replace(LOOKED, clean_since=NOW + 60)
DONE = msgspec.structs.replace(CLEAN, finished_at=NOW + 1_000)
OTHER = Erasure(tenant="acme", user="bob", started_at=NOW + 1)


@pytest.fixture
def erasures(stores):
    return MemoryErasures(stores.shelf) if isinstance(stores, MemoryStores) else DynamoErasures(stores.database)


def test_who_was_never_erased_has_no_record(erasures):
    assert (erasures.get(BEGUN.owner), list(erasures.pending(10))) == (None, [])


def test_what_is_begun_is_known_and_gone_on_with_once_it_was_replaced(erasures):
    erasures.put(BEGUN)
    assert (erasures.get(BEGUN.owner), list(erasures.pending(10))) == (BEGUN, [])

    assert erasures.replace(BEGUN, LOOKED)

    assert (erasures.get(BEGUN.owner), list(erasures.pending(10))) == (LOOKED, [BEGUN.owner])


def test_what_is_done_is_known_and_no_more_gone_on_with(erasures):
    erasures.put(BEGUN)

    assert all(erasures.replace(old, new) for old, new in [(BEGUN, LOOKED), (LOOKED, CLEAN), (CLEAN, DONE)])

    assert (erasures.get(BEGUN.owner), list(erasures.pending(10))) == (DONE, [])


def test_who_knows_an_older_one_replaces_nothing(erasures):
    erasures.put(BEGUN)
    erasures.replace(BEGUN, LOOKED)

    assert not erasures.replace(BEGUN, CLEAN)

    assert erasures.get(BEGUN.owner) == LOOKED


def test_nothing_takes_the_place_of_what_is_not_there(erasures):
    assert not erasures.replace(BEGUN, LOOKED)

    assert erasures.get(BEGUN.owner) is None


def test_a_replacement_that_is_repeated_still_holds(erasures, stores):
    erasures.put(BEGUN)
    stores.losing_reply(lambda: erasures.replace(BEGUN, LOOKED))

    assert erasures.replace(BEGUN, LOOKED)
    assert erasures.get(BEGUN.owner) == LOOKED


def test_of_many_workers_with_other_findings_one_goes_on(erasures, stores):
    if not stores.concurrent:
        pytest.skip("its calls do not run side by side")
    erasures.put(BEGUN)
    found = [msgspec.structs.replace(BEGUN, counts={"jobs": number}) for number in range(1, WORKERS + 1)]

    with ThreadPoolExecutor(WORKERS) as workers:
        won = list(workers.map(lambda new: erasures.replace(BEGUN, new), found))

    assert won.count(True) == 1
    assert erasures.get(BEGUN.owner) == found[won.index(True)]


def test_users_are_erased_apart_and_an_end_is_no_end_of_others(erasures):
    for each in (BEGUN, OTHER):
        erasures.put(each)
    erasures.replace(BEGUN, LOOKED)
    erasures.replace(OTHER, msgspec.structs.replace(OTHER, counts={"jobs": 1}))
    assert sorted(erasures.pending(10)) == sorted([BEGUN.owner, OTHER.owner])
    assert len(erasures.pending(1)) == 1

    erasures.replace(LOOKED, DONE)

    assert list(erasures.pending(10)) == [OTHER.owner]


def test_one_who_comes_back_is_erased_anew(erasures):
    erasures.put(BEGUN)
    erasures.replace(BEGUN, LOOKED)
    erasures.replace(LOOKED, DONE)
    again = msgspec.structs.replace(BEGUN, started_at=NOW + 5_000)

    erasures.put(again)
    erasures.replace(again, msgspec.structs.replace(again, counts={"answers": 1}))

    assert erasures.get(BEGUN.owner).counts == {"answers": 1}
    assert list(erasures.pending(10)) == [BEGUN.owner]
