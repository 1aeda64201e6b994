"""A lane with processes that work in it, and what is left behind: tables and a queue of real servers, and a record."""

import itertools
import json
from threading import Semaphore

import botocore.session

from chalicelib.adapters.dynamodb.jobs import DynamoJobs
from chalicelib.adapters.queues.sqs import SqsJobQueue
from chalicelib.domain.jobs import job_id
from chalicelib.domain.ledger import owner_of, subjects_of
from chalicelib.domain.outcomes import Done, outcome_of
from chalicelib.pipeline.lane import RESEND_SECONDS, Lane
from chalicelib.ports import TurnPage
from tests.builders import a_credential, a_key, a_plan
from tests.contract.samples import NOW, conversation
from tests.contract.stores import REGION, dynamo_stores
from tests.race import lane_worker

PROCESSES = 4
LEASE_SECONDS = 90  # of a worker, by the product's settings
HIDDEN_SECONDS = 3  # a message that somebody took, in real time
MOST_ROUNDS = 5
SEATS = Semaphore(PROCESSES)


class World:
    """New tables, a new queue, and what a record of the workers' own says of both."""

    def __init__(self, dynamodb, sqs, crew, record):
        self.stores = dynamo_stores(dynamodb, concurrent=True)
        self.stage = self.stores.database.tables.ledger.split("-", 1)[1][:-7]
        self.sqs = botocore.session.Session().create_client("sqs", region_name=REGION, endpoint_url=sqs)
        self.url, self.dead_url = self._queues(f"tidegate-{self.stage}-turns")
        self.jobs = DynamoJobs(self.stores.database, map(str, itertools.count()).__next__)
        self.now = NOW
        self.killed = set()
        self._where = {"dynamodb": dynamodb, "sqs": sqs, "stage": self.stage, "record": str(record)}
        self._crew, self._record = crew, record
        queue = SqsJobQueue(f"tidegate-{self.stage}-turns", region=REGION, endpoint=sqs)
        self.lane = Lane(
            self.jobs, queue, lambda: float(self.now), lambda _: None, 3_600, LEASE_SECONDS, 0, Semaphore(8)
        )
        self.stores.keys.put_plan(a_plan())
        for worker in range(PROCESSES):
            self.stores.keys.put(a_key(self.credential(worker), *lane_worker.owner_of(worker)))

    def _queues(self, name):
        dead = self.sqs.create_queue(QueueName=f"{name}-dlq")["QueueUrl"]
        names = ["QueueArn"]
        arn = self.sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=names)["Attributes"]["QueueArn"]
        redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 3})
        attributes = {"VisibilityTimeout": str(HIDDEN_SECONDS), "RedrivePolicy": redrive}
        return self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"], dead

    @staticmethod
    def credential(worker):
        return a_credential(*lane_worker.owner_of(worker))

    def begin(self, worker, name):
        """A conversation of a worker's owner."""
        owner = owner_of(subjects_of(self.credential(worker)))
        self.stores.conversations.create(conversation(name, owner=owner, created_at=self.now), None)
        return name

    def do(self, jobs):
        """Each in one process; how many were killed over it."""
        before = len(self.killed)
        given = [self._where | {"worker": worker, "now": self.now} | job for worker, job in enumerate(jobs)]
        for said in self._crew.do(given):
            assert said["code"] == 0
            self.killed |= set(said["killed"])
        return len(self.killed) - before

    def do_all(self, jobs):
        """However many, as many at once as there are processes."""
        rest = list(jobs)
        while rest:
            self.do(rest[:PROCESSES])
            rest = rest[PROCESSES:]

    def work(self, **how):
        """Until the queue is empty."""
        return self.do([{"do": "work", "batch": 10, **how}] * PROCESSES)

    def recover(self):
        """What the sweep does once a minute: leases run out, and what nobody ended is sent again, until all is over."""
        for _ in range(MOST_ROUNDS):
            self.now += LEASE_SECONDS + RESEND_SECONDS + 1
            if not self.lane.resend():
                return
            self.work()
        raise AssertionError("there is always more to do")

    def told(self, kind):
        """What the workers wrote down of a kind: words."""
        lines = self._record.read_text().splitlines() if self._record.exists() else []
        return [words[1:] for words in map(str.split, lines) if words[0] == kind]

    def accepted(self):
        return {name for (name,) in self.told("accepted")}

    def burned(self):
        return sum(int(tokens) for *_, tokens in self.told("asked"))

    def asked_again(self):
        """The questions that a model was asked once more, though nobody died over the last time."""
        asked = {}
        for pid, question, _ in self.told("asked"):
            asked.setdefault(question, []).append(int(pid))
        return [question for question, pids in asked.items() if not self.killed.issuperset(pids[:-1])]

    def asked(self):
        """How often a model was."""
        return len(self.told("asked"))

    def used(self):
        """What each tenant was charged this month."""
        return [use["month"].used for use in self._uses()]

    def held(self):
        """What is still reserved, by tenant."""
        return [use["month"].held for use in self._uses()]

    def _uses(self):
        everyone = [subjects_of(self.credential(worker)) for worker in range(PROCESSES)]
        return [self.stores.keys.uses(subjects, self.now)[subjects[2]] for subjects in everyone]

    def answer(self, name):
        """What a turn's job came to: its state, and its answer or its fault."""
        job = self.jobs.get(job_id(name))
        outcome = job and outcome_of(job)
        return job and (job.state, outcome.completion.text if isinstance(outcome, Done) else outcome)

    def turns(self, name):
        return list(self.stores.conversations.turns(name, TurnPage(order="asc")))

    def buried(self):
        names = ["ApproximateNumberOfMessages"]
        return int(self.sqs.get_queue_attributes(QueueUrl=self.dead_url, AttributeNames=names)["Attributes"][names[0]])
