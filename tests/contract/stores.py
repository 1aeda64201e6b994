"""The adapters under contract, each over data of its own, and faults for those that speak over a wire."""

import functools
import itertools
import os
import random
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from contextlib import contextmanager, suppress

from botocore.exceptions import ReadTimeoutError

from chalicelib.adapters.dynamodb.answers import DynamoAnswers
from chalicelib.adapters.dynamodb.client import Database, jittered
from chalicelib.adapters.dynamodb.conversations import DynamoConversations
from chalicelib.adapters.dynamodb.decisions import DynamoDecisions
from chalicelib.adapters.dynamodb.erasures import DynamoErasures
from chalicelib.adapters.dynamodb.history import DynamoUsageHistory
from chalicelib.adapters.dynamodb.keys import DynamoKeys
from chalicelib.adapters.dynamodb.lessons import DynamoLessons
from chalicelib.adapters.dynamodb.table import tables
from chalicelib.adapters.dynamodb.targets import DynamoTargets
from chalicelib.adapters.dynamodb.trail import DynamoEvents
from chalicelib.adapters.dynamodb.turns import DynamoTurns
from chalicelib.adapters.memory.answers import MemoryAnswers
from chalicelib.adapters.memory.conversations import MemoryConversations
from chalicelib.adapters.memory.decisions import MemoryDecisions, MemoryLessons
from chalicelib.adapters.memory.erasures import MemoryErasures
from chalicelib.adapters.memory.history import MemoryUsageHistory
from chalicelib.adapters.memory.keys import MemoryKeys
from chalicelib.adapters.memory.shelf import Shelf
from chalicelib.adapters.memory.targets import MemoryTargets
from chalicelib.adapters.memory.trail import MemoryEvents
from chalicelib.adapters.memory.turns import MemoryTurns
from chalicelib.domain.errors import StoreUnavailable
from infra.templates import template_tables

REGION = "us-east-1"
WRITES = ("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem")

_stages = itertools.count()


class MemoryStores:
    """All ports over one shelf."""

    concurrent = True

    def __init__(self, shelf=None):
        self.shelf = shelf or Shelf()
        self.turns = MemoryTurns(self.shelf)
        self.conversations = MemoryConversations(self.shelf)
        self.keys = MemoryKeys(self.shelf)
        self.history = MemoryUsageHistory(self.shelf)
        self.answers = MemoryAnswers(self.shelf)
        self.targets = MemoryTargets(self.shelf)
        self.decisions = MemoryDecisions(self.shelf)
        self.lessons = MemoryLessons(self.shelf)
        self.erasures = MemoryErasures(self.shelf)
        self.events = MemoryEvents(self.shelf)

    def again(self):
        """The same data through the adapters of another process."""
        return MemoryStores(self.shelf)

    def losing_reply(self, call):
        """Without a wire no reply gets lost: the call alone."""
        call()

    def sent_twice(self, call):
        """Nor is anything sent twice."""
        call()

    def stored(self, conversation_id):
        """How many records there are of a conversation."""
        return len(self.shelf.turns.get(conversation_id, {})) + (conversation_id in self.shelf.heads)


def _pause(concurrent):
    """As the product steps aside for others, though never for long; nobody is there where callers are not many."""
    return jittered(lambda seconds: time.sleep(min(seconds, 0.05)), random.random) if concurrent else lambda _: None


class DynamoStores:
    """All ports over the tables of one stage."""

    def __init__(self, stage, *, endpoint=None, concurrent=False):
        self.concurrent = concurrent
        self._made_of = {"stage": stage, "endpoint": endpoint, "concurrent": concurrent}
        self.database = Database(tables(stage), pause=_pause(concurrent), region=REGION, endpoint=endpoint)
        self.client = self.database._client = _client(endpoint)
        self.turns = DynamoTurns(self.database)
        self.conversations = DynamoConversations(self.database)
        self.keys = DynamoKeys(self.database)
        self.history = DynamoUsageHistory(self.database)
        self.answers = DynamoAnswers(self.database)
        self.targets = DynamoTargets(self.database)
        self.decisions = DynamoDecisions(self.database)
        self.lessons = DynamoLessons(self.database)
        self.erasures = DynamoErasures(self.database)
        self.events = DynamoEvents(self.database)

    def again(self):
        return type(self)(**self._made_of)

    def losing_reply(self, call):
        """The call's first write happens, but nobody hears of it."""
        with self.fault("after-call", WRITES), suppress(StoreUnavailable):
            call()

    def sent_twice(self, call):
        """The SDK misses the reply to the call's first write and sends it again."""
        sendings = itertools.count()

        def once(**_):
            return 0 if next(sendings) == 0 else None

        with self.hook("needs-retry", WRITES, once):
            call()

    @contextmanager
    def fault(self, event, operations, *, skip=0):
        """One reply to any of the operations is lost: the first, after `skip` that arrive."""
        replies = itertools.count()

        def lose(**_):
            if next(replies) == skip:
                raise ReadTimeoutError(endpoint_url="the database")

        with self.hook(event, operations, lose):
            yield

    @contextmanager
    def hook(self, event, operations, handler):
        names = [f"{event}.dynamodb.{operation}" for operation in operations]
        for name in names:
            self.client.meta.events.register_first(name, handler)
        try:
            yield
        finally:
            for name in names:
                self.client.meta.events.unregister(name, handler)

    @contextmanager
    def counted(self):
        """Counts the requests by operation."""
        calls = Counter()

        def count(model, **_):
            calls[model.name] += 1

        self.client.meta.events.register("before-call.dynamodb", count)
        yield calls
        self.client.meta.events.unregister("before-call.dynamodb", count)

    def stored(self, conversation_id):
        pages = self.client.get_paginator("scan").paginate(TableName=self.database.tables.conversations)
        items = itertools.chain.from_iterable(page["Items"] for page in pages)
        return sum(item["pk"]["S"] == conversation_id for item in items)


@functools.cache
def _client(endpoint):
    """One for all tests, made as the product makes it: 50 ms each would be most of a suite's time."""
    return Database(tables("any"), pause=lambda _: None, region=REGION, endpoint=endpoint)._connect()


def dynamo_stores(endpoint=None, *, concurrent=False, kind=DynamoStores):
    """Adapters over new tables, made as the template has them."""
    stage = f"t{os.getpid()}-{next(_stages)}"
    stores = kind(stage, endpoint=endpoint, concurrent=concurrent)
    for table in template_tables(stage):
        with suppress(stores.client.exceptions.ResourceInUseException):  # on a busy machine the client asks twice
            stores.client.create_table(**table)
    return stores


class Emulator:
    """DynamoDB, SQS and Lambda, emulated in a process of their own, on a port that was free."""

    def __init__(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        settings = {
            "GATEWAY_PORT": str(self.port),
            "BIND_HOST": "127.0.0.1",
            "PERSIST_STATE": "0",
            "LOG_LEVEL": "ERROR",
            "SERVICES": "dynamodb,sqs,lambda,iam",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ministack"],
            env={**os.environ, **settings},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def answers(self):
        """Whether it is up; a process that ended is an error."""
        if self.process.poll() is not None:
            raise ChildProcessError(f"the emulator ended with {self.process.returncode}")
        try:
            with urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=1) as reply:
                return reply.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
