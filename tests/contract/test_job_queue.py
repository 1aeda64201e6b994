"""A message is handed to a queue as it is, in its line's group, to be delivered now or later."""

import itertools
from contextlib import contextmanager

import botocore.session
import msgspec
import pytest
from botocore.exceptions import ConnectTimeoutError
from moto import mock_aws

from chalicelib.adapters.memory.queue import MemoryJobQueue
from chalicelib.adapters.queues.sqs import SqsJobQueue
from chalicelib.domain.errors import Misconfigured, QueueUnavailable
from chalicelib.domain.jobs import Message
from tests.contract.stores import REGION

LINE = "a-tenants-tag"
EVERYTHING = {"AttributeNames": ["All"], "MaxNumberOfMessages": 10}

_names = itertools.count()


class InMemory:
    """What was handed to a queue in memory."""

    def __init__(self):
        self.queue = MemoryJobQueue()

    def waiting(self):
        """What is there to be taken: messages with their groups."""
        return [(message, message.line) for message, delay in self.queue.waiting if not delay]

    def delayed(self):
        """How many come later."""
        return sum(delay > 0 for _, delay in self.queue.waiting)

    def dead(self):
        """What was buried: bodies with their reasons."""
        return self.queue.buried


class OnSqs:
    """What a consumer finds in a queue of SQS."""

    def __init__(self, endpoint=None):
        self.name = f"turns-{next(_names)}"
        self.endpoint = endpoint
        self.client = botocore.session.Session().create_client("sqs", region_name=REGION, endpoint_url=endpoint)
        self.url = self.client.create_queue(QueueName=self.name)["QueueUrl"]
        self.dead_url = self.client.create_queue(QueueName=f"{self.name}-dlq")["QueueUrl"]
        self.queue = self.named(self.name)

    def named(self, name):
        return SqsJobQueue(name, region=REGION, endpoint=self.endpoint)

    def waiting(self):
        found = self.client.receive_message(QueueUrl=self.url, **EVERYTHING).get("Messages", [])
        return [
            (msgspec.json.decode(each["Body"], type=Message), each["Attributes"]["MessageGroupId"]) for each in found
        ]

    def delayed(self):
        names = ["ApproximateNumberOfMessagesDelayed"]
        counts = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return int(counts[names[0]])

    def dead(self):
        found = self.client.receive_message(QueueUrl=self.dead_url, MessageAttributeNames=["All"], **EVERYTHING)
        messages = found.get("Messages", [])
        return [(each["Body"], each["MessageAttributes"]["reason"]["StringValue"]) for each in messages]

    @contextmanager
    def answering(self, event, handler):
        """Requests and replies of the queue under test go through the handler, once it has found its address."""
        self.queue.send(Message("job_first", LINE))
        events = self.queue._client.meta.events
        events.register_first(f"{event}.sqs.SendMessage", handler)
        yield
        events.unregister(f"{event}.sqs.SendMessage", handler)


@pytest.fixture
def in_memory():
    return InMemory()


@pytest.fixture
def on_mocked_sqs(credentials):
    with mock_aws():
        yield OnSqs()


@pytest.fixture
def on_emulated_sqs(credentials, emulator):
    return OnSqs(emulator)


SQS = ["on_mocked_sqs", pytest.param("on_emulated_sqs", marks=pytest.mark.xdist_group("emulator"))]


@pytest.fixture(params=["in_memory", *SQS])
def place(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(params=SQS)
def sqs(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("message", [Message("job_t-1", LINE), Message("job_t-1", "another", "notice", 4)])
def test_a_message_arrives_as_it_was_sent_in_the_group_of_its_line(place, message):
    place.queue.send(message)

    assert place.waiting() == [(message, message.line)]


def test_every_message_arrives(place):
    sent = [Message(f"job_t-{number}", LINE) for number in range(8)]
    for message in sent:
        place.queue.send(message)

    assert sorted(message.job for message, _ in place.waiting()) == [message.job for message in sent]


def test_a_message_with_a_delay_comes_later(place):
    place.queue.send(Message("job_t-1", LINE), 900)

    assert place.waiting() == []
    assert place.delayed() == 1


@pytest.mark.parametrize("body", ["not a message", '{"v":2}', "ä \U0001f95a \n", "x" * 200_000])
def test_what_nobody_can_work_on_is_buried_as_it_came_with_the_reason(place, body):
    place.queue.bury(body, "too old")

    assert place.dead() == [(body, "too old")]
    assert place.waiting() == []


def test_a_queue_that_is_not_there_is_a_fault_of_the_settings(sqs):
    with pytest.raises(Misconfigured, match="NonExistentQueue"):
        sqs.named("nobody's").send(Message("job_t-1", LINE))


def test_a_queue_is_looked_up_once(sqs):
    asked = []
    sqs.queue.send(Message("job_t-1", LINE))
    sqs.queue._client.meta.events.register("before-call.sqs", lambda model, **_: asked.append(model.name))

    sqs.queue.send(Message("job_t-2", LINE))

    assert asked == ["SendMessage"]


def test_a_queue_that_was_down_at_first_is_found_later(sqs):
    late = sqs.named(f"{sqs.name}-late")
    with pytest.raises(Misconfigured):
        late.send(Message("job_t-1", LINE))
    sqs.client.create_queue(QueueName=f"{sqs.name}-late")

    late.send(Message("job_t-1", LINE))


def test_a_queue_that_is_silent_is_unavailable(sqs):
    def silent(**_):
        raise ConnectTimeoutError(endpoint_url="the queue")

    with sqs.answering("after-call", silent), pytest.raises(QueueUnavailable, match="ConnectTimeoutError"):
        sqs.queue.send(Message("job_t-1", LINE))


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("ThrottlingException", QueueUnavailable),
        ("InternalError", QueueUnavailable),
        ("ServiceUnavailable", QueueUnavailable),
        ("ExpiredTokenException", QueueUnavailable),
        ("AccessDeniedException", Misconfigured),
        ("UnrecognizedClientException", Misconfigured),
    ],
)
def test_what_sqs_refuses_is_told_in_our_words(on_mocked_sqs, code, error):
    def refuse(parsed, http_response, **_):
        http_response.status_code = 400
        parsed["Error"] = {"Code": code, "Message": "No."}

    with on_mocked_sqs.answering("after-call", refuse), pytest.raises(error, match=code):
        on_mocked_sqs.queue.send(Message("job_t-1", LINE))


def test_without_credentials_the_settings_are_at_fault(on_mocked_sqs, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    with pytest.raises(Misconfigured, match="NoCredentialsError"):
        on_mocked_sqs.named("turns").send(Message("job_t-1", LINE))
