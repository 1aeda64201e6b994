"""The whole product on moto: its tables from the template, its app called as Lambda and Chalice's test client do."""

import functools
import json
import os
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import botocore.session
import msgspec
from chalice.test import Client

from app import app
from chalicelib import bootstrap, settings
from chalicelib.domain.budget import Limit, Plan, Subject
from chalicelib.domain.identity import RANDOM_BYTES, Key, mint, tenant_tag, user_tag
from chalicelib.edge.door import METHODS
from tests.builders import CONTEXT, an_event
from tests.contract.stores import template_tables
from tests.functional import conformance
from tests.functional.rights import acting

ROOT = Path(__file__).parents[2]
STAGE = "functional"
MODEL = "nova-lite"
QUEUE = f"tidegate-{STAGE}-turns"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",  # Lambda has both
    "TIDEGATE_STAGE": STAGE,
    "TIDEGATE_PEPPER": "pepper",
    "TIDEGATE_FAILURES_A_MINUTE": "0",  # one address, and many tests that fail from it on purpose
    "TIDEGATE_UPSTREAM": "simulated://echo?directives=1",
    "TIDEGATE_WAIT_SECONDS": "0",  # one thread: nobody works while a call waits
    "TIDEGATE_CHECK_RATE": "0",
    "TIDEGATE_DIRECT_DYNAMODB": "0",  # moto answers to botocore alone
}
MANY = Limit("user", "day", requests=1_000, tokens=10_000_000)


PARTS = {
    "{model_id}": "nova-lite",
    "{conversation_id}": "conv_1",
    "{item_id}": "msg_1",
    "{response_id}": "resp_1",
    "{name}": "spare",
    "{tenant}": "acme",
    "{key_id}": "k" * 40,
    "{user}": "ada",
    "{job_id}": "job_1",
    "{revision}": "0" * 16,
}


def filled(path):
    """A route's path with a value for each of its parameters."""
    return functools.reduce(lambda text, part: text.replace(part, PARTS[part]), PARTS, path)


OPEN = {"/health", "/openapi.json", "/", "/usage", "/assets/{revision}/{name}"}
TEMPLATES = sorted((method, path) for path, methods in app.routes.items() for method in methods if method in METHODS)
ROUTES = [(method, filled(path)) for method, path in TEMPLATES if path not in OPEN]
"""Every route that needs a key."""


class Answer(msgspec.Struct, frozen=True):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        return self.json["error"]

    @property
    def text(self):
        return self.json["choices"][0]["message"]["content"]


