"""What is kept of a user, found wherever it is and taken: theirs alone, however late it was written."""

from itertools import chain

import pytest

from chalicelib.adapters.dynamodb.belongings import DynamoBelongings
from chalicelib.adapters.dynamodb.jobs import DynamoJobs
from chalicelib.adapters.dynamodb.receipts import DynamoReceipts
from chalicelib.adapters.dynamodb.responses import DynamoResponses
from chalicelib.domain.entries import AnswerScope
from chalicelib.domain.erasure import Erasure, Found
from chalicelib.domain.errors import NotFound
from chalicelib.domain.identity import tenant_tag
from chalicelib.domain.jobs import Page, job_id
from chalicelib.domain.turn_ids import turn_id
from tests.contract.samples import NOW, cached, conversation, said, turn
from tests.contract.test_decisions import ruling
from tests.contract.test_jobs import a_job, marks
from tests.contract.test_receipts import ANSWER, a_receipt
from tests.contract.test_responses import response

MOST = 100
LEASE = 100
KINDS = {"conversations", "responses", "answers", "decisions", "jobs", "receipts"}


def erasure(tenant="acme", user="ada"):
    return Erasure(tenant=tenant, user=user, started_at=NOW)


ADA = erasure()
OTHERS = (erasure(user="bob"), erasure(tenant="other"))


class Shelves:
    """One of each kind for whom a test says, told apart by name."""

    def __init__(self, stores):
        self.stores, database = stores, stores.database
        self.belongings = DynamoBelongings(database)
        self.jobs, self.receipts = DynamoJobs(database, marks()), DynamoReceipts(database)
        self.responses = DynamoResponses(database)

    def fill(self, whose, number=1):
        owner, name = whose.owner, self.name(whose, number)
        tenant, user = owner.split(".")
        self.stores.conversations.create(conversation(name, owner=owner), turn(name, 1, said("Hello")))
        self.responses.put(response(f"resp_{name}", owner=owner))
        self.stores.answers.store(name, cached(scope=f"1:{tenant}:{user}:echo:p1"))
        scope = AnswerScope(tenant, user, "echo", "p1", "tiny/8")
        seed = name.encode()[-10:].rjust(10)
        self.stores.decisions.put(ruling(of=scope, user=whose.user, id=turn_id(NOW, seed), request_id=name))
        self.jobs.put(self.job(whose, number))
        receipt = a_receipt(id=name, owner=owner)
        self.receipts.claim(receipt, NOW)
        assert self.receipts.keep(receipt, ANSWER)

    def name(self, whose, number=1):
        return f"{whose.tenant}-{whose.user}-{number}"

    def job(self, whose, number=1):
        return a_job(id=job_id(self.name(whose, number)), owner=whose.owner)

    def take(self, now=NOW, most=MOST):
        return self.belongings.take(ADA, now, most)

    def readable(self, whose, number=1):
        """The kinds of which the user can read what was kept."""
        name, job = self.name(whose, number), self.jobs.get(self.job(whose, number).id)
        receipt = self.receipts.get(name, NOW)
        found = {
            "conversations": self._has_conversation(whose, name),
            "responses": self.responses.get(whose.owner, f"resp_{name}"),
            "answers": self.stores.answers.get(name, NOW),
            "decisions": self.stores.decisions.requested(tenant_tag(whose.tenant), name),
            "jobs": job and job.owner == whose.owner,
            "receipts": receipt and receipt.answer,
        }
        return {kind for kind, each in found.items() if each}

    def rows(self, whose):
        """Every item that is left of a user, in whichever table: what its key is."""
        tables = self.stores.database.tables
        scans = (
            self.stores.client.get_paginator("scan").paginate(TableName=table)
            for table in (tables.conversations, tables.jobs, tables.answers, tables.entries)
        )
        items = chain.from_iterable(page["Items"] for page in chain.from_iterable(scans))
        return sorted({item.get("sk", item["pk"])["S"] for item in items if self.name(whose) in str(item)})

    def _has_conversation(self, whose, name):
        try:
            return self.stores.conversations.get(whose.owner, name)
        except NotFound:
            return None


@pytest.fixture(params=["moto", pytest.param("emulator", marks=pytest.mark.xdist_group("emulator"))])
def stores(request):
    return request.getfixturevalue(f"on_{request.param}")


@pytest.fixture
def shelves(stores):
    made = Shelves(stores)
    for whose in (ADA, *OTHERS):
        made.fill(whose)
        assert made.readable(whose) == KINDS
    return made


def test_of_every_kind_what_is_the_users_is_taken_and_nobody_elses(shelves):
    found = shelves.take()

    assert found == Found(dict.fromkeys(KINDS, 1))
    assert shelves.readable(ADA) == set()
    assert [shelves.readable(whose) for whose in OTHERS] == [KINDS, KINDS]


def test_the_next_look_finds_nothing(shelves):
    shelves.take()

    assert shelves.take().nothing


def test_who_has_nothing_has_nothing_taken(shelves):
    assert shelves.belongings.take(erasure(user="eve"), NOW, MOST).nothing
    assert shelves.readable(ADA) == KINDS


def test_only_what_shows_the_places_is_left_and_goes_at_the_end(shelves):
    shelves.take()
    assert shelves.rows(ADA) == ["head", "job", "receipt"]

    shelves.belongings.finish(ADA)

    assert shelves.rows(ADA) == []
    assert [shelves.readable(whose) for whose in OTHERS] == [KINDS, KINDS]


def test_the_jobs_of_a_user_are_known(shelves):
    assert list(shelves.belongings.jobs(ADA.owner)) == [shelves.job(ADA).id]


def test_what_a_worker_holds_is_waited_for_and_taken_when_its_lease_is_over(shelves):
    held = shelves.jobs.begin(shelves.job(ADA).id, NOW, NOW + LEASE)

    early, late = shelves.take(), shelves.take(NOW + LEASE + 1)

    assert held.order
    assert (early.counts["jobs"], early.waits, early.nothing) == (0, True, False)
    assert (late.counts["jobs"], late.waits) == (1, False)


def test_what_a_worker_writes_late_is_found_by_the_next_look(shelves):
    held = shelves.jobs.begin(shelves.job(ADA).id, NOW, NOW + LEASE)
    shelves.take(NOW + LEASE + 1)
    shelves.jobs.keep(held, Page(1, 1, (b"late",)))

    assert shelves.take(NOW + LEASE + 1).counts["jobs"] == 1

    assert list(shelves.jobs.pages(held.id, 0)) == []


def test_whoever_held_a_receipt_can_no_longer_answer_it(shelves):
    late = a_receipt(2, id="late", owner=ADA.owner)
    shelves.receipts.claim(late, NOW)

    shelves.take()

    assert not shelves.receipts.keep(late, ANSWER)


def test_a_look_that_is_full_says_that_there_is_more(shelves):
    for number in (2, 3):
        shelves.fill(ADA, number)

    first, second = shelves.take(most=2), shelves.take(most=2)

    assert (first.cut, second.cut) == (True, False)
    assert [each.counts["conversations"] for each in (first, second)] == [2, 1]
    assert [shelves.readable(ADA, number) for number in (1, 2, 3)] == [set()] * 3


def test_a_look_that_broke_off_is_made_good_by_the_next(shelves, stores):
    stores.losing_reply(shelves.take)

    shelves.take()

    assert shelves.readable(ADA) == set()
    assert shelves.take().nothing
