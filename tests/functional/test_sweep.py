"""The schedule ends leases that ran out, as EventBridge calls it."""

import io
import json
import logging
import time

import botocore.session
import msgspec
import pytest
from botocore.client import BaseClient

from app import refit_cache, sweep_leases
from chalicelib import bootstrap
from chalicelib.domain.concurrency import START
from chalicelib.domain.identity import parse_token
from chalicelib.domain.jobs import Job, Message
from chalicelib.edge import telemetry
from infra.grants import policy
from infra.stages import STAGES
from tests.builders import CONTEXT, an_event
from tests.contract.samples import CHARGE, in_conversation, noise, reservation
from tests.functional.rights import acting

POLICY = policy(STAGES["solo"], "sweep")


@pytest.fixture
def sweep(world, monkeypatch):
    """Runs it once; what the log says of that, in one line."""
    telemetry.logger()
    (handler, *_) = logging.getLogger("tidegate").handlers

    def run():
        said = io.StringIO()
        monkeypatch.setattr(handler, "stream", said)
        with acting("sweep"):
            sweep_leases(an_event("scheduled"), CONTEXT)
        (line,) = said.getvalue().splitlines()
        return json.loads(line)

    return run


def leave_open(world, count, *, until):
    """Reservations of turns whose process died."""
    turns = bootstrap.services().gate.turns
    credential = parse_token(world.key())
    now = int(time.time())
    for number in range(count):
        claim = reservation(f"t-{number}-{until}", credential=credential, now=now)
        turns.reserve(msgspec.structs.replace(claim, lease_until=until))


def leave_in_line(world):
    """A job whose message got lost two minutes ago."""
    then = time.time() - 120
    job = Job(id=f"job_{'0' * 32}", owner="o", line="l", created_at=then, until=then + 3_600)
    bootstrap.services().lane.jobs.put(job)


def take_from_the_line(world):
    """A function that Lambda brings the messages of the line to; what is known of that."""
    session = botocore.session.Session()
    functions, iam = (session.create_client(each, region_name="us-east-1") for each in ("lambda", "iam"))
    role = iam.create_role(RoleName="work", AssumeRolePolicyDocument='{"Version": "2012-10-17", "Statement": []}')
    functions.create_function(
        FunctionName="work", Runtime="python3.11", Role=role["Role"]["Arn"], Handler="app.f", Code={"ZipFile": b"zip"}
    )
    about = world.sqs.get_queue_attributes(QueueUrl=world.queues[0], AttributeNames=["QueueArn"])["Attributes"]
    made = functions.create_event_source_mapping(EventSourceArn=about["QueueArn"], FunctionName="work", BatchSize=10)
    return lambda: functions.get_event_source_mapping(UUID=made["UUID"])


def test_a_job_that_nobody_took_up_is_sent_again_once(world, sweep):
    leave_in_line(world)

    assert [sweep()["resent"], sweep()["resent"]] == [1, 0]
    (body,) = world.taken()
    assert msgspec.json.decode(body, type=Message) == Message(f"job_{'0' * 32}", "l")


def test_leases_that_ran_out_are_ended_and_stay_charged(world, sweep):
    leave_open(world, 3, until=int(time.time()) - 1)
    leave_open(world, 2, until=int(time.time()) + 600)

    first, second = sweep(), sweep()

    assert (first["message"], first["ended"], second["ended"]) == ("sweep", 3, 0)
    assert world.leases() == {"expired": 3, "open": 2}
    assert world.used().tokens == 5 * CHARGE.tokens


def test_an_idle_minute_reads_and_changes_nothing_else(world, sweep):
    world.chat("Hi", key=world.key())
    before = world.everything()

    assert sweep()["ended"] == 0
    assert world.everything() == before


@pytest.mark.parametrize(("function", "run"), [("sweep", sweep_leases), ("refit", refit_cache)])
def test_a_schedule_makes_its_clients_once_and_not_at_each_run(world, monkeypatch, function, run):
    made, make = [], botocore.session.Session.create_client
    monkeypatch.setattr(
        botocore.session.Session, "create_client", lambda *args, **names: made.append(args[1]) or make(*args, **names)
    )
    counts = []

    for _ in range(3):
        with acting(function):
            run(an_event("scheduled"), CONTEXT)
        counts.append(len(made))

    assert counts[0] > 0
    assert counts == counts[:1] * 3


def test_the_sweep_needs_no_secret_of_the_pepper(sweep, monkeypatch):
    monkeypatch.delenv("TIDEGATE_PEPPER")
    monkeypatch.setenv("TIDEGATE_PEPPERS_SECRET", "arn:of-a-secret-that-it-may-not-read")

    assert sweep()["ended"] == 0


@pytest.mark.parametrize("deleted", [False, True], ids=["kept", "deleted"])
def test_the_sweep_does_all_of_it_with_the_rights_that_it_has(world, sweep, deleted):
    key = world.key()
    conversation = world.call("POST", "/v1/conversations", {}, key=key).json["id"]
    claim = in_conversation("t-1", 1, text=noise(800_000), conversation=conversation, credential=parse_token(key))
    bootstrap.services().gate.turns.reserve(msgspec.structs.replace(claim, lease_until=int(time.time()) - 1))
    leave_open(world, 1, until=int(time.time()) - 1)
    if deleted:
        world.call("DELETE", f"/v1/conversations/{conversation}", key=key)
    leave_in_line(world)

    said = sweep()

    assert (said["ended"], said["resent"]) == (2, 1)


def test_a_line_that_nothing_takes_from_has_no_bound_to_move(world, sweep):
    assert sweep()["workers"] == 0


def test_the_line_is_bounded_by_what_its_policy_lets_the_sweep_do(world, sweep, monkeypatch):
    mapping = take_from_the_line(world)
    called, call = set(), BaseClient._make_api_call

    def recorded(client, operation, request):
        called.add(f"{client.meta.service_model.service_name}:{operation}")
        return call(client, operation, request)

    monkeypatch.setattr(BaseClient, "_make_api_call", recorded)

    said = [sweep()["workers"], sweep()["workers"]]

    assert said == [START, START]
    assert {"lambda:UpdateEventSourceMapping", "sqs:GetQueueAttributes"} <= called
    assert called <= {action for each in POLICY["Statement"] for action in each["Action"]}
    assert mapping()["ScalingConfig"] == {"MaximumConcurrency": START}
