"""What the emulator has acknowledged is there after it was killed."""

import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError

from tests.infra.runs import PATIENCE_S, ROOT, eventually

TABLE = "notes"


class Emulator:
    """An emulator in a process of its own, over a directory that outlives it."""

    def __init__(self, directory, *arguments):
        self.directory = directory
        reader, self.lifeline = os.pipe()
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            self.port = bound.getsockname()[1]
            descriptors = ["--socket", str(bound.fileno()), "--lifeline", str(reader)]
            command = [
                sys.executable,
                "-m",
                "infra.local.emulator",
                *descriptors,
                "--directory",
                str(directory),
            ]
            self.process = subprocess.Popen(
                [*command, *arguments], cwd=ROOT, pass_fds=[bound.fileno(), reader], start_new_session=True
            )
        os.close(reader)
        eventually(self.answers)
        self.dynamodb = self.client("dynamodb")

    def answers(self):
        assert self.process.poll() is None
        with socket.socket() as caller:
            return caller.connect_ex(("127.0.0.1", self.port)) == 0

    def client(self, service, account="test"):
        session = boto3.Session(account, "test", region_name="us-east-1")
        once = Config(retries={"total_max_attempts": 1})
        return session.client(service, endpoint_url=f"http://127.0.0.1:{self.port}", config=once)

    def create_table(self):
        self.dynamodb.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "owner")],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "by-owner",
                    "KeySchema": [{"AttributeName": "owner", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
            BillingMode="PAY_PER_REQUEST",
        )

    def put(self, key, **attributes):
        item = {"pk": {"S": key}} | {name: {"S": value} for name, value in attributes.items()}
        self.dynamodb.put_item(TableName=TABLE, Item=item)

    def add(self, key, number):
        self.dynamodb.update_item(
            TableName=TABLE,
            Key={"pk": {"S": key}},
            UpdateExpression="ADD spent :n",
            ExpressionAttributeValues={":n": {"N": str(number)}},
        )

    def items(self):
        return {item["pk"]["S"]: item for item in self.dynamodb.scan(TableName=TABLE)["Items"]}

    def end(self, number):
        self.process.send_signal(number)
        self.process.wait(PATIENCE_S)
        with suppress(OSError):
            os.close(self.lifeline)


@pytest.fixture
def start(tmp_path):
    """Start emulators over the test's own directory; none outlives the test."""
    started = []

    def start_one(*arguments):
        emulator = Emulator(tmp_path / "aws", *arguments)
        started.append(emulator)
        return emulator

    yield start_one
    for emulator in started:
        emulator.process.kill()
        emulator.process.wait()


def test_every_kind_of_write_survives_a_kill(start):
    emulator = start()
    emulator.create_table()
    emulator.put("put", owner="ada")
    emulator.put("deleted")
    emulator.dynamodb.delete_item(TableName=TABLE, Key={"pk": {"S": "deleted"}})
    emulator.add("counter", 3)
    emulator.add("counter", 4)
    batch = [{"PutRequest": {"Item": {"pk": {"S": f"batch-{number}"}}}} for number in range(25)]
    emulator.dynamodb.batch_write_item(RequestItems={TABLE: batch})
    transaction = [{"Put": {"TableName": TABLE, "Item": {"pk": {"S": key}, "data": {"B": b"\xff"}}}} for key in "xy"]
    emulator.dynamodb.transact_write_items(TransactItems=transaction)
    before = emulator.items()

    emulator.end(signal.SIGKILL)

    again = start()
    assert len(before) == 29
    assert again.items() == before
    assert again.items()["counter"]["spent"] == {"N": "7"}
    by_owner = again.dynamodb.query(
        TableName=TABLE,
        IndexName="by-owner",
        KeyConditionExpression="#o = :o",
        ExpressionAttributeNames={"#o": "owner"},
        ExpressionAttributeValues={":o": {"S": "ada"}},
    )
    assert [item["pk"]["S"] for item in by_owner["Items"]] == ["put"]


@pytest.mark.parametrize("ends", [[signal.SIGKILL] * 4, [signal.SIGKILL, signal.SIGTERM] * 2])
def test_a_counter_is_exact_however_often_the_emulator_ends(start, ends):
    emulator = start()
    emulator.create_table()

    for end in ends:
        emulator.add("counter", 1)
        emulator.end(end)
        emulator = start()

    assert emulator.items()["counter"]["spent"] == {"N": str(len(ends))}


def test_a_write_that_was_refused_is_not_there_after_a_kill(start):
    emulator = start()
    emulator.create_table()
    emulator.put("taken")
    refused = [
        {"Put": {"TableName": TABLE, "Item": {"pk": {"S": "free"}}}},
        {
            "Put": {
                "TableName": TABLE,
                "Item": {"pk": {"S": "taken"}, "by": {"S": "another"}},
                "ConditionExpression": "attribute_not_exists(pk)",
            }
        },
    ]
    with pytest.raises(ClientError, match="TransactionCanceled"):
        emulator.dynamodb.transact_write_items(TransactItems=refused)

    emulator.end(signal.SIGKILL)

    assert start().items() == {"taken": {"pk": {"S": "taken"}}}


def test_accounts_stay_apart_after_a_kill(start):
    emulator = start()
    emulator.create_table()
    emulator.put("mine")
    emulator.dynamodb = emulator.client("dynamodb", "111122223333")
    emulator.create_table()
    emulator.put("theirs")

    emulator.end(signal.SIGKILL)

    again = start()
    assert set(again.items()) == {"mine"}
    again.dynamodb = again.client("dynamodb", "111122223333")
    assert set(again.items()) == {"theirs"}


def test_messages_survive_an_end_that_was_asked_for(start):
    emulator = start()
    queue = emulator.client("sqs").create_queue(QueueName="turns")["QueueUrl"]
    emulator.client("sqs").send_message(QueueUrl=queue, MessageBody="turn-1")

    emulator.end(signal.SIGTERM)

    sqs = start().client("sqs")
    url = sqs.get_queue_url(QueueName="turns")["QueueUrl"]
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "turn-1"


def test_a_long_journal_becomes_a_snapshot_at_the_next_start(start, tmp_path):
    emulator = start()
    emulator.create_table()
    for _ in range(50):
        emulator.put("same", text="x" * 1000)
    emulator.end(signal.SIGKILL)
    journal = max((tmp_path / "aws").glob("journal-*"))
    assert journal.stat().st_size > 50_000

    again = start("--compact-above", "50000")

    assert not journal.exists()
    assert max((tmp_path / "aws").glob("journal-*")).stat().st_size == 0
    assert again.items()["same"]["text"] == {"S": "x" * 1000}


def test_it_ends_and_saves_when_its_supervisor_is_gone(start, tmp_path):
    emulator = start()
    emulator.create_table()
    emulator.put("kept")
    journal = max((tmp_path / "aws").glob("journal-*"))

    os.close(emulator.lifeline)

    emulator.process.wait(PATIENCE_S)
    assert not journal.exists()
    assert set(start().items()) == {"kept"}


def test_a_kill_in_the_middle_of_traffic_loses_nothing_that_was_acknowledged(start):
    emulator = start()
    emulator.create_table()
    acknowledged = dict.fromkeys("abcd", 0)

    def count(name):
        with suppress(EndpointConnectionError, ConnectionClosedError):
            while True:
                emulator.add(name, 1)
                acknowledged[name] += 1

    writers = [threading.Thread(target=count, args=(name,)) for name in acknowledged]
    for writer in writers:
        writer.start()
    eventually(lambda: min(acknowledged.values()) > 20)
    emulator.end(signal.SIGKILL)
    for writer in writers:
        writer.join()

    kept = {name: int(item["spent"]["N"]) for name, item in start().items().items()}
    assert all(kept[name] - count in {0, 1} for name, count in acknowledged.items())  # 1: done, and not yet said
