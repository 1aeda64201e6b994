"""Poison harms nobody else, and what died comes back and is done once: over a real queue, its dead, and the lane."""

import dataclasses
import json
import os

import pytest

from chalicelib.adapters.queues.sqs import SqsJobQueue
from chalicelib.domain.errors import StoreUnavailable
from chalicelib.domain.jobs import Message
from chalicelib.edge import batch
from chalicelib.pipeline import turn, work
from infra.redrive import Redrive, Wish
from tests.builders import an_ask
from tests.contract.stores import REGION
from tests.contract.test_job_queue import OnSqs
from tests.unit.pipeline.stage import HELLO, Scripted, Stage

MANY = int(os.environ.get("REDRIVEN", "60"))  # 1,000 for the figure in docs/guarantees.md
GOOD = 9
MOST_RECEIVED = 3
POISON = {
    "not JSON": ("{", "not JSON"),
    "not an object": ("[]", "not a message"),
    "nothing": (" ", "not JSON"),
    "another version": ('{"job": "job_1", "line": "l", "v": 2}', "not a message"),
    "another errand": ('{"job": "job_1", "line": "l", "errand": "tea"}', "not a message"),
    "more fields": ('{"job": "job_1", "line": "l", "colour": 1}', "not a message"),
    "fewer fields": ('{"job": "job_1"}', "not a message"),
    "no such job": ('{"job": "job_1", "line": "l"}', "no such job"),
    "a notice of no job": ('{"job": "job_1", "line": "l", "errand": "notice"}', "no such job"),
}


pytestmark = pytest.mark.xdist_group("emulator")


class Plant:
    """Turns in memory, their line over a queue of the emulator, and a worker that is called as Lambda calls it."""

    def __init__(self, endpoint):
        self.sqs = OnSqs(endpoint)
        policy = {"deadLetterTargetArn": self._arn(self.sqs.dead_url), "maxReceiveCount": MOST_RECEIVED}
        self.sqs.client.set_queue_attributes(
            QueueUrl=self.sqs.url, Attributes={"RedrivePolicy": json.dumps(policy), "VisibilityTimeout": "0"}
        )
        self.stage = Stage(models={"a": Scripted(*HELLO)}, caching=False)
        lane = dataclasses.replace(self.stage.lane, queue=SqsJobQueue(self.sqs.name, region=REGION, endpoint=endpoint))
        self.use = dataclasses.replace(self.stage.services, lane=lane)
        self.broken = set()
        self.said = []

    def line_up(self, count):
        asks = (an_ask(f"Question {n}", turn_id=f"{n:032x}", credential=self.stage.credential) for n in range(count))
        return [turn.enqueue(ask, self.use) for ask in asks]

    def work_off(self):
        """Bring batch after batch until the queue is empty."""
        while found := self._receive(self.sqs.url):
            records = [{"messageId": each["MessageId"], "body": each["Body"]} for each in found]
            answer = batch.worked({"Records": records}, self._do, self.use)
            failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
            for each in found:
                if each["MessageId"] not in failed:
                    self.sqs.client.delete_message(QueueUrl=self.sqs.url, ReceiptHandle=each["ReceiptHandle"])

    def _do(self, message, use):
        if message.job in self.broken:
            raise StoreUnavailable("down")
        work.complete(message, use)

    def die(self):
        """All that is in the queue came too often."""
        while found := self._receive(self.sqs.url):
            for each in found:
                self.sqs.client.send_message(QueueUrl=self.sqs.dead_url, MessageBody=each["Body"], MessageGroupId="l")
                self.sqs.client.delete_message(QueueUrl=self.sqs.url, ReceiptHandle=each["ReceiptHandle"])

    def redrive(self, wish=None, pause=lambda _: None):
        return dict(Redrive(self.sqs.client, self.sqs.name, say=self.said.append, pause=pause).run(wish or Wish()))

    def dead(self):
        """The bodies of the dead with their reasons, left where they are."""
        found = self._receive(self.sqs.dead_url, VisibilityTimeout=0)
        told = [each.get("MessageAttributes", {}).get("reason", {}).get("StringValue", "") for each in found]
        return [(each["Body"], reason) for each, reason in zip(found, told, strict=True)]

    def asked(self):
        """How often a model was."""
        return len(self.stage.models["a"].requests)

    def states(self, jobs):
        return {self.use.lane.jobs.get(job.id).state for job in jobs}

    def _receive(self, url, **more):
        wanted = {"MaxNumberOfMessages": 10, "AttributeNames": ["All"], "MessageAttributeNames": ["All"], **more}
        return self.sqs.client.receive_message(QueueUrl=url, **wanted).get("Messages", [])

    def _arn(self, url):
        wanted = self.sqs.client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return wanted["Attributes"]["QueueArn"]


