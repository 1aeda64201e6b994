"""A valve tells how the line flows, and holds what it was turned to."""

import io
import itertools
import json
import zipfile

import botocore.session
import pytest
from botocore.exceptions import ConnectTimeoutError
from moto import mock_aws

from chalicelib.adapters.memory.valve import MemoryValve
from chalicelib.adapters.queues.event_source import EventSourceValve
from chalicelib.domain.concurrency import FEWEST, MOST, Flow
from chalicelib.domain.errors import Misconfigured, QueueUnavailable
from tests.contract.stores import REGION

SINCE = 1_700_000_000.0  # some time before any of these tests ran

_names = itertools.count()


class InMemory:
    """A line that is told how it flows."""

    def __init__(self):
        self.valve = MemoryValve()

    def connect(self, **bound):
        self.valve.told = Flow(bound.get("MaximumConcurrency"), SINCE + 1, 0)

    def fill(self, messages):
        self.valve.told = Flow(self.valve.told.workers, SINCE + 1, messages)


class OnLambda:
    """A queue of SQS, and a function that may take from it."""

    def __init__(self, endpoint=None):
        self.session, self.endpoint = botocore.session.Session(), endpoint
        self.name = f"valve-{next(_names)}"
        self.sqs, self.functions = self.client("sqs"), self.client("lambda")
        self.url = self.sqs.create_queue(QueueName=self.name)["QueueUrl"]
        self.valve = EventSourceValve(self.name, region=REGION, endpoint=endpoint)

    def client(self, service):
        return self.session.create_client(service, region_name=REGION, endpoint_url=self.endpoint)

    def connect(self, name=None, **bound):
        """Let a new function take from the queue, once it is enabled."""
        arn = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        function = f"{name or self.name}-work"
        self.functions.create_function(
            FunctionName=function,
            Runtime="python3.11",
            Role=self.role(),
            Handler="app.work_off",
            Code={"ZipFile": _zip()},
        )
        bounded = {"ScalingConfig": bound} if bound else {}
        made = self.functions.create_event_source_mapping(
            EventSourceArn=arn, FunctionName=function, BatchSize=10, Enabled=False, **bounded
        )
        return made["UUID"]

    def role(self):
        document = json.dumps({"Version": "2012-10-17", "Statement": []})
        made = self.client("iam").create_role(RoleName=f"{self.name}-role", AssumeRolePolicyDocument=document)
        return made["Role"]["Arn"]

    def fill(self, messages):
        for number in range(messages):
            self.sqs.send_message(QueueUrl=self.url, MessageBody=str(number))

    def failing(self, service, operation, code):
        """From now on the service refuses an operation."""

        def refuse(parsed, http_response, **_):
            http_response.status_code = 400
            parsed["Error"] = {"Code": code, "Message": "No."}

        self.hook(service, f"after-call.{service}.{operation}", refuse)

    def hook(self, service, event, handler):
        self.valve._client(service).meta.events.register_first(event, handler)


def _zip():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", "def work_off(event, context):\n    return {}\n")
    return packed.getvalue()


@pytest.fixture
def in_memory():
    return InMemory()


@pytest.fixture
def on_mocked_lambda(credentials):
    with mock_aws():
        yield OnLambda()


@pytest.fixture
def on_emulated_lambda(credentials, emulator):
    return OnLambda(emulator)


LAMBDA = ["on_mocked_lambda", pytest.param("on_emulated_lambda", marks=pytest.mark.xdist_group("emulator"))]


@pytest.fixture(params=["in_memory", *LAMBDA])
def place(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(params=LAMBDA)
def aws(request):
    return request.getfixturevalue(request.param)


def test_where_nothing_takes_from_the_queue_there_is_no_flow(place):
    assert place.valve.flow() is None


def test_a_line_flows_as_it_was_bounded(place):
    place.connect(MaximumConcurrency=7)
    place.fill(3)

    flow = place.valve.flow()

    assert (flow.workers, flow.waiting) == (7, 3)
    assert flow.changed_at > SINCE


def test_a_line_without_a_bound_says_so(place):
    place.connect()

    assert place.valve.flow().workers is None


@pytest.mark.parametrize("workers", [FEWEST, 40, MOST])
def test_it_holds_what_it_was_turned_to(place, workers):
    place.connect(MaximumConcurrency=7)

    place.valve.turn(workers)

    assert place.valve.flow().workers == workers


def test_only_the_bound_is_changed_and_that_of_no_other_queue(aws):
    other = OnLambda(aws.endpoint)
    other.connect(MaximumConcurrency=9)
    mapping = aws.connect(MaximumConcurrency=7)

    aws.valve.turn(8)

    found = aws.functions.get_event_source_mapping(UUID=mapping)
    assert found["ScalingConfig"] == {"MaximumConcurrency": 8}
    assert (found["BatchSize"], found["State"]) == (10, "Disabled")
    assert other.valve.flow().workers == 9


def test_a_line_that_flows_is_asked_three_times_and_turned_once(aws):
    aws.connect(MaximumConcurrency=7)
    asked = []
    for service in ("sqs", "lambda"):
        aws.hook(service, f"before-call.{service}", lambda model, **_: asked.append(model.name))

    aws.valve.flow()
    aws.valve.turn(8)

    assert asked == ["GetQueueUrl", "GetQueueAttributes", "ListEventSourceMappings", "UpdateEventSourceMapping"]


def test_a_queue_that_is_not_there_is_a_fault_of_the_settings(aws):
    with pytest.raises(Misconfigured, match="NonExistentQueue"):
        EventSourceValve("nobodys", region=REGION, endpoint=aws.endpoint).flow()


def test_what_does_not_flow_cannot_be_turned(aws):
    with pytest.raises(Misconfigured, match=aws.name):
        aws.valve.turn(8)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("TooManyRequestsException", QueueUnavailable),
        ("ServiceException", QueueUnavailable),
        ("ResourceInUseException", QueueUnavailable),
        ("ResourceConflictException", QueueUnavailable),
        ("ResourceNotFoundException", QueueUnavailable),
        ("ExpiredTokenException", QueueUnavailable),
        ("AccessDeniedException", Misconfigured),
        ("InvalidParameterValueException", Misconfigured),
    ],
)
def test_what_lambda_refuses_is_told_in_our_words(on_mocked_lambda, code, error):
    on_mocked_lambda.connect(MaximumConcurrency=7)
    on_mocked_lambda.failing("lambda", "UpdateEventSourceMapping", code)

    with pytest.raises(error, match=code):
        on_mocked_lambda.valve.turn(8)


def test_a_lambda_that_is_silent_is_unavailable(on_mocked_lambda):
    def silent(**_):
        raise ConnectTimeoutError(endpoint_url="lambda")

    on_mocked_lambda.hook("lambda", "after-call.lambda.ListEventSourceMappings", silent)

    with pytest.raises(QueueUnavailable, match="ConnectTimeoutError"):
        on_mocked_lambda.valve.flow()


def test_without_credentials_the_settings_are_at_fault(on_mocked_lambda, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    with pytest.raises(Misconfigured, match="NoCredentialsError"):
        EventSourceValve("turns", region=REGION).flow()


def test_what_the_sdk_reads_of_its_own_files_is_read_once_for_both_services(monkeypatch, credentials):
    sessions, make = [], botocore.session.Session
    monkeypatch.setattr(botocore.session, "Session", lambda: sessions.append(make()) or sessions[-1])
    valve = EventSourceValve("turns", region=REGION, endpoint="http://127.0.0.1:1")

    for service in ("sqs", "lambda"):
        valve._client(service)

    assert len(sessions) == 1