class World:
    def __init__(self):
        self._made = 0
        self.context = CONTEXT
        self._client = Client(app, project_dir=str(ROOT))
        self._http = self._client.http
        self.dynamodb = botocore.session.Session().create_client("dynamodb", region_name="us-east-1")
        self.tables = template_tables(STAGE)
        for table in self.tables:
            self.dynamodb.create_table(**table)
        self.sqs = botocore.session.Session().create_client("sqs", region_name="us-east-1")
        self.queues = [self.sqs.create_queue(QueueName=name)["QueueUrl"] for name in (QUEUE, f"{QUEUE}-dlq")]
        self.keys = bootstrap.open_keys(bootstrap.open_database(settings.read(os.environ)))
        self.plan(MANY)
        self.restart()

    def restart(self):
        """What a cold process knows: nothing."""
        forget()

    def serving_by_meaning(self, patch):
        """The same world with its semantic tier on, and time for it on any machine."""
        patch.setenv("TIDEGATE_SEMANTIC", "serve")
        patch.setenv("TIDEGATE_SEMANTIC_MS", "20000")
        self.restart()
        return self

    def plan(self, *limits, name="standard", **fields):
        self.keys.put_plan(Plan(name=name, limits=limits, **fields))
        return name

    def key(self, tenant="acme", user="ada", **fields):
        """A new key's token."""
        self._made += 1
        credential = mint(tenant, user, live=True, random=self._made.to_bytes(RANDOM_BYTES, "little"))
        digest = bootstrap.peppers(settings.read(os.environ)).digest(credential.token, 1)
        key = Key(credential.key_id, tenant, user, frozenset({"chat"}), "standard", digest, 1, 1)
        self.keys.put(msgspec.structs.replace(key, **fields))
        return credential.token

    def call(self, method, path, body=None, *, key=None, headers=None):
        """One call through Chalice's test client."""
        sent = {"content-type": "application/json"} if body is not None else {}
        sent |= {"authorization": f"Bearer {key}"} if key else {}
        text = body if body is None or isinstance(body, (str, bytes)) else json.dumps(body)
        with acting("api_handler"):
            reply = self._http.request(method, path, headers=sent | (headers or {}), body=text)
        headers = {name.lower(): text for name, text in reply.headers.items()}
        answer = Answer(reply.status_code, headers, reply.body)
        conformance.check(method, path, answer)
        return answer

    def invoke(self, function, event):
        """What a function answers to an event, under a runtime that does not stream."""
        with acting(function):
            return self._client.lambda_.invoke(function, event).payload

    def out_of_time(self):
        """Calls have as much time from now on as a function that is about to be ended."""
        self.context = SimpleNamespace(aws_request_id="request", get_remaining_time_in_millis=lambda: 0)

    def work(self, *bodies):
        """Bring what is in the queue, or `bodies`, to the worker as SQS does; which came to nothing."""
        records = [{"messageId": str(place), "body": body} for place, body in enumerate(bodies or self.taken())]
        answer = self.invoke("work", {"Records": records})
        return [records[int(each["itemIdentifier"])]["body"] for each in answer["batchItemFailures"]]

    def taken(self, place=0):
        """The bodies of a queue's messages, which are gone then: 1 is where the dead are."""
        found = self.sqs.receive_message(QueueUrl=self.queues[place], MaxNumberOfMessages=10).get("Messages", [])
        for each in found:
            self.sqs.delete_message(QueueUrl=self.queues[place], ReceiptHandle=each["ReceiptHandle"])
        return [each["Body"] for each in found]

    def chat(self, *messages, key, **fields):
        return self.call("POST", "/v1/chat/completions", chat_body(*messages, **fields), key=key)

    def stream(self, *messages, key, **fields):
        """A streamed chat as the streaming transport asks for it."""
        body = chat_body(*messages, stream=True, **fields)
        return self.send("post_chat", key=key, body=json.dumps(body))

    def send(self, name, *, key=None, **changes):
        """Send a recorded event; status, headers and body, which is an iterator where it streams."""
        with acting("stream"):
            status, headers, body = app.stream(an_event(name, key=key, **changes), self.context)
        return SimpleNamespace(status=status, headers={k.lower(): v for k, v in headers.items()}, body=body)

    def rows(self, table):
        """Every item of a table, in an order of its own."""
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=f"tidegate-{STAGE}-{table}")
        return sorted((item for page in pages for item in page["Items"]), key=repr)

    def everything(self, *, but_for_trail=False):
        tables = {table["TableName"]: self.rows(table["TableName"].rpartition("-")[2]) for table in self.tables}
        return {name: [row for row in rows if not (but_for_trail and "trail" in row)] for name, rows in tables.items()}

    def used(self, tenant="acme", user="ada", kind="user"):
        """What the ledger says a user or a tenant has used today."""
        tag = user_tag(tenant, user) if kind == "user" else tenant_tag(tenant)
        services = bootstrap.services()
        return self.keys.balances((Subject(kind, tag),), services.clock())[kind, "day"]

    def leases(self):
        """How many reservations there are in each state."""
        return Counter(item["state"]["S"] for item in self.rows("ledger") if item["sk"]["S"] == "lease")


def forget():
    """End what this process has built for its functions."""
    for built in (bootstrap.services, bootstrap.sweeper, bootstrap.refitter):
        built.cache_clear()


def chat_body(*messages, model=MODEL, **fields):
    said = [{"role": "user", "content": each} if isinstance(each, str) else each for each in messages]
    return {"model": model, "messages": said, **fields}


def events_of(body):
    """The data of server-sent events: each decoded, but `[DONE]`."""
    blocks = b"".join(body).decode().split("\n\n")
    assert blocks.pop() == ""
    assert all(block.startswith("data: ") for block in blocks)
    data = [block.removeprefix("data: ") for block in blocks]
    return [each if each == "[DONE]" else json.loads(each) for each in data]
