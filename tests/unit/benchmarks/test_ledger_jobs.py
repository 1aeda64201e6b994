"""The load on a ledger, and the wire that counts, loses and refuses."""

import json
import threading
from types import SimpleNamespace

from benchmarks.ledger_jobs import Crowd, Job, Wire

JOB = Job("acme", ("tenant",), 2, 7, calls=5)
PLAIN = SimpleNamespace(name="UpdateItem")
TRANSACTION = SimpleNamespace(name="TransactWriteItems")


def update(key):
    return {"TableName": "ledger", "Key": {"pk": {"S": key}, "sk": {"S": "windows"}}}


def sent(request):
    return {"body": json.dumps(request).encode()}


def transaction(*keys):
    return sent({"TransactItems": [{"Update": update(key)} for key in keys]})


def a_strict_wire():
    wire = Wire()
    wire.strict = True
    return wire


def test_every_client_takes_its_turns_and_what_was_admitted_is_burned():
    seen, lock = [], threading.Lock()

    def take(client, estimate, burned):
        with lock:
            seen.append((client, burned))
        assert 0 < burned <= estimate
        return "admitted" if client else "refused"

    crowd = Crowd(JOB, take)
    crowd.run()

    assert sorted(client for client, _ in seen) == [0] * 5 + [1] * 5
    assert crowd.counts["burned"] == sum(burned for client, burned in seen if client)
    assert (crowd.counts["asked"], crowd.counts["refused"]) == (10, 5)


def test_a_transaction_is_refused_while_another_has_one_of_its_items():
    wire, first, second = a_strict_wire(), {}, {}
    assert wire._began(TRANSACTION, transaction("a", "b"), first) is None

    response, parsed = wire._began(TRANSACTION, transaction("c", "b"), second)

    assert response.status_code == 400
    assert [reason["Code"] for reason in parsed["CancellationReasons"]] == ["None", "TransactionConflict"]
    assert wire.counts == {"requests": 1, "conflicts": 1}


def test_a_plain_write_is_refused_too_but_holds_nothing():
    wire, first = a_strict_wire(), {}
    assert wire._began(PLAIN, sent(update("a")), {}) is None
    assert wire._began(TRANSACTION, transaction("a"), first) is None

    _, parsed = wire._began(PLAIN, sent(update("a")), {})
    wire._ended(first)

    assert parsed["Error"]["Code"] == "TransactionConflictException"
    assert wire._began(PLAIN, sent(update("a")), {}) is None


def test_only_a_strict_wire_refuses():
    wire = Wire()

    assert [wire._began(TRANSACTION, transaction("a"), {}) for _ in range(2)] == [None, None]


def test_a_reply_is_lost_once_where_every_write_is_sent_twice():
    wire = Wire()
    assert wire._again(attempts=1) is None

    wire.twice = True

    assert (wire._again(attempts=1), wire._again(attempts=2)) == (0, None)
