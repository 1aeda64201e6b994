"""The line of a deployed stage, as an operator with rights to its queue can disturb it."""

from contextlib import suppress

from openai.types.chat import ChatCompletion

from chalicelib.adapters.dynamodb.job_items import job_key
from chalicelib.adapters.queues.sqs import DEAD
from tests.clients.product import MODEL
from tests.infra.runs import eventually

QUEUE, JOBS = "tidegate-solo-turns", "tidegate-solo-jobs"


class Line:
    """The queue, its dead and the mapping that brings the messages of one to the function that works."""

    def __init__(self, deployed, client):
        self._client = client
        self._sqs, self._lambda, self._tables = (deployed.cloud.client(name) for name in ("sqs", "lambda", "dynamodb"))
        self._queue, self._dead = (
            self._sqs.get_queue_url(QueueName=name)["QueueUrl"] for name in (QUEUE, QUEUE + DEAD)
        )
        (mapping,) = self._lambda.list_event_source_mappings()["EventSourceMappings"]
        self._mapping = mapping["UUID"]

    def put(self, text):
        """The job that a question becomes when its asker need not wait."""
        answer = self._client.chat.completions.with_raw_response.create(
            model=MODEL, messages=[{"role": "user", "content": text}], extra_headers={"Prefer": "respond-async"}
        )
        job = answer.http_response.json()
        assert (answer.status_code, answer.headers["location"]) == (202, f"/v1/jobs/{job['id']}")
        return job

    def job(self, job):
        """A job as it is now."""
        return self._client.get(f"/jobs/{job['id']}", cast_to=dict)

    def wait(self):
        """Return when nobody waits, without a call of the API."""
        assert eventually(lambda: self._count(self._queue, "") == self._count(self._queue, "NotVisible") == 0)

    def answer(self, job):
        """What the model said, when the job is over."""
        assert eventually(lambda: self.job(job)["status"] not in {"queued", "in_progress"})
        found = self.job(job)
        assert found["status"] == "completed", found
        return ChatCompletion.model_validate(found["response"]).choices[0].message.content

    def close(self):
        """Let messages lie."""
        self._lambda.update_event_source_mapping(UUID=self._mapping, Enabled=False)
        assert eventually(lambda: self._count(self._queue, "NotVisible") == 0)

    def open(self):
        """Have them brought to the function again."""
        self._lambda.update_event_source_mapping(UUID=self._mapping, Enabled=True)

    def send(self, body):
        """A message of anybody's."""
        self._sqs.send_message(QueueUrl=self._queue, MessageBody=body, MessageGroupId="anybody")

    def kill(self):
        """As the queue does with a message that came too often."""
        (message,) = self._sqs.receive_message(QueueUrl=self._queue, WaitTimeSeconds=1)["Messages"]
        self._sqs.send_message(QueueUrl=self._dead, MessageBody=message["Body"])
        self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])

    def lose(self):
        """As a queue may that is only nearly always right."""
        with suppress(self._sqs.exceptions.PurgeQueueInProgress):
            self._sqs.purge_queue(QueueUrl=self._queue)

    def age(self, job):
        """As if nobody had looked at a job since long ago."""
        self._tables.update_item(
            TableName=JOBS,
            Key=job_key(job["id"]),
            UpdateExpression="SET open_since = :then",
            ExpressionAttributeValues={":then": {"N": "1"}},
        )

    def dead(self):
        """How many messages are with the dead."""
        return self._count(self._dead, "")

    def _count(self, queue, kind):
        name = f"ApproximateNumberOfMessages{kind}"
        return int(self._sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=[name])["Attributes"][name])
