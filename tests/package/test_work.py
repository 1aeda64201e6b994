"""The packaged function behind a queue: the emulator's own event source mapping brings it what waits in line."""

import json
import os
import sys
import time

import botocore.session
import pytest

from chalicelib import bootstrap, settings
from chalicelib.domain.budget import Limit, Plan
from chalicelib.domain.identity import RANDOM_BYTES, Key, mint
from chalicelib.pipeline import turn
from tests.builders import a_request, an_ask
from tests.contract.stores import REGION, template_tables
from tests.infra.runs import eventually

QUEUE = "tidegate-solo-turns"
JOBS = 20


def client(service):
    return botocore.session.Session().create_client(service, region_name=REGION)


@pytest.fixture(scope="module")
def queues(emulator, packages):
    """The stage's tables, its queue with the packaged function behind it, and where the dead are."""
    for table in template_tables("solo"):
        client("dynamodb").create_table(**table)
    sqs = client("sqs")
    dead = sqs.create_queue(QueueName=f"{QUEUE}-dlq")["QueueUrl"]
    url = sqs.create_queue(QueueName=QUEUE)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    work = resource(packages["solo"], "Work")["Properties"]
    client("lambda").create_function(
        FunctionName="tidegate-solo-work",
        Runtime=f"python{sys.version_info.major}.{sys.version_info.minor}",
        Handler=work["Handler"],
        Timeout=work["Timeout"],
        Role="arn:aws:iam::000000000000:role/work",
        Code={"ZipFile": (packages["solo"] / "deployment.zip").read_bytes()},
        Environment={"Variables": {k: v for k, v in os.environ.items() if k.startswith(("AWS_", "TIDEGATE_"))}},
    )
    client("lambda").create_event_source_mapping(
        FunctionName="tidegate-solo-work",
        EventSourceArn=arn,
        BatchSize=10,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        ScalingConfig={"MaximumConcurrency": 2},
    )
    return url, dead


def resource(package, name):
    return json.loads((package / "sam.json").read_text())["Resources"][name]


def test_what_waits_in_line_is_done_once_by_the_packaged_function(queues):
    url, dead = queues
    known = settings.read(os.environ)
    services, keys = bootstrap.build(known), bootstrap.open_keys(bootstrap.open_database(known))
    keys.put_plan(Plan(name="standard", limits=(Limit("user", "day", requests=1_000, tokens=10_000_000),)))
    mine = mint("acme", "ada", live=True, random=bytes(RANDOM_BYTES))
    digest = bootstrap.peppers(known).digest(mine.token, 1)
    keys.put(Key(mine.key_id, "acme", "ada", frozenset({"chat"}), "standard", digest, 1, 1))
    sqs = client("sqs")

    sqs.send_message(QueueUrl=url, MessageBody="{", MessageGroupId="nobody")
    jobs = [turn.enqueue(ask(mine, number), services) for number in range(JOBS)]
    for job in jobs[::4]:
        again = json.dumps({"job": job.id, "line": job.line})
        sqs.send_message(QueueUrl=url, MessageBody=again, MessageGroupId=job.line)

    assert eventually(lambda: {services.lane.jobs.get(job.id).state for job in jobs} == {"completed"})
    caller = services.gate.caller(mine, turn_id="t", now=time.time())
    assert caller.balances["user", "day"].requests == JOBS
    assert eventually(lambda: waiting(sqs, dead) == "1")


def ask(credential, number):
    request = a_request(f"Question {number}", model="nova-lite")
    return an_ask(credential=credential, turn_id=f"{number:032x}", now=time.time(), request=request)


def waiting(sqs, url):
    """How many messages lie in a queue: a count, for a message that is received is hidden from the next who asks."""
    name = "ApproximateNumberOfMessages"
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name]
