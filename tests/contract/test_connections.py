"""Open connections: counted, kept for whoever was admitted first, and found by their key."""

import pytest

from chalicelib.adapters.dynamodb.connections import DynamoConnections
from chalicelib.adapters.memory.connections import MemoryConnections
from chalicelib.domain.identity import Credential
from chalicelib.domain.sockets import LIFE_SECONDS, Connection
from tests.contract.samples import NOW
from tests.contract.stores import DynamoStores

KEY = Credential("k" * 40, "", "a digest")
OTHER = Credential("o" * 40, "", "another")
ONE = "api/local/L0SM9c=OFvHcCIhw="
MOST = 3


@pytest.fixture
def connections(stores):
    return DynamoConnections(stores.database) if isinstance(stores, DynamoStores) else MemoryConnections()


def opened(connections, name=ONE, at=NOW):
    connections.open(Connection(id=name, opened_at=at))
    return connections.hear(name)


def test_a_connection_is_nobodys_at_first(connections):
    found = opened(connections)

    assert found == Connection(id=ONE, opened_at=NOW, messages=1)
    assert found.owner == ""


def test_its_messages_are_counted(connections):
    opened(connections)

    assert [connections.hear(ONE).messages for _ in range(3)] == [2, 3, 4]


def test_an_unknown_connection_is_unknown_to_every_question(connections):
    stranger = Connection(id=ONE, opened_at=NOW)

    connections.drop(ONE, "c1")
    connections.close(ONE)

    assert connections.hear(ONE) is None
    assert not connections.admit(stranger, KEY)
    assert not connections.take(ONE, "c1", "job_1", MOST)
    assert connections.hear(ONE) is None


def test_a_connection_has_one_key(connections):
    found = opened(connections)

    assert connections.admit(found, KEY)
    assert connections.admit(found, KEY)
    assert not connections.admit(found, OTHER)

    assert connections.hear(ONE).credential == KEY
    assert connections.hear(ONE).owner == f"{'k' * 16}.{'k' * 16}"


def test_a_chat_has_one_job(connections):
    opened(connections)

    assert connections.take(ONE, "c1", "job_1", MOST)
    assert connections.take(ONE, "c1", "job_1", MOST)
    assert not connections.take(ONE, "c1", "job_2", MOST)

    assert connections.hear(ONE).chats == {"c1": "job_1"}


def test_no_more_chats_run_than_may(connections):
    opened(connections)

    taken = [connections.take(ONE, f"a.b:c-{number}", f"job_{number}", MOST) for number in range(5)]
    connections.drop(ONE, "a.b:c-0")
    connections.drop(ONE, "a.b:c-0")

    assert taken == [True, True, True, False, False]
    assert connections.take(ONE, "c9", "job_9", MOST)
    assert set(connections.hear(ONE).chats) == {"a.b:c-1", "a.b:c-2", "c9"}


def test_the_connections_of_a_key_are_found(connections):
    for number in range(5):
        connections.admit(opened(connections, f"api/local/{number}", NOW + number), KEY if number % 2 else OTHER)

    assert sorted(connections.of_key(KEY.key_id, 0.0, 10)) == ["api/local/1", "api/local/3"]
    assert connections.of_key(KEY.key_id, NOW + 2, 10) == ["api/local/3"]
    assert len(connections.of_key(OTHER.key_id, 0.0, 2)) == 2
    assert connections.of_key("n" * 40, 0.0, 10) == []


def test_who_left_is_found_no_more(connections):
    connections.admit(opened(connections), KEY)

    connections.close(ONE)
    connections.close(ONE)

    assert connections.of_key(KEY.key_id, 0.0, 10) == []
    assert connections.hear(ONE) is None


def test_strangers_are_found_until_they_are_admitted(connections):
    for number in range(4):
        opened(connections, f"api/local/{number}", NOW + number)
    connections.admit(connections.hear("api/local/1"), KEY)

    assert sorted(connections.strangers(NOW + 3, 10)) == ["api/local/0", "api/local/2"]
    assert len(connections.strangers(NOW + 9, 2)) == 2
    assert connections.strangers(NOW, 10) == []


@pytest.mark.parametrize("change", ["admit", "take"])
def test_a_change_whose_reply_got_lost_may_be_repeated(stores, connections, change):
    found = opened(connections)
    changes = {
        "admit": lambda: connections.admit(found, KEY),
        "take": lambda: connections.take(ONE, "c1", "job_1", MOST),
    }

    stores.losing_reply(changes[change])

    assert changes[change]()


def test_what_is_kept_of_a_connection_outlives_it_by_little(stores, connections):
    if not isinstance(stores, DynamoStores):
        pytest.skip("memory forgets nothing by itself")
    connections.admit(opened(connections), KEY)
    table = stores.database.tables.jobs

    kept = [int(item["ttl"]["N"]) - NOW for item in stores.client.scan(TableName=table)["Items"]]

    assert len(kept) == 2
    assert all(LIFE_SECONDS < seconds < 2 * LIFE_SECONDS for seconds in kept)