@pytest.fixture
def plant(credentials, emulator):
    return Plant(emulator)


@pytest.mark.parametrize("kind", POISON)
def test_poison_is_buried_at_once_with_its_reason_and_the_other_nine_are_done_once(plant, kind):
    body, reason = POISON[kind]
    plant.sqs.client.send_message(QueueUrl=plant.sqs.url, MessageBody=body, MessageGroupId="l")
    jobs = plant.line_up(GOOD)

    plant.work_off()

    ((dead, told),) = plant.dead()
    assert dead == body
    assert reason in told
    assert plant.states(jobs) == {"completed"}
    assert plant.asked() == GOOD


def test_another_tenants_message_is_poison_and_the_job_is_done_all_the_same(plant):
    jobs = plant.line_up(GOOD)
    foreign = json.dumps({"job": jobs[0].id, "line": "eve"})
    plant.sqs.client.send_message(QueueUrl=plant.sqs.url, MessageBody=foreign, MessageGroupId="eve")

    plant.work_off()

    assert plant.dead() == [(foreign, "another tenant's job")]
    assert plant.states(jobs) == {"completed"}
    assert plant.asked() == GOOD


def test_a_job_that_is_too_old_is_buried_and_costs_no_call(plant):
    old, *_ = plant.line_up(1)
    plant.stage.now = old.until + 1

    plant.work_off()

    assert [reason for _, reason in plant.dead()] == ["too old"]
    assert plant.states([old]) == {"failed"}
    assert plant.asked() == 0


def test_what_fails_each_time_dies_after_three_and_the_other_nine_are_done_once(plant):
    broken, *jobs = plant.line_up(GOOD + 1)
    plant.broken = {broken.id}

    plant.work_off()

    ((dead, reason),) = plant.dead()
    assert (json.loads(dead)["job"], reason) == (broken.id, "")
    assert plant.states(jobs) == {"completed"}
    assert plant.asked() == GOOD


def test_what_is_redriven_twice_is_done_once(plant):
    jobs = plant.line_up(MANY)

    for _ in range(2):
        plant.die()
        assert plant.redrive() == {"moved": MANY}
        plant.work_off()
        for job in jobs:
            plant.use.lane.queue.send(Message(job.id, job.line))

    assert plant.states(jobs) == {"completed"}
    assert plant.asked() == MANY


def test_a_dry_run_says_what_it_would_do_and_moves_nothing(plant):
    plant.line_up(12)
    plant.die()

    assert plant.redrive(Wish(dry=True)) == {"moved": 12}
    assert len(plant.said) == 12
    assert all(line.startswith("would be moved: turn of job_") for line in plant.said)
    assert plant.redrive() == {"moved": 12}


def test_poison_stays_with_its_reason_unless_it_is_forced(plant):
    plant.use.lane.bury("{", "not JSON")
    plant.sqs.client.send_message(QueueUrl=plant.sqs.dead_url, MessageBody="[]", MessageGroupId="l")
    plant.line_up(1)
    plant.die()

    assert plant.redrive() == {"kept": 2, "moved": 1}
    assert sum("not JSON" in line for line in plant.said) == 1
    assert len(plant.dead()) == 2
    assert plant.redrive(Wish(force=True)) == {"moved": 2}


def test_a_run_that_is_interrupted_loses_nothing(plant):
    jobs = plant.line_up(25)
    plant.die()

    def interrupted(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        plant.redrive(pause=interrupted)
    rest = plant.redrive()
    plant.work_off()

    assert rest["moved"] == 25 - 10
    assert plant.states(jobs) == {"completed"}
    assert plant.asked() == 25


def test_the_rate_is_kept(plant):
    plant.line_up(12)
    plant.die()
    pauses = []

    plant.redrive(Wish(rate=5), pause=pauses.append)

    assert sum(pauses) == 12 / 5
